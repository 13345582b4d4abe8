//! The tests of a search: its rows by their errors of every window, one after the other, in memory
//! that does not grow with their number.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::join::{Apart, Windows};
use super::search::Read;
use crate::records::{Forecasts, RunRecord};
use crate::{
    Alternative, BlockLength, Bootstrap, Panel, RowByRow, SetStatistic, diebold_mariano,
    model_confidence_set,
};
use experiment::metric::{Metric, Quantity, Split};
use experiment::seed::SeedStream;

/// Of the model confidence set.
const CONFIDENCE: f64 = 0.9;

/// Fewer windows say nothing.
pub(super) const LEAST_WINDOWS: usize = 30;

/// Rows that are read at a time.
const CHUNK: usize = 128;

/// Rows of which the model confidence set is taken: its time grows with their square.
const MOST_IN_SET: usize = 500;

/// Rows that the bootstrap's block length is taken from.
const SAMPLE: usize = 200;

/// Resamples of the model confidence set: enough for a level of 90 %.
const SET_RESAMPLES: usize = 1_000;

/// Losses that are kept in memory: 64 MiB.
const MOST_LOSSES: usize = 1 << 23;

/// A row of the search.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    /// Of each repeat that counts the runs of its folds.
    pub repeats: Vec<Vec<&'a RunRecord>>,
    /// Whether the windows that are looked at are those of which it has forecasts; another one is
    /// weighed if it has them all.
    pub is_primary: bool,
}

/// How a search is tested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Whose split and loss are looked at.
    pub metric: Metric,
    /// Bars ahead.
    pub horizon: usize,
    /// Of Hansen's test.
    pub resamples: usize,
}

/// What the tests of a search come to, before anything is said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Weighed {
    /// Windows that were looked at.
    pub windows: usize,
    /// The baseline with the smallest mean loss.
    pub best_baseline: String,
    /// Baselines in the model confidence set.
    pub baselines_in_set: Vec<String>,
    /// Rows that the set was taken of: the first that were weighed.
    pub set_rows: usize,
    /// By resample, for Hansen's test; see [`RowByRow::into_largest`].
    pub largest: Vec<f64>,
    /// Of each row of the search; `None` of one that was not weighed.
    pub rows: Vec<Option<RowTests>>,
}

/// The tests of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RowTests {
    /// Mean loss less that of the best baseline.
    pub gap: f64,
    /// Studentised mean of baseline − row, for Hansen's test; `None` where it does not vary.
    pub studentised: Option<f64>,
    /// p that it is not better than the baseline (Diebold & Mariano, one-sided).
    pub better: Option<f64>,
    /// p that it is not worse.
    pub worse: Option<f64>,
    /// Whether it is in the model confidence set, if that was taken of it.
    pub in_set: Option<bool>,
}

/// Why a search cannot be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unweighable {
    /// Rows are of another subject.
    Apart(Apart),
    /// So few windows in common.
    FewWindows(usize),
    /// No forecasts, or none of a baseline beside them.
    NoForecasts,
}

