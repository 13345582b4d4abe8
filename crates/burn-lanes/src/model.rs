//! K stacked LSTMs with linear heads: what their weights are, and how they lie.
//!
//! Gates stand in PyTorch's order i, f, g, o; there is one bias, the sum of PyTorch's two.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::{Shape, Weight, Weights, random};

/// The models of a pack: all weights of a lane in one row, laid out as [`Shape::layout`] says, so
/// that a step neither cuts nor joins them.
#[derive(Module, Debug)]
pub(crate) struct LaneModel<B: Backend> {
    pub(crate) weights: Param<Tensor<B, 2>>, // [K, P]
}

impl<B: Backend> LaneModel<B> {
    /// The models whose weights are these rows, `[K, P]`.
    pub(crate) fn new(weights: Tensor<B, 2>) -> Self {
        Self { weights: Param::from_tensor(weights) }
    }

    /// The same module with other values.
    pub(crate) fn with_weights(self, weights: Tensor<B, 2>) -> Self {
        Self { weights: self.weights.map(|old| weights.set_require_grad(old.is_require_grad())) }
    }
}

impl<B: AutodiffBackend> LaneModel<B> {
    /// The gradients of the rows, `[K, P]`; 0 where there are none.
    pub(crate) fn gradients(&self, mut gradients: GradientsParams) -> Tensor<B::InnerBackend, 2> {
        match gradients.remove::<B::InnerBackend, 2>(self.weights.id) {
            Some(gradient) => gradient,
            None => self.weights.val().inner().zeros_like(),
        }
    }
}

/// Weights of one lane.
pub(crate) fn parameters(shape: &Shape) -> usize {
    shape.layout().iter().map(|(_, dims)| dims.iter().product::<usize>()).sum()
}

/// Initial weights of one lane, flat: uniform in ±1/√H, as PyTorch's `nn.LSTM` and `nn.Linear` draw
/// them (its two biases are folded into one, which is drawn once).
pub(crate) fn initial_weights(shape: &Shape, seed: u64) -> Vec<f32> {
    let bound = 1.0 / (shape.hidden as f64).sqrt();
    let sizes = shape.layout().into_iter().map(|(_, dims)| dims.iter().product::<usize>());
    sizes
        .enumerate()
        .flat_map(|(index, size)| random::uniform(seed, index as u64, size, bound))
        .collect()
}

/// Named weights from flat values.
pub(crate) fn named(shape: &Shape, flat: &[f32]) -> Weights {
    let mut rest = flat;
    let named = shape.layout().into_iter().map(|(name, dims)| {
        let (values, after) = rest.split_at(dims.iter().product());
        rest = after;
        Weight { name, shape: dims, values: values.to_vec() }
    });
    Weights(named.collect())
}

/// Flat values from named weights.
///
/// # Errors
/// What does not fit the shape, for a person.
pub(crate) fn flat_values(shape: &Shape, weights: &Weights) -> Result<Vec<f32>, String> {
    weights.check(shape)?;
    Ok(weights.0.iter().flat_map(|weight| weight.values.iter().copied()).collect())
}

/// Rows as one tensor, `[K, P]`.
pub(crate) fn rows_tensor<B: Backend>(rows: &[Vec<f32>], device: &B::Device) -> Tensor<B, 2> {
    let columns = rows.first().map_or(0, Vec::len);
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), columns]), device)
}
