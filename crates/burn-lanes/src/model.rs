//! K stacked LSTMs with linear heads, their weights stacked along a leading lane axis.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::op::{Emit, LstmBackend, lstm};
use crate::{Shape, Weight, Weights, random};

/// The models of a pack. Gates stand in PyTorch's order i, f, g, o; there is one bias, the sum of PyTorch's two.
#[derive(Module, Debug)]
pub(crate) struct LaneModel<B: Backend> {
    layers: Vec<LstmLayer<B>>,
    head_weight: Param<Tensor<B, 2>>, // [K, H]
    head_bias: Param<Tensor<B, 2>>,   // [K, 1]
}

#[derive(Module, Debug)]
struct LstmLayer<B: Backend> {
    w_input: Param<Tensor<B, 3>>,  // [K, F, 4H]
    w_hidden: Param<Tensor<B, 3>>, // [K, H, 4H]
    bias: Param<Tensor<B, 2>>,     // [K, 4H]
}

impl<B: LstmBackend> LaneModel<B> {
    /// Forecasts `[K, B]` from windows `[T, K, B, F]`. `masks` are multiplied onto the outputs of all layers but the last,
    /// `[T, K, B, H]` each; none for no dropout.
    pub(crate) fn forward(&self, inputs: Tensor<B, 4>, masks: Vec<Tensor<B, 4>>) -> Tensor<B, 2> {
        let mut sequence = inputs;
        let mut masks = masks.into_iter();
        for (number, layer) in self.layers.iter().enumerate() {
            let is_last = number + 1 == self.layers.len();
            let emit = if is_last { Emit::Last } else { Emit::Sequence };
            sequence = lstm(sequence, layer.w_input.val(), layer.w_hidden.val(), layer.bias.val(), emit);
            if let (false, Some(mask)) = (is_last, masks.next()) {
                sequence = sequence * mask;
            }
        }
        let [_, lanes, batch, hidden] = sequence.dims();
        let h = sequence.reshape([lanes, batch, hidden]);
        let forecasts = h.matmul(self.head_weight.val().unsqueeze_dim(2)); // [K, B, 1]
        forecasts.reshape([lanes, batch]) + self.head_bias.val()
    }
}

impl<B: Backend> LaneModel<B> {
    /// The models whose weights are the rows of `flat`, `[K, P]`, laid out as [`layout`] says.
    pub(crate) fn from_flat(shape: &Shape, flat: &Tensor<B, 2>) -> Self {
        let lanes = flat.dims()[0];
        let mut start = 0;
        let mut next = |size: usize| {
            start += size;
            flat.clone().slice([0..lanes, start - size..start])
        };
        let gates = 4 * shape.hidden;
        let layers = (0..shape.layers)
            .map(|layer| {
                let inputs = inputs_of(shape, layer);
                LstmLayer {
                    w_input: Param::from_tensor(next(inputs * gates).reshape([lanes, inputs, gates])),
                    w_hidden: Param::from_tensor(next(shape.hidden * gates).reshape([lanes, shape.hidden, gates])),
                    bias: Param::from_tensor(next(gates)),
                }
            })
            .collect();
        Self { layers, head_weight: Param::from_tensor(next(shape.hidden)), head_bias: Param::from_tensor(next(1)) }
    }

    /// The models' weights as rows, `[K, P]`.
    pub(crate) fn flat(&self) -> Tensor<B, 2> {
        let mut rows = Vec::new();
        for LstmLayer { w_input, w_hidden, bias } in &self.layers {
            rows.extend([w_input.val().flatten(1, 2), w_hidden.val().flatten(1, 2), bias.val()]);
        }
        rows.extend([self.head_weight.val(), self.head_bias.val()]);
        Tensor::cat(rows, 1)
    }

    /// The same modules with the rows of `flat` for weights.
    pub(crate) fn with_flat(self, flat: &Tensor<B, 2>) -> Self {
        let lanes = flat.dims()[0];
        let mut start = 0;
        let mut next = |size: usize| {
            start += size;
            flat.clone().slice([0..lanes, start - size..start])
        };
        let Self { layers, head_weight, head_bias } = self;
        let layers = layers
            .into_iter()
            .map(|LstmLayer { w_input, w_hidden, bias }| LstmLayer {
                w_input: replaced(w_input, &mut next),
                w_hidden: replaced(w_hidden, &mut next),
                bias: replaced(bias, &mut next),
            })
            .collect();
        Self { layers, head_weight: replaced(head_weight, &mut next), head_bias: replaced(head_bias, &mut next) }
    }
}

