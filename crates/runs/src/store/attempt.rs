//! One attempt at a trial, written.

use crate::files;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::checksum::{self, Chain};
use super::folder::attempt_path;
use super::{
    FileError, Forecasts, ProgressFile, RunResult, Tried, checkpoint, forecasts, ledger,
    result_file,
};
use experiment::event::{Cursor, Event, Line, VERSION};
use experiment::trial::TrialId;

/// `attempt.json`: who runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptInfo {
    /// Version of the format, 1.
    pub v: u32,
    /// What started it: `local`.
    pub engine: String,
    /// Name of the machine.
    pub host: String,
    /// Of the machine's present boot.
    pub boot_id: String,
    /// Of the process.
    pub pid: u32,
    /// Start of the process in clock ticks since boot: with boot id and pid it names the process
    /// for ever.
    pub pid_start: u64,
    /// As `--backend` takes it.
    pub device: String,
    /// The command line.
    pub argv: Vec<String>,
    /// Of the program.
    pub kiln_version: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// What the weights were trained with (instruction sets `portable`, `avx2`, `avx512`; `cuda`,
    /// `wgpu`): that of the checkpoint that the attempt goes on from, then its own. None in files
    /// of before version 0.2, nor of a GPU before 0.3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruction_sets: Vec<String>,
}

/// A committed checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Whose checkpoint it is.
    pub attempt: u32,
    /// How far it had come.
    pub cursor: Cursor,
    /// Safetensors: `lane_types::LaneState` as bytes.
    pub bytes: Vec<u8>,
}

/// Lines may wait this long before they are brought to the disk: what a power cut may take. (A kill
/// takes nothing.)
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// An attempt that this process writes.
#[derive(Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Its folder.
    pub path: PathBuf,
    /// See [`AttemptInfo::instruction_sets`].
    pub instruction_sets: Vec<String>,
    run: PathBuf,
    log: File,
    /// Bytes of whole lines in the log.
    length: u64,
    /// The next line's number.
    seq: u64,
    /// The checksum of the lines so far.
    chain: Chain,
    synced: Instant,
    /// Why nothing more can be written: after a failed sync nobody knows what is on the disk, and
    /// trying again would lie.
    broken: Option<FileError>,
}

impl Attempt {
    /// Fills a new `attempts/<number>/`.
    pub(super) fn start(run: PathBuf, number: u32, info: &AttemptInfo) -> Result<Self, FileError> {
        let path = attempt_path(&run, number);
        let file = path.join("events.jsonl");
        let log = files::new_file()
            .create_new(true)
            .append(true)
            .open(&file)
            .map_err(|error| FileError::io(&file, "cannot be made", error))?;
        let text = serde_json::to_vec_pretty(info).map_err(|error| FileError::at(&path, error))?;
        // Last: who sees it sees a whole attempt. It syncs the folder too.
        files::publish(&path.join("attempt.json"), &checksum::seal_json(text))?;
        let instruction_sets = info.instruction_sets.clone();
        Ok(Self {
            number,
            path,
            instruction_sets,
            run,
            log,
            length: 0,
            seq: 0,
            chain: Chain::default(),
            synced: Instant::now(),
            broken: None,
        })
    }

