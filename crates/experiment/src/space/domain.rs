//! Domains: what values a parameter may take.

use super::points::Points;
use super::{Assignment, Value};

/// The parameters of a sweep, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    /// In that order.
    pub parameters: Vec<Parameter>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The dotted key of the setting that it sets: `model.hidden_size`.
    pub key: String,
    /// What values it may take.
    pub domain: Domain,
    /// Parameters with the same group move together: the i-th value of one goes with the i-th of
    /// the others. Their domains have the same number of points; where they do not, the shortest
    /// counts.
    pub zip: Option<String>,
    /// Active only where this holds; otherwise absent from the assignment.
    pub when: Option<Condition>,
}

impl Parameter {
    /// Whether it is active beside the values chosen so far. A condition on an absent (inactive)
    /// parameter does not hold.
    #[must_use]
    pub fn is_active(&self, chosen: &Assignment) -> bool {
        self.when
            .as_ref()
            .is_none_or(|when| chosen.get(&when.key).is_some_and(|value| when.allows(value)))
    }
}

/// A parameter is active where another has one of these values.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The other parameter's key (an earlier one of the space).
    pub key: String,
    /// Any of these.
    pub values: Vec<Value>,
}

impl Condition {
    /// Whether the other parameter's value is one of those named; 1 and 1.0 are the same.
    #[must_use]
    pub fn allows(&self, value: &Value) -> bool {
        self.values.iter().any(|wanted| wanted.same(value))
    }
}

/// What values a parameter may take. A validated domain is not empty, its bounds are finite and
/// ordered, a log domain is positive.
///
/// With `points` (or `step`) a range is the set of its points and nothing between them, for every
/// sampler. Points are evenly spaced (geometrically in a log domain), both ends exact; whole
/// numbers are rounded and kept once.
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// One of these, without duplicates.
    Choice(Vec<Value>),
    /// Whole numbers, both ends included. Without `step` and `points`: each of them.
    Int { low: i64, high: i64, step: Option<i64>, log: bool, points: Option<usize> },
    /// Numbers, both ends included (the upper one only where steps reach it, within 1e-9 of a
    /// step). Without `step` and `points`: a continuum.
    Float { low: f64, high: f64, step: Option<f64>, log: bool, points: Option<usize> },
}

/// Most points that [`Domain::points`] makes.
const MAX_LISTED: u128 = 1_000_000;

impl Domain {
    /// Its points, ascending (a choice's in their own order); `None` for a continuum or for more
    /// than a million.
    #[must_use]
    pub fn points(&self) -> Option<Vec<Value>> {
        let points = Points::of(self)?;
        (points.len() <= MAX_LISTED)
            .then(|| (0..points.len()).filter_map(|index| points.get(index)).collect())
    }

    /// How many points it has, counted without making them; `None` for a continuum.
    #[must_use]
    pub fn len(&self) -> Option<u128> {
        Points::of(self).map(|points| points.len())
    }

    /// Whether there is no value to choose, which a validated domain never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Whether it may be proposed: in range, and one of the points where there are points. 1
    /// and 1.0 are the same.
    #[must_use]
    pub fn contains(&self, value: &Value) -> bool {
        match (Points::of(self), self) {
            (Some(points), _) => points.position(value).is_some(),
            (None, Self::Float { low, high, .. }) => {
                value.as_f64().is_some_and(|value| (*low..=*high).contains(&value))
            }
            (None, _) => false,
        }
    }

    /// The value at a share of the domain, `0 <= share < 1`: uniform shares give uniform values,
    /// log-uniform ones in a log domain. `None` for an empty domain.
    #[must_use]
    pub fn at(&self, share: f64) -> Option<Value> {
        let points = Points::of(self);
        match (self, points) {
            (Self::Int { low, high, log: true, points: None, .. }, Some(points)) => {
                // Each whole number owns the stretch half a unit to either side of it, so that the
                // ends are not halved.
                let (from, to) = ((*low as f64 - 0.5).ln(), (*high as f64 + 0.5).ln());
                points.nearest((from + share * (to - from)).exp().round())
            }
            (Self::Float { low, high, log: true, points: None, .. }, Some(points)) => {
                points.nearest(between_logs(*low, *high, share))
            }
            (_, Some(points)) => points.get((share * points.len() as f64) as u128),
            (Self::Float { low, high, log: true, .. }, None) => {
                Some(Value::Float(between_logs(*low, *high, share)))
            }
            // Not low + share · (high − low), which overflows for the widest ranges.
            (Self::Float { low, high, .. }, None) => {
                Some(Value::Float(((1.0 - share) * low + share * high).clamp(*low, *high)))
            }
            (_, None) => None,
        }
    }
}

