//! Adam, AdamW and SGD over the lanes of a pack: one update of all weights, each lane with its own
//! numbers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::optim::lr_scheduler::LrScheduler;
use burn::optim::{GradientsParams, LearningRate, MultiGradientsParams, Optimizer};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::model::LaneModel;
use crate::op::{LaneNumbers, LstmBackend, UpdateRows, primitive, tensor};
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

/// The lanes' numbers, shared by scheduler, optimizer and training loop: a `Learner` hands none of
/// its parts out again.
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
/// Burn's own scalar rate cannot say what K lanes need; it is the first lane's, for display. The
/// state is in the [`LaneTable`] and is saved with the lanes, so the record is empty.
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

/// Burn's optimizer seat. Clones share their state, which is saved with the lanes: the record is
/// empty.
#[derive(Clone, Debug)]
pub(crate) struct LaneOptimizer<B: AutodiffBackend> {
    kind: OptimizerKind,
    table: LaneTable,
    moments: Arc<Mutex<Moments<B::InnerBackend>>>,
}

impl<B: AutodiffBackend> LaneOptimizer<B> {
    /// An optimizer that goes on from these moments.
    pub(crate) fn new(
        kind: OptimizerKind,
        table: LaneTable,
        moments: Moments<B::InnerBackend>,
    ) -> Self {
        Self { kind, table, moments: Arc::new(Mutex::new(moments)) }
    }

    /// The moments now.
    pub(crate) fn moments(&self) -> Moments<B::InnerBackend> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<B: AutodiffBackend> Optimizer<LaneModel<B>, B> for LaneOptimizer<B>
where
    B::InnerBackend: LstmBackend,
{
    type Record = ();

    fn step(
        &mut self,
        _: LearningRate,
        module: LaneModel<B>,
        gradients: GradientsParams,
    ) -> LaneModel<B> {
        let mut lanes = self.table.lock();
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let gradients = module.gradients(gradients);
        let weights =
            updated(self.kind, &mut lanes, &mut moments, module.weights.val().inner(), gradients);
        module.with_weights(Tensor::from_inner(weights))
    }

    /// One device only: the gradients of the first are used.
    fn step_multi(
        &mut self,
        rate: LearningRate,
        module: LaneModel<B>,
        mut gradients: MultiGradientsParams,
    ) -> LaneModel<B> {
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
fn updated<B: LstmBackend>(
    kind: OptimizerKind,
    lanes: &mut [LaneUpdate],
    moments: &mut Moments<B>,
    weights: Tensor<B, 2>,
    gradients: Tensor<B, 2>,
) -> Tensor<B, 2> {
    for lane in lanes.iter_mut() {
        lane.steps += 1;
    }
    let numbers: Vec<_> = lanes.iter().map(numbers).collect();
    // Taken out, not cloned, so that a backend may change them in place.
    let first = std::mem::replace(&mut moments.first, weights.clone());
    let second = moments.second.take();
    let rows = UpdateRows {
        weights: primitive(weights),
        first: primitive(first),
        second: second.map(primitive),
    };
    let UpdateRows { weights, first, second } =
        B::update(kind, &numbers, rows, primitive(gradients));
    *moments = Moments { first: tensor(first), second: second.map(tensor) };
    tensor(weights)
}

/// A lane's numbers for its step.
fn numbers(lane: &LaneUpdate) -> LaneNumbers {
    let LaneUpdate { ref config, rate, steps, schedule: _ } = *lane;
    LaneNumbers {
        clip_norm: config.clip_norm.map(|limit| limit as f32),
        rate: rate as f32,
        shrinkage: (1.0 - rate * config.weight_decay) as f32,
        decay: config.weight_decay as f32,
        momentum: config.momentum as f32,
        beta1: config.beta1 as f32,
        beta1_rest: (1.0 - config.beta1) as f32,
        beta2: config.beta2 as f32,
        beta2_rest: (1.0 - config.beta2) as f32,
        corrected_rate: (rate / correction(config.beta1, steps)) as f32,
        root_scale: (1.0 / correction(config.beta2, steps).sqrt()) as f32,
        epsilon: config.epsilon as f32,
    }
}

/// Adam's bias correction `1 − βᵗ`.
fn correction(beta: f64, steps: u64) -> f64 {
    1.0 - beta.powf(steps as f64)
}

#[cfg(test)]
mod tests;
