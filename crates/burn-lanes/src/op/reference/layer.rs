//! A layer over all lanes and time steps, composed of Burn's operations, forward and backward by
//! hand.
//!
//! Sequences are `[T, K, B, ·]`, so that a time step is contiguous. The input's share of the gates
//! is one matmul over all time steps; a step then costs one matmul for its four gates. All four are
//! sigmoids: `tanh(x) = 2σ(2x) − 1`, with the doubling moved into the weights of g, where it is
//! exact.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Tensor, backend::Backend};

use crate::op::{primitive, tensor};

/// What a layer computes from.
#[derive(Clone, Debug)]
pub(super) struct Layer<B: Backend> {
    pub(super) w_input: Tensor<B, 3>,  // [K, F, 4H]
    pub(super) w_hidden: Tensor<B, 3>, // [K, H, 4H]
    pub(super) bias: Tensor<B, 2>,     // [K, 4H]
}

/// Gradients of a layer, each in the shape of what it is the gradient of.
#[derive(Debug)]
pub(super) struct LayerGradients<B: Backend> {
    /// `None` unless wanted.
    pub(super) input: Option<Tensor<B, 4>>,
    pub(super) w_input: Tensor<B, 3>,
    pub(super) w_hidden: Tensor<B, 3>,
    pub(super) bias: Tensor<B, 2>,
}

/// Which gradients are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those of the weights: the input is data.
    Weights,
    /// Those of the weights and of the input.
    WeightsAndInput,
}

/// The activations of one time step, each `[K, B, H]`.
pub(super) struct Step<B: Backend> {
    i: Tensor<B, 3>,
    f: Tensor<B, 3>,
    g: Tensor<B, 3>,
    o: Tensor<B, 3>,
    c: Tensor<B, 3>,
    tanh_c: Tensor<B, 3>,
    pub(super) h: Tensor<B, 3>,
}

/// Runs the steps over an input `[T, K, B, F]` in order, handing each on.
pub(super) fn forward<B: Backend>(
    layer: &Layer<B>,
    x: &Tensor<B, 4>,
    mut visit: impl FnMut(Step<B>),
) {
    let [time, lanes, batch, _] = x.dims();
    let hidden = layer.w_hidden.dims()[1];

    let doubling = doubling::<B>(hidden, &x.device());
    let w_input = layer.w_input.clone() * doubling.clone();
    let w_hidden = layer.w_hidden.clone() * doubling.clone();
    let bias = layer.bias.clone().unsqueeze_dim::<3>(1) * doubling; // [K, 1, 4H]
    let bias = bias.repeat_dim(1, batch); // [K, B, 4H], so that no step broadcasts
    let from_input = x.clone().matmul(w_input.unsqueeze_dim(0)); // [T, K, B, 4H]

    let mut before: Option<(Tensor<B, 3>, Tensor<B, 3>)> = None; // h and c of the step before
    for t in 0..time {
        let from_input = at(&from_input, t);
        let z = match &before {
            Some((h, _)) => h.clone().matmul(w_hidden.clone()) + from_input,
            None => from_input,
        };
        let z = z + bias.clone(); // [K, B, 4H]
        let gate = |n: usize| z.clone().slice([0..lanes, 0..batch, n * hidden..(n + 1) * hidden]);
        let (i, f, g, o) =
            (sigmoid(gate(0)), sigmoid(gate(1)), sigmoid(gate(2)) * 2.0 - 1.0, sigmoid(gate(3)));
        let c = i.clone() * g.clone();
        let c = match before.take() {
            Some((_, before)) => c + before * f.clone(),
            None => c,
        };
        let tanh_c = sigmoid(c.clone() * 2.0) * 2.0 - 1.0;
        let h = tanh_c.clone() * o.clone();
        before = Some((h.clone(), c.clone()));
        visit(Step { i, f, g, o, c, tanh_c, h });
    }
}

