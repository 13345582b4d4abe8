//! Between [`LaneState`] on the host and rows of flat tensors on the device.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::learner::read;
use crate::model::{flat_values, initial_weights, named, parameters};
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
        let mut upload = Self { weights: Vec::new(), best: Vec::new(), first: Vec::new(), second: None };
        let mut second = Vec::new();
        for lane in lanes {
            let Some(state) = &lane.resume else {
                upload.weights.push(initial_weights(shape, lane.config.seed));
                upload.best.push(zeros());
                upload.first.push(zeros());
                second.push(zeros());
                continue;
            };
            let flat = |weights: &Weights| flat_values(shape, weights).map_err(TrainError);
            let moments = |moments: &[Vec<f32>]| if moments.is_empty() { zeros() } else { moments.concat() };
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
pub(crate) struct Download(Result<Rows, TrainError>);

struct Rows {
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
    pub(crate) fn new<B: Backend>(weights: Tensor<B, 2>, best: Tensor<B, 2>, moments: Moments<B>) -> Self {
        let columns = weights.dims()[1];
        let rows = || {
            Ok(Rows {
                columns,
                weights: read(weights)?,
                best: read(best)?,
                first: read(moments.first)?,
                second: moments.second.map(read).transpose()?,
            })
        };
        Self(rows())
    }

    /// A lane's whole state; one without weights when the device failed, which [`Download::checked`] reports.
    pub(crate) fn state(&self, snapshot: &Snapshot, shape: &Shape) -> LaneState {
        let Snapshot { position, steps, epoch, cursor, sums, schedule, stop } = snapshot;
        let row = |pick: fn(&Rows) -> Option<&Vec<f32>>| {
            let rows = self.0.as_ref().ok()?;
            pick(rows)?.get(position * rows.columns..(position + 1) * rows.columns)
        };
        let moments = |row: Option<&[f32]>| match row {
            Some(row) if *steps > 0 => named(shape, row).0.into_iter().map(|weight| weight.values).collect(),
            _ => Vec::new(),
        };
        LaneState {
            weights: row(|rows| Some(&rows.weights)).map_or_else(Weights::default, |row| named(shape, row)),
            best: row(|rows| Some(&rows.best)).filter(|_| stop.best_epoch > 0).map(|row| named(shape, row)),
            first_moment: moments(row(|rows| Some(&rows.first))),
            second_moment: moments(row(|rows| rows.second.as_ref())),
            steps: *steps,
            epoch: *epoch,
            cursor: *cursor,
            sums: *sums,
            schedule: schedule.clone(),
            stop: stop.clone(),
        }
    }

    /// Whether the device gave everything.
    ///
    /// # Errors
    /// When it did not.
    pub(crate) fn checked(self) -> Result<(), TrainError> {
        self.0.map(|_| ())
    }
}
