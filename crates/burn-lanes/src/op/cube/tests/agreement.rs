//! Forecasts, losses, sums and gradients, at all kinds of sizes.

use burn::backend::Flex;
use proptest::prelude::*;

use super::{BoolElement, CubeRuntime, Gpu, ours, theirs, values};
use crate::Loss::{Huber, Mae, Mse};
use crate::data::{Batch, Ends, Windows};
use crate::loss::Objective;
use crate::op::testing::{Case, assert_near, quantiles};
use crate::op::{LstmBackend, primitive, reference, tensor};

pub(super) fn assert_agrees<R: CubeRuntime, BT: BoolElement>(case: &Case) {
    let what = format!(
        "{:?}, {} lanes, {} windows, {} drop",
        case.shape,
        case.lanes,
        case.windows,
        case.dropout.len()
    );
    let [losses, sums, gradient] = ours::<R, BT>(case);
    let [their_losses, their_sums, their_gradient] = theirs(case);
    assert_near(&format!("losses of {what}"), &losses, &their_losses, 1e-5);
    assert_near(&format!("sums in training of {what}"), &sums, &their_sums, 1e-5);
    let columns = gradient.len() / case.lanes;
    for lane in 0..case.lanes {
        let mut at = lane * columns;
        for (name, dims) in case.shape.layout() {
            let part = at..at + dims.iter().product::<usize>();
            at = part.end;
            assert_near(
                &format!("gradient of {name} in lane {lane} of {what}"),
                &gradient[part.clone()],
                &their_gradient[part],
                1e-5,
            );
        }
    }
    let case = case.clone().without_dropout();
    let (batch, their_batch) = (case.batch::<Gpu<R, BT>>(), case.batch::<Flex>());
    let (weights, their_weights) =
        (|| primitive(case.weights::<Gpu<R, BT>>()), || primitive(case.weights::<Flex>()));
    let sums = values(tensor::<Gpu<R, BT>, 2>(Gpu::<R, BT>::sums(&batch, weights())));
    let their_sums = values(tensor::<Flex, 2>(reference::sums(&their_batch, their_weights())));
    assert_near(&format!("sums of {what}"), &sums, &their_sums, 1e-5);
    let forecasts = values(tensor::<Gpu<R, BT>, 2>(Gpu::<R, BT>::forecasts(&batch, weights())));
    let their_forecasts =
        values(tensor::<Flex, 2>(reference::forecasts(&their_batch, their_weights())));
    assert_near(&format!("forecasts of {what}"), &forecasts, &their_forecasts, 1e-5);
}

on_each_gpu!(
    one_layer_agrees_with_the_reference,
    two_layers_agree_with_the_reference_with_dropout_too,
    three_layers_agree_with_the_reference,
    large_networks_agree_with_the_reference_step_by_step,
    quantiles_agree_with_the_reference_whole_and_step_by_step,
    small_networks_of_any_size_agree_with_the_reference,
    shared_windows_are_every_lanes_windows,
    saturated_gates_stay_finite,
    what_is_not_a_number_stays_in_its_window,
);

/// Time, lanes, windows, features, hidden, layers.
type Sizes = [usize; 6];

fn assert_all_agree<R: CubeRuntime, BT: BoolElement>(
    sizes: &[(impl Into<Objective> + Clone, Sizes)],
) {
    for (seed, (objective, sizes)) in sizes.iter().enumerate() {
        assert_agrees::<R, BT>(&Case::new(objective.clone(), *sizes, seed as u64));
    }
}

fn one_layer_agrees_with_the_reference<R: CubeRuntime, BT: BoolElement>() {
    assert_all_agree::<R, BT>(&[
        (Mse, [1, 1, 1, 1, 1, 1]),
        (Mae, [5, 2, 1, 3, 1, 1]),
        (Huber, [4, 1, 9, 40, 1, 1]),
        (Mse, [7, 3, 4, 2, 7, 1]),
        (Huber, [3, 2, 13, 2, 7, 1]),
        (Mae, [3, 2, 61, 2, 7, 1]),
        (Mse, [2, 1, 300, 5, 32, 1]),
        (Mse, [5, 2, 6, 9, 64, 1]),
    ]);
}

fn two_layers_agree_with_the_reference_with_dropout_too<R: CubeRuntime, BT: BoolElement>() {
    assert_all_agree::<R, BT>(&[
        (Mse, [1, 2, 1, 1, 1, 2]),
        (Mae, [6, 3, 5, 2, 1, 2]),
        (Huber, [5, 4, 8, 3, 7, 2]),
        (Mse, [8, 3, 11, 3, 7, 2]),
        (Mae, [6, 2, 64, 5, 16, 2]),
        (Huber, [5, 3, 70, 5, 16, 2]),
        (Mse, [60, 2, 32, 5, 32, 2]),
        (Mae, [9, 5, 30, 5, 32, 2]),
        (Huber, [6, 1, 97, 5, 32, 2]),
        (Mse, [4, 2, 17, 4, 33, 2]),
        (Huber, [5, 2, 20, 5, 64, 2]),
        (Mse, [3, 1, 3, 5, 64, 2]),
        (Mae, [3, 2, 9, 5, 100, 2]),
    ]);
}

