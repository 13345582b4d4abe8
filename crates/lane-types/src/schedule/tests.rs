use super::*;
use proptest::prelude::*;

/// The rates of all epochs, with the given validation losses (1 where there is none).
fn rates(schedule: &Schedule, base: f64, epochs: usize, losses: &[f64]) -> Vec<f64> {
    let mut state = ScheduleState::default();
    (0..epochs)
        .map(|epoch| {
            let rate = schedule.rate(base, epochs, &state);
            schedule.advance(&mut state, losses.get(epoch).copied().unwrap_or(1.0));
            rate
        })
        .collect()
}

fn assert_close(what: &str, actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (epoch, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (actual - expected).abs() <= 1e-12 * expected.abs(),
            "{what}, epoch {epoch}: {actual} instead of {expected}"
        );
    }
}

#[test]
fn the_rates_are_those_of_pytorch() {
    // Written by scripts/torch_fixtures.py with torch.optim.lr_scheduler.
    #[derive(Deserialize)]
    struct Case {
        scheduler: String,
        base: f64,
        schedule: Schedule,
        losses: Vec<Option<f64>>,
        rates: Vec<f64>,
    }
    let text = include_str!("../../tests/fixtures/schedules.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 6);
    for Case { scheduler, base, schedule, losses, rates: expected } in cases {
        let losses: Vec<f64> = losses.into_iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
        let actual = rates(&schedule, base, expected.len(), &losses);
        assert_close(&format!("{scheduler} as {schedule:?}"), &actual, &expected);
    }
}

#[test]
fn a_warm_up_of_four_rises_by_quarters_to_the_base_rate() {
    let schedule = Schedule::Step { warmup_epochs: 4, step_epochs: 2, gamma: 0.5 };
    assert_close(
        "rates",
        &rates(&schedule, 1.0, 9, &[]),
        &[0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25],
    );
}

#[test]
fn a_line_with_warm_up_falls_over_the_rest() {
    let schedule = Schedule::Linear { warmup_epochs: 2, min_learning_rate: 0.2 };
    assert_close("rates", &rates(&schedule, 1.0, 6, &[]), &[0.5, 1.0, 1.0, 0.8, 0.6, 0.4]);
}

#[test]
fn noam_peaks_at_the_base_rate_when_the_warm_up_ends() {
    let rates = rates(&Schedule::Noam { warmup_epochs: 4 }, 2.0, 16, &[]);
    assert_close("rates", &rates[..4], &[0.5, 1.0, 1.5, 2.0]);
    assert_close("rates", &rates[15..], &[1.0]); // (4 / 16)^½ of 2
}

#[test]
fn a_warm_up_longer_than_the_training_never_divides_by_zero() {
    for kind in [
        Schedule::Linear { warmup_epochs: 9, min_learning_rate: 0.0 },
        Schedule::Cosine { warmup_epochs: 9, min_learning_rate: 0.0, restart_epochs: None },
    ] {
        assert_close("rates", &rates(&kind, 9.0, 4, &[]), &[1.0, 2.0, 3.0, 4.0]);
    }
}

#[test]
fn a_plateau_takes_a_fall_below_its_threshold_for_none() {
    let schedule = Schedule::Plateau { factor: 0.5, patience: 0, min_learning_rate: 0.0 };
    assert_close(
        "rates",
        &rates(&schedule, 1.0, 4, &[1.0, 0.99995, 0.9998]),
        &[1.0, 1.0, 0.5, 0.5],
    );
}

#[test]
fn a_floor_above_the_base_rate_does_not_raise_it() {
    let schedule = Schedule::Plateau { factor: 0.5, patience: 0, min_learning_rate: 5.0 };
    assert_close("rates", &rates(&schedule, 1.0, 3, &[]), &[1.0, 1.0, 1.0]);
}

/// Any schedule, degenerate periods included.
fn schedule() -> impl Strategy<Value = Schedule> {
    let (warmup, least, gamma) = (0_usize..6, 0.0..1e-3, 0.1..1.0);
    prop_oneof![
        Just(Schedule::Constant),
        (warmup.clone(), least.clone()).prop_map(|(warmup_epochs, min_learning_rate)| {
            Schedule::Linear { warmup_epochs, min_learning_rate }
        }),
        (warmup.clone(), 0_usize..5, gamma.clone()).prop_map(
            |(warmup_epochs, step_epochs, gamma)| Schedule::Step {
                warmup_epochs,
                step_epochs,
                gamma
            }
        ),
        (warmup.clone(), gamma.clone())
            .prop_map(|(warmup_epochs, gamma)| Schedule::Exponential { warmup_epochs, gamma }),
        (warmup.clone(), least.clone(), prop::option::of(0_usize..9)).prop_map(
            |(warmup_epochs, min_learning_rate, restart_epochs)| Schedule::Cosine {
                warmup_epochs,
                min_learning_rate,
                restart_epochs
            }
        ),
        warmup.prop_map(|warmup_epochs| Schedule::Noam { warmup_epochs }),
        (gamma, 0_usize..4, least).prop_map(|(factor, patience, min_learning_rate)| {
            Schedule::Plateau { factor, patience, min_learning_rate }
        }),
    ]
}

/// A validation loss, sometimes NaN.
fn loss() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.1..2.0, 1 => Just(f64::NAN)]
}

