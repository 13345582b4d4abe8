//! The command line of `kiln export`.

use crate::cmd::TradedSplit;
use crate::cmd::args::RunsDir;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A run (SWEEP/ID, an id's unambiguous beginning, or SWEEP/best), a sweep (SWEEP, or latest;
    /// not for weights), or a saved model (weights alone: NAME, NAME@ALIAS, NAME@VERSION, or its
    /// folder)
    pub source: String,
    #[arg(long)]
    pub format: ExportFormat,
    /// The file or folder to write; '-' writes a file's content to stdout [default: named after the
    /// source, here]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
    /// csv, parquet: rows of the table [default: runs]
    #[arg(long)]
    pub what: Option<ExportTable>,
    /// csv, parquet with --what forecasts: whose forecasts; those of the test split once `evaluate`
    /// has opened it [default: valid]
    #[arg(long)]
    pub split: Option<TradedSplit>,
    /// csv: leave cells as they are that a spreadsheet would run as formulas
    #[arg(long)]
    pub raw: bool,
    /// onnx: units of input and output [default: own]
    #[arg(long)]
    pub units: Option<ExportUnits>,
    /// mlflow: the tracking server [default: MLFLOW_TRACKING_URI]; a token is taken from
    /// MLFLOW_TRACKING_TOKEN
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// mlflow: the experiment on the server, made if missing [default: the sweep's name]
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    #[command(flatten)]
    pub runs: RunsDir,
    /// Where the models' folders are
    #[arg(long, default_value = "models", value_name = "DIR", env = "KILN_MODELS")]
    pub models: PathBuf,
}

/// What `export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Weights with PyTorch's names and layout
    Safetensors,
    /// The forecaster as a graph
    Onnx,
    /// A folder with an event file a run
    Tensorboard,
    /// Runs on a tracking server
    Mlflow,
    /// A folder with W&B's history, summary and configuration a run
    Jsonl,
    /// A table
    Csv,
    /// A table
    Parquet,
}

/// Rows of an exported table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportTable {
    /// Settings and metrics
    Runs,
    /// Losses and errors by epoch
    Epochs,
    /// Recorded forecasts by window
    Forecasts,
}

/// Units of an ONNX graph's input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportUnits {
    /// The features' and the target's own, in double precision: scaling is in the graph
    Own,
    /// Scaled, in single precision throughout
    Scaled,
}
