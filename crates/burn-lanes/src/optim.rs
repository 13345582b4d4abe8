//! Adam, AdamW and SGD over the lanes of a pack: one update of all weights, each lane with its own numbers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::optim::lr_scheduler::LrScheduler;
use burn::optim::{GradientsParams, LearningRate, MultiGradientsParams, Optimizer};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::model::LaneModel;
use crate::{LaneConfig, OptimizerKind, Schedule, ScheduleState};

/// What the optimizer knows of one lane.
#[derive(Clone, Debug)]
pub(crate) struct LaneUpdate {
    config: LaneConfig,
    /// Where its schedule stands.
    pub(crate) schedule: ScheduleState,
    /// The rate of this epoch; set by [`LaneRates`].
    pub(crate) rate: f64,
    /// Steps taken.
    pub(crate) steps: u64,
}

impl LaneUpdate {
    /// A lane that goes on from there.
    pub(crate) fn new(config: LaneConfig, schedule: ScheduleState, steps: u64) -> Self {
        Self { config, schedule, rate: 0.0, steps }
    }

    /// Ticks the schedule at the end of an epoch.
    pub(crate) fn advance(&mut self, valid_loss: f64) {
        self.config.schedule.advance(&mut self.schedule, valid_loss);
    }
}

/// The lanes' numbers, shared by scheduler, optimizer and training loop: a `Learner` hands none of its parts out again.
#[derive(Clone, Debug)]
pub(crate) struct LaneTable(Arc<Mutex<Vec<LaneUpdate>>>);

impl LaneTable {
    /// The table of these lanes.
    pub(crate) fn new(lanes: Vec<LaneUpdate>) -> Self {
        Self(Arc::new(Mutex::new(lanes)))
    }

    /// The lanes.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<LaneUpdate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Burn's scheduler seat: a step sets the rate of every lane for the coming epoch.
///
/// Burn's own scalar rate cannot say what K lanes need; it is the first lane's, for display. The state is in the [`LaneTable`] and
/// is saved with the lanes, so the record is empty.
#[derive(Clone, Debug)]
pub(crate) struct LaneRates(pub(crate) LaneTable);

impl LrScheduler for LaneRates {
    type Record<B: Backend> = ();

    fn step(&mut self) -> LearningRate {
        let mut lanes = self.0.lock();
        for lane in lanes.iter_mut() {
            let LaneConfig { learning_rate, epochs, ref schedule, .. } = lane.config;
            lane.rate = Schedule::rate(schedule, learning_rate, epochs, &lane.schedule);
        }
        lanes.first().map_or(0.0, |lane| lane.rate)
    }

    fn to_record<B: Backend>(&self) -> Self::Record<B> {}

    fn load_record<B: Backend>(self, (): Self::Record<B>) -> Self {
        self
    }
}

/// Adam's moments, or SGD's velocity in `first` alone: rows like the flat weights, `[K, P]`.
#[derive(Clone, Debug)]
pub(crate) struct Moments<B: Backend> {
    pub(crate) first: Tensor<B, 2>,
    pub(crate) second: Option<Tensor<B, 2>>,
}

/// Burn's optimizer seat. Clones share their state, which is saved with the lanes: the record is empty.
#[derive(Clone, Debug)]
pub(crate) struct LaneOptimizer<B: AutodiffBackend> {
    kind: OptimizerKind,
    table: LaneTable,
    moments: Arc<Mutex<Moments<B::InnerBackend>>>,
}

impl<B: AutodiffBackend> LaneOptimizer<B> {
    /// An optimizer that goes on from these moments.
    pub(crate) fn new(kind: OptimizerKind, table: LaneTable, moments: Moments<B::InnerBackend>) -> Self {
        Self { kind, table, moments: Arc::new(Mutex::new(moments)) }
    }