/// Gradients by back-propagation through time (Werbos 1990), the weights' as one matmul over all
/// steps. `outside` is the gradient of the outputs: of every step, `[T, K, B, H]`, or of the last
/// alone, `[1, K, B, H]`.
pub(super) fn backward<B: Backend>(
    layer: &Layer<B>,
    x: Tensor<B, 4>,
    mut steps: Vec<Step<B>>,
    outside: &Tensor<B, 4>,
    wanted: Wanted,
) -> LayerGradients<B> {
    let [time, lanes, batch, features] = x.dims();
    let hidden = layer.w_hidden.dims()[1];
    let first_outside = time - outside.dims()[0];
    let w_hidden_t = layer.w_hidden.clone().transpose(); // [K, 4H, H]

    let mut gates = Vec::with_capacity(time); // [K, B, 4H] each, from the last step to the first
    // gradients of h and c out of the step after
    let mut from_next: Option<(Tensor<B, 3>, Tensor<B, 3>)> = None;
    let mut hiddens = Vec::with_capacity(time); // h of the step before, likewise
    for t in (0..time).rev() {
        let Some(Step { i, f, g, o, tanh_c, .. }) = steps.pop() else { break };
        let before = steps.last();
        let outside = (t >= first_outside).then(|| at(outside, t - first_outside));
        let (dh, dc_next) = match (from_next.take(), outside) {
            (Some((dh, dc)), Some(outside)) => (dh + outside, Some(dc)),
            (Some((dh, dc)), None) => (dh, Some(dc)),
            (None, Some(outside)) => (outside, None),
            (None, None) => (i.zeros_like(), None),
        };
        let dzo = sigmoid_gradient(o.clone(), dh.clone() * tanh_c.clone());
        let dc = tanh_gradient(tanh_c, dh * o);
        let dc = match dc_next {
            Some(next) => dc + next,
            None => dc,
        };
        let dzi = sigmoid_gradient(i.clone(), dc.clone() * g.clone());
        let dzg = tanh_gradient(g, dc.clone() * i);
        let dzf = match before {
            Some(before) => sigmoid_gradient(f.clone(), dc.clone() * before.c.clone()),
            None => f.zeros_like(),
        };
        let dz = Tensor::cat(vec![dzi, dzf, dzg, dzo], 2); // [K, B, 4H]
        if let Some(before) = before {
            from_next = Some((dz.clone().matmul(w_hidden_t.clone()), dc * f));
            hiddens.push(before.h.clone());
        }
        gates.push(dz);
    }
    gates.reverse();
    hiddens.reverse();

    let input = (wanted == Wanted::WeightsAndInput).then(|| {
        let dz = Tensor::cat(gates.clone(), 0).reshape([time, lanes, batch, 4 * hidden]);
        dz.matmul(layer.w_input.clone().transpose().unsqueeze_dim(0)) // [T, K, B, F]
    });
    // Lane by lane from here: [K, T·B, ·].
    let w_hidden = if hiddens.is_empty() {
        layer.w_hidden.zeros_like()
    } else {
        let dz = Tensor::cat(gates[1..].to_vec(), 1);
        Tensor::cat(hiddens, 1).transpose().matmul(dz) // [K, H, 4H]
    };
    let dz = Tensor::cat(gates, 1); // [K, T·B, 4H]
    let x = x.swap_dims(0, 1).reshape([lanes, time * batch, features]);
    let bias = dz.clone().sum_dim(1).reshape([lanes, 4 * hidden]);
    LayerGradients { input, w_input: x.transpose().matmul(dz), w_hidden, bias }
}

/// 1 for i, f and o, 2 for g: `[1, 1, 4H]`.
fn doubling<B: Backend>(hidden: usize, device: &B::Device) -> Tensor<B, 3> {
    let ones = Tensor::<B, 3>::ones([1, 1, hidden], device);
    Tensor::cat(vec![ones.clone(), ones.clone(), ones.clone() * 2.0, ones], 2)
}

/// A time step of a sequence: `[K, B, ·]`.
fn at<B: Backend>(sequence: &Tensor<B, 4>, t: usize) -> Tensor<B, 3> {
    let [_, lanes, batch, columns] = sequence.dims();
    sequence.clone().slice(t..t + 1).reshape([lanes, batch, columns])
}

/// `d · s(1 − s)`.
fn sigmoid_gradient<B: Backend>(s: Tensor<B, 3>, d: Tensor<B, 3>) -> Tensor<B, 3> {
    tensor(B::sigmoid_backward(primitive(s), primitive(d)))
}

/// `d · (1 − y²)` as `d − d·y·y`.
fn tanh_gradient<B: Backend>(y: Tensor<B, 3>, d: Tensor<B, 3>) -> Tensor<B, 3> {
    d.clone() - d * y.clone() * y
}