fn between_logs(low: f64, high: f64, share: f64) -> f64 {
    let (from, to) = (low.ln(), high.ln());
    (from + share * (to - from)).exp().clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn int(low: i64, high: i64) -> Domain {
        Domain::Int { low, high, step: None, log: false, points: None }
    }

    fn float(low: f64, high: f64, step: Option<f64>, log: bool, points: Option<usize>) -> Domain {
        Domain::Float { low, high, step, log, points }
    }

    fn floats(domain: &Domain) -> Vec<f64> {
        domain.points().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }

    #[test]
    fn ranges_have_exactly_the_points_that_a_person_expects() {
        assert_eq!(floats(&float(0.0, 0.3, Some(0.1), false, None)), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(floats(&float(0.0, 0.35, Some(0.1), false, None)), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(floats(&float(0.0, 1.0, None, false, Some(5))), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(floats(&float(1e-4, 1e-2, None, true, Some(3))), [1e-4, 1e-3, 1e-2]);
        assert_eq!(floats(&float(1e-5, 1e-1, None, true, Some(5))), [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]);
        assert_eq!(floats(&float(2.0, 2.0, None, true, Some(5))), [2.0]);
        assert_eq!(floats(&float(2.0, 3.0, None, false, Some(1))), [2.0]);
        let ints =
            |step, log, points| floats(&Domain::Int { low: 1, high: 100, step, log, points });
        assert_eq!(ints(Some(33), false, None), [1.0, 34.0, 67.0, 100.0]);
        assert_eq!(ints(Some(40), false, None), [1.0, 41.0, 81.0]);
        assert_eq!(ints(None, true, Some(3)), [1.0, 10.0, 100.0]);
        assert_eq!(ints(None, false, Some(4)), [1.0, 34.0, 67.0, 100.0]);
        assert_eq!(
            floats(&Domain::Int { low: 1, high: 4, step: None, log: true, points: Some(9) }),
            [1.0, 2.0, 3.0, 4.0]
        );
    }

    #[test]
    fn huge_ranges_are_counted_and_not_made() {
        assert_eq!(int(1, 1_000_000_000_000).len(), Some(1_000_000_000_000));
        assert_eq!(int(i64::MIN, i64::MAX).len(), Some(1 << 64));
        assert_eq!(int(1, 1_000_000_000_000).points(), None);
        assert_eq!(float(0.0, 1.0, None, false, None).len(), None);
    }

    #[test]
    fn a_range_too_narrow_for_round_numbers_keeps_its_points_apart() {
        let (low, high) = (1.0, 1.0 + 1e-12);
        let points = floats(&float(low, high, None, false, Some(4)));
        assert_eq!(points.len(), 4);
        assert!(points.windows(2).all(|pair| pair[0] < pair[1]), "{points:?}");
        assert_eq!((points[0], points[3]), (low, high));
    }

    #[test]
    fn shares_reach_both_ends_evenly() {
        let count = |domain: &Domain, wanted: i64| {
            (0..1000)
                .filter(|i| domain.at(f64::from(*i) / 1000.0) == Some(Value::Int(wanted)))
                .count()
        };
        assert_eq!((count(&int(1, 4), 1), count(&int(1, 4), 4)), (250, 250));
        let log = Domain::Int { low: 1, high: 1000, step: None, log: true, points: None };
        assert_eq!(log.at(0.0), Some(Value::Int(1)));
        assert_eq!(log.at(0.999_999_9), Some(Value::Int(1000)));
        let below_32 = (0..1000)
            .filter(|i| log.at(f64::from(*i) / 1000.0).unwrap().as_f64().unwrap() < 32.0)
            .count();
        assert!(
            (500..600).contains(&below_32),
            "log-uniform: half of the draws lie below the geometric middle, not {below_32}"
        );
    }

    #[test]
    fn a_stepped_domain_contains_its_steps_alone() {
        let stepped = float(0.0, 0.5, Some(0.1), false, None);
        assert!(stepped.contains(&Value::Float(0.3)) && stepped.contains(&Value::Int(0)));
        assert!(!stepped.contains(&Value::Float(0.25)) && !stepped.contains(&Value::Float(0.6)));
        assert!(!stepped.contains(&Value::Text("0.3".into())));
    }

    fn domains() -> impl Strategy<Value = Domain> {
        let ints = (
            1..200_i64,
            0..500_i64,
            proptest::option::of(1..40_i64),
            any::<bool>(),
            proptest::option::of(1..20_usize),
        );
        let numbers = (
            1e-3..10.0_f64,
            0.0..100.0_f64,
            proptest::option::of(0.01..9.0_f64),
            any::<bool>(),
            proptest::option::of(1..20_usize),
        );
        prop_oneof![
            ints.prop_map(|(low, span, step, log, points)| Domain::Int {
                low,
                high: low + span,
                step: step.filter(|_| points.is_none()),
                log,
                points
            }),
            numbers.prop_map(|(low, span, step, log, points)| Domain::Float {
                low,
                high: low + span,
                step: step.filter(|_| points.is_none()),
                log,
                points
            }),
        ]
    }

    proptest! {
        #[test]
        fn every_value_at_a_share_is_contained(domain in domains(), share in 0.0..1.0_f64) {
            let value = domain.at(share).unwrap();
            prop_assert!(domain.contains(&value), "{domain:?} gave {value}");
        }

        #[test]
        fn points_are_as_many_as_counted_ascend_and_are_contained(domain in domains()) {
            if let Some(points) = domain.points() {
                prop_assert_eq!(points.len() as u128, domain.len().unwrap());
                let numbers: Vec<f64> =
                    points.iter().map(|value| value.as_f64().unwrap()).collect();
                prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", numbers);
                prop_assert!(points.iter().all(|value| domain.contains(value)));
            }
        }
    }
}
