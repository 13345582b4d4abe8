//! The network composed of Burn's operations, its gradient by hand: for any backend, and the oracle
//! of fused kernels.

mod layer;

use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData, backend::Backend};

use self::layer::{Layer, LayerGradients, Wanted};
use super::{Gradient, primitive, tensor};
use crate::data::{Batch, Gathered};
use crate::loss::{Objective, error_gradients, sums as sums_of, window_losses};

/// See [`super::LstmBackend::forecasts`].
pub(super) fn forecasts<B: Backend>(batch: &Batch<B>, weights: FloatTensor<B>) -> FloatTensor<B> {
    let network = Network::new(batch, tensor(weights));
    let forecasts = network.forecasts(batch.gather().inputs); // [K, B, Q]
    primitive(forecasts.flatten::<2>(1, 2))
}

/// See [`super::LstmBackend::sums`].
pub(super) fn sums<B: Backend>(batch: &Batch<B>, weights: FloatTensor<B>) -> FloatTensor<B> {
    let network = Network::new(batch, tensor(weights));
    let Gathered { inputs, targets } = batch.gather();
    primitive(sums_of(
        &Objective::of(&batch.shape),
        network.forecasts(inputs) - targets.unsqueeze_dim(2),
    ))
}

/// See [`super::LstmBackend::gradient`].
pub(super) fn gradient<B: Backend>(batch: &Batch<B>, weights: FloatTensor<B>) -> Gradient<B> {
    let network = Network::new(batch, tensor(weights));
    let Gathered { inputs, targets } = batch.gather();
    let [time, lanes, windows, _] = inputs.dims();
    let (hidden, objective) = (batch.shape.hidden, Objective::of(&batch.shape));
    let masks = masks(batch, &inputs.device());

    let mut sequences = vec![inputs]; // what each layer was given, [T, K, B, ·]
    let mut steps = Vec::with_capacity(network.layers.len());
    for (number, layer) in network.layers.iter().enumerate() {
        let mut of_layer = Vec::with_capacity(time);
        layer::forward(layer, &sequences[number], |step| of_layer.push(step));
        if number + 1 < network.layers.len() {
            let outputs =
                Tensor::stack::<4>(of_layer.iter().map(|step| step.h.clone()).collect(), 0);
            sequences.push(match masks.get(number) {
                Some(mask) => outputs * mask.clone(),
                None => outputs,
            });
        }
        steps.push(of_layer);
    }
    let last = steps.last().and_then(|steps| steps.last()).map(|step| step.h.clone());
    // [K, B, H]
    let last = last.unwrap_or_else(|| Tensor::zeros([lanes, windows, hidden], &targets.device()));
    let errors = network.head(last.clone()) - targets.unsqueeze_dim(2); // [K, B, Q]
    let losses =
        window_losses(&objective, errors.clone()).sum_dim(1).reshape([lanes]) / windows as f64;

    let d = error_gradients(&objective, errors.clone()) / windows as f64; // [K, B, Q]
    let d_head: Tensor<B, 3> = d.clone().transpose().matmul(last); // [K, Q, H]
    let outputs = objective.outputs();
    // from the last weight to the first
    let mut rows = vec![d.clone().sum_dim(1).reshape([lanes, outputs]), d_head.flatten(1, 2)];
    let mut outside = d.matmul(network.head_weight.clone()).unsqueeze_dim::<4>(0); // [1, K, B, H]
    for number in (0..network.layers.len()).rev() {
        let wanted = if number == 0 { Wanted::Weights } else { Wanted::WeightsAndInput };
        let (Some(x), Some(steps)) = (sequences.pop(), steps.pop()) else { break };
        let LayerGradients { input, w_input, w_hidden, bias } =
            layer::backward(&network.layers[number], x, steps, &outside, wanted);
        rows.extend([bias, w_hidden.flatten(1, 2), w_input.flatten(1, 2)]);
        if let (Some(input), Some(mask)) =
            (&input, number.checked_sub(1).and_then(|below| masks.get(below)))
        {
            outside = input.clone() * mask.clone();
        } else if let Some(input) = input {
            outside = input;
        }
    }
    rows.reverse();
    Gradient {
        losses: primitive(losses),
        sums: primitive(sums_of(&objective, errors)),
        weights: primitive(Tensor::<B, 2>::cat(rows, 1)),
    }
}

/// The weights, cut from their rows.
struct Network<B: Backend> {
    layers: Vec<Layer<B>>,
    head_weight: Tensor<B, 3>, // [K, Q, H]
    head_bias: Tensor<B, 2>,   // [K, Q]
}

impl<B: Backend> Network<B> {
    fn new(batch: &Batch<B>, weights: Tensor<B, 2>) -> Self {
        let shape = &batch.shape;
        let lanes = weights.dims()[0];
        let mut start = 0;
        let mut next = |size: usize| {
            start += size;
            weights.clone().slice([0..lanes, start - size..start])
        };
        let gates = 4 * shape.hidden;
        let layers = (0..shape.layers)
            .map(|layer| {
                let inputs = shape.inputs_of(layer);
                Layer {
                    w_input: next(inputs * gates).reshape([lanes, inputs, gates]),
                    w_hidden: next(shape.hidden * gates).reshape([lanes, shape.hidden, gates]),
                    bias: next(gates),
                }
            })
            .collect();
        let outputs = shape.head.outputs();
        let head_weight = next(outputs * shape.hidden).reshape([lanes, outputs, shape.hidden]);
        Self { layers, head_weight, head_bias: next(outputs) }
    }

    /// Forecasts `[K, B, Q]` of windows `[T, K, B, F]`.
    fn forecasts(&self, inputs: Tensor<B, 4>) -> Tensor<B, 3> {
        let [_, lanes, windows, _] = inputs.dims();
        let mut sequence = inputs;
        for layer in &self.layers {
            let mut outputs = Vec::new();
            layer::forward(layer, &sequence, |step| outputs.push(step.h));
            sequence = Tensor::stack::<4>(outputs, 0); // [T, K, B, H]
        }
        let [time, .., hidden] = sequence.dims();
        self.head(sequence.slice(time - 1..time).reshape([lanes, windows, hidden]))
    }

    /// Forecasts `[K, B, Q]` from the last hidden states, `[K, B, H]`.
    fn head(&self, last: Tensor<B, 3>) -> Tensor<B, 3> {
        last.matmul(self.head_weight.clone().transpose()) + self.head_bias.clone().unsqueeze_dim(1)
    }
}

/// A mask for the outputs of each layer but the last, `[T, K, B, H]`; none when no lane drops
/// anything.
fn masks<B: Backend>(batch: &Batch<B>, device: &B::Device) -> Vec<Tensor<B, 4>> {
    let Batch { shape, dropout, .. } = batch;
    if dropout.is_empty() {
        return Vec::new();
    }
    let (time, windows, hidden) = (shape.window, batch.windows.count(), shape.hidden);
    let mask = |layer: usize| {
        let mut values = Vec::with_capacity(time * dropout.len() * windows * hidden);
        for t in 0..time {
            for lane in dropout {
                let place = |index: usize| (index / hidden, index % hidden);
                values.extend((0..windows * hidden).map(place).map(|(row, unit)| {
                    lane.factor(crate::random::MaskPlace {
                        layer,
                        t,
                        row,
                        rows: windows,
                        unit,
                        units: hidden,
                    })
                }));
            }
        }
        Tensor::from_data(TensorData::new(values, [time, dropout.len(), windows, hidden]), device)
    };
    (0..shape.layers - 1).map(mask).collect()
}
