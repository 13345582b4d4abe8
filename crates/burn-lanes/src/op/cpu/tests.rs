//! The kernels against the reference, on every instruction set of the processor.

use burn::backend::Flex;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;

use super::host;
use super::simd::InstructionSet;
use crate::op::{Emit, LstmArgs, LstmGradients, Wanted, primitive, reference, tensor};
use crate::random;

/// Time, lanes, batch, features, hidden.
type Dims = [usize; 5];

struct Drawn {
    dims: Dims,
    x: Vec<f32>,
    wi: Vec<f32>,
    wh: Vec<f32>,
    bias: Vec<f32>,
    direction: Vec<f32>,
}

fn of<const D: usize>(values: &[f32], dims: [usize; D]) -> FloatTensor<Flex> {
    primitive(Tensor::<Flex, D>::from_data(TensorData::new(values.to_vec(), dims), &Default::default()))
}

fn values(primitive: FloatTensor<Flex>) -> Vec<f32> {
    tensor::<Flex, 1>(<Flex as burn::tensor::ops::FloatTensorOps<Flex>>::float_reshape(
        primitive.clone(),
        [burn::tensor::TensorMetadata::shape(&primitive).num_elements()].into(),
    ))
    .into_data()
    .to_vec()
    .unwrap()
}

impl Drawn {
    fn new(dims: Dims, seed: u64) -> Self {
        let [time, lanes, batch, features, hidden] = dims;
        let draw = |index, n, bound: f64| random::uniform(seed, index, n, bound);
        // As wide as initial weights are, so that long sums stay of order one.
        let bound = 1.0 / (hidden as f64).sqrt();
        Self {
            dims,
            x: draw(0, time * lanes * batch * features, 1.0),
            wi: draw(1, lanes * features * 4 * hidden, bound),
            wh: draw(2, lanes * hidden * 4 * hidden, bound),
            bias: draw(3, lanes * 4 * hidden, bound),
            direction: draw(4, time * lanes * batch * hidden, 1.0),
        }
    }

    fn args(&self, emit: Emit) -> LstmArgs<Flex> {
        let [time, lanes, batch, features, hidden] = self.dims;
        LstmArgs {
            input: of(&self.x, [time, lanes, batch, features]),
            w_input: of(&self.wi, [lanes, features, 4 * hidden]),
            w_hidden: of(&self.wh, [lanes, hidden, 4 * hidden]),
            bias: of(&self.bias, [lanes, 4 * hidden]),
            emit,
        }
    }

    /// The gradient of the output.
    fn outside(&self, emit: Emit) -> FloatTensor<Flex> {
        let [time, lanes, batch, _, hidden] = self.dims;
        let steps = if emit == Emit::Sequence { time } else { 1 };
        of(&self.direction[..steps * lanes * batch * hidden], [steps, lanes, batch, hidden])
    }

    /// The lanes `first..first + lanes` alone.
    fn lane(&self, lane: usize) -> Self {
        let [time, lanes, batch, features, hidden] = self.dims;
        let sequence = |values: &[f32], columns: usize| -> Vec<f32> {
            let row = batch * columns;
            (0..time).flat_map(|t| values[(t * lanes + lane) * row..][..row].to_vec()).collect()
        };
        let matrix = |values: &[f32]| values[lane * values.len() / lanes..(lane + 1) * values.len() / lanes].to_vec();
        Self {
            dims: [time, 1, batch, features, hidden],
            x: sequence(&self.x, features),
            wi: matrix(&self.wi),
            wh: matrix(&self.wh),
            bias: matrix(&self.bias),
            direction: sequence(&self.direction, hidden),
        }
    }

    /// Output and gradients of the kernels.
    fn ours(&self, set: InstructionSet, emit: Emit) -> [Vec<f32>; 5] {
        let (output, saved) = host::forward_saving::<Flex>(set, self.args(emit));
        let plain = values(host::forward::<Flex>(set, self.args(emit)));
        let output = values(output);
        assert!(same_bits(&plain, &output), "with and without saving");
        all(output, host::backward::<Flex>(set, self.args(emit), saved, self.outside(emit), Wanted::WeightsAndInput))
    }

    /// Output and gradients of the reference.
    fn theirs(&self, emit: Emit) -> [Vec<f32>; 5] {
        let (output, saved) = reference::forward_saving::<Flex>(self.args(emit));
        all(values(output), reference::backward::<Flex>(self.args(emit), saved, self.outside(emit), Wanted::WeightsAndInput))
    }
}

fn all(output: Vec<f32>, gradients: LstmGradients<Flex>) -> [Vec<f32>; 5] {
    let LstmGradients { input, w_input, w_hidden, bias } = gradients;
    [output, values(input.unwrap()), values(w_input), values(w_hidden), values(bias)]
}

fn same_bits(ours: &[f32], theirs: &[f32]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| ours.to_bits() == theirs.to_bits())
}

