//! One attempt at a trial; stub.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::{RunResult, StoreError};
use crate::event::{Cursor, Event};

/// `attempt.json`: who runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptInfo {
    /// Version of the format, 1.
    pub v: u32,
    /// What started it: `local`.
    pub engine: String,
    pub host: String,
    pub boot_id: String,
    pub pid: u32,
    /// Start of the process in clock ticks since boot: with boot id and pid it names the process for ever.
    pub pid_start: u64,
    pub device: String,
    pub argv: Vec<String>,
    pub kiln_version: String,
    /// RFC 3339, UTC.
    pub started: String,
}

/// A committed checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub attempt: u32,
    pub cursor: Cursor,
    /// Safetensors: `burn_lanes::LaneState` as bytes.
    pub bytes: Vec<u8>,
}

/// `progress.json`: where a running attempt is within its epoch; replaced at most twice a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgressFile {
    /// The epoch being trained, from 1.
    pub epoch: usize,
    pub step: usize,
    pub steps: usize,
    /// Windows per second of the whole pack.
    pub windows_per_second: f64,
    /// Lanes still in the pack.
    pub lanes: usize,
    /// Resident memory of the worker, bytes.
    pub memory: Option<u64>,
}

/// An attempt that this process writes.
#[derive(Debug)]
pub struct Attempt {
    pub number: u32,
    pub path: PathBuf,
}

impl Attempt {
    /// Appends one event: one line, one write(2), stamped with `at` (RFC 3339, UTC).
    pub fn append(&mut self, _at: String, _event: Event) -> Result<(), StoreError> {
        todo!()
    }

    /// Commits a checkpoint (state, then a marker with its checksum); keeps the last, the one before and the best. `best` holds the
    /// best weights when they changed.
    pub fn checkpoint(&mut self, _cursor: Cursor, _state: &[u8], _best: Option<&[u8]>) -> Result<(), StoreError> {
        todo!()
    }

    /// Replaces `progress.json`.
    pub fn progress(&self, _progress: &ProgressFile) -> Result<(), StoreError> {
        todo!()
    }

    /// Keeps the fitted scaling (JSON).
    pub fn scaling(&self, _json: &str) -> Result<(), StoreError> {
        todo!()
    }

    /// Writes `forecasts.parquet`: bar start (ns UTC), split, target and forecast in the target's unit.
    pub fn forecasts(&self, _split: &str, _ts: &[i64], _target: &[f64], _forecast: &[f64]) -> Result<(), StoreError> {
        todo!()
    }

    /// Publishes `result.json` by link(2); `false` when another attempt was first.
    pub fn publish(&self, _result: &RunResult) -> Result<bool, StoreError> {
        todo!()
    }
}
