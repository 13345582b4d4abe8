//! Windows to forecasts, without gradients, in chunks of a fixed size.

use std::sync::Arc;

use crate::data::{Batch, Ends, Resident, Windows};
use crate::learner::read;
use crate::model::rows_tensor;
use crate::op::{LstmBackend, primitive, tensor};
use crate::{Series, Shape, TrainError};

/// Windows that are validated or forecast at once: fixed, so that the same weights give the same
/// forecasts wherever they are made.
pub(crate) fn chunk_size(shape: &Shape) -> usize {
    shape.batch.max(128)
}

/// Forecasts for the windows that end at `ends`.
///
/// # Errors
/// When the device fails.
pub(crate) fn run<B: LstmBackend>(
    device: &B::Device,
    series: &Series,
    shape: &Shape,
    weights: Vec<f32>,
    ends: &[u32],
) -> Result<Vec<f32>, TrainError> {
    let resident = Arc::new(Resident::<B>::new(&[series], device));
    let weights = rows_tensor::<B>(&[weights], device); // [1, P]
    let all = Ends::new(vec![ends.to_vec()], device);
    let mut forecasts = Vec::with_capacity(ends.len() * shape.head.outputs());
    for start in (0..ends.len()).step_by(chunk_size(shape)) {
        let range = start..ends.len().min(start + chunk_size(shape));
        let batch = Batch {
            shape: shape.clone(),
            lanes: 1,
            series: resident.clone(),
            windows: Windows { ends: all.clone(), range },
            dropout: Vec::new(),
        };
        // [1, chunk·Q]
        forecasts.extend(read::<B, 2>(tensor(B::forecasts(&batch, primitive(weights.clone()))))?);
    }
    B::health(device, ends.len())?;
    Ok(forecasts)
}
