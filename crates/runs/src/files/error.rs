//! Why a file could not be read or written.

use std::fmt::{self, Display};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::machine;

/// Why a file is not read although it could be: a link, a pipe, a length that no file of ours has.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unfit(pub String);

impl From<Unfit> for io::Error {
    fn from(why: Unfit) -> Self {
        Self::other(why)
    }
}

/// Why something could not be done with files: the path, the problem, what the system said.
#[derive(Clone, Debug)]
pub struct FileError {
    kind: ErrorKind,
    path: Option<PathBuf>,
    problem: String,
    source: Option<Arc<io::Error>>,
}

/// Whose fault an error is; the exit code follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Of what was asked, or of what the system allows: exit code 2.
    Input,
    /// Of the files, which are not what Kiln writes: of another kind, damaged: exit code 2.
    Damaged,
    /// Another process holds what was asked for: exit code 2.
    Held,
    /// Of the disk or the memory, see [`machine::failed`]: exit code 4.
    Machine,
}

impl ErrorKind {
    /// Of what the system refused.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        if machine::failed(error) {
            Self::Machine
        } else if let Some(inner) = error.get_ref()
            && inner.is::<Unfit>()
        {
            Self::Damaged
        } else {
            Self::Input
        }
    }
}

impl FileError {
    /// A whole sentence, where there is no path.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Input, path: None, problem: problem.into(), source: None }
    }

    /// `path: problem`.
    pub fn at(path: &Path, problem: impl Display) -> Self {
        Self { path: Some(path.to_owned()), ..Self::new(problem.to_string()) }
    }

    /// `path: problem: error`, of what the system refused.
    pub fn io(path: &Path, problem: impl Display, error: io::Error) -> Self {
        let kind = ErrorKind::of(&error);
        Self { kind, source: Some(Arc::new(error)), ..Self::at(path, problem) }
    }

    /// `path: problem`, of a file that is not what Kiln wrote.
    pub(crate) fn damaged(path: &Path, problem: impl Display) -> Self {
        Self { kind: ErrorKind::Damaged, ..Self::at(path, problem) }
    }

    /// `path: problem`, of what another process holds.
    pub(crate) fn held(path: &Path, problem: impl Display) -> Self {
        Self { kind: ErrorKind::Held, ..Self::at(path, problem) }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file or the folder, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.problem)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    #[test]
    fn an_error_says_where_what_and_whose_fault() {
        let full = io::Error::from_raw_os_error(libc::ENOSPC);
        let error = FileError::io(Path::new("runs/a"), "cannot be written", full);
        assert_eq!((error.kind(), error.path()), (ErrorKind::Machine, Some(Path::new("runs/a"))));
        assert!(error.to_string().starts_with("runs/a: cannot be written: No space left"));
        assert!(error.source().is_some());
        let error = FileError::new("there is no sweep");
        assert_eq!((error.kind(), error.path()), (ErrorKind::Input, None));
        assert_eq!(error.to_string(), "there is no sweep");
    }
}
