//! What an epoch came to, for one lane, and how a lane ends.

use serde::{Deserialize, Serialize};

/// What an epoch came to, for one lane. Epochs are counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Over the training windows, as they were trained (the weights move during the epoch, as in
    /// Keras).
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

/// Losses over one split. `loss` is in scaled units; the others in the target's own unit (squared
/// for `mse`), of the point forecast: of quantiles that is the output for 0.5, before any
/// rearrangement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// The training loss of the pack (MSE, MAE, Huber, or the mean pinball loss of its quantiles),
    /// scaled.
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

/// A number of a record, for serde: JSON has no NaN and no infinity, they are written as null.
///
/// # Errors
/// When it is neither a number nor null.
pub fn number_or_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Option::deserialize(deserializer).map(|number| number.unwrap_or(f64::NAN))
}

/// What to do with a lane after its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneControl {
    /// Go on.
    Continue,
    /// Stop this lane here; its best weights are kept.
    Stop,
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
