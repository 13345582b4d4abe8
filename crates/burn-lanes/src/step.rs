//! One step as Burn's `Learner` knows it: a batch in, gradients and sums out.

use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};
use rayon::prelude::*;

use crate::loss::{sums, window_losses};
use crate::model::LaneModel;
use crate::op::{LstmBackend, LstmKernels};
use crate::{Loss, Shape, random};

/// What a step trains on or validates.
#[derive(Clone, Debug)]
pub(crate) struct Batch<B: Backend> {
    /// `[T, K, B, F]`.
    pub(crate) inputs: Tensor<B, 4>,
    /// `[K, B]`.
    pub(crate) targets: Tensor<B, 2>,
    /// See [`LaneModel::forward`].
    pub(crate) masks: Vec<Tensor<B, 4>>,
    /// What is minimised.
    pub(crate) loss: Loss,
}

/// Sums over a batch's windows, `[K, 3]`: loss, squared error, absolute error. They stay on the device.
#[derive(Clone, Debug)]
pub(crate) struct Sums<B: Backend>(pub(crate) Tensor<B, 2>);

impl<B: Backend> ItemLazy for Sums<B> {
    type ItemSync = Self;

    fn sync(self) -> Self {
        self
    }
}

impl<B: LstmBackend> Batch<B> {
    /// Forecasts minus targets, `[K, B]`.
    fn errors(self, model: &LaneModel<B>) -> Tensor<B, 2> {
        model.forward(self.inputs, self.masks) - self.targets
    }

    /// Sums over the batch without gradients, `[K, 3]`.
    pub(crate) fn validate(self, model: &LaneModel<B>) -> Tensor<B, 2> {
        let loss = self.loss;
        sums(loss, self.errors(model))
    }
}

impl<B: LstmKernels> TrainStep for LaneModel<Autodiff<B>> {
    type Input = Batch<Autodiff<B>>;
    type Output = Sums<B>;

    /// The gradient of the lanes' mean losses' sum: lanes share no weight, so each gets exactly its own.
    fn step(&self, batch: Self::Input) -> TrainOutput<Self::Output> {
        let loss = batch.loss;
        let windows = batch.targets.dims()[1];
        let errors = batch.errors(self);
        let seen = sums(loss, errors.clone().inner());
        let objective = window_losses(loss, errors).sum() / windows as f64;
        TrainOutput::new(self, objective.backward(), Sums(seen))
    }
}

impl<B: LstmKernels> InferenceStep for LaneModel<B> {
    type Input = Batch<B>;
    type Output = Sums<B>;

    fn step(&self, batch: Self::Input) -> Self::Output {
        Sums(batch.validate(self))
    }
}

/// A mask for the outputs of each layer but the last, `[T, K, B, H]`; none when no lane drops anything. `lanes` holds each lane's
/// seed, steps taken and probability of a zero.
pub(crate) fn dropout_masks<B: LstmKernels>(
    shape: &Shape,
    lanes: &[(u64, u64, f64)],
    batch: usize,
    device: &B::Device,
) -> Vec<Tensor<Autodiff<B>, 4>> {
    if lanes.iter().all(|(_, _, dropout)| *dropout == 0.0) {
        return Vec::new();
    }
    let (time, row) = (shape.window, batch * shape.hidden);
    let mask = |layer: usize| {
        let mut values = vec![1.0; time * lanes.len() * row];
        let mut of_lanes: Vec<Vec<&mut [f32]>> = lanes.iter().map(|_| Vec::with_capacity(time)).collect();
        for (index, step) in values.chunks_exact_mut(row).enumerate() {
            of_lanes[index % lanes.len()].push(step);
        }
        // A lane's stream is its own: lanes are drawn in parallel.
        of_lanes.into_par_iter().zip(lanes).filter(|(_, (_, _, dropout))| *dropout > 0.0).for_each(
            |(steps, (seed, step, dropout))| {
                let mut drawn = Vec::with_capacity(time * row);
                random::dropout_mask(*seed, *step, layer as u64, time * row, 1.0 - dropout, &mut drawn);
                for (step, drawn) in steps.into_iter().zip(drawn.chunks_exact(row)) {
                    step.copy_from_slice(drawn);
                }
            },
        );
        let mask = TensorData::new(values, [time, lanes.len(), batch, shape.hidden]);
        Tensor::from_inner(Tensor::<B, 4>::from_data(mask, device))
    };
    (0..shape.layers - 1).map(mask).collect()
}
