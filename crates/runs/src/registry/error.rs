//! What the registry says when it cannot do something.

use std::fmt::Display;
use std::path::Path;

use crate::files::{ErrorKind, FileError};
use crate::model::ModelError;

/// Why the registry could not do something: what it is about, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// A text that can name no model, alias, version or tag.
    #[error("{0}")]
    BadName(String),
    /// No model, alias or version of this name.
    #[error("{0}")]
    Unknown(String),
    /// What was asked for makes no sense in the present state: a rollback with nothing before, an
    /// alias that is set already.
    #[error("{0}")]
    Refused(String),
    /// Another process writes.
    #[error("{0}")]
    Locked(String),
    /// Files that are not what the registry wrote: damaged, of a later format, links, pipes.
    #[error("{0}")]
    Damaged(String),
    /// The disk or the memory failed, see [`crate::machine`].
    #[error("{0}")]
    Machine(String),
    /// The system said no.
    #[error("{0}")]
    Io(String),
}

impl From<FileError> for RegistryError {
    fn from(error: FileError) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Input => Self::Io(text),
            ErrorKind::Damaged => Self::Damaged(text),
            ErrorKind::Held => Self::Locked(text),
            ErrorKind::Machine => Self::Machine(text),
        }
    }
}

impl From<ModelError> for RegistryError {
    fn from(error: ModelError) -> Self {
        match error.kind() {
            ErrorKind::Machine => Self::Machine(error.to_string()),
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<std::io::Error> for RegistryError {
    fn from(error: std::io::Error) -> Self {
        if crate::machine::failed(&error) {
            Self::Machine(error.to_string())
        } else {
            Self::Io(error.to_string())
        }
    }
}

impl RegistryError {
    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadName(_) | Self::Unknown(_) | Self::Refused(_) | Self::Io(_) => {
                ErrorKind::Input
            }
            Self::Locked(_) => ErrorKind::Held,
            Self::Damaged(_) => ErrorKind::Damaged,
            Self::Machine(_) => ErrorKind::Machine,
        }
    }

    /// `path: what`, of a file that is not what the registry wrote.
    pub(super) fn damaged(path: &Path, what: impl Display) -> Self {
        Self::Damaged(format!("{}: {what}", path.display()))
    }

    /// `path: what`, of what the system refused.
    pub(super) fn io(path: &Path, what: impl Display) -> Self {
        Self::Io(format!("{}: {what}", path.display()))
    }

    /// `path: what: error`, of what the system refused.
    pub(super) fn system(path: &Path, what: impl Display, error: &std::io::Error) -> Self {
        let text = format!("{}: {what}: {error}", path.display());
        if crate::machine::failed(error) { Self::Machine(text) } else { Self::Io(text) }
    }
}
