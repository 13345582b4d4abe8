//! Whether inputs still look as they did in training.
//!
//! Of each request's window the last row counts. By feature: the share of values outside the range
//! of the training rows, and the population stability index over the bins of the training rows
//! (their deciles):
//!
//! ```text
//! PSI = Σ (aᵢ − eᵢ) · ln(aᵢ / eᵢ)     eᵢ share of training rows in bin i, aᵢ share of the last
//!                                     rows; each at least 0.0001
//! ```
//!
//! By a rule of thumb less than 0.1 is not a change, 0.1 to 0.25 some, more than 0.25 a change to
//! act on (Siddiqi, Credit Risk Scorecards, 2006). Without any change n rows in B bins have a PSI
//! of about (B − 1) / n, as (a − e)²/e is about χ² (Yurdakul & Naranjo, Statistical properties of
//! the population stability index, 2020): below [`LEAST_ROWS`] rows it is not told. Rows of
//! consecutive requests resemble each other, so that by chance it is larger than that.

use std::collections::VecDeque;

use serde::Serialize;
use utoipa::ToSchema;

use runs::model::ColumnProfile;

/// The last rows that count.
pub(super) const ROWS: usize = 5_000;
/// Before there are as many, there is no PSI: ten bins without change have 0.018 by chance.
pub(super) const LEAST_ROWS: usize = 500;
/// Of an empty bin.
const LEAST_SHARE: f64 = 1e-4;

/// Counts of the last rows of one version.
#[derive(Debug)]
pub(super) struct Drift {
    columns: Vec<Column>,
    /// Of each row, of each feature: its bin, and whether it lies outside.
    rows: VecDeque<Box<[(u8, bool)]>>,
}

#[derive(Debug)]
struct Column {
    profile: ColumnProfile,
    counts: Vec<usize>,
    outside: usize,
}

/// Drift of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct FeatureDrift {
    pub feature: String,
    /// Share of the rows outside the range of training; null before there is a row.
    pub outside: Option<f64>,
    /// Population stability index; null before there are 500 rows.
    pub psi: Option<f64>,
    /// What PSI would be about without any change, from the number of rows alone.
    pub psi_by_chance: Option<f64>,
}

impl Drift {
    pub(super) fn new(profile: &[ColumnProfile]) -> Self {
        let column = |profile: &ColumnProfile| Column {
            counts: vec![0; profile.shares.len()],
            profile: profile.clone(),
            outside: 0,
        };
        Self { columns: profile.iter().map(column).collect(), rows: VecDeque::new() }
    }

    /// Counts a row of scaled features, and forgets the oldest one when there are too many.
    pub(super) fn take(&mut self, row: &[f32]) {
        if self.columns.is_empty() || row.len() != self.columns.len() {
            return;
        }
        let place = |(column, value): (&mut Column, &f32)| {
            let (bin, outside) = (column.profile.bin(*value), column.profile.is_outside(*value));
            column.counts[bin] += 1;
            column.outside += usize::from(outside);
            (u8::try_from(bin).unwrap_or(u8::MAX), outside)
        };
        let row: Box<[(u8, bool)]> = self.columns.iter_mut().zip(row).map(place).collect();
        self.rows.push_back(row);
        if self.rows.len() > ROWS
            && let Some(oldest) = self.rows.pop_front()
        {
            for (column, (bin, outside)) in self.columns.iter_mut().zip(oldest) {
                column.counts[usize::from(bin)] -= 1;
                column.outside -= usize::from(outside);
            }
        }
    }

    /// Rows that count now.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is something to compare with.
    pub(super) fn is_known(&self) -> bool {
        !self.columns.is_empty()
    }

    pub(super) fn features(&self) -> Vec<FeatureDrift> {
        let rows = self.rows.len();
        let enough = rows >= LEAST_ROWS;
        let told = |column: &Column| FeatureDrift {
            feature: column.profile.feature.clone(),
            outside: (rows > 0).then(|| column.outside as f64 / rows as f64),
            psi: enough.then(|| psi(&column.profile.shares, &column.counts)),
            psi_by_chance: enough.then(|| (column.counts.len() - 1) as f64 / rows as f64),
        };
        self.columns.iter().map(told).collect()
    }
}

/// Population stability index of counts against shares.
fn psi(expected: &[f64], counts: &[usize]) -> f64 {
    let rows: usize = counts.iter().sum();
    let terms = expected.iter().zip(counts).map(|(expected, count)| {
        let (expected, actual) =
            (expected.max(LEAST_SHARE), (*count as f64 / rows as f64).max(LEAST_SHARE));
        (actual - expected) * (actual / expected).ln()
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> ColumnProfile {
        ColumnProfile {
            feature: "close".to_owned(),
            low: 0.0,
            high: 1.0,
            edges: (1..10).map(|decile| decile as f32 / 10.0).collect(),
            shares: vec![0.1; 10],
        }
    }

    /// 0.0, 0.001, …, over and over.
    fn uniform(rows: usize) -> impl Iterator<Item = f32> {
        (0..rows).map(|row| (row * 7 % 1000) as f32 / 1000.0)
    }

    #[test]
    fn psi_is_what_its_formula_says() {
        let half = psi(&[0.5, 0.5], &[750, 250]);
        assert!((half - (0.25 * 1.5_f64.ln() - 0.25 * 0.5_f64.ln())).abs() < 1e-15, "{half}");
        assert!((psi(&[0.2, 0.8], &[20, 80])).abs() < 1e-15);
        let emptied = psi(&[0.5, 0.5], &[100, 0]);
        assert!(
            (emptied - (0.5 * 2.0_f64.ln() + (1e-4 - 0.5) * (2e-4_f64).ln())).abs() < 1e-12,
            "{emptied}"
        );
    }

    #[test]
    fn the_same_inputs_do_not_drift_and_shifted_ones_do() {
        let mut drift = Drift::new(&[profile()]);
        assert_eq!((drift.features()[0].psi, drift.features()[0].outside), (None, None));
        uniform(ROWS).for_each(|value| drift.take(&[value]));
        let calm = drift.features().remove(0);
        assert!(calm.psi.unwrap() < 0.01 && calm.outside == Some(0.0), "{calm:?}");
        uniform(ROWS).for_each(|value| drift.take(&[value + 0.5]));
        let shifted = &drift.features()[0];
        assert!(
            shifted.psi.unwrap() > 0.25 && (shifted.outside.unwrap() - 0.499).abs() < 0.01,
            "{shifted:?}"
        );
        assert_eq!(drift.rows(), ROWS);
        uniform(ROWS).for_each(|value| drift.take(&[value]));
        assert_eq!(drift.features()[0], calm);
    }
}
