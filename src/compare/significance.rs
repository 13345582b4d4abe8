//! Whether the differences of a comparison are larger than chance, by the errors of every window.
//!
//! * Is any row better than the best baseline, given how many rows were tried? Hansen's test of superior predictive ability.
//! * Is the first row better than that baseline? Diebold and Mariano's test.
//! * Which rows cannot be told from the best? The model confidence set, over rows and baselines.
//! * Which rows are better or worse than that baseline? Diebold and Mariano's test of each, adjusted by Holm for their number.

use serde::Serialize;
use std::collections::HashMap;

use crate::evidence::{
    Alternative, BlockLength, Bootstrap, Panel, SetStatistic, diebold_mariano, holm, model_confidence_set,
    superior_predictive_ability,
};
use crate::metric::{Metric, Quantity, Split};
use crate::seed::SeedStream;
use crate::store::Forecasts;

/// P-values at most this crown. Not 0.05: each row's epoch was chosen on the same windows, a search that the tests do not count. On white
/// noise (`scripts/verdict.py`, seeds 1 to 200 of its short form and 1 to 100 of its full one) 0.05 crowned 8 of 300 sweeps, this none.
const CROWNING: f64 = 0.01;

/// Of the comparison of every row with the best baseline.
const LEVEL: f64 = 0.05;

/// Of the model confidence set.
const CONFIDENCE: f64 = 0.9;

/// Enough for p-values to the second digit.
const RESAMPLES: usize = 1_000;

/// Fewer windows say nothing.
const LEAST_WINDOWS: usize = 30;

/// What chance would say of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Significance {
    /// Whose windows were looked at.
    pub split: Split,
    /// Windows of which all rows and baselines have forecasts.
    pub windows: usize,
    /// Rows that were tried.
    pub rows: usize,
    /// The baseline with the smallest mean error over these windows.
    pub best_baseline: String,
    /// Whether the first row's mean error is smaller than that baseline's.
    pub beats: bool,
    /// p that no row is better than it (Hansen 2005, consistent).
    pub spa: Option<f64>,
    /// p that the first row is not better than it (Diebold & Mariano 1995, Harvey, Leybourne & Newbold 1997; one-sided).
    pub diebold_mariano: Option<f64>,
    /// Whether each row is in the model confidence set (Hansen, Lunde & Nason 2011) at 90 %: it cannot be told from the best.
    pub in_set: Vec<bool>,
    /// Whether each row is better, or worse, than the best baseline by more than chance: Diebold and Mariano's test of each at 5 %,
    /// one-sided, adjusted by Holm (1979) for the number of rows.
    pub against_baseline: Vec<Against>,
    /// The rows' names.
    pub names: Vec<String>,
    /// Baselines in the set.
    pub baselines_in_set: Vec<String>,
    /// Whether the first row is better than every baseline by more than chance, the search included: both p at most 0.01.
    pub crowned: bool,
    /// Why it is not crowned whatever p is: `2 of 4 seeds`, where the first row lacks some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survivors: Option<String>,
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

/// Most rows that a sentence names.
const MOST_NAMED: usize = 6;

impl Significance {
    /// Takes the crown back from a first row of which only so many seeds count: the tests saw those alone.
    pub(super) fn withhold(&mut self, lack: String) {
        self.crowned = false;
        self.survivors = Some(lack);
    }