/// Tests the rows of a search, the best first.
pub(super) fn weighed(
    candidates: &[Candidate<'_>],
    settings: Settings,
    read: Read<'_>,
) -> Result<Weighed, Unweighable> {
    let of = |candidate: &Candidate<'_>| forecasts(candidate, settings.metric.split, read);
    let first = candidates
        .iter()
        .filter(|candidate| candidate.is_primary)
        .find_map(of)
        .ok_or(Unweighable::NoForecasts)?;
    let mut windows = first.first().and_then(Windows::of).ok_or(Unweighable::NoForecasts)?;
    loop {
        if windows.len() < LEAST_WINDOWS {
            return Err(Unweighable::FewWindows(windows.len()));
        }
        let mut tests = Tests::new(&windows, settings);
        // Once a row turns out to lack windows the others are only asked for theirs; then all are
        // weighed over what is left.
        let mut narrower: Option<Windows> = None;
        for chunk in candidates.chunks(CHUNK) {
            let read: Vec<Option<Vec<Forecasts>>> = chunk.par_iter().map(of).collect();
            for (candidate, forecasts) in chunk.iter().zip(read) {
                for forecasts in forecasts.iter().flatten().filter(|_| candidate.is_primary) {
                    let known = narrower.as_ref().unwrap_or(&windows);
                    narrower = known.narrowed(forecasts).map_err(Unweighable::Apart)?.or(narrower);
                }
                if narrower.is_none() {
                    tests.push(forecasts.as_deref());
                }
            }
            tests.take_pending();
        }
        match narrower {
            Some(left) => windows = left,
            None => return tests.finish().ok_or(Unweighable::NoForecasts),
        }
    }
}

/// The forecasts of a row: of each repeat one stretch. Folds are validated one after the other, and
/// tested on the same windows.
pub(super) fn forecasts(
    candidate: &Candidate<'_>,
    split: Split,
    read: Read<'_>,
) -> Option<Vec<Forecasts>> {
    let of_repeat = |folds: &Vec<&RunRecord>| -> Option<Vec<Forecasts>> {
        let each: Option<Vec<Forecasts>> = folds.iter().map(|run| read(run, split)).collect();
        if split == Split::Test { each } else { Some(vec![Forecasts::joined(each?)]) }
    };
    let each: Option<Vec<Vec<Forecasts>>> = candidate.repeats.iter().map(of_repeat).collect();
    Some(each?.concat()).filter(|all| !all.is_empty())
}

/// The mean loss of some repeats by window; `None` where one lacks a window, or a loss is no
/// number.
pub(super) fn losses(windows: &Windows, repeats: &[Forecasts], metric: Metric) -> Option<Vec<f64>> {
    let mut mean = vec![0.0; windows.len()];
    for forecasts in repeats {
        let losses = losses_of(windows, forecasts, &forecasts.forecast, metric)?;
        mean.iter_mut().zip(losses).for_each(|(mean, loss)| *mean += loss);
    }
    mean.iter_mut().for_each(|mean| *mean /= repeats.len() as f64);
    mean.iter().all(|mean| mean.is_finite()).then_some(mean)
}

fn losses_of(
    windows: &Windows,
    of: &Forecasts,
    forecast: &[f64],
    metric: Metric,
) -> Option<Vec<f64>> {
    let loss =
        |error: f64| if metric.quantity == Quantity::Mae { error.abs() } else { error * error };
    Some(windows.rows(of)?.into_iter().map(|row| loss(forecast[row] - of.target[row])).collect())
}

/// The best of the baselines, and all of them.
struct Baselines {
    best: usize,
    all: Vec<(String, Vec<f64>)>,
}

impl Baselines {
    /// Those of a row's first repeat; `None` where there are none whose losses are numbers.
    fn of(windows: &Windows, forecasts: &Forecasts, metric: Metric) -> Option<Self> {
        let named = forecasts.baselines.iter().filter_map(|(name, forecast)| {
            let losses = losses_of(windows, forecasts, forecast, metric)?;
            losses.iter().all(|loss| loss.is_finite()).then(|| (name.clone(), losses))
        });
        let all: Vec<(String, Vec<f64>)> = named.collect();
        let best = (0..all.len()).min_by(|&a, &b| mean(&all[a].1).total_cmp(&mean(&all[b].1)))?;
        Some(Self { best, all })
    }

    fn benchmark(&self) -> &[f64] {
        &self.all[self.best].1
    }
}

/// The tests while rows come.
struct Tests<'a> {
    windows: &'a Windows,
    settings: Settings,
    baselines: Option<Baselines>,
    rows: Vec<Option<RowTests>>,
    /// Rows that came and were not taken yet, with their losses.
    pending: Vec<(usize, Vec<f64>)>,
    /// Made when rows enough for its block length have come.
    search: Option<RowByRow>,
    /// Of the first rows.
    kept: Vec<(usize, Vec<f64>)>,
    most_kept: usize,
}

impl<'a> Tests<'a> {
    fn new(windows: &'a Windows, settings: Settings) -> Self {
        let most_kept = (MOST_LOSSES / windows.len()).clamp(1, MOST_IN_SET);
        let (rows, pending, kept) = (Vec::new(), Vec::new(), Vec::new());
        Self { windows, settings, baselines: None, rows, pending, search: None, kept, most_kept }
    }

