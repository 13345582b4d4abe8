//! Between tensors of a CPU backend and slices.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{TensorData, TensorMetadata};

use super::layer::{Gradients, Kept, Layer};
use super::panel::Sizes;
use super::pool;
use super::simd::InstructionSet;
use super::update;
use crate::OptimizerKind;
use crate::op::{Emit, LaneNumbers, LstmArgs, LstmGradients, LstmKernels, Saved, UpdateRows, Wanted};

/// A backend whose float tensors are f32 in the host's memory.
pub(super) trait Host: Backend {
    /// The same tensor, its values in order and without gaps.
    fn contiguous(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The values of a tensor that [`Host::contiguous`] gave.
    fn values(tensor: &FloatTensor<Self>) -> &[f32];

    /// The buffer of a tensor that nobody else holds.
    fn buffer(tensor: FloatTensor<Self>) -> Option<Vec<f32>>;
}

impl<B: Host> LstmKernels for B {
    fn lstm_forward(args: LstmArgs<Self>) -> FloatTensor<Self> {
        forward(InstructionSet::chosen(), args)
    }

    fn lstm_forward_saving(args: LstmArgs<Self>) -> (FloatTensor<Self>, Saved<Self>) {
        forward_saving(InstructionSet::chosen(), args)
    }

    fn lstm_backward(args: LstmArgs<Self>, saved: Saved<Self>, output: FloatTensor<Self>, wanted: Wanted) -> LstmGradients<Self> {
        backward(InstructionSet::chosen(), args, saved, output, wanted)
    }

    fn update(
        kind: OptimizerKind,
        lanes: &[LaneNumbers],
        rows: UpdateRows<Self>,
        gradients: FloatTensor<Self>,
    ) -> UpdateRows<Self> {
        let [weights, first, gradients] = [rows.weights, rows.first, gradients].map(B::contiguous);
        let second = rows.second.map(B::contiguous);
        let before = update::Rows {
            weights: B::values(&weights),
            first: B::values(&first),
            second: second.as_ref().map_or([].as_slice(), B::values),
        };
        let after = update::update(kind, lanes, &before, B::values(&gradients));
        let columns = before.weights.len() / lanes.len().max(1);
        let device = B::float_device(&weights);
        let tensor = |values| B::float_from_data(TensorData::new(values, [lanes.len(), columns]), &device);
        UpdateRows {
            weights: tensor(after.weights),
            first: tensor(after.first),
            second: second.as_ref().map(|_| tensor(after.second)),
        }
    }
}

/// See [`crate::op::LstmKernels::lstm_forward`].
pub(super) fn forward<B: Host>(set: InstructionSet, args: LstmArgs<B>) -> FloatTensor<B> {
    let args = Slices::new(args);
    let layer = args.layer(set);
    let Sizes { time, lanes, batch, hidden, .. } = layer.sizes;
    let steps = if args.0.emit == Emit::Sequence { time } else { 1 };
    args.tensor(layer.forward(args.0.emit), [steps, lanes, batch, hidden])
}

/// See [`crate::op::LstmKernels::lstm_forward_saving`]. Saved are hidden states, gates and cells.
pub(super) fn forward_saving<B: Host>(set: InstructionSet, args: LstmArgs<B>) -> (FloatTensor<B>, Saved<B>) {
    let args = Slices::new(args);
    let layer = args.layer(set);
    let Sizes { time, lanes, batch, hidden, .. } = layer.sizes;
    let Kept { hidden: states, gates, cells } = layer.forward_saving();
    let last = match args.0.emit {
        Emit::Sequence => None,
        Emit::Last => Some(args.tensor(states[states.len() - lanes * batch * hidden..].to_vec(), [1, lanes, batch, hidden])),
    };
    let states = args.tensor(states, [time, lanes, batch, hidden]);
    let (gate_values, cell_values) = (gates.len(), cells.len());
    let saved = vec![states.clone(), args.tensor(gates, [gate_values]), args.tensor(cells, [cell_values])];
    (last.unwrap_or(states), Saved(saved))
}

/// See [`crate::op::LstmKernels::lstm_backward`].
pub(super) fn backward<B: Host>(
    set: InstructionSet,
    args: LstmArgs<B>,
    saved: Saved<B>,
    output: FloatTensor<B>,
    wanted: Wanted,
) -> LstmGradients<B> {
    let args = Slices::new(args);
    let layer = args.layer(set);
    let saved: Vec<_> = saved.0.into_iter().map(B::contiguous).collect();
    let mut kept = [[].as_slice(); 3];
    for (kept, saved) in kept.iter_mut().zip(&saved) {
        *kept = B::values(saved);
    }
    let output = B::contiguous(output);
    let Gradients { input, w_input, w_hidden, bias } = layer.backward(kept, B::values(&output), wanted);
    let Sizes { time, lanes, batch, features, hidden, .. } = layer.sizes;
    saved.into_iter().filter_map(B::buffer).for_each(pool::give);
    if args.0.emit == Emit::Sequence {
        // The layer above took the buffer for it.
        B::buffer(output).into_iter().for_each(pool::give);
    }
    LstmGradients {
        input: input.map(|input| args.tensor(input, [time, lanes, batch, features])),
        w_input: args.tensor(w_input, [lanes, features, 4 * hidden]),
        w_hidden: args.tensor(w_hidden, [lanes, hidden, 4 * hidden]),
        bias: args.tensor(bias, [lanes, 4 * hidden]),
    }
}

/// Arguments whose values are contiguous.
struct Slices<B: Host>(LstmArgs<B>);

impl<B: Host> Slices<B> {
    fn new(args: LstmArgs<B>) -> Self {
        let LstmArgs { input, w_input, w_hidden, bias, emit } = args;
        Self(LstmArgs {
            input: B::contiguous(input),
            w_input: B::contiguous(w_input),
            w_hidden: B::contiguous(w_hidden),
            bias: B::contiguous(bias),
            emit,
        })
    }

    fn layer(&self, set: InstructionSet) -> Layer<'_> {
        let LstmArgs { input, w_input, w_hidden, bias, .. } = &self.0;
        let [time, lanes, batch, features] = input.shape().dims();
        let [_, hidden, _] = w_hidden.shape().dims();
        Layer {
            set,
            sizes: Sizes { time, lanes, batch, features, hidden, width: set.width() },
            input: B::values(input),
            w_input: B::values(w_input),
            w_hidden: B::values(w_hidden),
            bias: B::values(bias),
        }
    }

    /// A tensor beside the arguments.
    fn tensor<const D: usize>(&self, values: Vec<f32>, dims: [usize; D]) -> FloatTensor<B> {
        B::float_from_data(TensorData::new(values, dims), &B::float_device(&self.0.bias))
    }
}
