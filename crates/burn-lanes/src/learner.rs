//! Training and forecasting; stub.

use crate::{Device, LaneConfig, LaneState, Observer, Series, Shape, Weights};

/// Trials of equal shape, to be trained together.
#[derive(Clone, Debug)]
pub struct Pack {
    /// What they share.
    pub shape: Shape,
    /// What each has for itself.
    pub lanes: Vec<Lane>,
}

/// One lane of a pack.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its settings.
    pub config: LaneConfig,
    /// Where to go on from; `None` starts afresh. All lanes of a pack must have the same `cursor` (their epochs may differ).
    pub resume: Option<LaneState>,
}

/// Why nothing could be trained. (A lane that diverges is no error: see [`crate::LaneEnd::Diverged`].)
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TrainError(pub String);

/// Trains a pack until every lane has ended or the observer interrupts.
///
/// # Errors
/// When shape, series and lanes do not fit each other.
pub fn train(_device: &Device, _series: &Series, _pack: Pack, _observer: &mut dyn Observer) -> Result<(), TrainError> {
    todo!()
}

/// Forecasts of one model, scaled, for the windows of `series` that end at `ends`.
///
/// # Errors
/// When the weights do not fit the shape, or the shape the series.
pub fn predict(
    _device: &Device,
    _series: &Series,
    _shape: &Shape,
    _weights: &Weights,
    _ends: &[u32],
) -> Result<Vec<f32>, TrainError> {
    todo!()
}
