//! What the left bank hands to the trainer.

use burn_lanes::Series;
use serde::{Deserialize, Serialize};

use super::bars::Truth;
use super::baseline::BaselineForecast;
use super::scaling::Scaling;
use crate::store::{Forecasts, WindowCounts};

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
    /// log volatility over as many bars as the horizon (NaN where it is undefined; such rows end no window of a split).
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

impl Prepared {
    /// What a model and the baselines forecast of the windows that end at `ends`, as the store keeps it. `scaled` are the model's own.
    #[must_use]
    pub fn forecasts(&self, ends: &[u32], scaled: &[f32], baselines: &[BaselineForecast]) -> Forecasts {
        Forecasts {
            ts: ends.iter().map(|&row| self.ts[row as usize]).collect(),
            target: ends.iter().map(|&row| self.target[row as usize]).collect(),
            forecast: scaled.iter().map(|&value| self.scaling.target.unscale(f64::from(value))).collect(),
            baselines: baselines.iter().map(|baseline| (baseline.name.to_owned(), baseline.forecast.clone())).collect(),
        }
    }
}

/// What a data file turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// Bars used, after `rows`.
    pub bars: usize,
    /// First bar's start, RFC 3339 in the data's zone.
    pub first: String,
    /// Last bar's start, RFC 3339 in the data's zone.
    pub last: String,
    /// Bar length, seconds.
    pub bar_seconds: u32,
    /// Contiguous runs of bars.
    pub runs: usize,
    /// Windows in each split.
    pub windows: WindowCounts,
    /// From when to when the windows of each split end.
    #[serde(default)]
    pub spans: Spans,
    /// Odd things, each a sentence: OHLC violations, duplicates dropped, flat bars, suspected bad prints.
    pub odd: Vec<String>,
}

/// From when to when the windows of each split end; `None` of a split without windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spans {
    /// Training windows.
    pub train: Option<Span>,
    /// Validation windows.
    pub valid: Option<Span>,
    /// Test windows.
    pub test: Option<Span>,
}

/// The last bars of the first and the last window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its start, RFC 3339 in the data's zone.
    pub first: String,
    /// Its start, RFC 3339 in the data's zone.
    pub last: String,
}
