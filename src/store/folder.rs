//! Sweep and run folders; stub.

use std::path::{Path, PathBuf};

use super::{Attempt, AttemptInfo, Checkpoint, Evaluation, RunResult, SweepManifest};
use crate::trial::{Trial, TrialId};

/// Why the store could not do something: the path and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// `runs/<sweep>/`.
#[derive(Clone, Debug)]
pub struct SweepFolder {
    pub path: PathBuf,
}

/// Held for the life of a supervisor; released by the system when it dies.
#[derive(Debug)]
pub struct SweepLock {
    _file: std::fs::File,
}

impl SweepFolder {
    /// `root/<name>`; makes it (and `trials/`) where it is missing.
    pub fn create(_root: &Path, _name: &str) -> Result<Self, StoreError> {
        todo!()
    }

    /// Locks the sweep against a second supervisor; the error says who holds it (host, pid, since).
    pub fn lock(&self) -> Result<SweepLock, StoreError> {
        todo!()
    }

    /// Writes `sweep.toml`; a different former one is kept as `sweep.1.toml`, `sweep.2.toml`, …
    pub fn write_manifest(&self, _manifest: &SweepManifest) -> Result<(), StoreError> {
        todo!()
    }

    /// Makes a trial's folder with its `trial.toml`, or finds it (and checks that it says the same).
    pub fn create_run(&self, _trial: &Trial) -> Result<RunFolder, StoreError> {
        todo!()
    }

    /// A trial's folder, which must exist.
    pub fn run(&self, _id: &TrialId) -> Result<RunFolder, StoreError> {
        todo!()
    }
}

/// `runs/<sweep>/trials/<id>/`.
#[derive(Clone, Debug)]
pub struct RunFolder {
    pub path: PathBuf,
}

impl RunFolder {
    /// Its trial.
    pub fn trial(&self) -> Result<Trial, StoreError> {
        todo!()
    }

    /// `result.json`, if it was published.
    pub fn result(&self) -> Result<Option<RunResult>, StoreError> {
        todo!()
    }

    /// Makes the next `attempts/<n>/` (create-new: two processes never share one) with `attempt.json` and an empty log.
    pub fn start_attempt(&self, _info: &AttemptInfo) -> Result<Attempt, StoreError> {
        todo!()
    }

    /// The newest whole checkpoint of any attempt, with a warning for each that was skipped because it is damaged.
    pub fn newest_checkpoint(&self) -> Result<(Option<Checkpoint>, Vec<String>), StoreError> {
        todo!()
    }

    /// The best weights of the winning attempt (safetensors), checksum verified.
    pub fn best_weights(&self) -> Result<Vec<u8>, StoreError> {
        todo!()
    }

    /// The fitted scaling that was kept with the winning attempt (JSON).
    pub fn scaling(&self) -> Result<String, StoreError> {
        todo!()
    }

    /// Appends an opening of the test split.
    pub fn record_evaluation(&self, _evaluation: &Evaluation) -> Result<(), StoreError> {
        todo!()
    }
}
