//! Owns every path under `runs/`: manifest, event log, result, reader, locks.
//!
//! ```text
//! runs/ledger/<host>-<boot>-<slot>.jsonl
//! runs/<sweep>/sweep.toml, sweep.1.toml, …, .lock, cache/<name>.json
//! runs/<sweep>/trials/<id>/trial.toml
//!                          attempts/<n>/attempt.json  events.jsonl  progress.json  scaling.json
//!                          attempts/<n>/checkpoints/  forecasts.parquet  test-<digest>.parquet
//!                          evaluations.jsonl  result.json
//! runs/views/<name>.toml
//! ```
//! Plain files are the truth. Readers never lock, ignore a torn last line and show damage as a row
//! with its reason.
//!
//! Every file carries a checksum (`checksum`) or is covered by the result that was made of it
//! (`covers`): what is read is what was written, or an error. Files of before version 0.2 have none
//! and are read as they are.
//!
//! What is promised: everything acknowledged survives a kill; everything up to the last second and
//! the last checkpoint survives a power cut, given a disk that honours fsync. Two attempts at a
//! trial may run at once; the first result wins and stays.
//!
//! Who may read and write is the umask's to say, but that others never write (0775 and 0664 before
//! it). Only regular files are read, and a sweep that is another user's link is not followed.

mod attempt;
mod checkpoint;
mod checksum;
mod close;
mod covers;
mod data_file;
mod evaluations;
mod folder;
mod follow;
mod forecasts;
mod history;
mod kept;
mod ledger;
mod log;
mod manifest;
mod plain_toml;
mod reader;
mod result_file;
mod resume;
mod scan;
mod select;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trial_file;
mod tries;
mod verify;
mod view;
mod writer;

pub use crate::files::{FileError, Liveness, remove_leftovers, remove_leftovers_beside_sweeps};
pub use attempt::{Attempt, AttemptInfo, Checkpoint};
pub use checksum::{check_line, seal_line};
pub use data_file::{data_file, data_places};
pub use evidence::records::{
    Baseline, Change, DataFile, EarlyOpening, Estimate, Evaluation, Forecasts, Ledger, LedgerEntry,
    Measured, Origin, ProgressFile, RunProgress, RunRecord, RunResult, RunState, Scores,
    SweepManifest, SweepRecord, Tried, Tries, WindowCounts, baseline_value, epoch_value,
    evaluation_estimate, evaluation_value, skill,
};
pub use folder::{Log, MadeRuns, RunFolder, SweepFolder};
pub use follow::Follower;
pub use history::{History, history};
pub use ledger::{read_ledger, seen_ledger};
pub use manifest::read as read_manifest;
pub use reader::{list_sweeps, read_events, read_run, read_sweep, read_sweep_summaries};
pub use resume::Resume;
pub use select::{Selection, select};
pub use tries::TriesCounter;
pub use view::View;
pub use writer::writer_alive;

/// Version of the files' formats that this program writes. Later ones are refused, never guessed
/// at.
pub const VERSION: u32 = 1;
