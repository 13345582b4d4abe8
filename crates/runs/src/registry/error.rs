//! What the registry says when it cannot do something.

use std::fmt::Display;
use std::path::Path;

use crate::model::ModelError;
use crate::store::StoreError;

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

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        if error.is_of_machine() {
            Self::Machine(error.to_string())
        } else {
            Self::Io(error.to_string())
        }
    }
}

impl From<ModelError> for RegistryError {
    fn from(error: ModelError) -> Self {
        if error.of_machine {
            Self::Machine(error.to_string())
        } else {
            Self::Io(error.to_string())
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
