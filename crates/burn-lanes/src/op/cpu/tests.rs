//! The kernels against the reference, on every instruction set of the processor.

use std::sync::Arc;

use burn::backend::Flex;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;

use super::host::{self, Host};
use super::simd::InstructionSet;
use crate::Loss;
use crate::data::Resident;
use crate::loss::Objective;
use crate::op::testing::{Case, assert_near, objectives, quantiles};
use crate::op::{Gradient, primitive, reference, tensor};

/// All that the network gives.
#[derive(Clone, Debug, PartialEq)]
struct Results {
    losses: Vec<f32>,
    sums: Vec<f32>,
    gradient: Vec<f32>,
    forecasts: Vec<f32>,
    sums_without_dropout: Vec<f32>,
}

impl Results {
    fn new<B: Host>(
        gradient: Gradient<B>,
        forecasts: FloatTensor<B>,
        sums: FloatTensor<B>,
    ) -> Self {
        let losses = tensor::<B, 1>(gradient.losses).into_data().to_vec().unwrap();
        let [of_training, gradient, forecasts, sums] =
            [gradient.sums, gradient.weights, forecasts, sums].map(values::<B>);
        Self { losses, sums: of_training, gradient, forecasts, sums_without_dropout: sums }
    }

    fn named(&self) -> [(&str, &[f32]); 5] {
        let Self { losses, sums, gradient, forecasts, sums_without_dropout } = self;
        [
            ("losses", losses),
            ("sums", sums),
            ("gradient", gradient),
            ("forecasts", forecasts),
            ("sums without dropout", sums_without_dropout),
        ]
    }

    /// A lane's, of so many lanes.
    fn lane(&self, lane: usize, lanes: usize) -> Self {
        let part = |values: &[f32]| {
            values[lane * values.len() / lanes..(lane + 1) * values.len() / lanes].to_vec()
        };
        let [losses, sums, gradient, forecasts, sums_without_dropout] =
            self.named().map(|(_, values)| part(values));
        Self { losses, sums, gradient, forecasts, sums_without_dropout }
    }

    fn bits(&self) -> Vec<u32> {
        self.named()
            .into_iter()
            .flat_map(|(_, values)| values)
            .map(|value| value.to_bits())
            .collect()
    }
}

/// Of a matrix.
fn values<B: Host>(primitive: FloatTensor<B>) -> Vec<f32> {
    tensor::<B, 2>(primitive).into_data().to_vec().unwrap()
}

fn ours<B: Host>(case: &Case, set: InstructionSet) -> Results {
    let (batch, weights) = (case.batch::<B>(), || primitive(case.weights::<B>()));
    Results::new::<B>(
        host::gradient(set, &batch, weights()),
        host::forecasts(set, &batch, weights()),
        host::sums(set, &batch, weights()),
    )
}

fn theirs(case: &Case) -> Results {
    let (batch, weights) = (case.batch::<Flex>(), || primitive(case.weights::<Flex>()));
    Results::new::<Flex>(
        reference::gradient(&batch, weights()),
        reference::forecasts(&batch, weights()),
        reference::sums(&batch, weights()),
    )
}

fn assert_agrees(case: &Case) {
    let theirs = theirs(case);
    for set in InstructionSet::available() {
        for ((name, ours), (_, theirs)) in
            ours::<Flex>(case, set).named().into_iter().zip(theirs.named())
        {
            assert_near(
                &format!("{name}, {set:?}, {:?}, {} windows", case.shape, case.windows),
                ours,
                theirs,
                1e-5,
            );
        }
    }
}

#[test]
fn the_kernels_agree_with_the_reference_at_all_kinds_of_sizes() {
    let dims = [
        // Time, lanes, windows, features, units, layers: one window, and one of all else.
        [1, 1, 1, 1, 1, 1],
        [5, 2, 1, 1, 7, 1],
        [5, 2, 1, 3, 32, 3],
        [1, 2, 9, 4, 33, 2],
        [7, 1, 3, 17, 1, 2],
        // Units around the widths of vectors.
        [9, 3, 33, 5, 7, 3],
        [6, 2, 8, 5, 16, 2],
        [60, 1, 32, 5, 32, 2],
        [9, 1, 33, 5, 33, 1],
        [4, 2, 7, 3, 64, 2],
        [4, 2, 16, 2, 100, 1],
        [3, 1, 5, 100, 100, 3],
        [3, 1, 20, 5, 256, 2],
        // Windows around the sizes of tiles and shares.
        [3, 2, 15, 2, 9, 2],
        [3, 1, 17, 2, 9, 2],
        [3, 2, 97, 3, 20, 2],
        [5, 1, 300, 3, 20, 1],
    ];
    for (seed, dims) in dims.into_iter().enumerate() {
        for (objective, seed) in objectives().into_iter().zip(6 * seed as u64..) {
            let case = Case::new(objective, dims, seed);
            assert_agrees(&case);
            assert_agrees(&case.without_dropout());
        }
    }
}

