use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::search::{Observation, Outcome, split};

/// What Optuna says, by `scripts/search_fixtures.py`.
#[derive(Deserialize)]
struct Oracle {
    densities: Vec<Densities>,
    splits: Vec<Split>,
}

#[derive(Deserialize)]
struct Densities {
    axes: Vec<OracleAxis>,
    observed: Vec<Vec<f64>>,
    at: Vec<Vec<f64>>,
    log_density: Vec<f64>,
}

#[derive(Deserialize)]
struct OracleAxis {
    kind: String,
    #[serde(default)]
    low: f64,
    #[serde(default)]
    high: f64,
    #[serde(default)]
    step: f64,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    values: usize,
}

#[derive(Deserialize)]
struct Split {
    /// Finished, pruned or running, with the last epoch and the loss.
    trials: Vec<(String, usize, f64)>,
    good: Vec<usize>,
}

impl OracleAxis {
    fn axis(&self) -> Axis {
        let Self { low, high, step, log, values, .. } = *self;
        match self.kind.as_str() {
            "float" => Axis::Float { low, high, log },
            "stepped" => Axis::Stepped { low, high, step, log },
            _ => Axis::Choice { values },
        }
    }
}

fn oracle() -> Oracle {
    serde_json::from_str(include_str!("../../fixtures/search.json")).unwrap()
}

#[test]
fn densities_are_those_of_optuna() {
    let densities = oracle().densities;
    assert!(densities.len() >= 36 && densities.iter().any(|case| case.observed.is_empty()));
    for case in densities {
        let axes: Vec<Axis> = case.axes.iter().map(OracleAxis::axis).collect();
        let points: Vec<&[f64]> = case.observed.iter().map(Vec::as_slice).collect();
        let density = Parzen::new(&axes, &points);
        for (point, expected) in case.at.iter().zip(&case.log_density) {
            let found = density.log_density(point);
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
                "{axes:?}, {} observed, at {point:?}: {found} is not {expected}",
                points.len()
            );
        }
    }
}

#[test]
fn the_good_ones_are_those_of_optuna() {
    let splits = oracle().splits;
    assert!(splits.len() >= 8);
    for case in splits {
        let history: Vec<Observation> = (case.trials.iter())
            .map(|(state, epoch, loss)| {
                let (epoch, loss) = (*epoch, *loss);
                let outcome = match state.as_str() {
                    "finished" => Outcome::Finished { loss },
                    "pruned" => Outcome::Pruned { epoch, loss },
                    _ => Outcome::Running,
                };
                Observation { point: vec![], outcome }
            })
            .collect();
        assert_eq!(split(&history).0, case.good, "{:?}", case.trials);
    }
}

fn axes() -> impl Strategy<Value = Axis> {
    prop_oneof![
        (-1e3_f64..1e3, 1e-3_f64..1e3).prop_map(|(low, width)| Axis::Float {
            low,
            high: low + width,
            log: false
        }),
        (1e-6_f64..1.0, 1.1_f64..1e4).prop_map(|(low, ratio)| Axis::Float {
            low,
            high: low * ratio,
            log: true
        }),
        (1_u32..50, 1_u32..40, any::<bool>()).prop_map(|(low, count, log)| Axis::Stepped {
            low: f64::from(low),
            high: f64::from(low + count),
            step: 1.0,
            log,
        }),
        (1_usize..6).prop_map(|values| Axis::Choice { values }),
    ]
}

/// The point at a share of each axis.
fn at(axes: &[Axis], shares: &[f64]) -> Vec<f64> {
    let coordinate = |(axis, share): (&Axis, &f64)| match *axis {
        Axis::Float { low, high, log: false } => low + share * (high - low),
        Axis::Float { low, high, log: true } => low * (high / low).powf(*share),
        Axis::Stepped { low, high, .. } => (low + share * (high - low)).round(),
        Axis::Choice { values } => (share * values as f64).floor().min(values as f64 - 1.0),
    };
    axes.iter().zip(shares).map(coordinate).collect()
}

proptest! {
    #[test]
    fn what_is_drawn_is_legal_and_has_a_density(
        axes in prop::collection::vec(axes(), 1..4),
        shares in prop::collection::vec(prop::collection::vec(0.0_f64..1.0, 4), 0..40),
        uniform in prop::collection::vec(0.0_f64..1.0, 4),
    ) {
        let points: Vec<Vec<f64>> = shares.iter().map(|shares| at(&axes, shares)).collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let density = Parzen::new(&axes, &points);
        let mut given = uniform.into_iter().cycle();
        let drawn = density.draw(|| given.next().unwrap());
        for (axis, &x) in axes.iter().zip(&drawn) {
            match *axis {
                Axis::Float { low, high, .. } => {
                    let room = 1e-9 + 1e-12 * low.abs().max(high.abs());
                    prop_assert!((low - room..=high + room).contains(&x));
                }
                Axis::Stepped { low, high, step, .. } => {
                    prop_assert!((low..=high).contains(&x) && ((x - low) / step).fract() == 0.0);
                }
                Axis::Choice { values } => prop_assert!(x.fract() == 0.0 && x < values as f64),
            }
        }
        prop_assert!(density.log_density(&drawn) > -1e3, "{drawn:?}");
    }

    /// Along axes with steps and choices it is a probability.
    #[test]
    fn probabilities_add_up_to_one(
        low in 1_u32..20, count in 1_u32..15, log in any::<bool>(), values in 1_usize..5,
        shares in prop::collection::vec(prop::collection::vec(0.0_f64..1.0, 2), 0..30),
    ) {
        let (low, high) = (f64::from(low), f64::from(low + count));
        let axes = [Axis::Stepped { low, high, step: 1.0, log }, Axis::Choice { values }];
        let points: Vec<Vec<f64>> = shares.iter().map(|shares| at(&axes, shares)).collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let density = Parzen::new(&axes, &points);
        let all = (0..=count).flat_map(|i| (0..values).map(move |value| (i, value)));
        let sum: f64 = all
            .map(|(i, value)| density.log_density(&[low + f64::from(i), value as f64]).exp())
            .sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