/// Within 1e-5 of the largest value.
fn assert_near(what: &str, ours: &[Vec<f32>], theirs: &[Vec<f32>]) {
    for (name, (ours, theirs)) in ["output", "x", "w_input", "w_hidden", "bias"].iter().zip(ours.iter().zip(theirs)) {
        assert_eq!(ours.len(), theirs.len(), "{what}: {name}");
        let size = theirs.iter().fold(1e-3_f32, |size, value| size.max(value.abs()));
        for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            assert!((ours - theirs).abs() <= 1e-5 * size, "{what}: {name} at {index}: {ours} is not {theirs} (of {size})");
        }
    }
}

fn assert_agrees(dims: Dims, seed: u64) {
    let drawn = Drawn::new(dims, seed);
    for emit in [Emit::Sequence, Emit::Last] {
        let theirs = drawn.theirs(emit);
        for set in InstructionSet::available() {
            assert_near(&format!("{set:?} {emit:?} {dims:?}"), &drawn.ours(set, emit), &theirs);
        }
    }
}

#[test]
fn the_kernels_agree_with_the_reference_at_all_kinds_of_sizes() {
    let mut seed = 0;
    for hidden in [1, 7, 16, 32, 33, 64, 100, 256] {
        for (time, lanes, batch, features) in [(5, 2, 1, 1), (9, 1, 33, 5), (4, 3, 16, hidden), (1, 1, 7, 17)] {
            seed += 1;
            assert_agrees([time, lanes, batch, features, hidden], seed);
        }
    }
    for dims in [[60, 1, 32, 5, 32], [12, 1, 300, 3, 20], [20, 2, 97, 40, 9], [7, 5, 2, 2, 3]] {
        seed += 1;
        assert_agrees(dims, seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_kernels_agree_with_the_reference(
        dims in (1_usize..12, 1_usize..4, 1_usize..40, 1_usize..24, 1_usize..40),
        seed: u64,
    ) {
        assert_agrees([dims.0, dims.1, dims.2, dims.3, dims.4], seed);
    }

    #[test]
    fn a_lane_has_the_same_bits_alone_and_on_any_number_of_threads(
        dims in (1_usize..6, 1_usize..6, 1_usize..60, 1_usize..6, 1_usize..40),
        seed: u64,
        threads in 1_usize..5,
    ) {
        let dims = [dims.0, dims.1, dims.2, dims.3, dims.4];
        let drawn = Drawn::new(dims, seed);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for set in InstructionSet::available() {
            let together = drawn.ours(set, Emit::Sequence);
            prop_assert!(pool.install(|| drawn.ours(set, Emit::Sequence)).iter().zip(&together).all(|(a, b)| same_bits(a, b)));
            for lane in 0..dims[1] {
                let alone = drawn.lane(lane).ours(set, Emit::Sequence);
                let [time, lanes, batch, features, hidden] = dims;
                let part = |values: &[f32], columns: usize| -> Vec<f32> {
                    let row = batch * columns;
                    (0..time).flat_map(|t| values[(t * lanes + lane) * row..][..row].to_vec()).collect()
                };
                prop_assert!(same_bits(&alone[0], &part(&together[0], hidden)));
                prop_assert!(same_bits(&alone[1], &part(&together[1], features)));
                for (alone, together) in alone[2..].iter().zip(&together[2..]) {
                    prop_assert!(same_bits(alone, &together[lane * together.len() / lanes..(lane + 1) * together.len() / lanes]));
                }
            }
        }
    }
}

/// Weights of stacked layers after steps of gradient descent on the squared distance of the last outputs to 0.3.
fn descended(dims: Dims, layers: usize, set: Option<InstructionSet>) -> Vec<Vec<f32>> {
    let [time, lanes, batch, features, hidden] = dims;
    let mut stack: Vec<Drawn> = (0..layers)
        .map(|layer| Drawn::new([time, lanes, batch, if layer == 0 { features } else { hidden }, hidden], 50 + layer as u64))
        .collect();
    for _ in 0..50 {
        let mut saved = Vec::new();
        for layer in 0..layers {
            let emit = if layer + 1 == layers { Emit::Last } else { Emit::Sequence };
            let args = stack[layer].args(emit);
            let (output, kept) = match set {
                Some(set) => host::forward_saving::<Flex>(set, args),
                None => reference::forward_saving::<Flex>(args),
            };
            saved.push((emit, kept));
            let output = values(output);
            match stack.get_mut(layer + 1) {
                Some(next) => next.x = output,
                None => stack[layer].direction = output.iter().map(|h| 2.0 * (h - 0.3) / batch as f32).collect(),
            }
        }
        for layer in (0..layers).rev() {
            let Some((emit, kept)) = saved.pop() else { continue };
            let (args, outside) = (stack[layer].args(emit), stack[layer].outside(emit));
            let gradients = match set {
                Some(set) => host::backward::<Flex>(set, args, kept, outside, Wanted::WeightsAndInput),
                None => reference::backward::<Flex>(args, kept, outside, Wanted::WeightsAndInput),
            };
            let [_, x, wi, wh, bias] = all(Vec::new(), gradients);
            let this = &mut stack[layer];
            for (weights, gradients) in [(&mut this.wi, wi), (&mut this.wh, wh), (&mut this.bias, bias)] {
                weights.iter_mut().zip(gradients).for_each(|(weight, gradient)| *weight -= 0.1 * gradient);
            }
            if layer > 0 {
                stack[layer - 1].direction = x;
            }
        }
    }
    stack.into_iter().flat_map(|layer| [layer.wi, layer.wh, layer.bias]).collect()
}

#[test]
fn fifty_steps_of_training_end_where_those_of_the_reference_do() {
    for (dims, layers) in [([8, 1, 6, 3, 7], 1), ([10, 2, 20, 4, 33], 3), ([12, 1, 32, 5, 32], 2)] {
        let theirs = descended(dims, layers, None);
        for set in InstructionSet::available() {
            let ours = descended(dims, layers, Some(set));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_near(&format!("{set:?} {dims:?}"), std::slice::from_ref(ours), std::slice::from_ref(theirs));
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_neither_crash_nor_reach_other_windows() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut drawn = Drawn::new([6, 1, 4, 3, 5], 9);
        drawn.x[0] = bad; // window 0 of step 0
        for set in InstructionSet::available() {
            let [output, ..] = drawn.ours(set, Emit::Last);
            assert!(output[5..].iter().all(|value| value.is_finite()), "{set:?} {bad}");
            assert_eq!(output[..5].iter().all(|value| value.is_nan()), bad.is_nan(), "{set:?} {bad}: {output:?}");
        }
    }
}

/// Output and gradients on a backend, from an input that lies in memory in another order.
fn permuted<B: host::Host>(drawn: &Drawn) -> [Vec<f32>; 5] {
    let [time, lanes, batch, features, hidden] = drawn.dims;
    let device = Default::default();
    let data = |values: &[f32], dims: &[usize]| TensorData::new(values.to_vec(), dims.to_vec());
    let args = || {
        // [F, B, K, T] in memory.
        let x = Tensor::<B, 4>::from_data(data(&drawn.x, &[features, batch, lanes, time]), &device).permute([3, 2, 1, 0]);
        LstmArgs::<B> {
            input: primitive(x),
            w_input: primitive(Tensor::<B, 3>::from_data(data(&drawn.wi, &[lanes, features, 4 * hidden]), &device)),
            w_hidden: primitive(Tensor::<B, 3>::from_data(data(&drawn.wh, &[lanes, hidden, 4 * hidden]), &device)),
            bias: primitive(Tensor::<B, 2>::from_data(data(&drawn.bias, &[lanes, 4 * hidden]), &device)),
            emit: Emit::Sequence,
        }
    };
    // One gradient for all steps and windows, repeated without a copy.
    let outside = Tensor::<B, 1>::from_data(data(&drawn.direction[..hidden], &[hidden]), &device);
    let outside = outside.reshape([1, 1, 1, hidden]).expand([time, lanes, batch, hidden]);
    let set = InstructionSet::chosen();
    let (output, saved) = host::forward_saving::<B>(set, args());
    let gradients = host::backward::<B>(set, args(), saved, primitive(outside), Wanted::WeightsAndInput);
    let LstmGradients { input, w_input, w_hidden, bias } = gradients;
    let vec = |data: TensorData| data.to_vec::<f32>().unwrap();
    [
        vec(tensor::<B, 4>(output).into_data()),
        vec(tensor::<B, 4>(input.unwrap()).into_data()),
        vec(tensor::<B, 3>(w_input).into_data()),
        vec(tensor::<B, 3>(w_hidden).into_data()),
        vec(tensor::<B, 2>(bias).into_data()),
    ]
}

#[test]
fn tensors_that_are_not_contiguous_are_read_in_their_own_order() {
    let drawn = Drawn::new([5, 3, 4, 2, 7], 11);
    let [time, lanes, batch, features, hidden] = drawn.dims;
    let mut plain = Drawn::new(drawn.dims, 11);
    for (index, x) in plain.x.iter_mut().enumerate() {
        let (f, b, k, t) =
            (index % features, index / features % batch, index / features / batch % lanes, index / features / batch / lanes);
        *x = drawn.x[((f * batch + b) * lanes + k) * time + t];
    }
    plain.direction = drawn.direction[..hidden].repeat(time * lanes * batch);
    let theirs = plain.ours(InstructionSet::chosen(), Emit::Sequence);
    assert!(permuted::<Flex>(&drawn).iter().zip(&theirs).all(|(ours, theirs)| same_bits(ours, theirs)));
    #[cfg(feature = "ndarray")]
    assert!(permuted::<burn::backend::NdArray>(&drawn).iter().zip(&theirs).all(|(ours, theirs)| same_bits(ours, theirs)));
}
