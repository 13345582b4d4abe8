//! What is wrong with a saved model.

use std::fmt::Display;
use std::path::Path;

/// Why a model could not be saved or read: the path and the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ModelError(pub String);

impl ModelError {
    /// `path: what`.
    pub(super) fn at(path: &Path, what: impl Display) -> Self {
        Self(format!("{}: {what}", path.display()))
    }
}

impl From<crate::store::StoreError> for ModelError {
    fn from(error: crate::store::StoreError) -> Self {
        Self(error.to_string())
    }
}
