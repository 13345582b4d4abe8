use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Distribution, Tensor, TensorData};
use proptest::prelude::*;

use super::*;
use crate::random;

type Plain = Flex;
type Tracked = Autodiff<Flex>;

/// The layer as a textbook writes it, differentiated by Burn.
fn oracle<B: Backend>(x: Tensor<B, 4>, wi: Tensor<B, 3>, wh: Tensor<B, 3>, bias: Tensor<B, 2>) -> Tensor<B, 4> {
    let [time, lanes, batch, features] = x.dims();
    let hidden = wh.dims()[1];
    let mut h = Tensor::<B, 3>::zeros([lanes, batch, hidden], &x.device());
    let mut c = h.clone();
    let mut outputs = Vec::new();
    for t in 0..time {
        let x = x.clone().slice(t..t + 1).reshape([lanes, batch, features]);
        let z = x.matmul(wi.clone()) + h.matmul(wh.clone()) + bias.clone().unsqueeze_dim(1);
        let mut gates = z.chunk(4, 2).into_iter();
        let mut gate = || gates.next().unwrap();
        let (i, f, g, o) = (sigmoid(gate()), sigmoid(gate()), tanh(gate()), sigmoid(gate()));
        c = f * c + i * g;
        h = o * tanh(c.clone());
        outputs.push(h.clone());
    }
    Tensor::stack(outputs, 0)
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    time: usize,
    lanes: usize,
    batch: usize,
    features: usize,
    hidden: usize,
}

/// Input, weights and a direction of the output, all drawn.
struct Drawn {
    x: Vec<f32>,
    wi: Vec<f32>,
    wh: Vec<f32>,
    bias: Vec<f32>,
    direction: Vec<f32>,
}

impl Drawn {
    fn new(sizes: Sizes, seed: u64) -> Self {
        let Sizes { time, lanes, batch, features, hidden } = sizes;
        let draw = |index, n| random::uniform(seed, index, n, 1.0);
        Self {
            x: draw(0, time * lanes * batch * features),
            wi: draw(1, lanes * features * 4 * hidden),
            wh: draw(2, lanes * hidden * 4 * hidden),
            bias: draw(3, lanes * 4 * hidden),
            direction: draw(4, time * lanes * batch * hidden),
        }
    }

    fn tensors<B: Backend>(&self, s: Sizes) -> (Tensor<B, 4>, Tensor<B, 3>, Tensor<B, 3>, Tensor<B, 2>) {
        (
            of(&self.x, [s.time, s.lanes, s.batch, s.features]),
            of(&self.wi, [s.lanes, s.features, 4 * s.hidden]),
            of(&self.wh, [s.lanes, s.hidden, 4 * s.hidden]),
            of(&self.bias, [s.lanes, 4 * s.hidden]),
        )
    }

    /// The output's sum along the direction.
    fn value(&self, s: Sizes) -> f64 {
        let (x, wi, wh, bias) = self.tensors::<Plain>(s);
        let output = lstm(x, wi, wh, bias, Emit::Sequence) * of(&self.direction, [s.time, s.lanes, s.batch, s.hidden]);
        output.into_data().to_vec::<f32>().unwrap().into_iter().map(f64::from).sum()
    }
}

fn of<B: Backend, const D: usize>(values: &[f32], dims: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values.to_vec(), dims), &B::Device::default())
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

fn assert_near(ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len());
    let size = theirs.iter().fold(1.0_f32, |size, value| size.max(value.abs()));
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= tolerance * size, "at {index}: {ours} is not {theirs}");
    }
}

/// Output and the gradients of x, wi, wh and bias.
fn differentiated(
    drawn: &Drawn,
    s: Sizes,
    emit: Emit,
    layer: impl Fn(Tensor<Tracked, 4>, Tensor<Tracked, 3>, Tensor<Tracked, 3>, Tensor<Tracked, 2>) -> Tensor<Tracked, 4>,
) -> [Vec<f32>; 5] {
    let (x, wi, wh, bias) = drawn.tensors::<Tracked>(s);
    let (x, wi, wh, bias) = (x.require_grad(), wi.require_grad(), wh.require_grad(), bias.require_grad());
    let output = layer(x.clone(), wi.clone(), wh.clone(), bias.clone());
    let direction: Tensor<Tracked, 4> = of(&drawn.direction, [s.time, s.lanes, s.batch, s.hidden]);
    let (output, direction) = match emit {
        Emit::Sequence => (output, direction),
        Emit::Last => (output.slice(0..1), direction.slice(s.time - 1..s.time)),
    };
    let gradients = (output.clone() * direction).sum().backward();
    [
        values(output),
        values(x.grad(&gradients).unwrap()),
        values(wi.grad(&gradients).unwrap()),
        values(wh.grad(&gradients).unwrap()),
        values(bias.grad(&gradients).unwrap()),
    ]
}

