//! What is recorded of sweeps and runs: plain data for the market's scores, the store, the
//! dashboard, the comparison and the report.

mod data_file;
mod fold;
mod forecasts;
mod ledger;
#[doc(hidden)]
pub mod testing;
mod tries;
mod value;

pub use data_file::DataFile;
pub use experiment::event::Baseline;
pub use fold::{Change, ProgressFile};
pub use forecasts::Forecasts;
pub use ledger::{Ledger, LedgerEntry};
pub use tries::Tries;
pub use value::{
    Measured, baseline_value, epoch_value, evaluation_estimate, evaluation_value, skill,
};

use lane_types::{EpochReport, SplitReport};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::calibration::{ConformalScore, QuantileScores};
use experiment::event::{Cursor, End, Event, Line, WORKER_DIED};
use experiment::metric::{Direction, Metric, Quantity};
use experiment::trial::Trial;
use experiment::{Backtest, Target};

/// A sweep as its folder tells it.
#[derive(Clone, Debug)]
pub struct SweepRecord {
    /// Its folder.
    pub folder: PathBuf,
    /// `sweep.toml`.
    pub manifest: SweepManifest,
    /// Its runs, in the order of the plan, then those of former versions of the file, by id.
    pub runs: Vec<RunRecord>,
    /// What could not be read at all: the id of a run (or the name of a file), and why.
    pub damaged: Vec<(String, String)>,
}

/// `sweep.toml`: the experiment as resolved, and where it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepManifest {
    /// Version of the format, 1.
    pub v: u32,
    /// The experiment's name.
    pub name: String,
    /// The question it asks, if it asks one.
    pub question: Option<String>,
    /// What trials are ranked by.
    pub objective: Metric,
    /// Which way is better.
    pub direction: Direction,
    /// Seeds per assignment.
    pub repeats: usize,
    /// Unit of the target ("price", "log return", "log volatility").
    pub target_unit: String,
    /// Ids of the planned trials, in order.
    pub trials: Vec<String>,
    /// How its forecasts are traded, if the experiment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Backtest>,
    /// Where it came from.
    pub origin: Origin,
    /// The experiment file as it was read.
    pub experiment: String,
}

/// Where a sweep came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Of the program.
    pub kiln_version: String,
    /// Commit of the working folder, if it is a git checkout.
    pub git_revision: Option<String>,
    /// Whether files differed from it.
    pub git_dirty: Option<bool>,
    /// blake3 of the data (or of the generator's settings).
    pub data_fingerprint: String,
    /// The command line.
    pub argv: Vec<String>,
    /// Overrides given with `--set`.
    pub overrides: Vec<String>,
    /// Where the data file lay when the sweep was last started; none of generated bars, and in
    /// manifests of before version 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_file: Option<DataFile>,
}

/// A run as its folder tells it: the fold of its events.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its trial, from `trial.toml`.
    pub trial: Trial,
    /// Its folder.
    pub folder: PathBuf,
    /// What its events came to.
    pub progress: RunProgress,
    /// `result.json`.
    pub result: Option<RunResult>,
    /// Openings of the test split.
    pub evaluations: Vec<Evaluation>,
    /// What could not be read, and why; shown, never hidden.
    pub damage: Vec<String>,
    /// Whether the current version of the file plans it; one run read alone counts as planned.
    pub current: bool,
    /// Seeds that the sweep plans for its assignment; `None` where that is not known (one run read
    /// alone, a former version of the file).
    pub seeds: Option<usize>,
}

/// The fold of a run's events: the newest attempt's, with the epochs of earlier attempts up to
/// where it resumed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunProgress {
    /// The newest attempt, from 1; 0 before any.
    pub attempt: u32,
    /// The device it runs on.
    pub device: Option<String>,
    /// Where it is.
    pub state: RunState,
    /// Over its validation windows, known before its first epoch; none in older logs.
    pub baselines: Vec<Baseline>,
    /// One per epoch, ascending.
    pub epochs: Vec<EpochReport>,
    /// Where its last checkpoint lies.
    pub checkpoint: Option<Cursor>,
    /// Warnings, in order.
    pub warnings: Vec<String>,
    /// How often it failed by itself: interruptions, and deaths of a worker that had others in its
    /// pack, are not its own.
    pub failures: u32,
    /// Lanes of the newest attempt's pack at its start.
    pub lanes: usize,
}

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// No attempt yet.
    #[default]
    Waiting,
    /// Its log is open.
    Running,
    /// It ended as told.
    Ended(End),
    /// Its log is open, but its writer is gone.
    Lost,
}

