//! What is wrong with a saved model.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::machine;

/// Why a model could not be saved or read: the path and the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ModelError {
    text: String,
    /// Whether the machine failed, see [`machine`].
    pub of_machine: bool,
}

impl ModelError {
    /// Where there is no path.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), of_machine: false }
    }

    /// `path: what`.
    pub(super) fn at(path: &Path, what: impl Display) -> Self {
        Self::new(format!("{}: {what}", path.display()))
    }

    /// `path: what: error`, of what the system refused.
    pub(super) fn io(path: &Path, what: impl Display, error: &io::Error) -> Self {
        Self {
            of_machine: machine::failed(error),
            ..Self::at(path, format_args!("{what}: {error}"))
        }
    }
}

impl From<crate::store::StoreError> for ModelError {
    fn from(error: crate::store::StoreError) -> Self {
        Self { of_machine: error.is_of_machine(), ..Self::new(error.to_string()) }
    }
}