    /// The moments now.
    pub(crate) fn moments(&self) -> Moments<B::InnerBackend> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<B: AutodiffBackend> Optimizer<LaneModel<B>, B> for LaneOptimizer<B> {
    type Record = ();

    fn step(&mut self, _: LearningRate, module: LaneModel<B>, gradients: GradientsParams) -> LaneModel<B> {
        let mut lanes = self.table.lock();
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let gradients = module.flat_gradients(gradients);
        let weights = updated(self.kind, &mut lanes, &mut moments, module.flat().inner(), gradients);
        module.with_flat(&Tensor::from_inner(weights))
    }

    /// One device only: the gradients of the first are used.
    fn step_multi(&mut self, rate: LearningRate, module: LaneModel<B>, mut gradients: MultiGradientsParams) -> LaneModel<B> {
        match gradients.grads.pop() {
            Some((gradients, _)) => self.step(rate, module, gradients),
            None => module,
        }
    }

    fn to_record(&self) -> Self::Record {}

    fn load_record(self, (): Self::Record) -> Self {
        self
    }
}

/// The weights after one step, all `[K, P]`; counts the step and moves the moments.
///
/// Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019) and SGD with momentum in PyTorch's formulation: L2 decay joins the
/// gradient after clipping, ε is added outside the root, the bias corrections are kept apart.
fn updated<B: Backend>(
    kind: OptimizerKind,
    lanes: &mut [LaneUpdate],
    moments: &mut Moments<B>,
    weights: Tensor<B, 2>,
    gradients: Tensor<B, 2>,
) -> Tensor<B, 2> {
    for lane in lanes.iter_mut() {
        lane.steps += 1;
    }
    let device = weights.device();
    // A number of each lane, rounded from f64 once: [K, 1].
    let column = |number: &dyn Fn(&LaneUpdate) -> f64| {
        let values: Vec<f32> = lanes.iter().map(|lane| number(lane) as f32).collect();
        Tensor::<B, 2>::from_data(TensorData::new(values, [lanes.len(), 1]), &device)
    };
    // Decay is applied where it is 0 too, so that a lane's neighbours do not change its zeros' signs.
    let gradients = clipped(lanes, gradients);
    let (weights, gradients) = match kind {
        OptimizerKind::AdamW => (weights * column(&|lane| 1.0 - lane.rate * lane.config.weight_decay), gradients),
        OptimizerKind::Adam | OptimizerKind::Sgd => {
            let gradients = gradients + weights.clone() * column(&|lane| lane.config.weight_decay);
            (weights, gradients)
        }
    };
    let first = moments.first.clone();
    match (kind, moments.second.clone()) {
        (OptimizerKind::Adam | OptimizerKind::AdamW, Some(second)) => {
            let squares = gradients.clone() * gradients.clone();
            let first = first * column(&|lane| lane.config.beta1) + gradients * column(&|lane| 1.0 - lane.config.beta1);
            let second = second * column(&|lane| lane.config.beta2) + squares * column(&|lane| 1.0 - lane.config.beta2);
            let root = second.clone().sqrt() * column(&|lane| 1.0 / correction(lane.config.beta2, lane.steps).sqrt());
            let step = first.clone() * column(&|lane| lane.rate / correction(lane.config.beta1, lane.steps));
            *moments = Moments { first, second: Some(second) };
            weights - step / (root + column(&|lane| lane.config.epsilon))
        }
        (OptimizerKind::Sgd, _) | (_, None) => {
            let velocity = first * column(&|lane| lane.config.momentum) + gradients;
            moments.first = velocity.clone();
            weights - velocity * column(&|lane| lane.rate)
        }
    }
}

/// Adam's bias correction `1 − βᵗ`.
fn correction(beta: f64, steps: u64) -> f64 {
    1.0 - beta.powf(steps as f64)
}

/// Scales each lane's gradient down to its norm's limit, as PyTorch's `clip_grad_norm_`: `min(1, limit / (norm + 1e-6))`.
fn clipped<B: Backend>(lanes: &[LaneUpdate], gradients: Tensor<B, 2>) -> Tensor<B, 2> {
    if lanes.iter().all(|lane| lane.config.clip_norm.is_none()) {
        return gradients;
    }
    let device = gradients.device();
    let limits: Vec<f32> = lanes.iter().map(|lane| lane.config.clip_norm.unwrap_or(1.0) as f32).collect();
    let limits = Tensor::<B, 2>::from_data(TensorData::new(limits, [lanes.len(), 1]), &device);
    let unlimited: Vec<bool> = lanes.iter().map(|lane| lane.config.clip_norm.is_none()).collect();
    let unlimited = Tensor::<B, 2, burn::tensor::Bool>::from_data(TensorData::new(unlimited, [lanes.len(), 1]), &device);
    let norms = (gradients.clone() * gradients.clone()).sum_dim(1).sqrt(); // [K, 1]
    let factors = (limits / (norms + 1e-6)).clamp_max(1.0).mask_fill(unlimited, 1.0);
    gradients * factors
}

#[cfg(test)]
mod tests;
