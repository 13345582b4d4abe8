//! Tolerant reading; stub.

use std::path::{Path, PathBuf};

use super::{RunRecord, StoreError, SweepRecord};

/// Folders of all sweeps under `root`, by name.
pub fn list_sweeps(_root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    todo!()
}

/// Reads a sweep: every run in the order of the plan, then runs of former versions of the file.
pub fn read_sweep(_folder: &Path) -> Result<SweepRecord, StoreError> {
    todo!()
}

/// Reads one run.
pub fn read_run(_folder: &Path) -> Result<RunRecord, StoreError> {
    todo!()
}
