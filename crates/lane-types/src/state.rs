//! The state of one lane between two steps: everything that a resume needs, free of any backend.

use crate::{ScheduleState, StopState};

/// One named weight of a lane, row-major.
///
/// - `lstm.N.w_input`: `[inputs, 4H]`, inputs = features for N = 0, else H; PyTorch's:
///   `weight_ih_lN` transposed
/// - `lstm.N.w_hidden`: `[H, 4H]`; PyTorch's: `weight_hh_lN` transposed
/// - `lstm.N.bias`: `[4H]`; PyTorch's: `bias_ih_lN + bias_hh_lN`
/// - `head.weight`: `[H]`, of Q quantiles `[Q, H]`; PyTorch's: `weight` of a `Linear(H, 1)`, a
///   `Linear(H, Q)`
/// - `head.bias`: `[1]`, of Q quantiles `[Q]`; PyTorch's: its `bias`
///
/// The 4H columns are the gates in PyTorch's order: input, forget, cell, output.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// As in the checkpoint: `lstm.0.w_input`, `lstm.0.w_hidden`, `lstm.0.bias`, …, `head.weight`,
    /// `head.bias`.
    pub name: String,
    /// Without the lane axis.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

/// The weights of one lane in a fixed order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(pub Vec<Weight>);

/// Everything about a lane that outlives a process.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneState {
    /// Weights now.
    pub weights: Weights,
    /// Weights at the best epoch; `None` before the first finite validation loss.
    pub best: Option<Weights>,
    /// First moments (Adam) or velocity (SGD), in the order of `weights`.
    pub first_moment: Vec<Vec<f32>>,
    /// Second moments (Adam); empty for SGD.
    pub second_moment: Vec<Vec<f32>>,
    /// Optimizer steps taken.
    pub steps: u64,
    /// Epochs completed.
    pub epoch: usize,
    /// Batches done of the epoch after `epoch`: the data cursor. 0 at an epoch's end.
    pub cursor: usize,
    /// Sums over the batches done of that epoch: loss, squared error, absolute error (scaled units,
    /// f64), windows.
    pub sums: [f64; 4],
    /// The schedule.
    pub schedule: ScheduleState,
    /// Early stopping and the best epoch.
    pub stop: StopState,
}
