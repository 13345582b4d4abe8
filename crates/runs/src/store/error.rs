//! What the store says when it cannot do something.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::machine;

/// Why the store could not do something: the path and the cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct StoreError {
    text: String,
    fault: Fault,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Of what was asked, or of the files.
    Input,
    /// Of the disk or the memory.
    Machine,
}

impl StoreError {
    /// A whole sentence, where there is no path.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fault: Fault::Input }
    }

    /// `path: what`.
    pub(super) fn at(path: &Path, what: impl Display) -> Self {
        Self::new(format!("{}: {what}", path.display()))
    }

    /// `path: what: error`, of what the system refused.
    pub(super) fn io(path: &Path, what: impl Display, error: &io::Error) -> Self {
        let fault = if machine::failed(error) { Fault::Machine } else { Fault::Input };
        Self { fault, ..Self::at(path, format_args!("{what}: {error}")) }
    }

    /// Whether the machine failed, see [`machine::failed`].
    #[must_use]
    pub fn is_of_machine(&self) -> bool {
        self.fault == Fault::Machine
    }
}
