//! The reference against the network as a textbook writes it, differentiated by Burn, and against
//! finite differences.

use std::sync::Arc;

use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;

use super::testing::{Case, assert_near};
use super::*;
use crate::Loss;
use crate::loss::{Objective, window_losses};
use crate::random::MaskPlace;

type Plain = Flex;
type Tracked = Autodiff<Flex>;

/// Each lane's mean loss, `[K]`, from weights `[K, P]`.
fn textbook<B: Backend>(case: &Case, weights: Tensor<B, 2>) -> Tensor<B, 1> {
    let Case { ref shape, lanes, .. } = *case;
    let batch = case.batch::<Plain>();
    let windows = batch.windows.count();
    let gathered = batch.gather();
    let mut sequence: Tensor<B, 4> =
        of(&values(gathered.inputs), [shape.window, lanes, windows, shape.features]);
    let targets: Tensor<B, 2> = of(&values(gathered.targets), [lanes, windows]);
    let mut start = 0;
    let mut next = |size: usize| {
        start += size;
        weights.clone().slice([0..lanes, start - size..start])
    };
    let hidden = shape.hidden;
    let mut last = Tensor::<B, 3>::zeros([lanes, windows, hidden], &Default::default());
    for layer in 0..shape.layers {
        let features = sequence.dims()[3];
        let wi = next(features * 4 * hidden).reshape([lanes, features, 4 * hidden]);
        let wh = next(hidden * 4 * hidden).reshape([lanes, hidden, 4 * hidden]);
        let bias = next(4 * hidden).unsqueeze_dim::<3>(1);
        let mut h = Tensor::<B, 3>::zeros([lanes, windows, hidden], &Default::default());
        let mut c = h.clone();
        let mut outputs = Vec::new();
        for t in 0..shape.window {
            let x = sequence.clone().slice(t..t + 1).reshape([lanes, windows, features]);
            let z = x.matmul(wi.clone()) + h.matmul(wh.clone()) + bias.clone();
            let mut gates = z.chunk(4, 2).into_iter();
            let mut gate = || gates.next().unwrap();
            let (i, f, g, o) = (sigmoid(gate()), sigmoid(gate()), tanh(gate()), sigmoid(gate()));
            c = f * c + i * g;
            h = o * tanh(c.clone());
            let mask: Vec<f32> = (0..lanes * windows * hidden)
                .map(|index| {
                    let (lane, row, unit) =
                        (index / (windows * hidden), index / hidden % windows, index % hidden);
                    let place = MaskPlace { layer, t, row, rows: windows, unit, units: hidden };
                    batch.dropout.get(lane).map_or(1.0, |dropout| dropout.factor(place))
                })
                .collect();
            outputs.push(h.clone() * of::<B, 3>(&mask, [lanes, windows, hidden]));
        }
        last = h;
        sequence = Tensor::stack(outputs, 0);
    }
    let outputs = shape.head.outputs();
    let weights = next(outputs * hidden).reshape([lanes, outputs, hidden]);
    let forecasts =
        last.matmul(weights.swap_dims(1, 2)) + next(outputs).reshape([lanes, 1, outputs]);
    let losses = match Objective::of(shape) {
        Objective::Quantiles(levels) => pinball(&levels, &(targets.unsqueeze_dim(2) - forecasts)),
        point => window_losses(&point, forecasts - targets.unsqueeze_dim(2)),
    };
    losses.mean_dim(1).reshape([lanes])
}

/// As Koenker & Bassett (1978) write it: `max(τ·u, (τ − 1)·u)` of the residuals u, `[K, B, Q]`; its
/// mean over the levels, `[K, B]`.
fn pinball<B: Backend>(levels: &crate::Levels, residuals: &Tensor<B, 3>) -> Tensor<B, 2> {
    let [lanes, windows, count] = residuals.dims();
    let of_level = |(output, level): (usize, f64)| {
        let u = residuals.clone().slice([0..lanes, 0..windows, output..output + 1]);
        (u.clone() * level).max_pair(u * (level - 1.0))
    };
    let sum = levels.values().enumerate().map(of_level).reduce(|sum, loss| sum + loss).unwrap();
    (sum / count as f64).reshape([lanes, windows])
}

fn of<B: Backend, const D: usize>(values: &[f32], dims: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values.to_vec(), dims), &B::Device::default())
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_reference_and_its_gradient_are_those_of_the_textbook(case in Case::small()) {
        let weights = case.weights::<Tracked>().require_grad();
        let losses = textbook(&case, weights.clone());
        let gradients = losses.backward();
        let Gradient { losses: ours, sums, weights: gradient } =
            reference::gradient(&case.batch::<Plain>(), primitive(case.weights::<Plain>()));
        assert_near("losses", &values(tensor::<Plain, 1>(ours)), &values(losses), 1e-5);
        assert_near(
            "gradient",
            &values(tensor::<Plain, 2>(gradient)),
            &values(weights.grad(&gradients).unwrap()),
            1e-5,
        );
        let windows = case.windows as f32;
        let losses: Vec<f32> =
            values(tensor::<Plain, 2>(sums)).chunks(3).map(|sums| sums[0] / windows).collect();
        assert_near("sums", &losses, &values(textbook(&case, case.weights::<Plain>())), 1e-5);
    }

    #[test]
    fn sums_are_those_of_the_forecasts(case in Case::small().prop_map(Case::without_dropout)) {
        let batch = case.batch::<Plain>();
        let weights = || primitive(case.weights::<Plain>());
        let forecasts: Tensor<Plain, 2> = tensor(reference::forecasts(&batch, weights()));
        let forecasts = forecasts.reshape([case.lanes, case.windows, case.shape.head.outputs()]);
        let errors = forecasts - batch.gather().targets.unsqueeze_dim(2);
        let ours = values(tensor::<Plain, 2>(reference::sums(&batch, weights())));
        assert_near(
            "sums",
            &ours,
            &values(crate::loss::sums(&Objective::of(&case.shape), errors)),
            1e-6,
        );
        assert_near(
            "sums in training",
            &values(tensor::<Plain, 2>(reference::gradient(&batch, weights()).sums)),
            &ours,
            1e-6,
        );
    }
}