impl<B: AutodiffBackend> LaneModel<B> {
    /// The gradients as rows in the order of [`LaneModel::flat`], `[K, P]`; 0 where a weight has none.
    pub(crate) fn flat_gradients(&self, mut gradients: GradientsParams) -> Tensor<B::InnerBackend, 2> {
        let mut rows = Vec::new();
        for LstmLayer { w_input, w_hidden, bias } in &self.layers {
            rows.extend([gradient(w_input, &mut gradients), gradient(w_hidden, &mut gradients), gradient(bias, &mut gradients)]);
        }
        rows.extend([gradient(&self.head_weight, &mut gradients), gradient(&self.head_bias, &mut gradients)]);
        Tensor::cat(rows, 1)
    }
}

/// A weight with new values, taken from the next columns of flat ones.
fn replaced<B: Backend, const D: usize>(
    weight: Param<Tensor<B, D>>,
    next: &mut impl FnMut(usize) -> Tensor<B, 2>,
) -> Param<Tensor<B, D>> {
    weight.map(|old| {
        let dims = old.dims();
        next(dims[1..].iter().product()).reshape(dims).set_require_grad(old.is_require_grad())
    })
}

/// The gradient of a weight as rows, `[K, its values]`.
fn gradient<B: AutodiffBackend, const D: usize>(
    weight: &Param<Tensor<B, D>>,
    gradients: &mut GradientsParams,
) -> Tensor<B::InnerBackend, 2> {
    let dims = weight.dims();
    let columns = dims[1..].iter().product();
    match gradients.remove::<B::InnerBackend, D>(weight.id) {
        Some(gradient) => gradient.reshape([dims[0], columns]),
        None => Tensor::zeros([dims[0], columns], &weight.device()),
    }
}

/// Name and shape, without the lane axis, of the weights of one lane, in the order of all that is flat here.
pub(crate) fn layout(shape: &Shape) -> Vec<(String, Vec<usize>)> {
    let gates = 4 * shape.hidden;
    let mut weights = Vec::new();
    for layer in 0..shape.layers {
        weights.push((format!("lstm.{layer}.w_input"), vec![inputs_of(shape, layer), gates]));
        weights.push((format!("lstm.{layer}.w_hidden"), vec![shape.hidden, gates]));
        weights.push((format!("lstm.{layer}.bias"), vec![gates]));
    }
    weights.push(("head.weight".to_owned(), vec![shape.hidden]));
    weights.push(("head.bias".to_owned(), vec![1]));
    weights
}

/// Weights of one lane.
pub(crate) fn parameters(shape: &Shape) -> usize {
    layout(shape).iter().map(|(_, dims)| dims.iter().product::<usize>()).sum()
}

/// Initial weights of one lane, flat: uniform in ±1/√H, as PyTorch's `nn.LSTM` and `nn.Linear` draw them (its two biases are
/// folded into one, which is drawn once).
pub(crate) fn initial_weights(shape: &Shape, seed: u64) -> Vec<f32> {
    let bound = 1.0 / (shape.hidden as f64).sqrt();
    let sizes = layout(shape).into_iter().map(|(_, dims)| dims.iter().product::<usize>());
    sizes.enumerate().flat_map(|(index, size)| random::uniform(seed, index as u64, size, bound)).collect()
}

/// Named weights from flat values.
pub(crate) fn named(shape: &Shape, flat: &[f32]) -> Weights {
    let mut rest = flat;
    let named = layout(shape).into_iter().map(|(name, dims)| {
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
    let expected = layout(shape);
    if weights.0.len() != expected.len() {
        return Err(format!("there are {} weights, the model has {}", weights.0.len(), expected.len()));
    }
    let mut flat = Vec::with_capacity(parameters(shape));
    for ((name, dims), weight) in expected.iter().zip(&weights.0) {
        if *name != weight.name || *dims != weight.shape || weight.values.len() != dims.iter().product::<usize>() {
            return Err(format!(
                "weight '{}' of shape {:?} with {} values stands where the model has '{name}' of shape {dims:?}",
                weight.name,
                weight.shape,
                weight.values.len()
            ));
        }
        flat.extend_from_slice(&weight.values);
    }
    Ok(flat)
}

/// Rows as one tensor, `[K, P]`.
pub(crate) fn rows_tensor<B: Backend>(rows: &[Vec<f32>], device: &B::Device) -> Tensor<B, 2> {
    let columns = rows.first().map_or(0, Vec::len);
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), columns]), device)
}

/// Inputs of a layer.
fn inputs_of(shape: &Shape, layer: usize) -> usize {
    if layer == 0 { shape.features } else { shape.hidden }
}
