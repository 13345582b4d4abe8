//! One step of the optimizer over the lanes of a pack: a row of all weights for each lane, and each
//! lane's own numbers.
//!
//! Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019) and SGD with momentum in PyTorch's
//! formulation: L2 decay joins the gradient after clipping, ε is added outside the root, the bias
//! corrections are kept apart.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Bool, Tensor, TensorData};

use super::{primitive, tensor};
use crate::OptimizerKind;

/// What a step knows of a lane, each number rounded from f64 once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneNumbers {
    /// The norm that a gradient is scaled down to; none for no limit.
    pub(crate) clip_norm: Option<f32>,
    pub(crate) rate: f32,
    /// What the weights are multiplied with before an AdamW step.
    pub(crate) shrinkage: f32,
    /// L2 decay of Adam and SGD.
    pub(crate) decay: f32,
    pub(crate) momentum: f32,
    pub(crate) beta1: f32,
    pub(crate) beta1_rest: f32,
    pub(crate) beta2: f32,
    pub(crate) beta2_rest: f32,
    /// The rate over the first moment's bias correction.
    pub(crate) corrected_rate: f32,
    /// One over the root of the second moment's bias correction.
    pub(crate) root_scale: f32,
    pub(crate) epsilon: f32,
}

/// Rows of equal shape, `[K, P]`: weights and the optimizer's moments (SGD has its velocity in
/// `first` alone).
#[derive(Clone, Debug)]
pub(crate) struct UpdateRows<B: Backend> {
    pub(crate) weights: FloatTensor<B>,
    pub(crate) first: FloatTensor<B>,
    pub(crate) second: Option<FloatTensor<B>>,
}

/// A step composed of Burn's operations, for any backend.
pub(super) fn composed<B: Backend>(
    kind: OptimizerKind,
    lanes: &[LaneNumbers],
    rows: UpdateRows<B>,
    gradients: FloatTensor<B>,
) -> UpdateRows<B> {
    let weights: Tensor<B, 2> = tensor(rows.weights);
    let first: Tensor<B, 2> = tensor(rows.first);
    let device = weights.device();
    // A number of each lane: [K, 1].
    let column = |number: fn(&LaneNumbers) -> f32| {
        let values: Vec<f32> = lanes.iter().map(number).collect();
        Tensor::<B, 2>::from_data(TensorData::new(values, [lanes.len(), 1]), &device)
    };
    // Decay is applied where it is 0 too, so that a lane's neighbours do not change its zeros'
    // signs.
    let gradients = clipped(lanes, tensor(gradients));
    let (weights, gradients) = match kind {
        OptimizerKind::AdamW => (weights * column(|lane| lane.shrinkage), gradients),
        OptimizerKind::Adam | OptimizerKind::Sgd => {
            let gradients = gradients + weights.clone() * column(|lane| lane.decay);
            (weights, gradients)
        }
    };
    match (kind, rows.second) {
        (OptimizerKind::Adam | OptimizerKind::AdamW, Some(second)) => {
            let squares = gradients.clone() * gradients.clone();
            let first =
                first * column(|lane| lane.beta1) + gradients * column(|lane| lane.beta1_rest);
            let second = tensor::<B, 2>(second) * column(|lane| lane.beta2)
                + squares * column(|lane| lane.beta2_rest);
            let root = second.clone().sqrt() * column(|lane| lane.root_scale);
            let step = first.clone() * column(|lane| lane.corrected_rate);
            let weights = weights - step / (root + column(|lane| lane.epsilon));
            UpdateRows {
                weights: primitive(weights),
                first: primitive(first),
                second: Some(primitive(second)),
            }
        }
        (OptimizerKind::Sgd, second) | (_, second @ None) => {
            let velocity = first * column(|lane| lane.momentum) + gradients;
            let weights = weights - velocity.clone() * column(|lane| lane.rate);
            UpdateRows { weights: primitive(weights), first: primitive(velocity), second }
        }
    }
}

/// Scales each lane's gradient down to its norm's limit, as PyTorch's `clip_grad_norm_`: `min(1,
/// limit / (norm + 1e-6))`.
fn clipped<B: Backend>(lanes: &[LaneNumbers], gradients: Tensor<B, 2>) -> Tensor<B, 2> {
    if lanes.iter().all(|lane| lane.clip_norm.is_none()) {
        return gradients;
    }
    let device = gradients.device();
    let limits: Vec<f32> = lanes.iter().map(|lane| lane.clip_norm.unwrap_or(1.0)).collect();
    let limits = Tensor::<B, 2>::from_data(TensorData::new(limits, [lanes.len(), 1]), &device);
    let unlimited: Vec<bool> = lanes.iter().map(|lane| lane.clip_norm.is_none()).collect();
    let unlimited =
        Tensor::<B, 2, Bool>::from_data(TensorData::new(unlimited, [lanes.len(), 1]), &device);
    let norms = (gradients.clone() * gradients.clone()).sum_dim(1).sqrt(); // [K, 1]
    let factors = (limits / (norms + 1e-6)).clamp_max(1.0).mask_fill(unlimited, 1.0);
    gradients * factors
}