#[test]
fn the_gradient_agrees_with_finite_differences() {
    let case = Case::new(Loss::Mse, [4, 2, 3, 3, 2, 2], 7);
    let mut weights = values(case.weights::<Plain>());
    let losses = |weights: &[f32]| {
        let weights = of::<Plain, 2>(weights, [2, weights.len() / 2]);
        let sums: f64 = values(textbook(&case, weights)).into_iter().map(f64::from).sum();
        sums
    };
    let gradient =
        reference::gradient(&case.batch::<Plain>(), primitive(case.weights::<Plain>())).weights;
    for (index, analytic) in values(tensor::<Plain, 2>(gradient)).into_iter().enumerate() {
        let at = weights[index];
        let step = 1e-2;
        weights[index] = at + step;
        let above = losses(&weights);
        weights[index] = at - step;
        let below = losses(&weights);
        weights[index] = at;
        let numeric = (above - below) / (2.0 * f64::from(step));
        assert!((numeric - f64::from(analytic)).abs() < 1e-3, "{numeric} is not {analytic}");
    }
}

#[test]
fn the_node_hands_each_lane_its_gradient_times_what_comes_from_above() {
    let case = Case::new(Loss::Mse, [3, 2, 5, 2, 4, 1], 3);
    let batch = case.batch::<Plain>();
    let weights = case.weights::<Tracked>().require_grad();
    let (losses, _) = losses(&batch, weights.clone());
    let factors: Tensor<Tracked, 1> = of(&[2.0, -3.0], [2]);
    let gradients = (losses * factors).backward();
    let plain: Tensor<Plain, 2> =
        tensor(Plain::gradient(&batch, primitive(case.weights::<Plain>())).weights);
    let expected = plain * of::<Plain, 2>(&[2.0, -3.0], [2, 1]);
    assert_eq!(values(weights.grad(&gradients).unwrap()), values(expected));
}

#[test]
fn saturated_gates_stay_finite() {
    let mut case = Case::new(Loss::Mse, [5, 1, 2, 1, 3, 1], 1);
    case.scale_features(1e4);
    let Gradient { losses, weights, .. } =
        reference::gradient(&case.batch::<Plain>(), primitive(case.weights::<Plain>()));
    let all = [values(tensor::<Plain, 1>(losses)), values(tensor::<Plain, 2>(weights))].concat();
    assert!(all.iter().all(|value| value.is_finite()));
}

#[test]
fn shared_windows_are_every_lanes_windows() {
    let case = Case::new(Loss::Huber, [4, 3, 6, 2, 5, 2], 9).without_dropout();
    let own = case.batch::<Plain>();
    let list = own.windows.of_lane(1).to_vec();
    let ends = |lists: Vec<Vec<u32>>| crate::data::Ends::new(lists, &Default::default());
    let with = |ends: Arc<crate::data::Ends<Plain>>| {
        let windows = crate::data::Windows { ends, range: 0..list.len() };
        let batch = Batch { windows, ..own.clone() };
        values(tensor::<Plain, 2>(Plain::sums(&batch, primitive(case.weights::<Plain>()))))
    };
    assert_eq!(with(ends(vec![list.clone()])), with(ends(vec![list.clone(); 3])));
}

proptest! {
    #[test]
    fn the_fused_step_of_the_optimizer_is_the_composed_one(
        values in prop::collection::vec(-2.0_f32..2.0, 4 * 2 * 21),
        numbers in prop::collection::vec(0.01_f32..0.99, 11),
        clip in prop_oneof![Just(None), (0.1_f32..2.0).prop_map(Some)],
    ) {
        let lane = LaneNumbers {
            clip_norm: clip,
            rate: numbers[0],
            shrinkage: numbers[1],
            decay: numbers[2],
            momentum: numbers[3],
            beta1: numbers[4],
            beta1_rest: numbers[5],
            beta2: numbers[6],
            beta2_rest: numbers[7],
            corrected_rate: numbers[8],
            root_scale: numbers[9],
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
            let all = |rows: UpdateRows<Plain>| {
                [Some(rows.weights), Some(rows.first), rows.second].into_iter().flatten()
            };
            for (ours, theirs) in all(ours).zip(all(theirs)) {
                assert_near("rows", &values_of(ours), &values_of(theirs), 1e-6);
            }
        }
    }
}

fn values_of(rows: FloatTensor<Plain>) -> Vec<f32> {
    values(tensor::<Plain, 2>(rows))
}
