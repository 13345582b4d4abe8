//! The layer as one node of Burn's autodiff graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;

use super::{LstmArgs, LstmBackend, LstmKernels, Saved, Wanted};

impl<B: LstmKernels, C: CheckpointStrategy> LstmBackend for Autodiff<B, C> {
    fn lstm(args: LstmArgs<Self>) -> FloatTensor<Self> {
        let LstmArgs { input, w_input, w_hidden, bias, emit } = args;
        let nodes = [input.node.clone(), w_input.node.clone(), w_hidden.node.clone(), bias.node.clone()];
        let args = LstmArgs {
            input: input.primitive,
            w_input: w_input.primitive,
            w_hidden: w_hidden.primitive,
            bias: bias.primitive,
            emit,
        };
        match LstmNode.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (output, saved) = B::lstm_forward_saving(args.clone());
                prepared.finish((args, saved), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::lstm_forward(args)),
        }
    }
}

#[derive(Debug)]
struct LstmNode;

impl<B: LstmKernels> Backward<B, 4> for LstmNode {
    type State = (LstmArgs<B>, Saved<B>);

    fn backward(self, ops: Ops<Self::State, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [input, w_input, w_hidden, bias] = ops.parents;
        let output = gradients.consume::<B>(&ops.node);
        let (args, saved) = ops.state;
        let wanted = if input.is_some() { Wanted::WeightsAndInput } else { Wanted::Weights };
        let computed = B::lstm_backward(args, saved, output, wanted);
        if let (Some(node), Some(gradient)) = (input, computed.input) {
            gradients.register::<B>(node.id, gradient);
        }
        for (node, gradient) in [(w_input, computed.w_input), (w_hidden, computed.w_hidden), (bias, computed.bias)] {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