    /// Takes the next row's forecasts; `None` of one that has none.
    fn push(&mut self, repeats: Option<&[Forecasts]>) {
        let place = self.rows.len();
        self.rows.push(None);
        let metric = self.settings.metric;
        let Some(losses) = repeats.and_then(|repeats| losses(self.windows, repeats, metric)) else {
            return;
        };
        if self.baselines.is_none() {
            self.baselines =
                repeats.and_then(|repeats| Baselines::of(self.windows, repeats.first()?, metric));
        }
        let Some(baselines) = &self.baselines else { return };
        let differential: Vec<f64> =
            losses.iter().zip(baselines.benchmark()).map(|(ours, theirs)| ours - theirs).collect();
        let test = diebold_mariano(&differential, self.settings.horizon);
        self.rows[place] = Some(RowTests {
            gap: mean(&differential),
            studentised: None,
            better: test.and_then(|test| test.p(Alternative::FirstBetter)),
            worse: test.and_then(|test| test.p(Alternative::SecondBetter)),
            in_set: None,
        });
        if self.kept.len() < self.most_kept {
            self.kept.push((place, losses.clone()));
        }
        self.pending.push((place, losses));
    }

    /// Takes what came, once it is enough to know the block length of.
    fn take_pending(&mut self) {
        if self.search.is_some() || self.pending.len() >= SAMPLE.min(self.most_kept) {
            self.take_all();
        }
    }

    fn take_all(&mut self) {
        let Some(baselines) = &self.baselines else { return };
        if self.search.is_none() {
            let sample: Vec<&Vec<f64>> =
                self.pending.iter().take(SAMPLE).map(|(_, losses)| losses).collect();
            let bootstrap = bootstrap("superior predictive ability", self.settings.resamples);
            self.search = Panel::new(&sample)
                .ok()
                .and_then(|sample| RowByRow::new(baselines.benchmark(), &sample, &bootstrap));
        }
        let Some(search) = &mut self.search else { return };
        let pending = std::mem::take(&mut self.pending);
        let losses: Vec<&Vec<f64>> = pending.iter().map(|(_, losses)| losses).collect();
        let all = Panel::new(&losses).ok().and_then(|panel| search.add(&panel));
        // One row that is too large for a number must not hide the others.
        let one = |search: &mut RowByRow, losses: &Vec<f64>| {
            Panel::new(&[losses])
                .ok()
                .and_then(|panel| search.add(&panel)?.first().copied().flatten())
        };
        let found =
            all.unwrap_or_else(|| losses.iter().map(|losses| one(search, losses)).collect());
        for ((place, _), studentised) in pending.iter().zip(found) {
            if let Some(row) = &mut self.rows[*place] {
                row.studentised = studentised;
            }
        }
    }

    fn finish(mut self) -> Option<Weighed> {
        self.take_all();
        let Baselines { best, all } = self.baselines.as_ref()?;
        let panel: Vec<&Vec<f64>> = self
            .kept
            .iter()
            .map(|(_, losses)| losses)
            .chain(all.iter().map(|(_, losses)| losses))
            .collect();
        let set = model_confidence_set(
            &Panel::new(&panel).ok()?,
            SetStatistic::Max,
            &bootstrap("model confidence set", SET_RESAMPLES),
        );
        let members = set.map(|set| set.members(1.0 - CONFIDENCE));
        let in_set =
            |index: usize| members.as_ref().map(|members| members.binary_search(&index).is_ok());
        for (index, (place, _)) in self.kept.iter().enumerate() {
            if let Some(row) = &mut self.rows[*place] {
                row.in_set = in_set(index);
            }
        }
        let named = all
            .iter()
            .enumerate()
            .filter(|(index, _)| in_set(self.kept.len() + index) == Some(true));
        Some(Weighed {
            windows: self.windows.len(),
            best_baseline: all[*best].0.clone(),
            baselines_in_set: named.map(|(_, (name, _))| name.clone()).collect(),
            set_rows: self.kept.len(),
            largest: self.search.map(RowByRow::into_largest).unwrap_or_default(),
            rows: self.rows,
        })
    }
}

fn bootstrap(purpose: &str, resamples: usize) -> Bootstrap<'_> {
    Bootstrap {
        resamples,
        block_length: BlockLength::Automatic,
        stream: SeedStream { seed: 1, purpose },
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
