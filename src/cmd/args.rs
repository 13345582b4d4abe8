//! The verbs, and the arguments that several of them share; each verb's own stand in its file.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Trains many small forecasters at once, and says which of them is worth anything.
#[derive(Debug, Parser)]
#[command(name = "kiln", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Validate an experiment; list its trials and packs, estimate memory and time; write nothing
    Check(super::CheckArgs),
    /// Look for the future in what an experiment's models would see: features, scales, splits,
    /// targets
    Leakcheck(super::LeakcheckArgs),
    /// Train what is missing of an experiment, with a live dashboard
    Sweep(super::SweepArgs),
    /// Attach the dashboard to a live or a finished sweep, read-only
    Watch(super::WatchArgs),
    /// List sweeps, or the runs that a selector names
    Runs(super::RunsArgs),
    /// Show one run: settings, epochs, result, damage
    Show(super::ShowArgs),
    /// Runs side by side: what differs in their settings first, then results with their spread
    Compare(super::CompareArgs),
    /// A sweep as one HTML file that fetches nothing, or as Markdown for a README
    Report(super::ReportArgs),
    /// Open the test split for a run; each opening is recorded
    Evaluate(super::EvaluateArgs),
    /// Forecast bars with a run's best weights or a saved model, in the target's own unit: a file,
    /// or lines as they come
    Predict(Box<super::PredictArgs>),
    /// Answer forecasts of registered models over HTTP
    #[cfg(feature = "serve")]
    Serve(Box<super::ServeArgs>),
    /// Trade the recorded forecasts: fills at the next open, costs, equity and statistics beside
    /// buy and hold
    Backtest(Box<super::BacktestArgs>),
    /// Runs and models for other tools: PyTorch, ONNX, TensorBoard, MLflow, W&B's JSON lines, CSV,
    /// Parquet
    Export(super::ExportArgs),
    /// Versioned models: register a run, promote it, roll back
    Models(super::ModelsArgs),
    /// Devices and backends with what works, versions, terminal, disk
    Doctor(super::DoctorArgs),
    /// Print the JSON Schema of the experiment file
    Schema,
    /// Print the completions of a shell: kiln completions bash
    Completions(super::CompletionsArgs),
    /// Write a man page for each verb into a folder
    Man(super::ManArgs),
    /// Train packs for a supervisor (started by `sweep`)
    #[command(hide = true)]
    Worker(super::WorkerArgs),
}

/// Where sweeps lie.
#[derive(Clone, Debug, Args)]
pub struct RunsDir {
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
}

/// Whether a table is printed for programs.
#[derive(Clone, Copy, Debug, Args)]
pub struct Json {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// An experiment, and what is changed of it.
#[derive(Clone, Debug, Args)]
pub struct ExperimentArgs {
    /// The experiment file
    pub file: PathBuf,
    /// Override a key, as in the file: train.epochs=5 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Refuse a sweep of more trials, repeats and folds included
    #[arg(long, value_name = "N", default_value_t = experiment::plan::MAX_TRIALS)]
    pub max_trials: usize,
}

impl<T: Into<PathBuf>> From<T> for RunsDir {
    fn from(runs: T) -> Self {
        Self { runs: runs.into() }
    }
}
