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
mod tests {
    use super::*;
    use crate::compare::group::tests::finished;
    use crate::compare::weighing::{Candidate, Settings};
    use crate::records::{Forecasts, RunRecord};
    use experiment::metric::{Metric, Quantity};
    use rand_chacha::rand_core::Rng;

    const METRIC: Metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };

    /// Roughly normal: the sum of four uniforms.
    fn noise(count: usize, index: u64) -> Vec<f64> {
        let mut generator = experiment::seed::generator(3, "significance tests", index);
        let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        (0..count).map(|_| (0..4).map(|_| uniform()).sum::<f64>() * 3.0_f64.sqrt()).collect()
    }

    /// Forecasts of a target that is a signal plus noise: so much of the signal, plus noise of
    /// their own.
    fn forecasts(known: f64, wobble: f64, index: u64) -> Forecasts {
        let (signal, target_noise, own) =
            (noise(2_000, 1), noise(2_000, 2), noise(2_000, 10 + index));
        Forecasts {
            ts: (0..2_000).collect(),
            target: signal
                .iter()
                .zip(&target_noise)
                .map(|(signal, noise)| 0.3 * signal + noise)
                .collect(),
            forecast: signal
                .iter()
                .zip(&own)
                .map(|(signal, own)| 0.3 * known * signal + wobble * own)
                .collect(),
            baselines: vec![
                ("persistence".to_owned(), vec![0.0; 2_000]),
                ("seasonal".to_owned(), noise(2_000, 5)),
            ],
            ..Forecasts::default()
        }
    }

    /// With the rows' numbers for names, each row's repeats by the numbers of their runs.
    fn weighed(rows: &[Vec<Forecasts>]) -> Option<Significance> {
        let names: Vec<String> = (1..=rows.len()).map(|row| format!("t{row}")).collect();
        let runs: Vec<Vec<RunRecord>> = rows
            .iter()
            .enumerate()
            .map(|(row, repeats)| {
                (0..repeats.len()).map(|repeat| finished(row, repeat, 1.0)).collect()
            })
            .collect();
        let read = |run: &RunRecord, _: Split| {
            Some(rows[run.trial.settings.model.hidden_size][run.trial.repeat].clone())
        };
        let candidates: Vec<Candidate> = (runs.iter())
            .map(|runs| Candidate {
                repeats: runs.iter().map(|run| vec![run]).collect(),
                is_primary: true,
            })
            .collect();
        let found = crate::compare::weighing::weighed(
            &candidates,
            Settings { metric: METRIC, horizon: 1, resamples: 1_000 },
            &read,
        );
        let places: Vec<usize> = (0..rows.len()).collect();
        let count = rows.len();
        let tried = Tried {
            trials: count,
            weighed: count,
            shown: count,
            by_ledger: true,
            damaged_lines: 0,
        };
        significance(&found.ok()?, &places, names, Split::Valid, tried)
    }

    #[test]
    fn a_row_that_knows_the_signal_is_crowned_and_stands_apart() {
        let rows = vec![
            vec![forecasts(1.0, 0.02, 0), forecasts(1.0, 0.02, 1)],
            vec![forecasts(0.0, 0.3, 2)],
        ];
        let found = weighed(&rows).unwrap();
        assert!(found.crowned && found.best_baseline == "persistence", "{found:?}");
        assert_eq!(
            (found.in_set.clone(), found.baselines_in_set.clone()),
            (vec![Some(true), Some(false)], vec![])
        );
        let sentences = found.sentences();
        assert!(sentences[0].starts_with(
            "this is more than chance, the search over 2 trials included: the best is better than \
                persistence (SPA p = "
        ));
        assert!(sentences[0].ends_with("2000 validation windows)"), "{sentences:?}");
        assert_eq!(
            sentences[1..],
            [
                "worse than the best by more than chance: t2 (90 % model confidence set)",
                "better than persistence by more than chance: t1; worse than persistence by more \
                    than chance: t2 (Diebold-Mariano, each at 5 % by Holm)"
            ]
        );
    }

    #[test]
    fn what_might_be_the_luck_of_an_epoch_is_not_crowned() {
        let found = weighed(&[vec![forecasts(1.0, 0.02, 0)]]).unwrap();
        assert!(found.crowned);
        let sentences =
            Significance { crowned: false, spa: Some(0.03), diebold_mariano: Some(0.002), ..found }
                .sentences();
        assert!(
            sentences[0]
                .starts_with("this may still be chance: the best seems better than persistence"),
            "{sentences:?}"
        );
        assert!(sentences[0].contains("p of at most 0.01 (SPA p = 0.030, "), "{sentences:?}");
    }

    #[test]
    fn survivors_are_not_crowned() {
        let mut found = weighed(&[vec![forecasts(1.0, 0.02, 0)]]).unwrap();
        assert!(found.crowned);
        found.withhold("2 of 4 seeds".to_owned());
        assert!(!found.crowned);
        let sentence = found.sentences().remove(0);
        assert!(
            sentence.starts_with("this may be the luck of the seeds that are left"),
            "{sentence}"
        );
        assert!(sentence.contains("but with 2 of 4 seeds it is not crowned"), "{sentence}");
    }

    #[test]
    fn the_rows_that_stand_apart_are_named_and_long_lists_end() {
        let mut rows = vec![vec![forecasts(1.0, 0.02, 0)], vec![forecasts(1.0, 0.03, 1)]];
        rows.extend((2..10).map(|index| vec![forecasts(0.0, 0.3, index)]));
        let sentences = weighed(&rows).unwrap().sentences();
        assert_eq!(
            sentences[1],
            "worse than the best by more than chance: t3, t4, t5, t6, t7, t8 and 2 more; the other \
                2 cannot be told from the best (90 % model confidence set)"
        );
        assert!(sentences[2].starts_with(
            "better than persistence by more than chance: t1, t2; worse than persistence by \
                    more than chance: t3, "
        ));
    }

    #[test]
    fn the_luckiest_of_many_that_know_nothing_is_not_crowned() {
        let mut rows: Vec<Vec<Forecasts>> =
            (0..24).map(|index| vec![forecasts(0.0, 0.02, index)]).collect();
        let mse = |row: &Vec<Forecasts>| -> f64 {
            let Forecasts { target, forecast, .. } = &row[0];
            target.iter().zip(forecast).map(|(target, forecast)| (target - forecast).powi(2)).sum()
        };
        rows.sort_by(|a, b| mse(a).total_cmp(&mse(b)));
        let found = weighed(&rows).unwrap();
        assert!(found.beats && !found.crowned, "{found:?}");
        assert!(found.sentences()[0].starts_with(
            "chance explains that, the search over 24 trials included: the best \
                    cannot be told from persistence"
        ));
    }

    #[test]
    fn a_row_that_is_worse_says_so() {
        let found = weighed(&[vec![forecasts(0.0, 0.3, 1)]]).unwrap();
        assert!(!found.beats && !found.crowned);
        assert!(
            found.sentences()[0]
                .starts_with("no row is better than persistence over these windows (SPA p = "),
            "{}",
            found.sentences()[0]
        );
    }

    #[test]
    fn only_common_windows_count_and_too_few_say_nothing() {
        let mut later = forecasts(1.0, 0.0, 0);
        let baselines = later.baselines.iter_mut().map(|(_, forecast)| forecast);
        for column in baselines.chain([&mut later.target, &mut later.forecast]) {
            column.drain(..1_500);
        }
        later.ts.drain(..1_500);
        let rows = [vec![forecasts(1.0, 0.0, 0)], vec![later.clone()]];
        let found = weighed(&rows).unwrap();
        assert_eq!(found.windows, 500);
        later.ts.iter_mut().for_each(|ts| *ts += 480);
        assert_eq!(weighed(&[vec![forecasts(1.0, 0.0, 0)], vec![later]]), None);
        assert_eq!(weighed(&[]), None);
        let bare = Forecasts { baselines: vec![], ..forecasts(1.0, 0.0, 0) };
        assert_eq!(weighed(&[vec![bare]]), None);
    }
}
