//! Bits: what a lane gets depends neither on the other lanes nor on how lanes are put into
//! launches, and twice the same is the same.

use burn::backend::Flex;

use super::{BoolElement, CubeRuntime, Gpu, ours, values};
use crate::loss::Objective;
use crate::op::cube::plan::Limits;
use crate::op::cube::{gradient, pass::Pass, sums};
use crate::op::testing::{Case, assert_near, quantiles};
use crate::op::{
    Gradient, LaneNumbers, LstmBackend, UpdateRows, primitive, reference, tensor, update,
};
use crate::{Loss, OptimizerKind};

on_each_gpu!(
    a_lane_has_the_same_bits_among_any_number_of_lanes,
    the_same_twice_has_the_same_bits,
    lanes_that_do_not_fit_a_buffer_go_in_several_launches,
    fifty_steps_of_training_end_where_those_of_the_reference_do,
);

/// Networks that run whole and one that runs step by step.
fn cases() -> [Case; 3] {
    [
        Case::new(Loss::Huber, [6, 8, 21, 3, 20, 2], 5),
        Case::new(Loss::Mse, [3, 8, 9, 3, 130, 2], 6),
        Case::new(quantiles(&[0.1, 0.5, 0.9]), [6, 8, 21, 3, 20, 2], 7),
    ]
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The first lanes of a case.
fn first(case: &Case, lanes: usize) -> Case {
    let columns = case.weights.len() / case.lanes;
    Case {
        lanes,
        ends: case.ends[..lanes].to_vec(),
        dropout: case.dropout[..lanes].to_vec(),
        weights: case.weights[..lanes * columns].to_vec(),
        ..case.clone()
    }
}

fn a_lane_has_the_same_bits_among_any_number_of_lanes<R: CubeRuntime, BT: BoolElement>() {
    for case in cases() {
        let all = ours::<R, BT>(&case);
        for lanes in [1, 3] {
            for (few, all) in ours::<R, BT>(&first(&case, lanes)).iter().zip(&all) {
                assert_eq!(bits(few), bits(&all[..few.len()]), "the first {lanes} lanes");
            }
        }
        let alone = ours::<R, BT>(&case.lane(6));
        for (alone, all) in alone.iter().zip(&all) {
            assert_eq!(bits(alone), bits(&all[6 * alone.len()..7 * alone.len()]), "lane 6 alone");
        }
    }
}

fn the_same_twice_has_the_same_bits<R: CubeRuntime, BT: BoolElement>() {
    for case in cases() {
        assert_eq!(
            ours::<R, BT>(&case).map(|values| bits(&values)),
            ours::<R, BT>(&case).map(|values| bits(&values))
        );
    }
}

fn lanes_that_do_not_fit_a_buffer_go_in_several_launches<R: CubeRuntime, BT: BoolElement>() {
    for case in cases() {
        let weights = || primitive(case.weights::<Gpu<R, BT>>());
        let training = |limit: fn(Limits) -> Limits| {
            let pass = Pass::training(&case.batch::<Gpu<R, BT>>(), weights());
            let limits = limit(Limits::of(pass.client.properties()));
            gradient(&pass.within(limits), &Objective::of(&case.shape))
                .map(primitive_bits::<Gpu<R, BT>>)
        };
        let evaluation = |limit: fn(Limits) -> Limits| {
            let pass = Pass::evaluation(&case.batch::<Gpu<R, BT>>(), weights());
            let limits = limit(Limits::of(pass.client.properties()));
            primitive_bits::<Gpu<R, BT>>(sums(&pass.within(limits), &Objective::of(&case.shape)))
        };
        // Three lanes a launch; then one, which alone is larger than a buffer.
        for limit in [
            |limits| Limits { cubes: 3, ..limits },
            |limits: Limits| Limits { buffer: 1, ..limits },
        ] {
            assert_eq!(training(limit), training(|limits| limits));
            assert_eq!(evaluation(limit), evaluation(|limits| limits));
        }
    }
}

fn primitive_bits<B: LstmBackend>(primitive: burn::tensor::ops::FloatTensor<B>) -> Vec<u32> {
    let count = burn::tensor::TensorMetadata::shape(&primitive).num_elements();
    let flat = B::float_reshape(primitive, [count].into());
    bits(&values(tensor::<B, 1>(flat)))
}

pub(super) const NUMBERS: LaneNumbers = LaneNumbers {
    clip_norm: Some(0.5),
    rate: 0.05,
    shrinkage: 0.999,
    decay: 1e-3,
    momentum: 0.9,
    beta1: 0.9,
    beta1_rest: 0.1,
    beta2: 0.999,
    beta2_rest: 0.001,
    corrected_rate: 0.002,
    root_scale: 1.0,
    epsilon: 1e-3,
};

/// Losses and weights after steps of a training.
fn trained<B: LstmBackend>(
    case: &Case,
    kind: OptimizerKind,
    gradient: impl Fn(&crate::data::Batch<B>, burn::tensor::ops::FloatTensor<B>) -> Gradient<B>,
    step: impl Fn(
        OptimizerKind,
        &[LaneNumbers],
        UpdateRows<B>,
        burn::tensor::ops::FloatTensor<B>,
    ) -> UpdateRows<B>,
) -> [Vec<f32>; 2] {
    let zeros = || primitive::<B, 2>(case.weights().zeros_like());
    let second = (kind != OptimizerKind::Sgd).then(zeros);
    let mut rows =
        UpdateRows::<B> { weights: primitive(case.weights::<B>()), first: zeros(), second };
    let mut losses = Vec::new();
    let lanes = vec![NUMBERS; case.lanes];
    for steps in 0..50 {
        let mut case = case.clone();
        case.dropout.iter_mut().for_each(|dropout| dropout.steps = steps);
        let gradient = gradient(&case.batch::<B>(), rows.weights.clone());
        losses.push(gradient.losses.clone());
        rows = step(kind, &lanes, rows, gradient.weights);
    }
    let losses = losses.into_iter().flat_map(|losses| values(tensor::<B, 1>(losses))).collect();
    [losses, values(tensor::<B, 2>(rows.weights))]
}

fn fifty_steps_of_training_end_where_those_of_the_reference_do<R: CubeRuntime, BT: BoolElement>() {
    let cases = [Loss::Mse.into(), quantiles(&[0.1, 0.5, 0.9])]
        .map(|objective| Case::new(objective, [8, 2, 12, 3, 7, 2], 3));
    for (case, kind) in cases
        .into_iter()
        .flat_map(|case| [(case.clone(), OptimizerKind::Sgd), (case, OptimizerKind::Adam)])
    {
        let ours = trained::<Gpu<R, BT>>(&case, kind, Gpu::<R, BT>::gradient, Gpu::<R, BT>::update);
        let theirs = trained::<Flex>(&case, kind, reference::gradient, update::composed);
        assert!(theirs[0][98] < 0.95 * theirs[0][0], "nothing was learnt: {:?}", theirs[0]);
        for (what, (ours, theirs)) in ["losses", "weights"].iter().zip(ours.iter().zip(&theirs)) {
            assert_near(&format!("{what} of {kind:?}, {:?}", case.shape.head), ours, theirs, 1e-4);
        }
    }
}
