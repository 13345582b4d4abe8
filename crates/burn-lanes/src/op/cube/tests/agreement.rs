//! Forecasts, losses, sums and gradients, at all kinds of sizes.

use burn::backend::{Flex, Wgpu};
use proptest::prelude::*;

use super::{has_adapter, ours, theirs, values};
use crate::Loss::{Huber, Mae, Mse};
use crate::data::{Batch, Ends, Windows};
use crate::loss::Objective;
use crate::model::layout;
use crate::op::testing::{Case, assert_near, quantiles};
use crate::op::{LstmBackend, primitive, reference, tensor};

fn assert_agrees(case: &Case) {
    let what = format!("{:?}, {} lanes, {} windows, {} drop", case.shape, case.lanes, case.windows, case.dropout.len());
    let [losses, sums, gradient] = ours(case);
    let [their_losses, their_sums, their_gradient] = theirs(case);
    assert_near(&format!("losses of {what}"), &losses, &their_losses, 1e-5);
    assert_near(&format!("sums in training of {what}"), &sums, &their_sums, 1e-5);
    let columns = gradient.len() / case.lanes;
    for lane in 0..case.lanes {
        let mut at = lane * columns;
        for (name, dims) in layout(&case.shape) {
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
    let (batch, their_batch) = (case.batch::<Wgpu>(), case.batch::<Flex>());
    let (weights, their_weights) = (|| primitive(case.weights::<Wgpu>()), || primitive(case.weights::<Flex>()));
    let sums = values(tensor::<Wgpu, 2>(Wgpu::sums(&batch, weights())));
    let their_sums = values(tensor::<Flex, 2>(reference::sums(&their_batch, their_weights())));
    assert_near(&format!("sums of {what}"), &sums, &their_sums, 1e-5);
    let forecasts = values(tensor::<Wgpu, 2>(Wgpu::forecasts(&batch, weights())));
    let their_forecasts = values(tensor::<Flex, 2>(reference::forecasts(&their_batch, their_weights())));
    assert_near(&format!("forecasts of {what}"), &forecasts, &their_forecasts, 1e-5);
}

/// Time, lanes, windows, features, hidden, layers.
type Sizes = [usize; 6];

fn assert_all_agree<O: Into<Objective> + Clone>(sizes: &[(O, Sizes)]) {
    if has_adapter() {
        for (seed, (objective, sizes)) in sizes.iter().enumerate() {
            assert_agrees(&Case::new(objective.clone(), *sizes, seed as u64));
        }
    }
}

#[test]
fn one_layer_agrees_with_the_reference() {
    assert_all_agree(&[
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

#[test]
fn two_layers_agree_with_the_reference_with_dropout_too() {
    assert_all_agree(&[
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

#[test]
fn three_layers_agree_with_the_reference() {
    assert_all_agree(&[
        (Mse, [5, 2, 1, 3, 1, 3]),
        (Huber, [6, 3, 10, 2, 7, 3]),
        (Mae, [4, 2, 33, 5, 32, 3]),
        (Mse, [2, 5, 4, 1, 33, 3]),
    ]);
}

#[test]
fn large_networks_agree_with_the_reference_step_by_step() {
    assert_all_agree(&[
        (Mse, [3, 2, 9, 5, 128, 2]),
        (Huber, [1, 1, 1, 1, 128, 1]),
        (Mae, [4, 3, 33, 5, 130, 3]),
        (Mse, [2, 1, 70, 3, 256, 2]),
        (Huber, [5, 2, 4, 2, 9, 20]),
        (Mae, [2, 2, 5, 3, 256, 1]),
    ]);
}

#[test]
fn quantiles_agree_with_the_reference_whole_and_step_by_step() {
    let five = quantiles(&[0.01, 0.25, 0.4, 0.5, 0.975]);
    let many: Vec<f64> = (1..=31).map(|n| f64::from(n) / 32.0).collect();
    assert_all_agree(&[
        (quantiles(&[0.5]), [1, 1, 1, 1, 1, 1]),
        (quantiles(&[0.1, 0.5, 0.9]), [6, 3, 5, 2, 7, 2]),
        (quantiles(&[0.1, 0.5, 0.9]), [60, 2, 32, 5, 32, 2]),
        (five.clone(), [5, 2, 6, 9, 64, 1]),
        (five.clone(), [4, 2, 1029, 2, 7, 1]),
        (five, [3, 2, 9, 5, 128, 2]),
        (quantiles(&many), [3, 2, 13, 2, 33, 3]),
    ]);
}

#[test]
fn small_networks_of_any_size_agree_with_the_reference() {
    if has_adapter() {
        proptest!(ProptestConfig::with_cases(6), |(case in Case::small())| assert_agrees(&case));
    }
}

#[test]
fn shared_windows_are_every_lanes_windows() {
    if !has_adapter() {
        return;
    }
    let case = Case::new(Huber, [4, 3, 11, 2, 7, 2], 9).without_dropout();
    let list = case.ends[1].clone();
    let with = |lists: Vec<Vec<u32>>| {
        let windows = Windows { ends: Ends::new(lists, &Default::default()), range: 3..list.len() };
        let batch = Batch { windows, ..case.batch::<Wgpu>() };
        let forecasts = values(tensor::<Wgpu, 2>(Wgpu::forecasts(&batch, primitive(case.weights::<Wgpu>()))));
        [super::listed(Wgpu::gradient(&batch, primitive(case.weights::<Wgpu>()))).concat(), forecasts].concat()
    };
    assert_eq!(with(vec![list.clone()]), with(vec![list.clone(); 3]));
}

#[test]
fn saturated_gates_stay_finite() {
    if !has_adapter() {
        return;
    }
    for hidden in [7, 128] {
        let mut case = Case::new(Mse, [5, 1, 3, 2, hidden, 2], 1);
        case.scale_features(1e4);
        assert!(ours(&case).concat().iter().all(|value| value.is_finite()));
        assert_agrees(&case);
    }
}

#[test]
fn what_is_not_a_number_stays_in_its_window() {
    if !has_adapter() {
        return;
    }
    let mut case = Case::new(Mse, [3, 1, 6, 2, 7, 2], 4).without_dropout();
    let last = case.ends[0][0] as usize;
    case.series.features[2 * last] = f32::NAN;
    let sees = |end: &u32| (*end as usize) >= last && (*end as usize) < last + 3;
    let forecasts = values(tensor::<Wgpu, 2>(Wgpu::forecasts(&case.batch::<Wgpu>(), primitive(case.weights::<Wgpu>()))));
    for (end, forecast) in case.ends[0].iter().zip(&forecasts) {
        assert_eq!(forecast.is_nan(), sees(end), "the window that ends at {end}: {forecast}");
    }
    let [losses, ..] = ours(&case);
    assert!(losses[0].is_nan());
}
