//! The command line, as a person types it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

use experiment::TsFormat;

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
    Check(CheckArgs),
    /// Look for the future in what an experiment's models would see: features, scales, splits,
    /// targets
    Leakcheck(LeakcheckArgs),
    /// Train what is missing of an experiment, with a live dashboard
    Sweep(SweepArgs),
    /// Attach the dashboard to a live or a finished sweep, read-only
    Watch(WatchArgs),
    /// List sweeps, or the runs that a selector names
    Runs(RunsArgs),
    /// Show one run: settings, epochs, result, damage
    Show(ShowArgs),
    /// Runs side by side: what differs in their settings first, then results with their spread
    Compare(CompareArgs),
    /// A sweep as one HTML file that fetches nothing, or as Markdown for a README
    Report(ReportArgs),
    /// Open the test split for a run; each opening is recorded
    Evaluate(EvaluateArgs),
    /// Forecast bars with a run's best weights or a saved model, in the target's own unit: a file,
    /// or lines as they come
    Predict(Box<PredictArgs>),
    /// Answer forecasts of registered models over HTTP
    Serve(Box<super::ServeArgs>),
    /// Trade the recorded forecasts: fills at the next open, costs, equity and statistics beside
    /// buy and hold
    Backtest(Box<BacktestArgs>),
    /// Runs and models for other tools: PyTorch, ONNX, TensorBoard, MLflow, W&B's JSON lines, CSV,
    /// Parquet
    Export(ExportArgs),
    /// Versioned models: register a run, promote it, roll back
    Models(super::ModelsArgs),
    /// Devices and backends with what works, versions, terminal, disk
    Doctor(DoctorArgs),
    /// Print the JSON Schema of the experiment file
    Schema,
    /// Train packs for a supervisor (started by `sweep`)
    #[command(hide = true)]
    Worker(WorkerArgs),
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The experiment file
    pub file: PathBuf,
    /// Override a key, as in the file: train.epochs=5 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Refuse a sweep of more trials, repeats and folds included
    #[arg(long, value_name = "N", default_value_t = experiment::plan::MAX_TRIALS)]
    pub max_trials: usize,
    /// Train on another backend than the file says: auto, cuda, cuda:N, wgpu, wgpu:N, ndarray, flex
    #[arg(long)]
    pub backend: Option<lane_types::DeviceSpec>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `leakcheck`.
#[derive(Debug, Args)]
pub struct LeakcheckArgs {
    /// The experiment file
    pub file: PathBuf,
    /// Override a key, as in the file: data.window=30 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Refuse a sweep of more trials, repeats and folds included
    #[arg(long, value_name = "N", default_value_t = experiment::plan::MAX_TRIALS)]
    pub max_trials: usize,
    /// Chooses the rows that are tried
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// The experiment file
    pub file: PathBuf,
    /// Train on another backend than the file says: auto, cuda, cuda:N, wgpu, wgpu:N, ndarray, flex
    #[arg(long)]
    pub backend: Option<lane_types::DeviceSpec>,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Override a key, as in the file: train.epochs=5 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Refuse a sweep of more trials, repeats and folds included
    #[arg(long, value_name = "N", default_value_t = experiment::plan::MAX_TRIALS)]
    pub max_trials: usize,
    /// One plain line an epoch, no dashboard
    #[arg(long)]
    pub plain: bool,
    /// Train again what failed three times and was given up
    #[arg(long)]
    pub retry_failed: bool,
    /// Say so when a worker makes no progress (no step, no epoch) for so long
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = stall)]
    pub stall_warning: std::time::Duration,
    /// Replace a worker that makes no progress for so long; its trials go on from their checkpoints
    /// [default: it is only said]
    #[arg(long, value_name = "DURATION", value_parser = stall)]
    pub stall_limit: Option<std::time::Duration>,
    /// Take control lines on stdin and stop when it closes (how the dashboard drives a sweep)
    #[arg(long, hide = true)]
    pub controlled: bool,
}

/// A duration of a second at least: workers tell their progress twice a second.
fn stall(text: &str) -> Result<std::time::Duration, String> {
    let duration = crate::serve::duration(text)?;
    if duration.as_secs() < 1 {
        Err(format!("'{text}' is less than 1s: workers tell their progress twice a second"))
    } else {
        Ok(duration)
    }
}

/// `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A sweep (SWEEP, or latest), or one of its runs; the newest sweep unless given
    pub sweep: Option<String>,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
}