    /// In a few sentences: whether the best is more than luck, which rows are worse than it, and which differ from the best baseline.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.crown()];
        if self.rows > 1 {
            sentences.push(self.beside_the_best());
            sentences.push(self.beside_the_baseline());
        }
        sentences
    }

    fn crown(&self) -> String {
        let Self { split, windows, rows, best_baseline, spa, diebold_mariano, .. } = self;
        let p = |name: &str, p: &Option<f64>| {
            p.map_or_else(|| format!("{name} undefined"), |p| format!("{name} p = {}", probability(p)))
        };
        let tests = format!("{}, {}; {windows} {} windows", p("SPA", spa), p("Diebold-Mariano", diebold_mariano), name(*split));
        let searched = if *rows == 1 { String::new() } else { format!(", the search over {rows} included") };
        let is_small = self.beats && [spa, diebold_mariano].iter().all(|p| p.is_some_and(|p| p <= LEVEL));
        if self.crowned {
            format!("this is more than chance{searched}: the best is better than {best_baseline} ({tests})")
        } else if let Some(lack) = self.survivors.as_ref().filter(|_| is_small) {
            format!(
                "this may be the luck of the seeds that are left{searched}: the best seems better than {best_baseline}, but with {lack} \
                 it is not crowned ({tests})"
            )
        } else if is_small {
            format!(
                "this may still be chance{searched}: the best seems better than {best_baseline}, but the epochs were chosen on these \
                 windows too, so it takes p of at most {CROWNING} ({tests})"
            )
        } else if self.beats {
            format!("chance explains that{searched}: the best cannot be told from {best_baseline} ({tests})")
        } else {
            format!("no row is better than {best_baseline} over these windows ({tests})")
        }
    }

    fn beside_the_best(&self) -> String {
        let Self { rows, in_set, names, best_baseline, .. } = self;
        let apart: Vec<&str> = names.iter().zip(in_set).filter(|(_, is_in)| !**is_in).map(|(name, _)| name.as_str()).collect();
        let alike = rows - apart.len();
        let told = match alike {
            0 => format!("all {rows} are worse than the best baseline, {best_baseline}, by more than chance"),
            alike if alike == *rows => format!("none of the {rows} can be told from the best"),
            1 if apart.len() > MOST_NAMED => format!("the best is better than all the other {} by more than chance", apart.len()),
            1 => format!("worse than the best by more than chance: {}", listed(&apart)),
            alike => format!(
                "worse than the best by more than chance: {}; the other {alike} cannot be told from the best",
                listed(&apart)
            ),
        };
        format!("{told} (90 % model confidence set)")
    }

    fn beside_the_baseline(&self) -> String {
        let Self { rows, best_baseline, against_baseline, names, .. } = self;
        let named = |wanted: Against| -> Vec<&str> {
            names.iter().zip(against_baseline).filter(|(_, against)| **against == wanted).map(|(name, _)| name.as_str()).collect()
        };
        let (better, worse) = (named(Against::Better), named(Against::Worse));
        let alike = rows - better.len() - worse.len();
        let list = |which: &[&str]| if which.len() == *rows { format!("all {rows}") } else { listed(which) };
        let mut parts = Vec::new();
        if !better.is_empty() {
            parts.push(format!("better than {best_baseline} by more than chance: {}", list(&better)));
        }
        if !worse.is_empty() {
            parts.push(format!("worse than {best_baseline} by more than chance: {}", list(&worse)));
        }
        match alike {
            0 => {}
            alike if alike == *rows => parts.push(format!("none of the {rows} can be told from {best_baseline}")),
            alike => parts.push(format!("the other {alike} cannot be told from {best_baseline}")),
        }
        format!("{} (Diebold-Mariano, each at 5 % by Holm)", parts.join("; "))
    }
}

/// "a, b, c and 7 more".
fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMED { format!("{shown} and {} more", names.len() - MOST_NAMED) } else { shown }
}

