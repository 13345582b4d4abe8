//! Learning-rate schedules, as factors on the lane's own rate; ticked once an epoch.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How the rate changes from epoch to epoch. Epochs are counted from 0 here; after a warm-up of `w`
/// epochs, in which the rate rises linearly to the base rate ((e+1)/w of it in epoch e), the
/// schedule's own clock starts.
///
/// "Over all epochs" means over the epochs that the warm-up leaves, as with PyTorch's `T_max =
/// epochs`: the end value would be reached in the epoch after the last.
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The base rate throughout.
    #[default]
    Constant,
    /// From the base rate to `min_learning_rate` in a straight line over all epochs (PyTorch
    /// `LinearLR`).
    Linear { warmup_epochs: usize, min_learning_rate: f64 },
    /// Times `gamma` every `step_epochs` epochs (PyTorch `StepLR`).
    Step { warmup_epochs: usize, step_epochs: usize, gamma: f64 },
    /// Times `gamma` every epoch (PyTorch `ExponentialLR`).
    Exponential { warmup_epochs: usize, gamma: f64 },
    /// Half a cosine down to `min_learning_rate` over all epochs, or over `restart_epochs` again
    /// and again (Loshchilov & Hutter 2017; PyTorch `CosineAnnealingLR`,
    /// `CosineAnnealingWarmRestarts` with `T_mult = 1`).
    Cosine { warmup_epochs: usize, min_learning_rate: f64, restart_epochs: Option<usize> },
    /// `min((e+1)^-0.5, (e+1)·warmup^-1.5)`, scaled so that the peak is the base rate (Vaswani et
    /// al. 2017).
    Noam { warmup_epochs: usize },
    /// Times `factor` when the validation loss has not improved for more than `patience` epochs,
    /// not below `min_learning_rate` (PyTorch `ReduceLROnPlateau`, threshold 1e-4 relative,
    /// `eps` 0).
    Plateau { factor: f64, patience: usize, min_learning_rate: f64 },
}

/// What a schedule remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleState {
    /// Epochs completed.
    pub epoch: usize,
    /// Plateau: the factor so far. `None` means 1.
    pub factor: Option<f64>,
    /// Plateau: best validation loss so far.
    pub best: Option<f64>,
    /// Plateau: epochs since `best` or since the last reduction.
    pub waited: usize,
}

/// Relative fall of the validation loss that a plateau takes for an improvement (PyTorch's
/// default).
const PLATEAU_THRESHOLD: f64 = 1e-4;

impl Schedule {
    /// The rate for epoch `state.epoch` (from 0) of `epochs`, for a lane whose own rate is `base`.
    #[must_use]
    pub fn rate(&self, base: f64, epochs: usize, state: &ScheduleState) -> f64 {
        let epoch = state.epoch;
        match *self {
            Self::Constant => base,
            Self::Linear { warmup_epochs, min_learning_rate } => {
                after_warmup(base, warmup_epochs, epoch, |own| {
                    let share = own as f64 / rest(epochs, warmup_epochs) as f64;
                    base + (min_learning_rate - base) * share.min(1.0)
                })
            }
            Self::Step { warmup_epochs, step_epochs, gamma } => {
                after_warmup(base, warmup_epochs, epoch, |own| {
                    base * power(gamma, own / step_epochs.max(1))
                })
            }
            Self::Exponential { warmup_epochs, gamma } => {
                after_warmup(base, warmup_epochs, epoch, |own| base * power(gamma, own))
            }
            Self::Cosine { warmup_epochs, min_learning_rate, restart_epochs } => {
                after_warmup(base, warmup_epochs, epoch, |own| {
                    let share = match restart_epochs {
                        Some(period) => (own % period.max(1)) as f64 / period.max(1) as f64,
                        None => (own as f64 / rest(epochs, warmup_epochs) as f64).min(1.0),
                    };
                    min_learning_rate
                        + (base - min_learning_rate) * 0.5 * (1.0 + (PI * share).cos())
                })
            }
            Self::Noam { warmup_epochs } => {
                // Both branches times √w: the peak, in epoch w − 1, is 1.
                let (tick, warmup) = ((epoch + 1) as f64, warmup_epochs.max(1) as f64);
                base * (warmup / tick).sqrt().min(tick / warmup)
            }
            Self::Plateau { factor: _, patience: _, min_learning_rate } => {
                // A floor above the base rate must not raise it.
                (base * state.factor.unwrap_or(1.0)).max(min_learning_rate.min(base))
            }
        }
    }

    /// Ends an epoch. Only a plateau looks at the validation loss; NaN is not an improvement to it.
    pub fn advance(&self, state: &mut ScheduleState, valid_loss: f64) {
        state.epoch += 1;
        let Self::Plateau { factor, patience, min_learning_rate: _ } = *self else { return };
        if valid_loss.is_finite()
            && state.best.is_none_or(|best| valid_loss < best * (1.0 - PLATEAU_THRESHOLD))
        {
            state.best = Some(valid_loss);
            state.waited = 0;
            return;
        }
        state.waited += 1;
        if state.waited > patience {
            state.factor = Some(state.factor.unwrap_or(1.0) * factor);
            state.waited = 0;
        }
    }
}

/// The linear rise in the first `warmup` epochs, then `schedule` of the epochs since.
fn after_warmup(
    base: f64,
    warmup: usize,
    epoch: usize,
    schedule: impl FnOnce(usize) -> f64,
) -> f64 {
    if epoch < warmup {
        base * (epoch + 1) as f64 / warmup as f64
    } else {
        schedule(epoch - warmup)
    }
}

/// Epochs that the warm-up leaves, at least 1.
fn rest(epochs: usize, warmup: usize) -> usize {
    epochs.saturating_sub(warmup).max(1)
}

/// By multiplication alone: the same bits on every platform, which `powi` does not promise.
fn power(gamma: f64, exponent: usize) -> f64 {
    (0..exponent).fold(1.0, |product, _| product * gamma)
}

#[cfg(test)]
mod tests {
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
        let text = include_str!("../tests/fixtures/schedules.json");
        let cases: Vec<Case> = serde_json::from_str(text).unwrap();
        assert!(cases.len() >= 6);
        for Case { scheduler, base, schedule, losses, rates: expected } in cases {
            let losses: Vec<f64> =
                losses.into_iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
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
}