/// `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// A sweep (SWEEP, or latest) or a run (SWEEP/ID, an id's unambiguous beginning, or
    /// SWEEP/best); all sweeps unless given
    pub selector: Option<String>,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A run: SWEEP/ID, an id's unambiguous beginning, or SWEEP/best (SWEEP may be latest)
    pub run: String,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Sweeps (SWEEP, or latest) and runs (SWEEP/ID, an id's unambiguous beginning, or SWEEP/best)
    #[arg(required_unless_present = "view", conflicts_with = "view")]
    pub selectors: Vec<String>,
    /// Compare what was saved under this name, in runs/views/NAME.toml (or in a file: a path)
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Save what is compared under this name
    #[arg(long, value_name = "NAME")]
    pub save_view: Option<String>,
    /// Rank by this metric instead of the sweep's objective: valid.skill, valid.rmse, valid.mase,
    /// valid.ic, test.rmse, …
    #[arg(long)]
    pub metric: Option<experiment::metric::Metric>,
    /// Show the interval beside each value, however wide the table becomes (on a terminal that is
    /// wide enough they are shown anyway)
    #[arg(long)]
    pub intervals: bool,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A sweep (SWEEP, or latest)
    pub sweep: String,
    /// The file to write; '-' for stdout [default: SWEEP.html here; stdout for md]
    #[arg(short, long, value_name = "FILE", conflicts_with = "splice")]
    pub output: Option<PathBuf>,
    /// [default: by the file's name, else html]
    #[arg(long)]
    pub format: Option<ReportFormat>,
    /// Write Markdown into this file, between the lines <!-- kiln:begin SWEEP --> and <!-- kiln:end
    /// SWEEP -->
    #[arg(long, value_name = "README.md")]
    pub splice: Option<PathBuf>,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
}

/// What a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One file with plots
    Html,
    /// Tables and the verdict
    Md,
}

/// `evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// A run: SWEEP/ID, an id's unambiguous beginning, or SWEEP/best (SWEEP may be latest)
    pub run: String,
    /// The file that the run was trained on, where it lies now; without it, it is looked for around
    /// the run's folder
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Share of the targets that the conformal interval is meant to hold
    #[arg(long, default_value_t = 0.8, value_name = "SHARE", value_parser = super::scores::coverage)]
    pub coverage: f64,
    /// Open the test split although trials of the sweep are still open; the opening is recorded as
    /// one before the end
    #[arg(long)]
    pub early: bool,
    /// Evaluate on this backend
    #[arg(long, default_value = "flex")]
    pub backend: lane_types::DeviceSpec,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

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
    #[arg(long, default_value_t = 0.8, value_name = "SHARE", value_parser = super::scores::coverage)]
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
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
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

/// `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// Sweeps (SWEEP, or latest) and runs (SWEEP/ID, an id's unambiguous beginning, or SWEEP/best)
    #[arg(required = true)]
    pub selectors: Vec<String>,
    /// Whose forecasts are traded; those of the test split once `evaluate` has opened it
    #[arg(long, default_value = "valid")]
    pub split: TradedSplit,
    /// The file that the runs were trained on, where it lies now; without it, it is looked for
    /// around the runs' folders
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Rows of the frontier: least expected returns that are traded, basis points: 0,2,5
    #[arg(long, value_name = "BPS,…", value_delimiter = ',')]
    pub frontier_thresholds: Vec<f64>,
    /// Columns of the frontier: costs of one side, basis points: 0,0.5,1
    #[arg(long, value_name = "BPS,…", value_delimiter = ',')]
    pub frontier_costs: Vec<f64>,
    /// Write every bar of one run's account into a CSV file
    #[arg(long, value_name = "FILE.csv")]
    pub ledger: Option<PathBuf>,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub trading: TradingArgs,
}

/// Forecasts of these splits are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TradedSplit {
    Valid,
    Test,
}

/// Keys of `[backtest]`, written over what the experiment says.
#[derive(Clone, Debug, Default, Args)]
#[command(
    next_help_heading = "Trading (over what [backtest] in the experiment says; costs are required, \
        there or here)"
)]
pub struct TradingArgs {
    /// From an expected return to a position: sign, threshold, proportional or quantile
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Least expected return over the horizon that is traded (threshold)
    #[arg(long, value_name = "BPS")]
    pub threshold: Option<f64>,
    /// Expected return over the horizon at which the position is full (proportional)
    #[arg(long, value_name = "BPS")]
    pub scale: Option<f64>,
    /// Share of the last forecasts on each side that is traded (quantile)
    #[arg(long, value_name = "SHARE")]
    pub share: Option<f64>,
    /// Forecasts that a forecast is ranked among (quantile)
    #[arg(long, value_name = "FORECASTS")]
    pub lookback: Option<i64>,
    /// Commission of one side, of the traded value
    #[arg(long, value_name = "BPS")]
    pub commission_bps: Option<f64>,
    /// Half of the distance between bid and ask: '0.5 ticks' or '1 bps'
    #[arg(long, value_name = "AMOUNT")]
    pub half_spread: Option<String>,
    /// How much worse than that a fill is: '0.5 ticks' or '1 bps'
    #[arg(long, value_name = "AMOUNT")]
    pub slippage: Option<String>,
    /// Price units in one tick, where a cost is in ticks
    #[arg(long, value_name = "PRICE")]
    pub tick_size: Option<f64>,
    /// Largest long position, as a share of equity
    #[arg(long, value_name = "SHARE")]
    pub max_long: Option<f64>,
    /// Largest short position, as a share of equity
    #[arg(long, value_name = "SHARE")]
    pub max_short: Option<f64>,
    /// Where positions are closed whatever the forecasts say: auto, never, session_end or gap
    #[arg(long, value_name = "WHERE")]
    pub flat_at: Option<String>,
}

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
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
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

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The sweep's folder
    #[arg(long)]
    pub sweep: PathBuf,
    /// The device, as resolved by the supervisor
    #[arg(long)]
    pub device: lane_types::DeviceSpec,
}
