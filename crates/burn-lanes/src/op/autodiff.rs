//! The network and its loss as one node of Burn's autodiff graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;
use burn::tensor::ops::FloatTensor;

use super::{Gradient, LstmBackend, primitive, tensor};
use crate::data::Batch;

/// Each lane's mean loss, `[K]`, as a function of the weights `[K, P]`; and the sums over the
/// windows, `[K, 3]`, which stay on the device.
///
/// The gradient is computed with the losses, while a tile's activations are still in the cache, and
/// waits for the backward pass.
pub(crate) fn losses<B: LstmBackend>(
    batch: &Batch<B>,
    weights: Tensor<Autodiff<B>, 2>,
) -> (Tensor<Autodiff<B>, 1>, Tensor<B, 2>) {
    let weights = primitive(weights);
    let Gradient { losses, sums, weights: gradient } = B::gradient(batch, weights.primitive);
    let losses =
        match NetworkNode.prepare::<NoCheckpointing>([weights.node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(gradient, losses),
            OpsKind::UnTracked(prepared) => prepared.finish(losses),
        };
    (tensor(losses), tensor(sums))
}

#[derive(Debug)]
struct NetworkNode;

impl<B: LstmBackend> Backward<B, 1> for NetworkNode {
    /// Each lane's gradient, `[K, P]`.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [weights] = ops.parents;
        let losses: Tensor<B, 1> = tensor(gradients.consume::<B>(&ops.node)); // [K]
        let gradient: Tensor<B, 2> = tensor(ops.state); // [K, P]
        if let Some(weights) = weights {
            gradients.register::<B>(weights.id, primitive(gradient * losses.unsqueeze_dim(1)));
        }
    }
}
