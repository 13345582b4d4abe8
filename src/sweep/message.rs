//! What supervisor and worker, and dashboard and supervisor, say to each other: one JSON object a line.

use burn_lanes::DeviceFailure;
use serde::{Deserialize, Serialize};

use crate::trial::TrialId;

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
    /// The pack is through; every trial of it has ended or was interrupted.
    PackEnded {
        /// Trials whose record could not be written (a full disk, a folder that vanished), with the reason.
        unrecorded: Vec<(TrialId, String)>,
    },
    /// The device failed; the worker ends. Open trials are recorded as failed where fewer lanes do not help, else as interrupted.
    DeviceFailed {
        /// What it failed with.
        failure: DeviceFailure,
        /// Lanes that the pack began with.
        lanes: usize,
        /// Trials without an end.
        open: Vec<TrialId>,
        /// As of [`FromWorker::PackEnded`].
        unrecorded: Vec<(TrialId, String)>,
    },
}

/// To a supervisor that was started with `--controlled`, on its stdin. A closed stdin means [`Control::Stop`], unless
/// [`Control::Detach`] came before.
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
    /// Go on without whoever started it.
    Detach,
}
