//! One file per verb, of the same name; the only place that names both banks. Data goes to stdout, messages to stderr.

mod args;
mod clock;
pub mod compare;
pub mod doctor;
mod outcome;
pub mod runs;
mod selection;
pub mod show;
pub mod watch;
pub mod schema;

pub use args::{
    Cli, CompareArgs, DoctorArgs, EvaluateArgs, PredictArgs, RunsArgs, ShowArgs, SweepArgs, Verb, WatchArgs, WorkerArgs,
};
pub use outcome::{Failure, Outcome};
