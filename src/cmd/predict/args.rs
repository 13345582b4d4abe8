//! The command line of `kiln predict`.

use crate::cmd::args::RunsDir;
use clap::{Args, ValueEnum};
use experiment::TsFormat;
use std::path::PathBuf;

/// `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// A run (SWEEP/ID, an id's unambiguous beginning, SWEEP/best), a saved model's folder, or a
    /// registered model: NAME (its champion), NAME@ALIAS, NAME@VERSION, NAME@latest
    #[arg(value_name = "RUN|MODEL")]
    pub model: String,
    /// Bars to forecast from: CSV, plain or gzip, or Parquet; '-' reads CSV lines from stdin and
    /// answers each as it comes
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Forecast only the last N windows
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Share of the targets that the conformal interval is meant to hold
    #[arg(
        long,
        default_value_t = 0.8,
        value_name = "SHARE",
        value_parser = crate::cmd::scores::coverage
    )]
    pub coverage: f64,
    /// Write into this file, whole or not at all, instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// [default: by the output file's name, else csv]
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["json", "jsonl"])]
    pub output_format: Option<ForecastFormat>,
    /// Print JSON: --output-format json
    #[arg(long, conflicts_with = "jsonl")]
    pub json: bool,
    /// Print a JSON object a line: --output-format jsonl
    #[arg(long)]
    pub jsonl: bool,
    /// Forecast on this backend
    #[arg(long, default_value = "flex")]
    pub backend: lane_types::DeviceSpec,
    #[command(flatten)]
    pub runs: RunsDir,
    /// Where the registered models are
    #[arg(long, default_value = "models", value_name = "DIR", env = "KILN_MODELS")]
    pub models: PathBuf,
    #[command(flatten)]
    pub bars: BarArgs,
}

/// How bars are to be read, where it is not as the model's own data was.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reading the bars (where not as the model's own data was)")]
pub struct BarArgs {
    /// What the file is [default: by its name, else as the model's own data]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<BarFormat>,
    /// Which column is which: ts=Date (repeatable; ts, open, high, low, close, volume)
    #[arg(long = "column", value_name = "WHICH=NAME")]
    pub columns: Vec<String>,
    /// Zone of timestamps without offset: an IANA name, UTC or +08:00. Features of the local clock
    /// go by the model's own zone
    #[arg(long)]
    pub zone: Option<String>,
    /// How timestamps are written: auto, epoch_s, epoch_ms, epoch_us, epoch_ns, or a pattern such
    /// as "%d.%m.%Y %H:%M:%S"
    #[arg(long, value_name = "FORMAT")]
    pub ts_format: Option<TsFormat>,
    /// What a timestamp marks of its bar; needed where the bars are not written as the model's own
    /// were
    #[arg(long, value_name = "LABEL")]
    pub bar_label: Option<LabelArg>,
}

/// What a file of bars is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BarFormat {
    /// Comma-separated with a header, plain or gzip
    Csv,
    /// Parquet
    Parquet,
}

/// What a timestamp marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabelArg {
    /// The bar's first instant
    Start,
    /// Its last instant
    End,
}

/// What forecasts are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ForecastFormat {
    /// A line a forecast
    Csv,
    /// One document
    Json,
    /// An object a line
    Jsonl,
    /// Parquet (into a file)
    Parquet,
}
