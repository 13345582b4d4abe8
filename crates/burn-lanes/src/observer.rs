//! What a training tells while it runs, and what it is told.

use crate::{EpochReport, LaneControl, LaneEnd, LaneState, TrainError};

/// Where a pack is within its epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done in this epoch.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Lanes still training.
    pub lanes: usize,
    /// Windows trained per second so far in this epoch, all lanes together.
    pub windows_per_second: f64,
}

/// What to do with the pack after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackControl {
    /// Go on.
    Continue,
    /// Stop after this step; [`Observer::interrupted`] then gets every lane's state.
    Interrupt,
}

/// Follows a training. `lane` is always the index in the [`crate::Pack`] as it was given, however
/// it has been compacted since.
pub trait Observer {
    /// A lane finished an epoch. `state` downloads everything that a resume needs (weights, best
    /// weights, optimizer, schedule, stopping); it costs a device synchronisation, so call it only
    /// when a checkpoint is due. When it fails, the training ends with its error after this call.
    fn epoch(
        &mut self,
        lane: usize,
        report: &EpochReport,
        state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl;

    /// Called after every step, without synchronising the device; keep it cheap.
    fn step(&mut self, progress: &Progress) -> PackControl;

    /// Called once for each unfinished lane when [`Observer::step`] asked to interrupt.
    fn interrupted(&mut self, lane: usize, state: LaneState);

    /// A lane ended, in whatever way; the other lanes go on.
    fn ended(&mut self, lane: usize, outcome: LaneOutcome);
}

/// How a lane ended.
#[derive(Clone, Debug)]
pub struct LaneOutcome {
    /// Why it ended.
    pub end: LaneEnd,
    /// Epochs trained.
    pub epochs: usize,
    /// Epoch of the best weights; 0 when no epoch gave a finite validation loss.
    pub best_epoch: usize,
    /// The state at the end; its `best` holds the weights to use.
    pub state: LaneState,
}
