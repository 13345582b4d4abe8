//! Early stopping with Keras' semantics, and the best epoch.

use serde::{Deserialize, Serialize};

/// Stop when the validation loss has not fallen by more than `min_delta` for `patience` epochs.
///
/// Keras' `EarlyStopping`: improvement is strict (`loss < best − min_delta`); with `patience = 3` three epochs in a row without
/// improvement end the lane; NaN is no improvement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without improvement that end the training, at least 1.
    pub patience: usize,
    /// Least fall that counts, in units of the scaled loss.
    pub min_delta: f64,
}

/// What early stopping remembers. The best epoch is kept without early stopping too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopState {
    /// Lowest validation loss so far.
    pub best: Option<f64>,
    /// Its epoch, from 1; 0 before any.
    pub best_epoch: usize,
    /// Epochs since then.
    pub waited: usize,
}