proptest! {
    #[test]
    fn a_rate_is_never_negative_nor_above_the_base(
        schedule in schedule(),
        losses in prop::collection::vec(loss(), 0..40),
    ) {
        let base = 1e-2;
        for rate in rates(&schedule, base, losses.len(), &losses) {
            prop_assert!((0.0..=base * (1.0 + 1e-12)).contains(&rate), "{}", rate);
        }
    }

    #[test]
    fn the_rate_is_the_lanes_own_times_a_factor(
        schedule in schedule(),
        losses in prop::collection::vec(loss(), 0..40),
    ) {
        // A floor is absolute: it is scaled along here.
        let scaled = match schedule.clone() {
            Schedule::Linear { warmup_epochs, min_learning_rate } => {
                Schedule::Linear { warmup_epochs, min_learning_rate: 3.0 * min_learning_rate }
            }
            Schedule::Cosine { warmup_epochs, min_learning_rate, restart_epochs } => {
                Schedule::Cosine {
                    warmup_epochs,
                    min_learning_rate: 3.0 * min_learning_rate,
                    restart_epochs,
                }
            }
            Schedule::Plateau { factor, patience, min_learning_rate } => Schedule::Plateau {
                factor,
                patience,
                min_learning_rate: 3.0 * min_learning_rate,
            },
            other => other,
        };
        let threefold: Vec<f64> = rates(&schedule, 1e-2, losses.len(), &losses)
            .iter()
            .map(|rate| 3.0 * rate)
            .collect();
        for (scaled, expected) in
            rates(&scaled, 3e-2, losses.len(), &losses).iter().zip(&threefold)
        {
            prop_assert!((scaled - expected).abs() <= 1e-12);
        }
    }

    #[test]
    fn a_state_written_and_read_goes_on_the_same(
        // Few digits: serde_json reads longer numbers to the last bit only with its feature
        // `float_roundtrip`.
        schedule in schedule().prop_map(|schedule| match schedule {
            Schedule::Plateau { patience, .. } =>
                Schedule::Plateau { factor: 0.5, patience, min_learning_rate: 0.0 },
            other => other,
        }),
        losses in prop::collection::vec(
            (0_u32..16).prop_map(|k| f64::from(k) / 4.0),
            1..40
        ),
        cut in 0_usize..40,
    ) {
        let straight = rates(&schedule, 1e-2, losses.len(), &losses);
        let mut state = ScheduleState::default();
        for (epoch, &loss) in losses.iter().enumerate() {
            if epoch == cut {
                state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            }
            prop_assert_eq!(schedule.rate(1e-2, losses.len(), &state), straight[epoch]);
            schedule.advance(&mut state, loss);
        }
    }
}
