//! What an export says when it cannot be made.

use runs::store::StoreError;

/// Why something could not be written or read: a lower-case fragment with the value and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ExportError {
    text: String,
    /// Whether the machine failed, see [`runs::machine`].
    pub of_machine: bool,
}

impl ExportError {
    /// Of what was asked.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), of_machine: false }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self { of_machine: error.is_of_machine(), ..Self::new(error.to_string()) }
    }
}
