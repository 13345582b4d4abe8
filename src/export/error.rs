//! What an export says when it cannot be made.

/// Why something could not be written or read: a lower-case fragment with the value and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExportError(pub String);
