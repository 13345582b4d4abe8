//! A pack's whole network as one operation with a gradient of its own: from window numbers and
//! weights to losses and gradients.
//!
//! Burn's autodiff costs more per operation than a small LSTM's arithmetic, and what a pack keeps
//! for its backward pass is larger than any cache. So the operation is all that lies between the
//! resident series and the loss: windows are gathered, go through the layers, dropout and the head,
//! and come back as the gradient of the weights. [`LstmBackend`] is the boundary behind which a
//! backend puts fused kernels; [`reference`] composes the same of Burn's operations, for any
//! backend.
//!
//! Axes: K lanes, T time steps, B windows, F inputs, H units, Q outputs of the head (one for a
//! point), P weights of a lane. Weights are rows `[K, P]`, laid out as [`crate::model::layout`]
//! says: matrices `[inputs, 4H]` with PyTorch's gates i, f, g, o along the columns, and one bias,
//! the sum of PyTorch's two.

mod autodiff;
mod cpu;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod cube;
mod reference;
mod update;

pub(crate) use autodiff::losses;
pub(crate) use cpu::{InstructionSet, buffers, release_memory};
pub use cpu::{Peak, fma_peak};
pub(crate) use update::{LaneNumbers, UpdateRows};

use burn::tensor::backend::{Backend, ExecutionError};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Int, Tensor, TensorData, TensorPrimitive};

use crate::data::Batch;
use crate::{DeviceFailure, OptimizerKind};

/// What a training step needs to know of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Gradient<B: Backend> {
    /// Mean loss of each lane, `[K]`.
    pub(crate) losses: FloatTensor<B>,
    /// Sums over the windows, `[K, 3]`: loss, and squared and absolute error of the point forecast.
    pub(crate) sums: FloatTensor<B>,
    /// Gradient of each lane's mean loss, `[K, P]`.
    pub(crate) weights: FloatTensor<B>,
}

/// The network's passes and the optimizer's step on a plain backend. The defaults are composed of
/// Burn's operations.
///
/// `weights` are `[K, P]` throughout. Lanes do not mix: what a lane gets does not depend on the
/// others.
pub(crate) trait LstmBackend: Backend {
    /// Forecasts, `[K, B·Q]`, a window's outputs side by side, without dropout.
    fn forecasts(batch: &Batch<Self>, weights: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::forecasts(batch, weights)
    }

    /// Sums over the windows, `[K, 3]`, without dropout: loss, and squared and absolute error of
    /// the point forecast.
    fn sums(batch: &Batch<Self>, weights: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::sums(batch, weights)
    }

    /// Losses, sums and the gradient, with dropout where the batch has any.
    fn gradient(batch: &Batch<Self>, weights: FloatTensor<Self>) -> Gradient<Self> {
        reference::gradient(batch, weights)
    }

    /// A step of the optimizer over the lanes' rows, `[K, P]` as the gradients are.
    fn update(
        kind: OptimizerKind,
        lanes: &[LaneNumbers],
        rows: UpdateRows<Self>,
        gradients: FloatTensor<Self>,
    ) -> UpdateRows<Self> {
        update::composed(kind, lanes, rows, gradients)
    }

    /// Rows of a matrix, in this order.
    fn select_rows(rows: Tensor<Self, 2>, positions: &[usize]) -> Tensor<Self, 2> {
        let numbers: Vec<i32> = positions.iter().map(|&position| position as i32).collect();
        let positions = Tensor::<Self, 1, Int>::from_data(
            TensorData::new(numbers, [positions.len()]),
            &rows.device(),
        );
        rows.select(0, positions)
    }

    /// What was read, if nothing that this backend was asked for has failed. Synchronises the
    /// device. The host cannot fail.
    ///
    /// # Errors
    /// When anything has failed so far.
    fn checked<T>(
        _device: &Self::Device,
        read: Result<T, ExecutionError>,
    ) -> Result<T, DeviceFailure> {
        read.map_err(|error| DeviceFailure::of_text(&error.to_string()))
    }

    /// Whether a failure has been noted; without waiting for the device, unless one has.
    ///
    /// # Errors
    /// When one has.
    fn noted(_device: &Self::Device) -> Result<(), DeviceFailure> {
        Ok(())
    }

    /// Synchronises the device, and asks whether it still computes: `number` makes the question
    /// another than the last.
    ///
    /// # Errors
    /// When anything has failed so far, or the answer is wrong.
    fn health(_device: &Self::Device, _number: usize) -> Result<(), DeviceFailure> {
        Ok(())
    }
}

/// The tensor around a primitive.
pub(crate) fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// The primitive within a tensor.
pub(crate) fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
