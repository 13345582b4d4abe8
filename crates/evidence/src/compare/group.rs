//! Runs of one assignment over its repeats and folds, and their spread.

use serde::Serialize;
use std::collections::HashMap;

use super::differ::{Flat, Flattener};
use super::value::names;
use crate::records::RunRecord;

/// A number over the repeats and folds of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// Standard deviation over the runs (divided by n − 1); `None` for a single one.
    pub sd: Option<f64>,
    /// Runs that gave a number.
    pub n: usize,
}

impl Spread {
    /// Of some numbers; `None` of none. Equal numbers have a deviation of exactly 0.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let first = *values.first()?;
        // Around the first value, so that equal values stay exact and large ones do not cancel.
        let mean = first + values.iter().map(|value| value - first).sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { mean, sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()), n })
    }
}

/// Runs that differ in their repeat and their fold alone.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Name of their sweep.
    pub(super) sweep: String,
    /// What they have in common.
    pub(super) flat: Flat,
    /// In the order given, each with its name; never two of one repeat and fold.
    pub(super) runs: Vec<(String, &'a RunRecord)>,
    /// Those that count, by repeat; see [`super::fold::whole_repeats`].
    pub(super) counted: Vec<Vec<&'a RunRecord>>,
}

/// Groups runs of equal settings of one sweep, in order of first appearance. A second run of the
/// same settings, repeat and fold (the data changed between two calls of a sweep) starts another
/// group: it is no other seed.
pub(super) fn groups<'a>(runs: &'a [RunRecord], flattener: &mut Flattener) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut known: HashMap<(String, Flat), Vec<usize>> = HashMap::new();
    let flats = flattener.flatten(&runs.iter().map(|run| &run.trial).collect::<Vec<_>>());
    for (run, flat) in runs.iter().zip(flats) {
        let (sweep, id) = names(run);
        let candidates = known.entry((sweep.clone(), flat.clone())).or_default();
        let place = (run.trial.repeat, run.trial.fold());
        let is_taken = |group: &&usize| {
            groups[**group]
                .runs
                .iter()
                .any(|(_, other)| (other.trial.repeat, other.trial.fold()) == place)
        };
        match candidates.iter().find(|group| !is_taken(group)) {
            Some(&group) => groups[group].runs.push((id, run)),
            None => {
                candidates.push(groups.len());
                groups.push(Group { sweep, flat, runs: vec![(id, run)], counted: Vec::new() });
            }
        }
    }
    groups
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::records::{Baseline, RunProgress, RunResult, RunState, WindowCounts};
    use experiment::event::End;
    use experiment::trial::{Trial, TrialId};
    use experiment::{TrainRows, WalkForward};
    use lane_types::SplitReport;

    pub(crate) fn trial(hidden_size: usize, repeat: usize) -> Trial {
        let mut settings = experiment::testing::settings("train.epochs = 10");
        settings.model.hidden_size = hidden_size;
        settings.train.seed = 1 + repeat as u64;
        settings.train.schedule = lane_types::Schedule::Constant;
        settings.train.early_stopping = None;
        settings.train.clip_norm = None;
        Trial {
            id: TrialId(format!("{hidden_size:x}{repeat}")),
            index: 0,
            repeat,
            assignment: Default::default(),
            settings,
            backtest: None,
        }
    }

    /// A run without a result.
    pub(crate) fn unfinished(hidden_size: usize, repeat: usize, state: RunState) -> RunRecord {
        let trial = trial(hidden_size, repeat);
        RunRecord {
            folder: format!("runs/grid/trials/{}", trial.id).into(),
            trial,
            progress: RunProgress { state, ..RunProgress::default() },
            result: None,
            evaluations: vec![],
            damage: vec![],
            current: true,
            seeds: None,
        }
    }

    /// A run that ended with this valid.rmse, beside a persistence of 4 and a linear model of 5.
    pub(crate) fn finished(hidden_size: usize, repeat: usize, rmse: f64) -> RunRecord {
        let report =
            |rmse: f64| SplitReport { loss: rmse / 100.0, mse: rmse * rmse, mae: 0.8 * rmse, rmse };
        let baseline = |name: &str, rmse: f64| Baseline {
            name: name.into(),
            mse: rmse * rmse,
            mae: 0.8 * rmse,
            rmse,
        };
        let result = RunResult {
            v: 1,
            attempt: 1,
            end: End::Finished,
            epochs: 10,
            best_epoch: Some(7),
            train: Some(report(rmse / 2.0)),
            valid: Some(report(rmse)),
            skill: Some(1.0 - rmse * rmse / 16.0),
            baselines: vec![baseline("persistence", 4.0), baseline("linear", 5.0)],
            windows: WindowCounts { train: 600, valid: 200, test: 100 },
            scores: None,
            tried: None,
            seconds: 1.0,
            instruction_sets: vec![],
        };
        RunRecord {
            result: Some(result),
            ..unfinished(hidden_size, repeat, RunState::Ended(End::Finished))
        }
    }

    /// The same over a fold of so many.
    pub(crate) fn in_fold(folds: usize, fold: usize, mut run: RunRecord) -> RunRecord {
        run.trial.settings.data.split.walk_forward =
            Some(WalkForward { folds, train: TrainRows::Expanding, fold });
        run.trial.id = TrialId(format!("{}f{fold}", run.trial.id));
        run.folder = format!("runs/grid/trials/{}", run.trial.id).into();
        run
    }

    #[test]
    fn folds_and_repeats_are_one_group() {
        let runs: Vec<RunRecord> = (0..4)
            .map(|index| in_fold(2, index % 2, finished(16, index / 2, 1.0)))
            .chain([finished(16, 0, 1.0)])
            .collect();
        let groups = groups(&runs, &mut Flattener::default());
        assert_eq!(groups.iter().map(|group| group.runs.len()).collect::<Vec<_>>(), [4, 1]);
    }

    #[test]
    fn a_spread_is_the_sample_deviation_and_undefined_for_one() {
        assert_eq!(Spread::of(&[1.0, 2.0, 3.0]), Some(Spread { mean: 2.0, sd: Some(1.0), n: 3 }));
        assert_eq!(Spread::of(&[0.1; 3]), Some(Spread { mean: 0.1, sd: Some(0.0), n: 3 }));
        assert_eq!(Spread::of(&[5.0]), Some(Spread { mean: 5.0, sd: None, n: 1 }));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn repeats_are_one_group_and_sweeps_are_apart() {
        let mut other = finished(16, 2, 1.0);
        other.folder = "runs/other/trials/102".into();
        let runs = [finished(16, 0, 1.0), finished(32, 0, 1.0), finished(16, 1, 1.0), other];
        let groups = groups(&runs, &mut Flattener::default());
        let sizes: Vec<_> =
            groups.iter().map(|group| (group.sweep.as_str(), group.runs.len())).collect();
        assert_eq!(sizes, [("grid", 2), ("grid", 1), ("other", 1)]);
    }

    #[test]
    fn the_same_seed_twice_is_no_spread() {
        let mut again = finished(16, 0, 3.0);
        again.folder = "runs/grid/trials/other_data".into();
        let runs = [finished(16, 0, 1.0), again, finished(16, 1, 1.0)];
        let groups = groups(&runs, &mut Flattener::default());
        assert_eq!(groups.iter().map(|group| group.runs.len()).collect::<Vec<_>>(), [2, 1]);
    }
}
