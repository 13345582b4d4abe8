//! Where changes come from.

use std::collections::VecDeque;

use runs::store::{Change, FileError, Follower};

/// A stream of changes, in the order in which they were recorded.
#[derive(Debug)]
pub(super) enum Source {
    /// A sweep's folder, live or finished.
    Folder(Box<Follower>),
    /// Batches that were kept, one a poll.
    #[cfg_attr(not(test), expect(dead_code, reason = "replays in the tests"))]
    Recorded(VecDeque<Vec<Change>>),
}

impl Source {
    /// What is new.
    ///
    /// # Errors
    /// When the folder cannot be read; the next poll may succeed.
    pub(super) fn poll(&mut self) -> Result<Vec<Change>, FileError> {
        match self {
            Self::Folder(follower) => follower.poll(),
            Self::Recorded(batches) => Ok(batches.pop_front().unwrap_or_default()),
        }
    }
}
