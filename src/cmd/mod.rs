//! One file per verb, of the same name; the only place that names both producer and consumer. Data
//! goes to stdout, messages to stderr.

#![expect(missing_docs, reason = "arguments: their help documents them")]

mod args;
pub mod backtest;
mod budget;
pub mod check;
mod clock;
pub mod compare;
pub mod completions;
mod data_file;
pub mod doctor;
mod early;
pub mod evaluate;
pub mod export;
mod given_up;
mod hint;
pub mod leakcheck;
mod lines;
pub mod man;
mod metrics;
pub mod models;
mod named;
mod outcome;
pub mod predict;
mod provenance;
pub mod report;
pub mod runs;
pub mod schema;
mod scores;
mod selection;
#[cfg(feature = "serve")]
pub mod serve;
pub mod show;
pub mod sweep;
pub mod watch;
mod weigh;
pub mod worker;

pub use args::{Cli, ExperimentArgs, Json, RunsDir, Verb};
pub use backtest::args::{BacktestArgs, TradedSplit, TradingArgs};
pub use check::CheckArgs;
pub use compare::CompareArgs;
pub use completions::CompletionsArgs;
pub use doctor::DoctorArgs;
pub use evaluate::EvaluateArgs;
pub use export::args::{ExportArgs, ExportFormat, ExportTable, ExportUnits};
pub use leakcheck::LeakcheckArgs;
pub use man::ManArgs;
pub use models::ModelsArgs;
pub use outcome::{Failure, Outcome};
pub use predict::args::{BarArgs, BarFormat, ForecastFormat, LabelArg, PredictArgs};
pub use report::{ReportArgs, ReportFormat};
pub use runs::RunsArgs;
#[cfg(feature = "serve")]
pub use serve::ServeArgs;
pub use show::ShowArgs;
pub use sweep::SweepArgs;
pub use watch::WatchArgs;
pub use worker::WorkerArgs;
