//! One file per verb, of the same name; the only place that names both producer and consumer. Data
//! goes to stdout, messages to stderr.

mod args;
pub mod backtest;
mod budget;
pub mod check;
mod clock;
pub mod compare;
mod data_file;
pub mod doctor;
mod early;
pub mod evaluate;
pub mod export;
mod given_up;
mod hint;
pub mod leakcheck;
mod lines;
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
pub mod serve;
pub mod show;
pub mod sweep;
pub mod watch;
mod weigh;
pub mod worker;

pub use args::{
    BacktestArgs, BarArgs, BarFormat, CheckArgs, Cli, CompareArgs, DoctorArgs, EvaluateArgs,
    ExportArgs, ExportFormat, ExportTable, ExportUnits, ForecastFormat, LabelArg, LeakcheckArgs,
    PredictArgs, ReportArgs, ReportFormat, RunsArgs, ShowArgs, SweepArgs, TradedSplit, TradingArgs,
    Verb, WatchArgs, WorkerArgs,
};
pub use models::ModelsArgs;
pub use outcome::{Failure, Outcome};
pub use serve::ServeArgs;
