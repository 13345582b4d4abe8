//! One LSTM layer over all lanes and all time steps of a pack, as one operation with a gradient of its own.
//!
//! Burn's autodiff costs more per operation than a small LSTM's arithmetic, so a layer is one node of its graph. [`LstmKernels`] is
//! the boundary behind which a backend may put fused kernels; [`reference`] serves every backend.
//!
//! Axes: K lanes, T time steps, B windows, F inputs, H units. Sequences are `[T, K, B, ·]`, so that a time step is contiguous.
//! Gates stand in PyTorch's order i, f, g, o along the last axis of the weights; there is one bias, the sum of PyTorch's two.

mod autodiff;
mod cpu;
mod reference;
mod update;

pub(crate) use cpu::release_memory;
pub use cpu::{Peak, fma_peak};
pub(crate) use update::{LaneNumbers, UpdateRows};

use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive, backend::Backend};

use crate::OptimizerKind;

/// What a layer computes from.
#[derive(Clone, Debug)]
pub(crate) struct LstmArgs<B: Backend> {
    /// `[T, K, B, F]`.
    pub(crate) input: FloatTensor<B>,
    /// `[K, F, 4H]`.
    pub(crate) w_input: FloatTensor<B>,
    /// `[K, H, 4H]`.
    pub(crate) w_hidden: FloatTensor<B>,
    /// `[K, 4H]`.
    pub(crate) bias: FloatTensor<B>,
    /// Which outputs are wanted.
    pub(crate) emit: Emit,
}

/// Which time steps of a layer's output are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emit {
    /// All: `[T, K, B, H]`.
    Sequence,
    /// The last: `[1, K, B, H]`.
    Last,
}

/// Which gradients are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those of the weights: the input is data.
    Weights,
    /// Those of the weights and of the input.
    WeightsAndInput,
}

/// What a forward pass keeps for its backward pass; which tensors these are is between the two.
#[derive(Clone, Debug)]
pub(crate) struct Saved<B: Backend>(pub(crate) Vec<FloatTensor<B>>);

/// Gradients of a layer, each in the shape of what it is the gradient of.
#[derive(Debug)]
pub(crate) struct LstmGradients<B: Backend> {
    /// `None` unless wanted.
    pub(crate) input: Option<FloatTensor<B>>,
    pub(crate) w_input: FloatTensor<B>,
    pub(crate) w_hidden: FloatTensor<B>,
    pub(crate) bias: FloatTensor<B>,
}

/// The layer's passes and the optimizer's step on a plain backend. The defaults are composed of Burn's operations.
pub(crate) trait LstmKernels: Backend {
    /// The output, with nothing kept.
    fn lstm_forward(args: LstmArgs<Self>) -> FloatTensor<Self> {
        reference::forward(args)
    }

    /// The output, and what [`LstmKernels::lstm_backward`] needs.
    fn lstm_forward_saving(args: LstmArgs<Self>) -> (FloatTensor<Self>, Saved<Self>) {
        reference::forward_saving(args)
    }

    /// Gradients from the gradient of the output.
    fn lstm_backward(args: LstmArgs<Self>, saved: Saved<Self>, output: FloatTensor<Self>, wanted: Wanted) -> LstmGradients<Self> {
        reference::backward(args, saved, output, wanted)
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
}

#[cfg(feature = "wgpu")]
impl LstmKernels for burn::backend::Wgpu {}
#[cfg(feature = "cuda")]
impl LstmKernels for burn::backend::Cuda {}

/// A backend, with or without autodiff, that knows the layer.
pub(crate) trait LstmBackend: Backend {
    /// See [`LstmArgs`].
    fn lstm(args: LstmArgs<Self>) -> FloatTensor<Self>;
}

impl<B: LstmKernels> LstmBackend for B {
    fn lstm(args: LstmArgs<Self>) -> FloatTensor<Self> {
        B::lstm_forward(args)
    }
}

/// A layer: input `[T, K, B, F]`, weights `[K, F, 4H]`, `[K, H, 4H]`, `[K, 4H]`, output as [`Emit`] says.
pub(crate) fn lstm<B: LstmBackend>(
    input: Tensor<B, 4>,
    w_input: Tensor<B, 3>,
    w_hidden: Tensor<B, 3>,
    bias: Tensor<B, 2>,
    emit: Emit,
) -> Tensor<B, 4> {
    tensor(B::lstm(LstmArgs {
        input: primitive(input),
        w_input: primitive(w_input),
        w_hidden: primitive(w_hidden),
        bias: primitive(bias),
        emit,
    }))
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
mod tests;
