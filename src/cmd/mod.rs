//! One file per verb, of the same name; the only place that names both banks. Data goes to stdout, messages to stderr.

mod args;
mod clock;
mod outcome;
pub mod schema;

pub use args::{Cli, CompareArgs, EvaluateArgs, PredictArgs, RunsArgs, ShowArgs, SweepArgs, Verb, WatchArgs, WorkerArgs};
pub use outcome::{Failure, Outcome};