fn sizes() -> impl Strategy<Value = Sizes> {
    (1_usize..6, 1_usize..4, 1_usize..4, 1_usize..4, 1_usize..6).prop_map(|(time, lanes, batch, features, hidden)| Sizes {
        time,
        lanes,
        batch,
        features,
        hidden,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_op_and_its_gradients_are_those_of_the_textbook(s in sizes(), seed: u64) {
        let drawn = Drawn::new(s, seed);
        let theirs = differentiated(&drawn, s, Emit::Sequence, oracle);
        let ours = differentiated(&drawn, s, Emit::Sequence, |x, wi, wh, bias| lstm(x, wi, wh, bias, Emit::Sequence));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_near(ours, theirs, 1e-5);
        }
    }

    #[test]
    fn the_last_step_alone_has_the_gradients_of_the_sequence_cut_to_it(s in sizes(), seed: u64) {
        let drawn = Drawn::new(s, seed);
        let theirs = differentiated(&drawn, s, Emit::Last, |x, wi, wh, bias| oracle(x, wi, wh, bias).slice(s.time - 1..s.time));
        let ours = differentiated(&drawn, s, Emit::Last, |x, wi, wh, bias| lstm(x, wi, wh, bias, Emit::Last));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_near(ours, theirs, 1e-5);
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let s = Sizes { time: 4, lanes: 2, batch: 2, features: 3, hidden: 3 };
    let mut drawn = Drawn::new(s, 7);
    let [_, x, wi, wh, bias] = differentiated(&drawn, s, Emit::Sequence, |x, wi, wh, b| lstm(x, wi, wh, b, Emit::Sequence));
    let fields: [(fn(&mut Drawn) -> &mut Vec<f32>, Vec<f32>); 4] =
        [(|d| &mut d.x, x), (|d| &mut d.wi, wi), (|d| &mut d.wh, wh), (|d| &mut d.bias, bias)];
    for (field, gradient) in fields {
        for (index, analytic) in gradient.into_iter().enumerate() {
            let at = field(&mut drawn)[index];
            let step = 1e-2;
            field(&mut drawn)[index] = at + step;
            let above = drawn.value(s);
            field(&mut drawn)[index] = at - step;
            let below = drawn.value(s);
            field(&mut drawn)[index] = at;
            let numeric = (above - below) / (2.0 * f64::from(step));
            assert!((numeric - f64::from(analytic)).abs() < 2e-3, "{numeric} is not {analytic}");
        }
    }
}

#[test]
fn a_weight_that_needs_no_gradient_is_no_obstacle() {
    let s = Sizes { time: 3, lanes: 1, batch: 2, features: 2, hidden: 2 };
    let drawn = Drawn::new(s, 3);
    let (x, wi, wh, bias) = drawn.tensors::<Tracked>(s);
    let bias = bias.require_grad();
    let gradients = lstm(x, wi, wh, bias.clone(), Emit::Last).sum().backward();
    let theirs = {
        let (x, wi, wh, bias) = drawn.tensors::<Tracked>(s);
        let bias = bias.require_grad();
        let gradients = oracle(x, wi, wh, bias.clone()).slice(2..3).sum().backward();
        values(bias.grad(&gradients).unwrap())
    };
    assert_near(&values(bias.grad(&gradients).unwrap()), &theirs, 1e-5);
}

#[test]
fn saturated_gates_stay_finite() {
    let device = Default::default();
    let x = Tensor::<Tracked, 4>::random([5, 1, 2, 1], Distribution::Uniform(-1e4, 1e4), &device);
    let wi = Tensor::<Tracked, 3>::ones([1, 1, 12], &device).require_grad();
    let wh = Tensor::<Tracked, 3>::ones([1, 3, 12], &device);
    let bias = Tensor::<Tracked, 2>::zeros([1, 12], &device);
    let output = lstm(x, wi.clone(), wh, bias, Emit::Sequence);
    let gradients = output.clone().sum().backward();
    assert!(values(output).iter().chain(&values(wi.grad(&gradients).unwrap())).all(|value| value.is_finite()));
}

proptest! {
    #[test]
    fn the_fused_step_of_the_optimizer_is_the_composed_one(
        values in prop::collection::vec(-2.0_f32..2.0, 4 * 2 * 21),
        numbers in prop::collection::vec(0.01_f32..0.99, 11),
        clip in prop_oneof![Just(None), (0.1_f32..2.0).prop_map(Some)],
    ) {
        let lane = LaneNumbers {
            clip_norm: clip, rate: numbers[0], shrinkage: numbers[1], decay: numbers[2], momentum: numbers[3], beta1: numbers[4],
            beta1_rest: numbers[5], beta2: numbers[6], beta2_rest: numbers[7], corrected_rate: numbers[8], root_scale: numbers[9],
            epsilon: numbers[10],
        };
        let lanes = [lane, LaneNumbers { clip_norm: None, ..lane }];
        let row = |index: usize| primitive(of::<Plain, 2>(&values[index * 42..][..42], [2, 21]));
        for (kind, second) in [
            (OptimizerKind::Adam, Some(primitive(of::<Plain, 2>(&values[126..], [2, 21]).abs()))),
            (OptimizerKind::AdamW, Some(primitive(of::<Plain, 2>(&values[126..], [2, 21]).abs()))),
            (OptimizerKind::Sgd, None),
        ] {
            let rows = UpdateRows::<Plain> { weights: row(0), first: row(1), second };
            let theirs = update::composed(kind, &lanes, rows.clone(), row(2));
            let ours = Plain::update(kind, &lanes, rows, row(2));
            let all = |rows: UpdateRows<Plain>| [Some(rows.weights), Some(rows.first), rows.second].into_iter().flatten();
            for (ours, theirs) in all(ours).zip(all(theirs)) {
                assert_near(&values_of(ours), &values_of(theirs), 1e-6);
            }
        }
    }
}

fn values_of(rows: FloatTensor<Plain>) -> Vec<f32> {
    values(tensor::<Plain, 2>(rows))
}
