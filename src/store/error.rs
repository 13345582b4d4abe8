//! What the store says when it cannot do something.

use std::fmt::Display;
use std::path::Path;

/// Why the store could not do something: the path and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

impl StoreError {
    /// `path: what`.
    pub(super) fn at(path: &Path, what: impl Display) -> Self {
        Self(format!("{}: {what}", path.display()))
    }
}
