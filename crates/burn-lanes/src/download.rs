//! Between [`LaneState`] on the host and rows of flat tensors on the device.

use burn::tensor::Tensor;

use crate::learner::read;
use crate::model::{flat_values, initial_weights, named, parameters};
use crate::op::LstmBackend;
use crate::optim::Moments;
use crate::{Lane, LaneState, OptimizerKind, ScheduleState, Shape, StopState, TrainError, Weights};

/// The rows that a pack starts from, one for each lane.
pub(crate) struct Upload {
    pub(crate) weights: Vec<Vec<f32>>,
    pub(crate) best: Vec<Vec<f32>>,
    pub(crate) first: Vec<Vec<f32>>,
    /// `None` for an optimizer without second moments.
    pub(crate) second: Option<Vec<Vec<f32>>>,
}

impl Upload {
    /// From the lanes' states, or from their seeds.
    ///
    /// # Errors
    /// When a state does not fit the shape.
    pub(crate) fn new(shape: &Shape, lanes: &[Lane]) -> Result<Self, TrainError> {
        let zeros = || vec![0.0; parameters(shape)];
        let mut upload =
            Self { weights: Vec::new(), best: Vec::new(), first: Vec::new(), second: None };
        let mut second = Vec::new();
        for lane in lanes {
            let Some(state) = &lane.resume else {
                upload.weights.push(initial_weights(shape, lane.config.seed));
                upload.best.push(zeros());
                upload.first.push(zeros());
                second.push(zeros());
                continue;
            };
            let flat = |weights: &Weights| flat_values(shape, weights).map_err(TrainError::Refused);
            let moments =
                |moments: &[Vec<f32>]| if moments.is_empty() { zeros() } else { moments.concat() };
            upload.weights.push(flat(&state.weights)?);
            upload.best.push(state.best.as_ref().map_or_else(|| Ok(zeros()), flat)?);
            upload.first.push(moments(&state.first_moment));
            second.push(moments(&state.second_moment));
        }
        if shape.optimizer != OptimizerKind::Sgd {
            upload.second = Some(second);
        }
        Ok(upload)
    }
}

/// Everything of a pack that lies on the device, on the host.
pub(crate) struct Download {
    /// Values in a row.
    columns: usize,
    weights: Vec<f32>,
    best: Vec<f32>,
    first: Vec<f32>,
    second: Option<Vec<f32>>,
}

/// What of a lane's state lies on the host anyway.
pub(crate) struct Snapshot {
    /// On the lane axis.
    pub(crate) position: usize,
    pub(crate) steps: u64,
    pub(crate) epoch: usize,
    pub(crate) cursor: usize,
    pub(crate) sums: [f64; 4],
    pub(crate) schedule: ScheduleState,
    pub(crate) stop: StopState,
}

impl Download {
    /// Synchronises the device.
    ///
    /// # Errors
    /// When the device failed.
    pub(crate) fn new<B: LstmBackend>(
        weights: Tensor<B, 2>,
        best: Tensor<B, 2>,
        moments: Moments<B>,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            columns: weights.dims()[1],
            weights: read(weights)?,
            best: read(best)?,
            first: read(moments.first)?,
            second: moments.second.map(read).transpose()?,
        })
    }

    /// A lane's whole state.
    pub(crate) fn state(&self, snapshot: &Snapshot, shape: &Shape) -> LaneState {
        let Snapshot { position, steps, epoch, cursor, sums, schedule, stop } = snapshot;
        let weights = |rows: &[f32]| {
            named(shape, &rows[position * self.columns..(position + 1) * self.columns])
        };
        let moments = |rows: Option<&Vec<f32>>| match rows {
            Some(rows) if *steps > 0 => {
                weights(rows).0.into_iter().map(|weight| weight.values).collect()
            }
            _ => Vec::new(),
        };
        LaneState {
            weights: weights(&self.weights),
            best: (stop.best_epoch > 0).then(|| weights(&self.best)),
            first_moment: moments(Some(&self.first)),
            second_moment: moments(self.second.as_ref()),
            steps: *steps,
            epoch: *epoch,
            cursor: *cursor,
            sums: *sums,
            schedule: schedule.clone(),
            stop: stop.clone(),
        }
    }
}
