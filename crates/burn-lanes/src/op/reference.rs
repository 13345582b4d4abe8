//! The layer composed of Burn's operations, forward and backward by hand: for any backend, and the oracle of fused kernels.
//!
//! The input's share of the gates is one matmul over all time steps; a step then costs one matmul for its four gates. All four are
//! sigmoids: `tanh(x) = 2σ(2x) − 1`, with the doubling moved into the weights of g, where it is exact.

use burn::tensor::activation::sigmoid;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, backend::Backend};

use super::{Emit, LstmArgs, LstmGradients, Saved, Wanted, primitive, tensor};

/// The output of a layer.
pub(super) fn forward<B: Backend>(args: LstmArgs<B>) -> FloatTensor<B> {
    let emit = args.emit;
    let mut outputs = Vec::new();
    run(args, |step| {
        if emit == Emit::Last {
            outputs.clear();
        }
        outputs.push(step.h);
    });
    emitted(emit, outputs)
}

/// The output of a layer, and the activations of every step.
pub(super) fn forward_saving<B: Backend>(args: LstmArgs<B>) -> (FloatTensor<B>, Saved<B>) {
    let emit = args.emit;
    let mut saved = Vec::new();
    let mut outputs = Vec::new();
    run(args, |step| {
        outputs.push(step.h.clone());
        saved.extend(step.into_saved());
    });
    (emitted(emit, outputs), Saved(saved))
}

/// Gradients by back-propagation through time (Werbos 1990), the weights' as one matmul over all steps.
pub(super) fn backward<B: Backend>(args: LstmArgs<B>, saved: Saved<B>, output: FloatTensor<B>, wanted: Wanted) -> LstmGradients<B> {
    let x: Tensor<B, 4> = tensor(args.input); // [T, K, B, F]
    let w_input: Tensor<B, 3> = tensor(args.w_input); // [K, F, 4H]
    let w_hidden: Tensor<B, 3> = tensor(args.w_hidden); // [K, H, 4H]
    let output: Tensor<B, 4> = tensor(output); // [T or 1, K, B, H]
    let [time, lanes, batch, features] = x.dims();
    let hidden = w_hidden.dims()[1];
    let w_hidden_t = w_hidden.transpose(); // [K, 4H, H]

    let mut steps: Vec<Step<B>> = Step::from_saved(saved);
    let mut gates = Vec::with_capacity(time); // [K, B, 4H] each, from the last step to the first
    let mut from_next: Option<(Tensor<B, 3>, Tensor<B, 3>)> = None; // gradients of h and c out of the step after
    let mut hiddens = Vec::with_capacity(time); // h of the step before, likewise
    for t in (0..time).rev() {
        let Some(Step { i, f, g, o, tanh_c, .. }) = steps.pop() else { break };
        let before = steps.last();
        let outside = match args.emit {
            Emit::Sequence => Some(at(&output, t)),
            Emit::Last if t + 1 == time => Some(at(&output, 0)),
            Emit::Last => None,
        };
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
        primitive(dz.matmul(w_input.transpose().unsqueeze_dim(0))) // [T, K, B, F]
    });
    // Lane by lane from here: [K, T·B, ·].
    let dw_hidden = if hiddens.is_empty() {
        w_hidden_t.transpose().zeros_like()
    } else {
        let dz = Tensor::cat(gates[1..].to_vec(), 1);
        Tensor::cat(hiddens, 1).transpose().matmul(dz) // [K, H, 4H]
    };
    let dz = Tensor::cat(gates, 1); // [K, T·B, 4H]
    let x = x.swap_dims(0, 1).reshape([lanes, time * batch, features]);
    LstmGradients {
        input,
        w_input: primitive(x.transpose().matmul(dz.clone())),
        w_hidden: primitive(dw_hidden),
        bias: primitive(dz.sum_dim(1).reshape([lanes, 4 * hidden])),
    }
}

/// Tensors saved of a step.
const SAVED: usize = 7;

/// The activations of one time step, each `[K, B, H]`.
struct Step<B: Backend> {
    i: Tensor<B, 3>,
    f: Tensor<B, 3>,
    g: Tensor<B, 3>,
    o: Tensor<B, 3>,
    c: Tensor<B, 3>,
    tanh_c: Tensor<B, 3>,
    h: Tensor<B, 3>,
}

impl<B: Backend> Step<B> {
    fn into_saved(self) -> [FloatTensor<B>; SAVED] {
        [self.i, self.f, self.g, self.o, self.c, self.tanh_c, self.h].map(primitive)
    }

    fn from_saved(saved: Saved<B>) -> Vec<Self> {
        let mut tensors = saved.0.into_iter().map(tensor);
        let mut steps = Vec::with_capacity(tensors.len() / SAVED);
        while let (Some(i), Some(f), Some(g), Some(o), Some(c), Some(tanh_c), Some(h)) =
            (tensors.next(), tensors.next(), tensors.next(), tensors.next(), tensors.next(), tensors.next(), tensors.next())
        {
            steps.push(Self { i, f, g, o, c, tanh_c, h });
        }
        steps
    }
}

/// Runs the steps in order, handing each on.
fn run<B: Backend>(args: LstmArgs<B>, mut visit: impl FnMut(Step<B>)) {
    let x: Tensor<B, 4> = tensor(args.input); // [T, K, B, F]
    let w_hidden: Tensor<B, 3> = tensor(args.w_hidden); // [K, H, 4H]
    let [time, lanes, batch, _] = x.dims();
    let hidden = w_hidden.dims()[1];

    let doubling = doubling::<B>(hidden, &x.device());
    let w_input = tensor::<B, 3>(args.w_input) * doubling.clone();
    let w_hidden = w_hidden * doubling.clone();
    let bias = tensor::<B, 2>(args.bias).unsqueeze_dim::<3>(1) * doubling; // [K, 1, 4H]
    let bias = bias.repeat_dim(1, batch); // [K, B, 4H], so that no step broadcasts
    let from_input = x.matmul(w_input.unsqueeze_dim(0)); // [T, K, B, 4H]

    let mut before: Option<(Tensor<B, 3>, Tensor<B, 3>)> = None; // h and c of the step before
    for t in 0..time {
        let from_input = at(&from_input, t);
        let z = match &before {
            Some((h, _)) => h.clone().matmul(w_hidden.clone()) + from_input,
            None => from_input,
        };
        let z = z + bias.clone(); // [K, B, 4H]
        let gate = |n: usize| z.clone().slice([0..lanes, 0..batch, n * hidden..(n + 1) * hidden]);
        let (i, f, g, o) = (sigmoid(gate(0)), sigmoid(gate(1)), sigmoid(gate(2)) * 2.0 - 1.0, sigmoid(gate(3)));
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

/// 1 for i, f and o, 2 for g: `[1, 1, 4H]`.
fn doubling<B: Backend>(hidden: usize, device: &B::Device) -> Tensor<B, 3> {
    let ones = Tensor::<B, 3>::ones([1, 1, hidden], device);
    Tensor::cat(vec![ones.clone(), ones.clone(), ones.clone() * 2.0, ones], 2)
}

/// All outputs as `[T, K, B, H]`, or the last alone as `[1, K, B, H]`.
fn emitted<B: Backend>(emit: Emit, mut outputs: Vec<Tensor<B, 3>>) -> FloatTensor<B> {
    if emit == Emit::Last {
        outputs.drain(..outputs.len().saturating_sub(1));
    }
    primitive(Tensor::stack::<4>(outputs, 0))
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
