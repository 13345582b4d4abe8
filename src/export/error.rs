//! What an export says when it cannot be made.

use runs::files::{ErrorKind, FileError};

/// Why something could not be written or read: a lower-case fragment with the value and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct ExportError(#[from] FileError);

impl ExportError {
    /// Of what was asked.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(FileError::new(problem))
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}
