//! Windows to forecasts, without gradients, in chunks of a fixed size.

use crate::data::Resident;
use crate::learner::read;
use crate::model::{LaneModel, rows_tensor};
use crate::op::LstmKernels;
use crate::{Series, Shape, TrainError};

/// Windows that are validated or forecast at once: fixed, so that the same weights give the same forecasts wherever they are made.
pub(crate) fn chunk_size(shape: &Shape) -> usize {
    shape.batch.max(128)
}

/// Forecasts for the windows that end at `ends`.
///
/// # Errors
/// When the device fails.
pub(crate) fn run<B: LstmKernels>(
    device: &B::Device,
    series: &Series,
    shape: &Shape,
    weights: Vec<f32>,
    ends: &[u32],
) -> Result<Vec<f32>, TrainError> {
    let resident = Resident::<B>::new(series, shape, device);
    let model = LaneModel::from_flat(shape, &rows_tensor(&[weights], device));
    let mut forecasts = Vec::with_capacity(ends.len());
    for ends in ends.chunks(chunk_size(shape)) {
        let windows = resident.gather_shared(ends, 1);
        forecasts.extend(read(model.forward(windows.inputs, Vec::new()))?); // [1, chunk]
    }
    Ok(forecasts)
}
