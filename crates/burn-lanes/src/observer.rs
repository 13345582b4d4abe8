//! What a training tells while it runs, and what it is told.

use serde::{Deserialize, Serialize};

use crate::{LaneState, TrainError};

/// What an epoch came to, for one lane. Epochs are counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Over the training windows, as they were trained (the weights move during the epoch, as in Keras).
    pub train: SplitReport,
    /// Over the validation windows, with the weights at the epoch's end.
    pub valid: SplitReport,
    /// The rate used in this epoch.
    #[serde(deserialize_with = "number_or_nan")]
    pub learning_rate: f64,
    /// Best epoch so far by validation loss.
    pub best_epoch: usize,
    /// Epochs since the last improvement.
    pub waited: usize,
    /// Wall time of the pack's epoch, seconds.
    #[serde(deserialize_with = "number_or_nan")]
    pub seconds: f64,
    /// Training windows per second of this lane.
    #[serde(deserialize_with = "number_or_nan")]
    pub windows_per_second: f64,
}

/// Losses over one split. `loss` is in scaled units; the others in the target's own unit (squared for `mse`), of the point forecast:
/// of quantiles that is the output for 0.5, before any rearrangement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// The training loss of the pack (MSE, MAE, Huber, or the mean pinball loss of its quantiles), scaled.
    #[serde(deserialize_with = "number_or_nan")]
    pub loss: f64,
    /// Mean squared error.
    #[serde(deserialize_with = "number_or_nan")]
    pub mse: f64,
    /// Mean absolute error.
    #[serde(deserialize_with = "number_or_nan")]
    pub mae: f64,
    /// Root of `mse`.
    #[serde(deserialize_with = "number_or_nan")]
    pub rmse: f64,
}

/// JSON has no NaN and no infinity: they are written as null.
fn number_or_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Option::deserialize(deserializer).map(|number| number.unwrap_or(f64::NAN))
}

/// Where a pack is within its epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done in this epoch.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Lanes still training.
    pub lanes: usize,
    /// Windows trained per second so far in this epoch, all lanes together.
    pub windows_per_second: f64,
}

/// What to do with a lane after its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneControl {
    /// Go on.
    Continue,
    /// Stop this lane here; its best weights are kept.
    Stop,
}

/// What to do with the pack after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackControl {
    /// Go on.
    Continue,
    /// Stop after this step; [`Observer::interrupted`] then gets every lane's state.
    Interrupt,
}

/// Follows a training. `lane` is always the index in the [`crate::Pack`] as it was given, however it has been compacted since.
pub trait Observer {
    /// A lane finished an epoch. `state` downloads everything that a resume needs (weights, best weights, optimizer, schedule,
    /// stopping); it costs a device synchronisation, so call it only when a checkpoint is due. When it fails, the training ends with its
    /// error after this call.
    fn epoch(&mut self, lane: usize, report: &EpochReport, state: &dyn Fn() -> Result<LaneState, TrainError>) -> LaneControl;

    /// Called after every step, without synchronising the device; keep it cheap.
    fn step(&mut self, progress: &Progress) -> PackControl;

    /// Called once for each unfinished lane when [`Observer::step`] asked to interrupt.
    fn interrupted(&mut self, lane: usize, state: LaneState);

    /// A lane ended, in whatever way; the other lanes go on.
    fn ended(&mut self, lane: usize, outcome: LaneOutcome);
}

/// How a lane ended.
#[derive(Clone, Debug)]
pub struct LaneOutcome {
    /// Why it ended.
    pub end: LaneEnd,
    /// Epochs trained.
    pub epochs: usize,
    /// Epoch of the best weights; 0 when no epoch gave a finite validation loss.
    pub best_epoch: usize,
    /// The state at the end; its `best` holds the weights to use.
    pub state: LaneState,
}

/// Why a lane ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneEnd {
    /// All epochs were trained.
    Finished,
    /// Early stopping.
    EarlyStopped,
    /// [`LaneControl::Stop`].
    Stopped,
    /// A loss was NaN or infinite.
    Diverged {
        /// The epoch in which it was seen.
        epoch: usize,
        /// What was seen, for a person: "training loss is NaN".
        what: String,
    },
}
