//! Between tensors of a CPU backend and slices.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{TensorData, TensorMetadata};

use super::head;
use super::network::Network;
use super::pass::Pass;
use super::simd::InstructionSet;
use super::tile::Data;
use super::update;
use crate::OptimizerKind;
use crate::data::Batch;
use crate::loss::Objective;
use crate::loss::SUMS;
use crate::op::{Gradient, LaneNumbers, LstmBackend, UpdateRows, primitive};

/// A backend whose float tensors are f32 in the host's memory.
pub(super) trait Host: Backend {
    /// The same tensor, its values in order and without gaps.
    fn contiguous(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The values of a tensor that [`Host::contiguous`] gave.
    fn values(tensor: &FloatTensor<Self>) -> &[f32];

    /// The values in order; without a copy if nobody else holds the tensor.
    fn into_values(tensor: FloatTensor<Self>) -> Vec<f32>;
}

impl<B: Host> LstmBackend for B {
    fn forecasts(batch: &Batch<Self>, weights: FloatTensor<Self>) -> FloatTensor<Self> {
        forecasts(InstructionSet::chosen(), batch, weights)
    }

    fn sums(batch: &Batch<Self>, weights: FloatTensor<Self>) -> FloatTensor<Self> {
        sums(InstructionSet::chosen(), batch, weights)
    }

    fn gradient(batch: &Batch<Self>, weights: FloatTensor<Self>) -> Gradient<Self> {
        gradient(InstructionSet::chosen(), batch, weights)
    }

    fn update(
        kind: OptimizerKind,
        lanes: &[LaneNumbers],
        rows: UpdateRows<Self>,
        gradients: FloatTensor<Self>,
    ) -> UpdateRows<Self> {
        let dims = gradients.shape();
        let device = B::float_device(&gradients);
        let gradients = B::contiguous(gradients);
        let mut after = update::Rows {
            weights: B::into_values(rows.weights),
            first: B::into_values(rows.first),
            second: rows.second.map(B::into_values),
        };
        update::update(InstructionSet::chosen(), kind, lanes, &mut after, B::values(&gradients));
        let tensor = |values| B::float_from_data(TensorData::new(values, dims.clone()), &device);
        UpdateRows {
            weights: tensor(after.weights),
            first: tensor(after.first),
            second: after.second.map(tensor),
        }
    }
}

/// See [`LstmBackend::forecasts`].
pub(super) fn forecasts<B: Host>(
    set: InstructionSet,
    batch: &Batch<B>,
    weights: FloatTensor<B>,
) -> FloatTensor<B> {
    let arguments = Arguments::new(batch, weights);
    arguments.tensor(
        arguments.pass(set, batch).forecasts(),
        [batch.lanes, batch.windows.count() * batch.shape.head.outputs()],
    )
}

/// See [`LstmBackend::sums`].
pub(super) fn sums<B: Host>(
    set: InstructionSet,
    batch: &Batch<B>,
    weights: FloatTensor<B>,
) -> FloatTensor<B> {
    let arguments = Arguments::new(batch, weights);
    let pass = arguments.pass(set, batch);
    let forecasts = pass.forecasts();
    arguments.tensor(
        lane_sums(&pass, &forecasts).flatten().map(|sum| sum as f32).collect(),
        [batch.lanes, SUMS],
    )
}

/// See [`LstmBackend::gradient`].
pub(super) fn gradient<B: Host>(
    set: InstructionSet,
    batch: &Batch<B>,
    weights: FloatTensor<B>,
) -> Gradient<B> {
    let arguments = Arguments::new(batch, weights);
    let pass = arguments.pass(set, batch);
    let (forecasts, gradient) = pass.gradient();
    let sums: Vec<[f64; SUMS]> = lane_sums(&pass, &forecasts).collect();
    let windows = batch.windows.count();
    let columns = gradient.len() / batch.lanes.max(1);
    Gradient {
        losses: arguments.tensor(
            sums.iter().map(|[loss, ..]| (loss / windows as f64) as f32).collect(),
            [batch.lanes],
        ),
        sums: arguments
            .tensor(sums.iter().flatten().map(|&sum| sum as f32).collect(), [batch.lanes, SUMS]),
        weights: arguments.tensor(gradient, [batch.lanes, columns]),
    }
}

/// Each lane's sums, from forecasts `[K, B, Q]`.
fn lane_sums(pass: &Pass<'_>, forecasts: &[f32]) -> impl Iterator<Item = [f64; SUMS]> {
    let of_lane = forecasts.len() / pass.ends.len().max(1);
    pass.ends.iter().zip(forecasts.chunks(of_lane.max(1))).map(|(ends, forecasts)| {
        let targets = ends.iter().map(|&end| pass.data.target[end as usize]);
        head::sums(&pass.objective, forecasts, targets)
    })
}

/// Tensors whose values are contiguous.
struct Arguments<B: Host> {
    features: FloatTensor<B>,
    target: FloatTensor<B>,
    weights: FloatTensor<B>,
}

impl<B: Host> Arguments<B> {
    fn new(batch: &Batch<B>, weights: FloatTensor<B>) -> Self {
        Self {
            features: B::contiguous(primitive(batch.series.features.clone())),
            target: B::contiguous(primitive(batch.series.target.clone())),
            weights: B::contiguous(weights),
        }
    }

    fn pass<'a>(&'a self, set: InstructionSet, batch: &'a Batch<B>) -> Pass<'a> {
        Pass {
            network: Network::new(set, &batch.shape),
            objective: Objective::of(&batch.shape),
            data: Data { features: B::values(&self.features), target: B::values(&self.target) },
            ends: (0..batch.lanes).map(|lane| batch.windows.of_lane(lane)).collect(),
            weights: B::values(&self.weights),
            dropout: &batch.dropout,
        }
    }

    /// A tensor beside the arguments.
    fn tensor<const D: usize>(&self, values: Vec<f32>, dims: [usize; D]) -> FloatTensor<B> {
        B::float_from_data(TensorData::new(values, dims), &B::float_device(&self.weights))
    }
}
