//! Finds what a person names; stub.

use std::path::{Path, PathBuf};

use super::StoreError;

/// What a selector names, by its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    Sweep(PathBuf),
    Run(PathBuf),
}

/// Finds a sweep or a run.
pub fn select(_root: &Path, _selector: &str) -> Result<Selection, StoreError> {
    todo!()
}