/// Weighs rows, the best first, each with the forecasts of its repeats, by the errors that a metric is made of. `None` when there is
/// nothing to weigh: no row, no baseline, too few common windows, a forecast that is no number.
pub(super) fn significance(names: &[String], rows: &[Vec<Forecasts>], metric: Metric, horizon: usize) -> Option<Significance> {
    let all: Vec<&Forecasts> = rows.iter().flatten().collect();
    let common = common_windows(&all)?;
    let loss = |error: f64| if metric.quantity == Quantity::Mae { error.abs() } else { error * error };
    let losses = |forecasts: &Forecasts, forecast: &[f64]| -> Vec<f64> {
        picked(forecasts, &common).map(|row| loss(forecast[row] - forecasts.target[row])).collect()
    };
    let mean_of = |repeats: &Vec<Forecasts>| {
        let each: Vec<Vec<f64>> = repeats.iter().map(|forecasts| losses(forecasts, &forecasts.forecast)).collect();
        (0..common.len())
            .map(|window| each.iter().map(|losses| losses[window]).sum::<f64>() / each.len() as f64)
            .collect::<Vec<f64>>()
    };
    let trials: Vec<Vec<f64>> = rows.iter().map(mean_of).collect();
    let first = all.first()?;
    let baselines: Vec<(&str, Vec<f64>)> =
        first.baselines.iter().map(|(name, forecast)| (name.as_str(), losses(first, forecast))).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (name, benchmark) = baselines.iter().min_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)))?;

    let stream =
        |purpose| Bootstrap { resamples: RESAMPLES, block_length: BlockLength::Automatic, stream: SeedStream { seed: 1, purpose } };
    let panel = Panel::new(&trials).ok()?;
    let both: Vec<&Vec<f64>> = trials.iter().chain(baselines.iter().map(|(_, losses)| losses)).collect();
    let set = model_confidence_set(&Panel::new(&both).ok()?, SetStatistic::Max, &stream("model confidence set"));
    let members = set.map(|set| set.members(1.0 - CONFIDENCE))?;
    let beats = mean(trials.first()?) < mean(benchmark);
    let test = |trial: &Vec<f64>| {
        let differential: Vec<f64> = trial.iter().zip(benchmark).map(|(ours, theirs)| ours - theirs).collect();
        diebold_mariano(&differential, horizon)
    };
    let tests: Vec<_> = trials.iter().map(test).collect();
    let adjusted = |alternative| holm(&tests.iter().map(|test| test.and_then(|test| test.p(alternative))).collect::<Vec<_>>());
    let is_within = |level: f64| move |p: Option<f64>| p.is_some_and(|p| p <= level);
    let is_small = is_within(LEVEL);
    let against = |(better, worse)| match (is_small(better), is_small(worse)) {
        (true, _) => Against::Better,
        (_, true) => Against::Worse,
        _ => Against::Alike,
    };
    let against_baseline =
        adjusted(Alternative::FirstBetter).into_iter().zip(adjusted(Alternative::SecondBetter)).map(against).collect();
    let spa = superior_predictive_ability(benchmark, &panel, &stream("superior predictive ability")).map(|test| test.consistent);
    let diebold_mariano = tests.first().copied().flatten().and_then(|test| test.p(Alternative::FirstBetter));
    let in_set = |index: usize| members.contains(&index);
    let named = baselines.iter().enumerate().filter(|(index, _)| in_set(rows.len() + index));
    Some(Significance {
        split: metric.split,
        windows: common.len(),
        rows: rows.len(),
        best_baseline: (*name).to_owned(),
        beats,
        spa,
        diebold_mariano,
        in_set: (0..rows.len()).map(in_set).collect(),
        against_baseline,
        names: names.to_vec(),
        baselines_in_set: named.map(|(_, (name, _))| (*name).to_owned()).collect(),
        crowned: beats && [spa, diebold_mariano].into_iter().all(is_within(CROWNING)),
        survivors: None,
    })
}

/// Bars at which all have forecasts, ascending; `None` when they are too few.
fn common_windows(all: &[&Forecasts]) -> Option<Vec<i64>> {
    let (first, others) = all.split_first()?;
    let mut common = first.ts.clone();
    for other in others.iter().filter(|other| other.ts != first.ts) {
        let known: HashMap<i64, ()> = other.ts.iter().map(|&ts| (ts, ())).collect();
        common.retain(|ts| known.contains_key(ts));
    }
    (common.len() >= LEAST_WINDOWS).then_some(common)
}

/// The rows of forecasts at these bars, which it has all.
fn picked<'a>(forecasts: &'a Forecasts, common: &'a [i64]) -> impl Iterator<Item = usize> + 'a {
    let mut row = 0;
    common.iter().filter_map(move |ts| {
        row += forecasts.ts.get(row..)?.iter().position(|own| own == ts)?;
        Some(row)
    })
}

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "training",
        Split::Valid => "validation",
        Split::Test => "test",
    }
}

