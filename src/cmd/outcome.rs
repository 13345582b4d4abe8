//! Exit codes: 0 done, 1 a bug, 2 bad input, 3 some trials failed, 4 the machine failed (disk,
//! memory, device), 130 interrupted (resumable).

use std::io;
use std::process::ExitCode;

use crate::export::ExportError;
use runs::machine;
use runs::model::ModelError;
use runs::registry::RegistryError;
use runs::store::StoreError;

/// How a verb ended, when it ended well enough to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0.
    Done,
    /// 3.
    SomeFailed,
    /// 130.
    Interrupted,
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// 2: the person who called can mend it.
    BadInput(String),
    /// 4: the disk is full or broken, the memory is full, the device is gone.
    Machine(String),
    /// 1: nobody should ever see it.
    Bug(anyhow::Error),
    /// 0: anyone who read our output has seen enough.
    OutputClosed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::SomeFailed => Self::from(3),
            Outcome::Interrupted => Self::from(130),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let of_machine = error.chain().any(|cause| {
            cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_of_machine)
                || cause.downcast_ref::<io::Error>().is_some_and(machine::failed)
        });
        if of_machine { Self::Machine(format!("{error:#}")) } else { Self::Bug(error) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else if machine::failed(&error) {
            Self::Machine(format!("the output cannot be written: {error}"))
        } else {
            Self::Bug(error.into())
        }
    }
}

impl Failure {
    fn of(text: String, is_of_machine: bool) -> Self {
        if is_of_machine { Self::Machine(text) } else { Self::BadInput(text) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(error.to_string(), error.is_of_machine())
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::of(error.to_string(), error.of_machine)
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::of(error.to_string(), error.of_machine)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::of(error.to_string(), matches!(error, RegistryError::Machine(_)))
    }
}

impl From<burn_lanes::TrainError> for Failure {
    fn from(error: burn_lanes::TrainError) -> Self {
        Self::of(error.to_string(), matches!(error, burn_lanes::TrainError::Device(_)))
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
    market::MarketError,
    experiment::plan::PlanError,
    experiment::Diagnostics,
    burn_lanes::DeviceError
);
