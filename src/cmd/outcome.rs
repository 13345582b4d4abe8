//! Exit codes: 0 done, 1 a bug, 2 bad input, 3 some trials failed, 4 the machine failed (disk, memory, device), 130 interrupted (resumable).

use std::io;
use std::process::ExitCode;

/// How a verb ended, when it ended well enough to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0.
    Done,
    /// 3.
    SomeFailed,
    /// 4: trials failed or were left because the machine did; what was trained is recorded.
    MachineFailed,
    /// 130.
    Interrupted,
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// 2: the person who called can mend it.
    BadInput(String),
    /// 4: a disk, memory or device; the same call may succeed once that is mended.
    Machine(String),
    /// 1: nobody should ever see it.
    Bug(anyhow::Error),
    /// 0: whoever read our output has seen enough.
    OutputClosed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::SomeFailed => Self::from(3),
            Outcome::MachineFailed => Self::from(4),
            Outcome::Interrupted => Self::from(130),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Bug(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::OutputClosed } else { Self::Bug(error.into()) }
    }
}

impl From<burn_lanes::TrainError> for Failure {
    fn from(error: burn_lanes::TrainError) -> Self {
        match error {
            burn_lanes::TrainError::Refused(message) => Self::BadInput(message),
            burn_lanes::TrainError::Device(failure) => Self::Machine(failure.to_string()),
        }
    }
}

macro_rules! bad_input {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::BadInput(error.to_string())
            }
        })+
    };
}

bad_input!(
    crate::export::ExportError,
    crate::store::StoreError,
    crate::market::MarketError,
    crate::plan::PlanError,
    crate::model::ModelError,
    crate::spec::Diagnostics,
    crate::registry::RegistryError,
    burn_lanes::DeviceError
);