impl RunProgress {
    /// Takes one line of the log of attempt `attempt`. Lines of an attempt come in order; attempts
    /// come in order.
    pub fn fold(&mut self, attempt: u32, line: &Line) {
        self.attempt = attempt;
        match &line.event {
            Event::Started { device, lanes, resumed, baselines } => {
                self.lanes = *lanes;
                self.device = Some(device.clone());
                self.baselines.clone_from(baselines);
                self.state = RunState::Running;
                let kept = resumed.map_or(0, |cursor| cursor.epoch);
                self.epochs.retain(|epoch| epoch.epoch <= kept);
                self.checkpoint = *resumed;
            }
            Event::Epoch(report) => {
                while self.epochs.last().is_some_and(|last| last.epoch >= report.epoch) {
                    self.epochs.pop();
                }
                self.epochs.push(report.clone());
            }
            Event::Checkpoint(cursor) => self.checkpoint = Some(*cursor),
            Event::Warning { message } => self.warnings.push(message.clone()),
            Event::Ended { end } => {
                self.state = RunState::Ended(end.clone());
                self.failures += u32::from(self.is_own_failure(end));
            }
        }
    }

    /// In logs of before there were [`Self::failures`] every trial of a pack whose worker died was
    /// recorded as failed.
    fn is_own_failure(&self, end: &End) -> bool {
        match end {
            End::Failed { reason } => self.lanes < 2 || !reason.starts_with(WORKER_DIED),
            End::Finished | End::EarlyStopped | End::Stopped | End::Interrupted => false,
        }
    }

    /// The epoch whose weights are kept so far, as the last epoch says: not always the one with the
    /// lowest loss, for a fall by no more than `min_delta` changes nothing. `None` before any, and
    /// where its line could not be read.
    #[must_use]
    pub fn best(&self) -> Option<&EpochReport> {
        let kept = self.epochs.last()?.best_epoch;
        self.epochs.iter().find(|epoch| epoch.epoch == kept)
    }
}

/// `result.json`: written once, last; its absence means that the run is incomplete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Version of the format, 1.
    pub v: u32,
    /// The winning attempt.
    pub attempt: u32,
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
    /// Epochs trained.
    pub epochs: usize,
    /// The best epoch by validation loss; `None` when no epoch gave a number.
    pub best_epoch: Option<usize>,
    /// Training metrics of the best epoch.
    pub train: Option<SplitReport>,
    /// Validation metrics of the best epoch.
    pub valid: Option<SplitReport>,
    /// On validation, see [`skill`].
    pub skill: Option<f64>,
    /// Baselines on the same validation windows.
    pub baselines: Vec<Baseline>,
    /// Windows in each split.
    pub windows: WindowCounts,
    /// Every metric of the validation forecasts with its interval; none in results of before
    /// version 0.2 and without forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// What it was tried on, for the ledger; none in results of before version 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Tried>,
    /// Wall time of the winning attempt, seconds.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub seconds: f64,
    /// What the weights were trained with, oldest first: instruction sets of a processor
    /// (`portable`, `avx2`, `avx512`), `cuda`, `wgpu`. More than one where an attempt went on from
    /// another's checkpoint. None in results of before version 0.2, nor of a GPU before 0.3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruction_sets: Vec<String>,
}

/// Metrics of forecasts over the windows of a split; see [`crate::score`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Probability of the intervals, such as 0.95.
    pub confidence: f64,
    /// Expected block length of their bootstrap, in windows; `None` where there are too few windows
    /// for one.
    pub block_length: Option<f64>,
    /// Days with an information coefficient.
    pub days: usize,
    /// What is undefined is missing.
    pub estimates: BTreeMap<Quantity, Estimate>,
}

/// A number with its interval, where that is defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// In the metric's unit.
    pub value: f64,
    /// The interval's lower end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The interval's upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// What a trial was tried on: the same data, target and time, and anyone who tries again is trying
/// his luck.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tried {
    /// Fingerprint of the data.
    pub data: String,
    /// What was forecast.
    pub target: Target,
    /// The first and the last bar that a validation window ends with, nanoseconds since 1970 UTC.
    pub valid: Option<(i64, i64)>,
    /// The same of the test windows, which were not looked at.
    pub test: Option<(i64, i64)>,
}

/// Windows in each split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCounts {
    /// Of the training split.
    pub train: usize,
    /// Of the validation split.
    pub valid: usize,
    /// Of the test split.
    pub test: usize,
}

/// One opening of the test split: a line of `evaluations.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Version of the format, 1.
    pub v: u32,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Windows.
    pub windows: usize,
    /// In the target's unit squared.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub mse: f64,
    /// In the target's unit.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub mae: f64,
    /// In the target's unit.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub rmse: f64,
    /// On the test windows, see [`skill`].
    pub skill: Option<f64>,
    /// Baselines on the same test windows.
    pub baselines: Vec<Baseline>,
    /// Of a quantile head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<QuantileScores>,
    /// The conformal interval; none where it could not be calibrated, and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ConformalScore>,
    /// Every metric with its interval; none in evaluations of before version 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// What was still open of its sweep; `None` where nothing was, and in evaluations of former
    /// versions, which did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early: Option<EarlyOpening>,
}

/// How much of a sweep was still open when the test split was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyOpening {
    /// Planned trials without an end.
    pub open: usize,
    /// Planned trials.
    pub trials: usize,
}
