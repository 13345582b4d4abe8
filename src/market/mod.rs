//! File → bars → features → split → scaled series → window index. The only module besides the store's Parquet table that names Polars.

use std::path::Path;

use burn_lanes::Series;
use serde::{Deserialize, Serialize};

use crate::spec::{Data, Source};
use crate::store::{Baseline, WindowCounts};

/// A series ready for training, with everything needed to bring forecasts back to the target's unit.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// For `burn_lanes::train`.
    pub series: Series,
    /// Last rows of the test windows; opened by `evaluate` alone.
    pub test: Vec<u32>,
    /// Start of each row's bar, nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Target of the window that ends at each row, in its own unit; NaN where there is none.
    pub target: Vec<f64>,
    /// What persistence says at each row, in the target's unit: the last close, 0 for a log return, the last realised
    /// log volatility over as many bars as the horizon.
    pub persistence: Vec<f64>,
    /// Fitted on the training rows; kept with the run.
    pub scaling: Scaling,
    /// Share of the day of each row's last instant, for the HAR baseline.
    pub time_of_day: Vec<f64>,
    /// Log returns by row, for the HAR baseline (NaN at the first).
    pub log_return: Vec<f64>,
    /// True mean and sigma of the next return by row, for synthetic series.
    pub truth: Option<Truth>,
    /// What the loader understood and found odd.
    pub report: DataReport,
}

/// Truth of a synthetic series, by row: the next bar's conditional mean and standard deviation of its log return.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    pub mu: Vec<f64>,
    pub sigma: Vec<f64>,
}

/// Fitted scalers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// One per feature column, in order.
    pub columns: Vec<Affine>,
    /// Of the target.
    pub target: Affine,
}

/// `scaled = (x - offset) / unit`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    pub offset: f64,
    pub unit: f64,
}

/// What a data file turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// Bars used, after `rows`.
    pub bars: usize,
    /// First and last bar's start, RFC 3339 in the data's zone.
    pub first: String,
    pub last: String,
    /// Bar length, seconds.
    pub bar_seconds: u32,
    /// Contiguous runs of bars.
    pub runs: usize,
    /// Windows in each split.
    pub windows: WindowCounts,
    /// Odd things, each a sentence: OHLC violations, duplicates dropped, flat bars, suspected bad prints.
    pub odd: Vec<String>,
}

/// Why a data file could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MarketError(pub String);

/// blake3 of the file's bytes, or of the generator's settings.
///
/// # Errors
/// When the file cannot be read.
pub fn fingerprint(_source: &Source) -> Result<String, MarketError> {
    todo!()
}

/// File → scaled series and windows.
///
/// # Errors
/// When the file is missing, is not what its settings say, or leaves a split without windows.
pub fn prepare(_data: &Data) -> Result<Prepared, MarketError> {
    todo!()
}

/// For forecasting: the last windows of another file, scaled with the run's own scaling. `series.target` is NaN where unknown; all
/// windows are in `series.valid`.
///
/// # Errors
/// As [`prepare`]; also when the file has fewer bars than a window and its warm-up need.
pub fn prepare_forecast(_data: &Data, _file: &Path, _scaling: &Scaling) -> Result<Prepared, MarketError> {
    todo!()
}

/// Baselines over the windows that end at `ends`: `persistence`, `linear` (ridge on the window), and for log volatility `har`. Fitted on
/// the training windows alone.
#[must_use]
pub fn baselines(_data: &Data, _prepared: &Prepared, _ends: &[u32]) -> Vec<Baseline> {
    todo!()
}

/// Looks whether the file is there and is what its settings say, without reading all of it.
///
/// # Errors
/// When it is missing, or is not what its settings say.
pub fn probe(source: &Source) -> Result<(), MarketError> {
    match source {
        Source::File { path, .. } if !path.is_file() => {
            let path = path.display();
            Err(MarketError(format!("{path}: does not exist (paths in an experiment are relative to its file)")))
        }
        Source::File { .. } | Source::Synthetic(_) => Ok(()),
    }
}