    /// Appends one event: one line, one write(2), stamped with `at` (RFC 3339, UTC). Lines reach
    /// the disk at most a second late, and at once with a checkpoint and the end.
    ///
    /// # Errors
    /// When the line cannot be written (nothing of it stays then), or what was written cannot be
    /// brought to the disk (the attempt takes nothing more then).
    pub fn append(&mut self, at: String, event: Event) -> Result<(), FileError> {
        self.check()?;
        let urgent = matches!(event, Event::Checkpoint(_) | Event::Ended { .. });
        let line = Line { v: VERSION, seq: self.seq, at, event };
        let mut bytes =
            serde_json::to_vec(&line).map_err(|error| FileError::at(&self.log_path(), error))?;
        let mut chain = self.chain.clone();
        chain.seal(&mut bytes);
        bytes.push(b'\n');
        self.write_line(&bytes)?;
        self.chain = chain;
        self.seq += 1;
        if urgent || self.synced.elapsed() >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Commits a checkpoint (state, then a marker with its checksum); keeps the last, the one
    /// before and the best. `best` holds the best weights when they changed. The event that tells
    /// of it is the caller's to append.
    ///
    /// # Errors
    /// When a file cannot be written; the former checkpoints are intact then.
    pub fn checkpoint(
        &mut self,
        cursor: Cursor,
        state: &[u8],
        best: Option<&[u8]>,
    ) -> Result<(), FileError> {
        // The log first: a checkpoint must not know of epochs that a power cut could take from the
        // log.
        self.sync()?;
        if let Some(best) = best {
            checkpoint::write_best(&self.path, cursor, best)?;
        }
        checkpoint::write(&self.path, cursor, state)
    }

    /// Writes the trial down in the ledger of all trials, stamped with `at` (RFC 3339, UTC).
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn record_tried(
        &self,
        at: String,
        trial: &TrialId,
        tried: &Tried,
    ) -> Result<(), FileError> {
        ledger::record(&self.run, at, trial, tried, ledger::Told::Tried)
    }

    /// Replaces `progress.json`; not durable.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn progress(&self, progress: &ProgressFile) -> Result<(), FileError> {
        let path = self.path.join("progress.json");
        let mut bytes =
            serde_json::to_vec(progress).map_err(|error| FileError::at(&path, error))?;
        checksum::seal_line(&mut bytes);
        files::replace_fleeting(&path, &bytes)
    }

    /// Keeps the fitted scaling (JSON); once.
    ///
    /// # Errors
    /// When it cannot be written, or another one is there.
    pub fn scaling(&self, json: &str) -> Result<(), FileError> {
        let path = self.path.join("scaling.json");
        if files::publish(&path, json.as_bytes())?
            || files::read_if_there(&path)?.as_deref() == Some(json.as_bytes())
        {
            return Ok(());
        }
        Err(FileError::at(&path, "holds another scaling already"))
    }

    /// Writes a split's forecasts into `forecasts.parquet`. Other splits in it stay.
    ///
    /// # Errors
    /// When the columns differ in length, or the file cannot be written.
    pub fn forecasts(&self, split: &str, forecasts: &Forecasts) -> Result<(), FileError> {
        forecasts::write(&self.path, split, forecasts)
    }

    /// Publishes `result.json` by link(2), with checksums of what it was made of; `false` when
    /// another attempt was first. The log's end belongs before it: who has seen a result looks no
    /// further.
    ///
    /// # Errors
    /// When the log or the result cannot be brought to the disk.
    pub fn publish(&mut self, result: &RunResult) -> Result<bool, FileError> {
        self.sync()?;
        result_file::publish(&self.run, result)
    }

    fn write_line(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = loop {
            match self.log.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A short write means that the disk is full; the rest of the line asks it for the
                // reason.
                Ok(count) if count < bytes.len() => break self.log.write_all(&bytes[count..]),
                other => break other.map(|_| ()),
            }
        };
        match written {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                let what = format_args!("a line of {} bytes cannot be appended", bytes.len());
                let failed = FileError::io(&self.log_path(), what, error);
                // Without this the next line would be glued to the torn one.
                if self.log.set_len(self.length).is_err() {
                    self.broken = Some(failed.clone());
                }
                Err(failed)
            }
        }
    }

    fn sync(&mut self) -> Result<(), FileError> {
        self.check()?;
        self.synced = Instant::now();
        self.log.sync_data().map_err(|error| {
            let failed = FileError::io(&self.log_path(), "cannot be brought to the disk", error);
            self.broken = Some(failed.clone());
            failed
        })
    }

    fn check(&self) -> Result<(), FileError> {
        match &self.broken {
            Some(failed) => Err(failed.clone()),
            None => Ok(()),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }
}

#[cfg(test)]
mod tests;
