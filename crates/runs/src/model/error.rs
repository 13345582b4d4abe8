//! What is wrong with a saved model.

use std::fmt::Display;
use std::path::Path;

use crate::files::{ErrorKind, FileError};

/// Why a model could not be saved or read: the path, the cause, whose fault it is.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct ModelError(#[from] FileError);

impl ModelError {
    /// Where there is no path.
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self(FileError::new(problem))
    }

    /// `path: problem`.
    pub(super) fn at(path: &Path, problem: impl Display) -> Self {
        Self(FileError::at(path, problem))
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}
