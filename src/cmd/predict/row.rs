//! A forecast as it is written.

use jiff::Timestamp;
use serde::Serialize;

use evidence::calibration::Calibration;
use runs::store::Forecasts;

/// One forecast.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Start of the window's last bar, UTC.
    pub bar_start: String,
    /// The same, nanoseconds since 1970 UTC.
    #[serde(skip)]
    pub ts: i64,
    /// In the target's own unit.
    pub forecast: f64,
    /// What persistence says.
    pub persistence: Option<f64>,
    /// What happened, where the bars go far enough.
    pub actual: Option<f64>,
    /// By level, of a quantile head.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// Of the conformal interval, where there is one.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Features that leave the range of their training in its window.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
}

/// Forecasts with what persistence says of each (NaN where undefined) and their intervals.
///
/// `outside`: by forecast, the features that leave the range of their training in its window.
pub(super) fn rows(
    forecasts: &Forecasts,
    persistence: &[f64],
    calibration: Option<&Calibration>,
    outside: Vec<Vec<String>>,
) -> Vec<Row> {
    let known = |value: f64| value.is_finite().then_some(value);
    let interval = calibration.map(|calibration| calibration.interval(forecasts));
    let end = |side: usize, row: usize| interval.as_ref().and_then(|ends| known(ends[side][row]));
    let row = |(row, outside): (usize, Vec<String>)| Row {
        bar_start: Timestamp::from_nanosecond(i128::from(forecasts.ts[row]))
            .map(|ts| ts.to_string())
            .unwrap_or_default(),
        ts: forecasts.ts[row],
        forecast: forecasts.forecast[row],
        persistence: known(persistence[row]),
        actual: known(forecasts.target[row]),
        quantiles: forecasts.quantiles.iter().map(|(_, values)| values[row]).collect(),
        lower: end(0, row),
        upper: end(1, row),
        outside,
    };
    (0..forecasts.ts.len()).zip(outside).map(row).collect()
}

/// Names of the columns of CSV.
pub(super) fn csv_header(levels: &[f64]) -> String {
    let quantiles: String = levels.iter().map(|level| format!(",q{level}")).collect();
    format!("bar_start,forecast,persistence,actual{quantiles},lower,upper\n")
}

impl Row {
    /// A line of CSV; what is not known is empty.
    pub(super) fn csv(&self) -> String {
        let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let Self {
            bar_start,
            ts: _,
            forecast,
            persistence,
            actual,
            quantiles,
            lower,
            upper,
            outside: _,
        } = self;
        let quantiles: String = quantiles.iter().map(|value| format!(",{value}")).collect();
        let (persistence, actual, lower, upper) =
            (cell(*persistence), cell(*actual), cell(*lower), cell(*upper));
        format!("{bar_start},{forecast},{persistence},{actual}{quantiles},{lower},{upper}\n")
    }

    /// A JSON object on a line.
    pub(super) fn json_line(&self) -> Result<String, anyhow::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