/// Networks of sizes in which every instruction set has whole and partial vectors, tiles and
/// shares.
fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..12, 1_usize..4, 1_usize..40, 1_usize..24, 1_usize..40, 1_usize..4);
    (prop::sample::select(objectives().to_vec()), sizes, any::<u64>()).prop_map(
        |(objective, (time, lanes, windows, features, hidden, layers), seed)| {
            Case::new(objective, [time, lanes, windows, features, hidden, layers], seed)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_kernels_agree_with_the_reference(mut case in cases()) {
        // The gradients of absolute errors and pinball losses jump at 0, where the last bit of a
        // forecast decides.
        let jumps =
            !matches!(Objective::of(&case.shape), Objective::Point(Loss::Mse | Loss::Huber));
        case.series.target.iter_mut().for_each(|target| *target += if jumps { 100.0 } else { 0.0 });
        assert_agrees(&case);
    }

    #[test]
    fn a_lane_has_the_same_bits_alone_and_on_any_number_of_threads(
        case in cases(),
        threads in 1_usize..5,
    ) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for set in InstructionSet::available() {
            let together = ours::<Flex>(&case, set);
            prop_assert_eq!(pool.install(|| ours::<Flex>(&case, set)).bits(), together.bits());
            for lane in 0..case.lanes {
                prop_assert_eq!(
                    ours::<Flex>(&case.lane(lane), set).bits(),
                    together.lane(lane, case.lanes).bits()
                );
            }
        }
    }
}

