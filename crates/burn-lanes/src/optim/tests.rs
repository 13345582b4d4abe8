use burn::backend::Flex;
use burn::tensor::TensorData;
use proptest::prelude::*;

use super::*;

type Plain = Flex;

/// A step of one weight, in f64, as PyTorch's documentation writes it.
fn oracle(
    kind: OptimizerKind,
    config: &LaneConfig,
    rate: f64,
    gradients: &[Vec<f64>],
    mut weights: Vec<f64>,
) -> Vec<f64> {
    let (mut m, mut v) = (vec![0.0; weights.len()], vec![0.0; weights.len()]);
    for (step, gradients) in gradients.iter().enumerate() {
        let t = step as i32 + 1;
        let norm = gradients.iter().map(|g| g * g).sum::<f64>().sqrt();
        let clip = config.clip_norm.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0));
        for (i, w) in weights.iter_mut().enumerate() {
            let mut g = gradients[i] * clip;
            match kind {
                OptimizerKind::AdamW => *w -= rate * config.weight_decay * *w,
                OptimizerKind::Adam | OptimizerKind::Sgd => g += config.weight_decay * *w,
            }
            if kind == OptimizerKind::Sgd {
                m[i] = config.momentum * m[i] + g;
                *w -= rate * m[i];
                continue;
            }
            m[i] = config.beta1 * m[i] + (1.0 - config.beta1) * g;
            v[i] = config.beta2 * v[i] + (1.0 - config.beta2) * g * g;
            let (first, second) =
                (m[i] / (1.0 - config.beta1.powi(t)), v[i] / (1.0 - config.beta2.powi(t)));
            *w -= rate * first / (second.sqrt() + config.epsilon);
        }
    }
    weights
}

fn rows_of(rows: &[Vec<f64>]) -> Tensor<Plain, 2> {
    let values: Vec<f32> = rows.iter().flatten().map(|value| *value as f32).collect();
    Tensor::from_data(TensorData::new(values, [rows.len(), rows[0].len()]), &Default::default())
}

/// The rows after these gradients, one list of rows a step.
fn stepped(
    kind: OptimizerKind,
    configs: &[LaneConfig],
    gradients: &[Vec<Vec<f64>>],
    weights: &[Vec<f64>],
) -> Vec<Vec<f32>> {
    let mut lanes: Vec<_> = configs
        .iter()
        .map(|config| LaneUpdate {
            rate: config.learning_rate,
            ..LaneUpdate::new(config.clone(), ScheduleState::default(), 0)
        })
        .collect();
    let mut weights = rows_of(weights);
    let second = (kind != OptimizerKind::Sgd).then(|| weights.zeros_like());
    let mut moments = Moments { first: weights.zeros_like(), second };
    for gradients in gradients {
        weights = updated(kind, &mut lanes, &mut moments, weights, rows_of(gradients));
    }
    let columns = weights.dims()[1];
    weights.into_data().to_vec::<f32>().unwrap().chunks(columns).map(<[f32]>::to_vec).collect()
}

fn configs() -> impl Strategy<Value = LaneConfig> {
    let clip = prop_oneof![Just(None), (0.01_f64..2.0).prop_map(Some)];
    let decay = prop_oneof![Just(0.0), 0.001_f64..0.5];
    (1e-3_f64..0.1, decay, 0.5_f64..0.95, 0.9_f64..0.9999, 0.0_f64..0.95, clip).prop_map(
        |(learning_rate, weight_decay, beta1, beta2, momentum, clip_norm)| LaneConfig {
            learning_rate,
            weight_decay,
            beta1,
            beta2,
            momentum,
            clip_norm,
            ..LaneConfig::default()
        },
    )
}

const KINDS: [OptimizerKind; 3] = [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd];

proptest! {
    #[test]
    fn every_lane_takes_pytorchs_steps_with_its_own_numbers(
        configs in prop::collection::vec(configs(), 3),
        values in prop::collection::vec(-2.0_f64..2.0, 3 * 4 * 6),
    ) {
        let rows: Vec<Vec<Vec<f64>>> =
            values.chunks(12).map(|step| step.chunks(4).map(<[f64]>::to_vec).collect()).collect();
        let (weights, gradients) = (&rows[0], &rows[1..]);
        for kind in KINDS {
            let ours = stepped(kind, &configs, gradients, weights);
            for (lane, config) in configs.iter().enumerate() {
                let own: Vec<_> = gradients.iter().map(|step| step[lane].clone()).collect();
                let theirs =
                    oracle(kind, config, config.learning_rate, &own, weights[lane].clone());
                for (ours, theirs) in ours[lane].iter().zip(theirs) {
                    prop_assert!(
                        (f64::from(*ours) - theirs).abs() < 2e-5,
                        "{kind:?}: {ours} is \
                        not {theirs}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_lanes_neighbours_do_not_change_its_bits(
        configs in prop::collection::vec(configs(), 3),
        values in prop::collection::vec(-2.0_f64..2.0, 3 * 19 * 3),
    ) {
        let rows: Vec<Vec<Vec<f64>>> =
            values.chunks(57).map(|step| step.chunks(19).map(<[f64]>::to_vec).collect()).collect();
        for kind in KINDS {
            let together = stepped(kind, &configs, &rows[1..], &rows[0]);
            for lane in 0..3 {
                let own: Vec<_> = rows[1..].iter().map(|step| vec![step[lane].clone()]).collect();
                let alone = stepped(kind, &configs[lane..=lane], &own, &rows[0][lane..=lane]);
                prop_assert_eq!(bits(&alone[0]), bits(&together[lane]));
            }
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_clipped_gradient_has_the_limits_norm_and_a_short_one_is_left_alone() {
    // SGD of rate 1 from zero: what is taken off the weights is the gradient.
    let lane = |clip_norm| LaneConfig { clip_norm, learning_rate: 1.0, ..LaneConfig::default() };
    let lanes = [lane(Some(1.0)), lane(Some(10.0)), lane(None)];
    let weights =
        stepped(OptimizerKind::Sgd, &lanes, &[vec![vec![3.0, 4.0]; 3]], &vec![vec![0.0; 2]; 3]);
    assert!((weights[0][0] + 0.6).abs() < 1e-6 && (weights[0][1] + 0.8).abs() < 1e-6);
    assert_eq!(weights[1..], [[-3.0, -4.0], [-3.0, -4.0]]);
}

#[test]
fn the_scheduler_sets_each_lanes_own_rate() {
    let config =
        |schedule| LaneConfig { learning_rate: 0.1, epochs: 10, schedule, ..LaneConfig::default() };
    let at = |epoch| ScheduleState { epoch, ..ScheduleState::default() };
    let step = Schedule::Step { warmup_epochs: 0, step_epochs: 1, gamma: 0.5 };
    let table = LaneTable::new(vec![
        LaneUpdate::new(config(Schedule::Constant), at(3), 0),
        LaneUpdate::new(config(step.clone()), at(0), 0),
        LaneUpdate::new(config(step), at(2), 0),
    ]);
    let first = LaneRates(table.clone()).step();
    let rates: Vec<f64> = table.lock().iter().map(|lane| lane.rate).collect();
    assert_eq!((first, rates), (0.1, vec![0.1, 0.1, 0.025]));
}
