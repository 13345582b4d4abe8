//! Events: the contract between the producer (training) and the consumers (dashboard, record,
//! report).
//!
//! A run's log is a sequence of [`Line`]s, one JSON object each. Anyone who folds a recorded log
//! gets what was got by folding it live; nothing that a screen, a table or a report shows has
//! another source.

use lane_types::EpochReport;
use serde::{Deserialize, Serialize};

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Version of the format, 1.
    pub v: u32,
    /// Running number within the attempt, from 0.
    pub seq: u64,
    /// When it was written, RFC 3339 in UTC, for people; nothing is ordered by it.
    pub at: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Version of the event log that this program writes.
pub const VERSION: u32 = 1;

/// How the reason of a failure begins that a supervisor recorded because the worker was gone.
pub const WORKER_DIED: &str = "the worker died";

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The attempt's first line.
    Started {
        /// As resolved: `flex`, `cuda:0`, …
        device: String,
        /// Lanes of its pack at the start.
        lanes: usize,
        /// Epoch and batch of the checkpoint that it goes on from, if any.
        resumed: Option<Cursor>,
        /// Over its validation windows, which need the data alone: what its skill is against from
        /// the first epoch on. None in older logs, and of an attempt whose data could not be
        /// prepared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        baselines: Vec<Baseline>,
    },
    /// An epoch ended.
    Epoch(EpochReport),
    /// A checkpoint was committed.
    Checkpoint(Cursor),
    /// Something unusual that a person should see; the run goes on.
    Warning {
        /// A lower-case fragment.
        message: String,
    },
    /// The attempt's last line; without it the attempt is running or was killed.
    Ended {
        /// How.
        #[serde(flatten)]
        end: End,
    },
}

/// A place in a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Epochs completed.
    pub epoch: usize,
    /// Batches done of the next epoch.
    pub batch: usize,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// All epochs were trained.
    Finished,
    /// Early stopping ended it; a full result.
    EarlyStopped,
    /// A person or a pruner stopped it; its result so far counts.
    Stopped,
    /// It failed and is not tried again.
    Failed {
        /// For a person.
        reason: String,
    },
    /// It was interrupted and can be resumed; no result.
    Interrupted,
}

/// A forecast without a network, over the same windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// `persistence`, `drift`, `seasonal`, `linear`, `har`.
    pub name: String,
    /// In the target's unit squared.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub mse: f64,
    /// In the target's unit.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub mae: f64,
    /// In the target's unit.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub rmse: f64,
}
