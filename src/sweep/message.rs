//! What supervisor and worker, and dashboard and supervisor, say to each other: one JSON object a
//! line.

use burn_lanes::DeviceFailure;
use serde::{Deserialize, Serialize};

use experiment::trial::TrialId;
use runs::files::{ErrorKind, FileError};

/// To a worker, on its stdin. A closed stdin means [`ToWorker::Interrupt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum ToWorker {
    /// Train these together.
    Pack {
        /// Ids of trials whose folders exist.
        trials: Vec<TrialId>,
    },
    /// Stop this trial after its epoch; what it has counts.
    Stop {
        /// The trial.
        trial: TrialId,
    },
    /// Checkpoint after the current step and exit.
    Interrupt,
    /// Nothing more to train: exit.
    Finish,
}

/// From a worker, on its stdout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum FromWorker {
    /// Ready for a pack.
    Ready,
    /// The pack goes on: said at most twice a second, after a step, an epoch, an end, or data that
    /// were made ready.
    Progress,
    /// The pack is through; every trial of it has ended or was interrupted.
    PackEnded {
        /// Trials whose record could not be written (a full disk, a folder that vanished), with the
        /// reason.
        unrecorded: Vec<(TrialId, Problem)>,
        /// Trials that something ended which was not their own (a panic with several in the pack):
        /// to be trained again, in smaller packs.
        #[serde(default)]
        again: Vec<TrialId>,
        /// The device failed, and the worker ends. Without trials to be trained again, no smaller
        /// pack would do.
        #[serde(default)]
        device: Option<DeviceFailure>,
    },
}

/// Why a record could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For a person.
    pub reason: String,
    /// Whether the machine failed, see [`runs::machine`]: other trials will fare no better.
    pub of_machine: bool,
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        Self { reason: error.to_string(), of_machine: error.kind() == ErrorKind::Machine }
    }
}

impl Problem {
    /// Came while `what` was to be recorded.
    #[must_use]
    pub fn after(self, what: &str) -> Self {
        Self { reason: format!("{what}; and {}", self.reason), ..self }
    }
}

/// To a supervisor that was started with `--controlled`, on its stdin. A closed stdin means
/// [`Control::Stop`], unless [`Control::Detach`] came before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// Stop one trial after its epoch.
    StopTrial {
        /// The trial.
        trial: TrialId,
    },
    /// Stop the sweep, resumable.
    Stop,
    /// Go on without the process that started it.
    Detach,
}
