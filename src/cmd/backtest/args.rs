//! The command line of `kiln backtest`.

use crate::cmd::args::{Json, RunsDir};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
    #[command(flatten)]
    pub runs: RunsDir,
    #[command(flatten)]
    pub json: Json,
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