/// Two digits, or that it is below a thousandth.
fn probability(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::Rng;

    const METRIC: Metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };

    /// Roughly normal: the sum of four uniforms.
    fn noise(count: usize, index: u64) -> Vec<f64> {
        let mut generator = crate::seed::generator(3, "significance tests", index);
        let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        (0..count).map(|_| (0..4).map(|_| uniform()).sum::<f64>() * 3.0_f64.sqrt()).collect()
    }

    /// Forecasts of a target that is a signal plus noise: so much of the signal, plus noise of their own.
    fn forecasts(known: f64, wobble: f64, index: u64) -> Forecasts {
        let (signal, target_noise, own) = (noise(2_000, 1), noise(2_000, 2), noise(2_000, 10 + index));
        Forecasts {
            ts: (0..2_000).collect(),
            target: signal.iter().zip(&target_noise).map(|(signal, noise)| 0.3 * signal + noise).collect(),
            forecast: signal.iter().zip(&own).map(|(signal, own)| 0.3 * known * signal + wobble * own).collect(),
            baselines: vec![("persistence".to_owned(), vec![0.0; 2_000]), ("seasonal".to_owned(), noise(2_000, 5))],
            ..Forecasts::default()
        }
    }

    /// With the rows' numbers for names.
    fn weighed(rows: &[Vec<Forecasts>]) -> Option<Significance> {
        let names: Vec<String> = (1..=rows.len()).map(|row| format!("t{row}")).collect();
        significance(&names, rows, METRIC, 1)
    }

    #[test]
    fn a_row_that_knows_the_signal_is_crowned_and_stands_apart() {
        let rows = vec![vec![forecasts(1.0, 0.02, 0), forecasts(1.0, 0.02, 1)], vec![forecasts(0.0, 0.3, 2)]];
        let found = weighed(&rows).unwrap();
        assert!(found.crowned && found.best_baseline == "persistence", "{found:?}");
        assert_eq!((found.in_set.clone(), found.baselines_in_set.clone()), (vec![true, false], vec![]));
        let sentences = found.sentences();
        assert!(
            sentences[0]
                .starts_with("this is more than chance, the search over 2 included: the best is better than persistence (SPA p = ")
        );
        assert!(sentences[0].ends_with("2000 validation windows)"), "{sentences:?}");
        assert_eq!(
            sentences[1..],
            [
                "worse than the best by more than chance: t2 (90 % model confidence set)",
                "better than persistence by more than chance: t1; worse than persistence by more than chance: t2 (Diebold-Mariano, each at 5 % \
                 by Holm)"
            ]
        );
    }

    #[test]
    fn what_might_be_the_luck_of_an_epoch_is_not_crowned() {
        let found = weighed(&[vec![forecasts(1.0, 0.02, 0)]]).unwrap();
        assert!(found.crowned);
        let sentences = Significance { crowned: false, spa: Some(0.03), diebold_mariano: Some(0.002), ..found }.sentences();
        assert!(sentences[0].starts_with("this may still be chance: the best seems better than persistence"), "{sentences:?}");
        assert!(sentences[0].contains("p of at most 0.01 (SPA p = 0.030, "), "{sentences:?}");
    }

    #[test]
    fn survivors_are_not_crowned() {
        let mut found = weighed(&[vec![forecasts(1.0, 0.02, 0)]]).unwrap();
        assert!(found.crowned);
        found.withhold("2 of 4 seeds".to_owned());
        assert!(!found.crowned);
        let sentence = found.sentences().remove(0);
        assert!(sentence.starts_with("this may be the luck of the seeds that are left"), "{sentence}");
        assert!(sentence.contains("but with 2 of 4 seeds it is not crowned"), "{sentence}");
    }

    #[test]
    fn the_rows_that_stand_apart_are_named_and_long_lists_end() {
        let mut rows = vec![vec![forecasts(1.0, 0.02, 0)], vec![forecasts(1.0, 0.03, 1)]];
        rows.extend((2..10).map(|index| vec![forecasts(0.0, 0.3, index)]));
        let sentences = weighed(&rows).unwrap().sentences();
        assert_eq!(
            sentences[1],
            "worse than the best by more than chance: t3, t4, t5, t6, t7, t8 and 2 more; the other 2 cannot be told from the best (90 % model \
             confidence set)"
        );
        assert!(
            sentences[2].starts_with(
                "better than persistence by more than chance: t1, t2; worse than persistence by more than chance: t3, "
            )
        );
    }

    #[test]
    fn the_luckiest_of_many_that_know_nothing_is_not_crowned() {
        let mut rows: Vec<Vec<Forecasts>> = (0..24).map(|index| vec![forecasts(0.0, 0.02, index)]).collect();
        let mse = |row: &Vec<Forecasts>| -> f64 {
            let Forecasts { target, forecast, .. } = &row[0];
            target.iter().zip(forecast).map(|(target, forecast)| (target - forecast).powi(2)).sum()
        };
        rows.sort_by(|a, b| mse(a).total_cmp(&mse(b)));
        let found = weighed(&rows).unwrap();
        assert!(found.beats && !found.crowned, "{found:?}");
        assert!(
            found.sentences()[0]
                .starts_with("chance explains that, the search over 24 included: the best cannot be told from persistence")
        );
    }

    #[test]
    fn a_row_that_is_worse_says_so() {
        let found = weighed(&[vec![forecasts(0.0, 0.3, 1)]]).unwrap();
        assert!(!found.beats && !found.crowned);
        assert!(
            found.sentences()[0].starts_with("no row is better than persistence over these windows (SPA p = "),
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
