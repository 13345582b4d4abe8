//! What the lanes of a pack share ([`Shape`]) and what each has for itself ([`LaneConfig`]).
//!
//! Everything in [`LaneConfig`] is data: no value in it may change which kernels run, so that lanes
//! that differ in it can be trained together. Everything that changes a kernel or a tensor's shape
//! is in [`Shape`].

use serde::{Deserialize, Serialize};

use crate::{EarlyStopping, Head, LaneControl, LaneEnd, Schedule, StopState};

/// What trials must have in common to be trained as lanes of one pack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Feature columns of the series.
    pub features: usize,
    /// Rows in a window.
    pub window: usize,
    /// Units of each LSTM layer.
    pub hidden: usize,
    /// Stacked LSTM layers, at least 1.
    pub layers: usize,
    /// Windows per step; the last batch of an epoch may be smaller, it is never dropped.
    pub batch: usize,
    /// The training loss of a point head.
    pub loss: Loss,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// What is forecast.
    #[serde(default)]
    pub head: Head,
}

/// A loss, a mean over the windows of a batch, on the scaled target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Squared error.
    #[default]
    Mse,
    /// Absolute error.
    Mae,
    /// Huber with δ = 1: quadratic within one unit of the scaled target, linear beyond (Huber 1964;
    /// PyTorch `HuberLoss`).
    Huber,
}

/// An update rule; its numbers are in [`LaneConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Adam (Kingma & Ba 2015); weight decay is added to the gradient, as in PyTorch.
    #[default]
    Adam,
    /// AdamW (Loshchilov & Hutter 2019): decoupled weight decay, `w ← w − lr·λ·w` before the Adam
    /// step, as in PyTorch.
    #[serde(rename = "adamw")]
    AdamW,
    /// Stochastic gradient descent with momentum as in PyTorch: `v ← μ·v + g`, `w ← w − lr·v`.
    Sgd,
}

/// What each lane has for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneConfig {
    /// Passes over the training windows.
    pub epochs: usize,
    /// The rate before the schedule's factor.
    pub learning_rate: f64,
    /// How the rate changes from epoch to epoch.
    pub schedule: Schedule,
    /// L2 (Adam, SGD) or decoupled (AdamW) decay, 0 for none.
    pub weight_decay: f64,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε, added outside the root.
    pub epsilon: f64,
    /// SGD's μ, 0 for none.
    pub momentum: f64,
    /// Probability that an output of a layer is zeroed on its way to the next layer while training;
    /// 0 for none. As in PyTorch's `nn.LSTM`, the last layer's output is not dropped, so one layer
    /// knows no dropout.
    pub dropout: f64,
    /// The gradient's L2 norm over all weights of the lane is scaled down to this; `None` for no
    /// clipping.
    pub clip_norm: Option<f64>,
    /// When to stop early; `None` to run all epochs.
    pub early_stopping: Option<EarlyStopping>,
    /// Source of the initial weights, the shuffle order and the dropout masks.
    pub seed: u64,
}

impl LaneConfig {
    /// Whether a lane is over after so many epochs, and why; `None` while it goes on. The one rule
    /// of whatever trains lanes.
    #[must_use]
    pub fn ending(&self, epochs: usize, stop: &StopState, control: LaneControl) -> Option<LaneEnd> {
        if epochs >= self.epochs {
            Some(LaneEnd::Finished)
        } else if stop.is_exhausted(self.early_stopping.as_ref(), epochs) {
            Some(LaneEnd::EarlyStopped)
        } else if control == LaneControl::Stop {
            Some(LaneEnd::Stopped)
        } else {
            None
        }
    }
}

impl Default for LaneConfig {
    /// PyTorch's defaults: Adam's betas and ε, rate 1e-3, nothing else.
    fn default() -> Self {
        Self {
            epochs: 1,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum: 0.0,
            dropout: 0.0,
            clip_norm: None,
            early_stopping: None,
            seed: 0,
        }
    }
}
