//! What a model's inputs looked like in training, so that a service can tell when they look
//! different.

use serde::{Deserialize, Serialize};

use market::Prepared;

/// A feature's values over the rows that its training windows cover, each row once. Values are
/// scaled, as the network takes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnProfile {
    /// The feature's name.
    pub feature: String,
    /// The least value.
    pub low: f32,
    /// The greatest.
    pub high: f32,
    /// Where one bin ends and the next begins, ascending: deciles, those that are equal once. Bin
    /// `i` holds the values up to and with `edges[i]` that are in no bin before it; the last bin
    /// holds the rest.
    pub edges: Vec<f32>,
    /// Share of the rows in each bin, one more than there are edges.
    pub shares: Vec<f64>,
}

/// Bins of a feature whose values are all different.
const BINS: usize = 10;

impl ColumnProfile {
    /// Of a column's values, which are finite and at least one.
    fn new(feature: String, mut values: Vec<f32>) -> Option<Self> {
        values.sort_unstable_by(f32::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let at = |decile: usize| values[(decile * values.len()).div_ceil(BINS).max(1) - 1];
        let mut edges: Vec<f32> = (1..BINS).map(at).filter(|edge| *edge < high).collect();
        edges.dedup();
        let mut profile = Self { feature, low, high, shares: vec![0.0; edges.len() + 1], edges };
        let share = 1.0 / values.len() as f64;
        let mut counts = vec![0_usize; profile.shares.len()];
        for value in values {
            counts[profile.bin(value)] += 1;
        }
        profile.shares = counts.into_iter().map(|count| count as f64 * share).collect();
        Some(profile)
    }

    /// The bin that a scaled value falls into.
    #[must_use]
    pub fn bin(&self, scaled: f32) -> usize {
        self.edges.partition_point(|edge| *edge < scaled)
    }

    /// Whether a scaled value lies outside what training saw.
    #[must_use]
    pub fn is_outside(&self, scaled: f32) -> bool {
        !(self.low..=self.high).contains(&scaled)
    }
}

/// One profile a feature, over the rows of the training windows; `None` without training windows.
#[must_use]
pub fn profile(settings: &experiment::Data, prepared: &Prepared) -> Option<Vec<ColumnProfile>> {
    let series = &prepared.series;
    let rows = prepared.training_rows(settings.window);
    let column = |place: usize| {
        rows.iter().map(|row| series.features[row * series.columns + place]).collect()
    };
    settings
        .features
        .iter()
        .enumerate()
        .map(|(place, feature)| ColumnProfile::new(feature.to_string(), column(place)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_deciles_and_equal_ones_are_one() {
        let profile =
            ColumnProfile::new("close".into(), (1..=100).map(|x| x as f32).collect()).unwrap();
        assert_eq!(profile.edges, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
        assert!(profile.shares.iter().all(|share| (share - 0.1).abs() < 1e-12), "{profile:?}");
        assert_eq!([0.0, 10.0, 10.5, 90.5, 1e9].map(|x| profile.bin(x)), [0, 0, 1, 9, 9]);
        assert!(
            profile.is_outside(0.5)
                && profile.is_outside(100.5)
                && profile.is_outside(f32::NAN)
                && !profile.is_outside(1.0)
        );

        let mostly_zero =
            ColumnProfile::new("volume".into(), [vec![0.0; 75], vec![1.0; 25]].concat()).unwrap();
        assert_eq!((mostly_zero.edges, mostly_zero.shares), (vec![0.0], vec![0.75, 0.25]));
        let constant = ColumnProfile::new("volume".into(), vec![3.0; 5]).unwrap();
        assert_eq!((constant.edges, constant.shares), (vec![], vec![1.0]));
        assert_eq!(ColumnProfile::new("volume".into(), vec![]), None);
    }
}
