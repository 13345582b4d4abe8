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
mod tests;
