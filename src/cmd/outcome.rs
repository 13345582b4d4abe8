//! Exit codes: 0 done, 1 a bug, 2 bad input, 3 some trials failed, 4 the machine failed (disk,
//! memory, device), 130 interrupted (resumable).

use std::io;
use std::process::ExitCode;

use crate::export::ExportError;
use runs::files::{ErrorKind, FileError};
use runs::machine;
use runs::model::ModelError;
use runs::registry::RegistryError;

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
            cause
                .downcast_ref::<FileError>()
                .is_some_and(|error| error.kind() == ErrorKind::Machine)
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
    fn of(text: String, kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Input | ErrorKind::Damaged | ErrorKind::Held => Self::BadInput(text),
            ErrorKind::Machine => Self::Machine(text),
        }
    }
}

macro_rules! by_kind {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(error.to_string(), error.kind())
            }
        })+
    };
}

by_kind!(FileError, ModelError, ExportError, RegistryError);

impl From<burn_lanes::TrainError> for Failure {
    fn from(error: burn_lanes::TrainError) -> Self {
        match error {
            burn_lanes::TrainError::Device(_) => Self::Machine(error.to_string()),
            _ => Self::BadInput(error.to_string()),
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

bad_input!(experiment::plan::PlanError, burn_lanes::DeviceError);

impl From<market::MarketError> for Failure {
    fn from(error: market::MarketError) -> Self {
        let kind = error.io().map_or(ErrorKind::Input, ErrorKind::of);
        Self::of(error.to_string(), kind)
    }
}

impl From<experiment::Diagnostics> for Failure {
    fn from(found: experiment::Diagnostics) -> Self {
        let said = found.os_error.map(io::Error::from_raw_os_error);
        Self::of(found.to_string(), said.as_ref().map_or(ErrorKind::Input, ErrorKind::of))
    }
}