fn three_layers_agree_with_the_reference<R: CubeRuntime, BT: BoolElement>() {
    assert_all_agree::<R, BT>(&[
        (Mse, [5, 2, 1, 3, 1, 3]),
        (Huber, [6, 3, 10, 2, 7, 3]),
        (Mae, [4, 2, 33, 5, 32, 3]),
        (Mse, [2, 5, 4, 1, 33, 3]),
    ]);
}

fn large_networks_agree_with_the_reference_step_by_step<R: CubeRuntime, BT: BoolElement>() {
    assert_all_agree::<R, BT>(&[
        (Mse, [3, 2, 9, 5, 128, 2]),
        (Huber, [1, 1, 1, 1, 128, 1]),
        (Mae, [4, 3, 33, 5, 130, 3]),
        (Mse, [2, 1, 70, 3, 256, 2]),
        (Huber, [5, 2, 4, 2, 9, 20]),
        (Mae, [2, 2, 5, 3, 256, 1]),
    ]);
}

fn quantiles_agree_with_the_reference_whole_and_step_by_step<R: CubeRuntime, BT: BoolElement>() {
    let five = quantiles(&[0.01, 0.25, 0.4, 0.5, 0.975]);
    let many: Vec<f64> = (1..=31).map(|n| f64::from(n) / 32.0).collect();
    assert_all_agree::<R, BT>(&[
        (quantiles(&[0.5]), [1, 1, 1, 1, 1, 1]),
        (quantiles(&[0.1, 0.5, 0.9]), [6, 3, 5, 2, 7, 2]),
        (quantiles(&[0.1, 0.5, 0.9]), [60, 2, 32, 5, 32, 2]),
        (five.clone(), [5, 2, 6, 9, 64, 1]),
        (five.clone(), [4, 2, 1029, 2, 7, 1]),
        (five, [3, 2, 9, 5, 128, 2]),
        (quantiles(&many), [3, 2, 13, 2, 33, 3]),
    ]);
}

fn small_networks_of_any_size_agree_with_the_reference<R: CubeRuntime, BT: BoolElement>() {
    let config = ProptestConfig::with_cases(6);
    proptest!(config, |(case in Case::small())| assert_agrees::<R, BT>(&case));
}

fn shared_windows_are_every_lanes_windows<R: CubeRuntime, BT: BoolElement>() {
    let case = Case::new(Huber, [4, 3, 11, 2, 7, 2], 9).without_dropout();
    let list = case.ends[1].clone();
    let with = |lists: Vec<Vec<u32>>| {
        let windows = Windows { ends: Ends::new(lists, &Default::default()), range: 3..list.len() };
        let batch = Batch { windows, ..case.batch::<Gpu<R, BT>>() };
        let forecasts = values(tensor::<Gpu<R, BT>, 2>(Gpu::<R, BT>::forecasts(
            &batch,
            primitive(case.weights::<Gpu<R, BT>>()),
        )));
        [
            super::listed(Gpu::<R, BT>::gradient(&batch, primitive(case.weights::<Gpu<R, BT>>())))
                .concat(),
            forecasts,
        ]
        .concat()
    };
    assert_eq!(with(vec![list.clone()]), with(vec![list.clone(); 3]));
}

fn saturated_gates_stay_finite<R: CubeRuntime, BT: BoolElement>() {
    for hidden in [7, 128] {
        let mut case = Case::new(Mse, [5, 1, 3, 2, hidden, 2], 1);
        case.scale_features(1e4);
        assert!(ours::<R, BT>(&case).concat().iter().all(|value| value.is_finite()));
        assert_agrees::<R, BT>(&case);
    }
}

fn what_is_not_a_number_stays_in_its_window<R: CubeRuntime, BT: BoolElement>() {
    let mut case = Case::new(Mse, [3, 1, 6, 2, 7, 2], 4).without_dropout();
    let last = case.ends[0][0] as usize;
    case.series.features[2 * last] = f32::NAN;
    let sees = |end: &u32| (*end as usize) >= last && (*end as usize) < last + 3;
    let forecasts = values(tensor::<Gpu<R, BT>, 2>(Gpu::<R, BT>::forecasts(
        &case.batch::<Gpu<R, BT>>(),
        primitive(case.weights::<Gpu<R, BT>>()),
    )));
    for (end, forecast) in case.ends[0].iter().zip(&forecasts) {
        assert_eq!(forecast.is_nan(), sees(end), "the window that ends at {end}: {forecast}");
    }
    let [losses, ..] = ours::<R, BT>(&case);
    assert!(losses[0].is_nan());
}
