//! Follows a sweep's folder as it grows, reading only what is new; stub.

use std::path::Path;

use super::{ProgressFile, RunResult, StoreError, SweepRecord};
use crate::event::Line;
use crate::trial::{Trial, TrialId};

/// What is new since the last poll.
#[derive(Clone, Debug)]
pub enum Change {
    /// A run's folder appeared.
    Run(Box<Trial>),
    /// A line of a run's log, with its attempt.
    Line(TrialId, u32, Box<Line>),
    /// A run's `progress.json` was replaced.
    Progress(TrialId, ProgressFile),
    /// A run's result was published.
    Result(TrialId, Box<RunResult>),
    /// Whoever wrote a run's open log is gone.
    Lost(TrialId),
    /// Something could not be read.
    Damage(TrialId, String),
}

/// Tails every log of a sweep.
#[derive(Debug)]
pub struct Follower {}

impl Follower {
    /// Reads the folder as it is, then follows it.
    pub fn open(_folder: &Path) -> Result<(SweepRecord, Self), StoreError> {
        todo!()
    }

    /// What is new. Cheap when nothing is: one directory listing, one stat a live run.
    pub fn poll(&mut self) -> Result<Vec<Change>, StoreError> {
        todo!()
    }
}
