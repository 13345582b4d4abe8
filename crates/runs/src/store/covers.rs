//! What a result was made of: `result.json` closes over the files of its run that cannot hold a
//! checksum of their own.

use crate::files;
use serde::{Deserialize, Serialize};
use std::path::Path;

use super::checksum::FileSum;
use super::folder::attempt_path;
use super::log::LogReader;
use super::{FileError, checkpoint};

/// The member `covers` of a `result.json`. Results of before version 0.2 cover nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Covers {
    /// Checksum of the last line of the winning attempt's log, which stands for those before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The fitted scaling, the validation forecasts, the best weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileSum>,
}

/// Files of an attempt that a result covers, where they are there.
const COVERED: [&str; 2] = ["scaling.json", "forecasts.parquet"];

impl Covers {
    /// What lies in a run's folder for the result of an attempt.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub(super) fn of(run: &Path, attempt: u32) -> Result<Self, FileError> {
        let folder = attempt_path(run, attempt);
        let mut files = Vec::new();
        for name in COVERED {
            if let Some(bytes) = files::read_if_there(&folder.join(name))? {
                files.push(FileSum::of(format!("attempts/{attempt}/{name}"), &bytes));
            }
        }
        if let Some((file, bytes)) = checkpoint::best_of(run, attempt)? {
            files.push(FileSum::of(file, &bytes));
        }
        Ok(Self { log: sum_of_log(&folder), files })
    }

    /// What is known of a file, by its path within the run's folder.
    pub(super) fn file(&self, path: &str) -> Option<&FileSum> {
        self.files.iter().find(|sum| sum.file == path)
    }

    /// Whether these are the bytes of a file that was there when the result was published; a file
    /// that is not covered may be anything.
    ///
    /// # Errors
    /// When they are others.
    pub(super) fn check(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.file(path).map_or(Ok(()), |sum| sum.check(bytes))
    }
}

/// The checksum at the log's end, if it has ended; a log that cannot be read is told by anyone who
/// reads the run.
fn sum_of_log(attempt: &Path) -> Option<String> {
    let bytes = files::read(&attempt.join("events.jsonl")).ok()?;
    let mut log = LogReader::default();
    log.take(&bytes, drop);
    log.end_sum().map(str::to_owned)
}
