//! Whether the differences of a comparison are larger than chance, by the errors of every window.
//!
//! * Is any row better than the best baseline, given how many were tried? Hansen's test of superior
//!   predictive ability, over the whole search that the rows were chosen from, widened over what of
//!   it could not be weighed.
//! * Is the first row better than that baseline? Diebold and Mariano's test.
//! * Which rows cannot be told from the best? The model confidence set, over rows and baselines.
//! * Which rows are better or worse than that baseline? Diebold and Mariano's test of each,
//!   adjusted by Holm for all that were tried.

use serde::Serialize;

use super::weighing::{RowTests, Weighed};
use crate::{holm, share_as_large, widened};
use experiment::metric::Split;

/// P-values at most this crown. Not 0.05: each row's epoch was chosen on the same windows, a search
/// that the tests do not count. On white noise (`scripts/verdict.py`, seeds 1 to 200 of its short
/// form and 1 to 100 of its full one) 0.05 crowned 8 of 300 sweeps, this none.
pub(super) const CROWNING: f64 = 0.01;

/// Of the comparison of every row with the best baseline.
pub(super) const LEVEL: f64 = 0.05;

/// What chance would say of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Significance {
    /// Whose windows were looked at.
    pub split: Split,
    /// Windows of which all rows and baselines have forecasts.
    pub windows: usize,
    /// Rows of the comparison that were weighed.
    pub rows: usize,
    /// Trials, and which of them were weighed.
    #[serde(flatten)]
    pub tried: Tried,
    /// The baseline with the smallest mean error over these windows.
    pub best_baseline: String,
    /// Whether the first row's mean error is smaller than that baseline's.
    pub beats: bool,
    /// p that no row is better than it (Hansen 2005, consistent), the rows chosen from all
    /// `trials`: `spa_raw` widened.
    pub spa: Option<f64>,
    /// The same, the rows chosen from the `weighed` trials alone.
    pub spa_raw: Option<f64>,
    /// p that the first row is not better than it (Diebold & Mariano 1995, Harvey, Leybourne &
    /// Newbold 1997; one-sided).
    pub diebold_mariano: Option<f64>,
    /// Whether each row is in the model confidence set (Hansen, Lunde & Nason 2011) at 90 %: it
    /// cannot be told from the best. `None` of a row that was not weighed, or that the set was not
    /// taken of.
    pub in_set: Vec<Option<bool>>,
    /// Rows of the search that the set was taken of, the best first.
    pub set_rows: usize,
    /// Rows of the search that were weighed.
    pub search_rows: usize,
    /// Whether each row is better, or worse, than the best baseline by more than chance: Diebold
    /// and Mariano's test of each at 5 %, one-sided, adjusted by Holm (1979) for all rows that were
    /// tried. `None` of a row that was not weighed.
    pub against_baseline: Vec<Option<Against>>,
    /// The rows' names.
    pub names: Vec<String>,
    /// Baselines in the set.
    pub baselines_in_set: Vec<String>,
    /// Whether the first row is better than every baseline by more than chance, the search
    /// included: both p at most 0.01.
    pub crowned: bool,
    /// Why it is not crowned whatever p is: `2 of 4 seeds`, where the first row lacks some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survivors: Option<String>,
}

/// Trials, and which of them were weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Trials that were ever tried on these windows, whatever became of them.
    pub trials: usize,
    /// Those whose forecasts were weighed.
    pub weighed: usize,
    /// Those of them that are behind the rows shown.
    pub shown: usize,
    /// Whether the ledger told of those that are not here any more.
    pub by_ledger: bool,
    /// Lines of the ledger that could not be read: so many more there may have been.
    pub damaged_lines: usize,
}

/// A row beside the best baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// By more than chance.
    Better,
    /// Nobody can tell.
    Alike,
    /// By more than chance.
    Worse,
}

impl Significance {
    /// Takes the crown back from a first row of which only so many seeds count: the tests saw those
    /// alone.
    pub(super) fn withhold(&mut self, lack: String) {
        self.crowned = false;
        self.survivors = Some(lack);
    }

    /// Whether the ranked row at a place, from 0, cannot be told from the best; the first needs no
    /// such mark.
    #[must_use]
    pub fn is_alike(&self, place: usize) -> bool {
        place > 0 && self.in_set.get(place) == Some(&Some(true))
    }
}

/// What the tests of a search say of the rows of a comparison, the best first, each at its place of
/// the search. `None` where the first one was not weighed.
pub(super) fn significance(
    weighed: &Weighed,
    places: &[usize],
    names: Vec<String>,
    split: Split,
    tried: Tried,
) -> Option<Significance> {
    let rows: Vec<Option<&RowTests>> =
        places.iter().map(|&place| weighed.rows.get(place)?.as_ref()).collect();
    let first = (*rows.first()?)?;
    let best = rows.iter().flatten().filter_map(|row| row.studentised).reduce(f64::max);
    let spa_raw =
        best.map(|best| share_as_large(&weighed.largest, best.max(0.0))).filter(|p| p.is_finite());
    let spa = spa_raw.and_then(|p| widened(p, tried.trials, tried.weighed, weighed.largest.len()));
    let beats = first.gap < 0.0;
    let is_within = |level: f64| move |p: Option<f64>| p.is_some_and(|p| p <= level);
    let (better, worse) =
        (adjusted(weighed, tried, |row| row.better), adjusted(weighed, tried, |row| row.worse));
    let against =
        |place: usize| match (is_within(LEVEL)(better[place]), is_within(LEVEL)(worse[place])) {
            (true, _) => Against::Better,
            (_, true) => Against::Worse,
            _ => Against::Alike,
        };
    Some(Significance {
        split,
        windows: weighed.windows,
        rows: rows.iter().flatten().count(),
        tried,
        best_baseline: weighed.best_baseline.clone(),
        beats,
        spa,
        spa_raw,
        diebold_mariano: first.better,
        in_set: rows.iter().map(|row| row.and_then(|row| row.in_set)).collect(),
        set_rows: weighed.set_rows,
        search_rows: weighed.rows.iter().flatten().count(),
        against_baseline: rows
            .iter()
            .zip(places)
            .map(|(row, &place)| row.map(|_| against(place)))
            .collect(),
        names,
        baselines_in_set: weighed.baselines_in_set.clone(),
        crowned: beats && [spa, first.better].into_iter().all(is_within(CROWNING)),
        survivors: None,
    })
}

/// A p-value of every row of the search, adjusted for all that were tried: the rows that could not
/// be weighed stand in the family with a p of 1.
fn adjusted(
    weighed: &Weighed,
    tried: Tried,
    p: impl Fn(&RowTests) -> Option<f64>,
) -> Vec<Option<f64>> {
    let mut all: Vec<Option<f64>> =
        weighed.rows.iter().map(|row| row.as_ref().and_then(&p)).collect();
    let (rows, searched) = (all.len(), all.iter().flatten().count());
    let family =
        (searched as f64 * tried.trials as f64 / tried.weighed.max(1) as f64).ceil() as usize;
    all.extend(std::iter::repeat_n(Some(1.0), family.saturating_sub(searched)));
    let mut adjusted = holm(&all);
    adjusted.truncate(rows);
    adjusted
}

#[cfg(test)]
mod tests;