#[test]
fn packs_of_one_three_and_eight_lanes_have_the_same_bits_on_one_thread_and_on_two() {
    let eight = Case::new(Loss::Mse, [12, 8, 100, 5, 32, 2], 4);
    let columns = eight.weights.len() / 8;
    let on = |threads: usize, case: &Case| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| ours::<Flex>(case, InstructionSet::chosen()))
    };
    let expected = on(1, &eight);
    for lanes in [1, 3, 8] {
        let case = Case {
            lanes,
            ends: eight.ends[..lanes].to_vec(),
            dropout: eight.dropout[..lanes].to_vec(),
            weights: eight.weights[..lanes * columns].to_vec(),
            ..eight.clone()
        };
        for threads in [1, 2] {
            let results = on(threads, &case);
            for lane in 0..lanes {
                assert_eq!(
                    results.lane(lane, lanes).bits(),
                    expected.lane(lane, 8).bits(),
                    "{lanes} lanes, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn fifty_steps_of_training_end_where_those_of_the_reference_do() {
    let sizes = [[8, 1, 6, 3, 7, 1], [10, 2, 20, 4, 33, 3], [12, 1, 32, 5, 32, 2]];
    let objectives = [Loss::Mse.into(), quantiles(&[0.1, 0.5, 0.9])];
    for (dims, objective) in
        sizes.into_iter().flat_map(|dims| objectives.clone().map(|objective| (dims, objective)))
    {
        let case = Case::new(objective, dims, 5);
        let descended = |gradient: &dyn Fn(&Case) -> Vec<f32>| {
            let mut case = case.clone();
            for step in 0..50 {
                let gradient = gradient(&case);
                case.weights
                    .iter_mut()
                    .zip(gradient)
                    .for_each(|(weight, gradient)| *weight -= 0.1 * gradient);
                case.dropout.iter_mut().for_each(|dropout| dropout.steps = step);
            }
            case.weights
        };
        let gradient = |case: &Case| {
            values::<Flex>(
                reference::gradient(&case.batch::<Flex>(), primitive(case.weights::<Flex>()))
                    .weights,
            )
        };
        let theirs = descended(&gradient);
        for set in InstructionSet::available() {
            let gradient = |case: &Case| {
                values::<Flex>(
                    host::gradient(set, &case.batch::<Flex>(), primitive(case.weights::<Flex>()))
                        .weights,
                )
            };
            assert_near(&format!("{set:?} {dims:?}"), &descended(&gradient), &theirs, 1e-5);
        }
    }
}

#[test]
fn values_that_are_not_finite_spoil_their_windows_and_lanes_and_nothing_else() {
    let bad_values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for (objective, bad) in objectives()
        .into_iter()
        .flat_map(|objective| bad_values.map(|bad| (objective.clone(), bad)))
    {
        let clean = Case::new(objective.clone(), [6, 2, 20, 3, 5, 2], 9).without_dropout();
        let mut case = clean.clone();
        // A window of lane 0 alone ends at the last row.
        let last = clean.series.target.len() - 1;
        case.ends.iter_mut().flatten().for_each(|end| *end = (*end).min(last as u32 - 1));
        case.ends[0][11] = last as u32;
        let clean = Case { ends: case.ends.clone(), ..clean };
        case.series.features[last * 3] = bad;
        for set in InstructionSet::available() {
            let (ours, clean) = (ours::<Flex>(&case, set), ours::<Flex>(&clean, set));
            for (index, (forecast, clean)) in
                ours.forecasts.iter().zip(&clean.forecasts).enumerate()
            {
                assert!(
                    if index / objective.outputs() == 11 {
                        forecast.is_nan()
                    } else {
                        forecast.to_bits() == clean.to_bits()
                    },
                    "{set:?} {bad} {index}"
                );
            }
            assert_eq!(ours.lane(1, 2).bits(), clean.lane(1, 2).bits(), "{set:?} {bad}");
            let spoiled = ours.lane(0, 2);
            assert!(
                spoiled.losses[0].is_nan() && spoiled.sums.iter().all(|sum| sum.is_nan()),
                "{set:?} {bad}"
            );
            assert!(
                spoiled.gradient.iter().all(|value| value.is_nan()),
                "{set:?} {objective:?} {bad}"
            );
        }
    }
}

#[test]
fn weights_that_are_not_finite_spoil_their_lane_alone() {
    for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
        let clean = Case::new(Loss::Mse, [6, 2, 20, 3, 5, 2], 9);
        let mut case = clean.clone();
        case.weights[7] = bad;
        for set in InstructionSet::available() {
            let (ours, clean) = (ours::<Flex>(&case, set), ours::<Flex>(&clean, set));
            assert_eq!(ours.lane(1, 2).bits(), clean.lane(1, 2).bits(), "{set:?} {bad}");
            assert!(!bad.is_nan() || ours.lane(0, 2).losses[0].is_nan(), "{set:?}");
        }
    }
}

/// A case's results from tensors that lie in memory in another order.
fn permuted<B: Host>(case: &Case) -> Results {
    let device = B::Device::default();
    let transposed = |values: &[f32], columns: usize| {
        let rows = values.len() / columns;
        let other: Vec<f32> =
            (0..values.len()).map(|index| values[index % rows * columns + index / rows]).collect();
        Tensor::<B, 2>::from_data(TensorData::new(other, [columns, rows]), &device).transpose()
    };
    let mut batch = case.batch::<B>();
    // Every second value of a longer series.
    let twice: Vec<f32> =
        case.series.target.iter().flat_map(|&target| [target, f32::NAN]).collect();
    let target =
        Tensor::<B, 1>::from_data(TensorData::new(twice, [2 * case.series.target.len()]), &device);
    let target =
        target.reshape([case.series.target.len(), 2]).slice([0..case.series.target.len(), 0..1]);
    let features = transposed(&case.series.features, case.series.columns);
    batch.series =
        Arc::new(Resident { features, target: target.reshape([case.series.target.len()]) });
    let weights = || primitive(transposed(&case.weights, case.weights.len() / case.lanes));
    let set = InstructionSet::chosen();
    Results::new::<B>(
        host::gradient(set, &batch, weights()),
        host::forecasts(set, &batch, weights()),
        host::sums(set, &batch, weights()),
    )
}

#[test]
fn tensors_that_are_not_contiguous_are_read_in_their_own_order() {
    let case = Case::new(Loss::Mse, [5, 3, 4, 2, 7, 2], 11);
    let expected = ours::<Flex>(&case, InstructionSet::chosen()).bits();
    assert_eq!(permuted::<Flex>(&case).bits(), expected);
    #[cfg(feature = "ndarray")]
    assert_eq!(permuted::<burn::backend::NdArray>(&case).bits(), expected);
}

#[cfg(feature = "ndarray")]
#[test]
fn both_backends_have_the_same_bits() {
    let case = Case::new(Loss::Huber, [5, 3, 40, 2, 17, 2], 11);
    let set = InstructionSet::chosen();
    assert_eq!(ours::<burn::backend::NdArray>(&case, set).bits(), ours::<Flex>(&case, set).bits());
}
