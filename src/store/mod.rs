//! Owns every path under `runs/`: manifest, event log, result, reader, locks.
//!
//! ```text
//! runs/<sweep>/sweep.toml, .lock
//! runs/<sweep>/trials/<id>/trial.toml
//!                          attempts/<n>/attempt.json  events.jsonl  progress.json  checkpoints/  forecasts.parquet
//!                          evaluations.jsonl  result.json
//! ```
//! Plain files are the truth. Readers never lock, ignore a torn last line and show damage as a row with its reason.

mod attempt;
mod folder;
mod follow;
mod reader;
mod record;
mod select;

pub use attempt::{Attempt, AttemptInfo, Checkpoint, ProgressFile};
pub use folder::{RunFolder, StoreError, SweepFolder, SweepLock};
pub use follow::{Change, Follower};
pub use reader::{list_sweeps, read_run, read_sweep};
pub use record::{
    Baseline, Evaluation, Origin, RunProgress, RunRecord, RunResult, RunState, SweepManifest, SweepRecord, WindowCounts,
};
pub use select::{Selection, select};
