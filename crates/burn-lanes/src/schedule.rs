//! Learning-rate schedules, as factors on the lane's own rate; ticked once an epoch.

use serde::{Deserialize, Serialize};

/// How the rate changes from epoch to epoch. Epochs are counted from 0 here; after a warm-up of `w` epochs, in which the rate
/// rises linearly to the base rate ((e+1)/w of it in epoch e), the schedule's own clock starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The base rate throughout.
    #[default]
    Constant,
    /// From the base rate to `min_learning_rate` in a straight line over all epochs.
    Linear { warmup_epochs: usize, min_learning_rate: f64 },
    /// Times `gamma` every `step_epochs` epochs (PyTorch `StepLR`).
    Step { warmup_epochs: usize, step_epochs: usize, gamma: f64 },
    /// Times `gamma` every epoch (PyTorch `ExponentialLR`).
    Exponential { warmup_epochs: usize, gamma: f64 },
    /// Half a cosine down to `min_learning_rate` over all epochs, or over `restart_epochs` again and again
    /// (Loshchilov & Hutter 2017; PyTorch `CosineAnnealingLR`, `CosineAnnealingWarmRestarts` with `T_mult = 1`).
    Cosine { warmup_epochs: usize, min_learning_rate: f64, restart_epochs: Option<usize> },
    /// `min((e+1)^-0.5, (e+1)·warmup^-1.5)`, scaled so that the peak is the base rate (Vaswani et al. 2017).
    Noam { warmup_epochs: usize },
    /// Times `factor` when the validation loss has not improved for `patience` epochs, not below `min_learning_rate`
    /// (PyTorch `ReduceLROnPlateau`, threshold 1e-4 relative).
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
    /// Plateau: epochs since `best`.
    pub waited: usize,
}
