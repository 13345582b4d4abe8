//! `kiln predict`: forecasts of a data file with a run's best weights, with their interval, in the target's own unit.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::evaluate::{best_weights, calibration};
use super::selection::run_folder;
use super::{Failure, Outcome, PredictArgs};
use crate::calibration::Calibration;
use crate::market::{self, Scaling};
use crate::spec::TargetKind;
use crate::store::{self, Forecasts};
use crate::sweep::{shape, trainer};

/// One forecast.
#[derive(Debug, Serialize)]
struct Forecast {
    /// Start of the window's last bar, UTC.
    bar_start: String,
    /// In the target's own unit.
    forecast: f64,
    /// What persistence says.
    persistence: Option<f64>,
    /// What happened, where the file goes far enough.
    actual: Option<f64>,
    /// By level, of a quantile head.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quantiles: Vec<f64>,
    /// Of the conformal interval, where there is one.
    lower: Option<f64>,
    upper: Option<f64>,
}

/// Runs the verb.
///
/// # Errors
/// When the selector names no finished run, the file does not have what the run's features need, or the device is not usable.
pub fn run(args: PredictArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let PredictArgs { run, data, last, coverage, backend, runs, json } = args;
    let folder = run_folder(&runs, &run)?;
    let record = store::read_run(&folder.path)?;
    let settings = &record.trial.settings;
    let weights = best_weights(&folder)?;
    let scaling: Scaling = serde_json::from_str(&folder.scaling()?)
        .map_err(|error| Failure::BadInput(format!("{}: the kept scaling cannot be read: {error}", folder.path.display())))?;
    let prepared = market::prepare_forecast(&settings.data, &data, &scaling)?;
    let ends = &prepared.series.valid;
    let ends = &ends[ends.len() - last.unwrap_or(ends.len()).min(ends.len())..];
    let trainer = trainer(burn_lanes::open(backend)?);
    let shape = shape(settings);
    let scaled =
        trainer.predict(&prepared.series, &shape, &weights, ends).map_err(|error| Failure::BadInput(format!("{run}: {error}")))?;
    let calibration = calibration(&folder, coverage);
    let forecasts = prepared.forecasts(ends, &scaled, &shape.head, &[]);
    let levels: Vec<f64> = forecasts.quantiles.iter().map(|(level, _)| *level).collect();
    let persistence: Vec<f64> = ends.iter().map(|&row| prepared.persistence[row as usize]).collect();
    let rows = rows(&forecasts, &persistence, calibration.as_ref().ok());
    if json {
        let target = &settings.data.target;
        let kind = match target.kind {
            TargetKind::Price => "price",
            TargetKind::LogReturn => "log_return",
            TargetKind::LogVolatility => "log_volatility",
        };
        let interval = match &calibration {
            Ok(calibration) => serde_json::json!({ "nominal": coverage, "calibration": calibration }),
            Err(problem) => serde_json::json!({ "nominal": coverage, "problem": problem }),
        };
        let value = serde_json::json!({
            "run": record.trial.id, "target": kind, "horizon": target.horizon, "levels": levels, "interval": interval,
            "forecasts": rows,
        });
        writeln!(out, "{value:#}")?;
    } else {
        write_csv(out, &levels, &rows)?;
    }
    Ok(Outcome::Done)
}

fn rows(forecasts: &Forecasts, persistence: &[f64], calibration: Option<&Calibration>) -> Vec<Forecast> {
    let known = |value: f64| value.is_finite().then_some(value);
    let interval = calibration.map(|calibration| calibration.interval(forecasts));
    let end = |side: usize, row: usize| interval.as_ref().and_then(|ends| known(ends[side][row]));
    let row = |row: usize| Forecast {
        bar_start: Timestamp::from_nanosecond(i128::from(forecasts.ts[row])).map(|ts| ts.to_string()).unwrap_or_default(),
        forecast: forecasts.forecast[row],
        persistence: known(persistence[row]),
        actual: known(forecasts.target[row]),
        quantiles: forecasts.quantiles.iter().map(|(_, values)| values[row]).collect(),
        lower: end(0, row),
        upper: end(1, row),
    };
    (0..forecasts.ts.len()).map(row).collect()
}

fn write_csv(out: &mut dyn Write, levels: &[f64], rows: &[Forecast]) -> Result<(), Failure> {
    let quantiles: String = levels.iter().map(|level| format!(",q{level}")).collect();
    writeln!(out, "bar_start,forecast,persistence,actual{quantiles},lower,upper")?;
    let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for Forecast { bar_start, forecast, persistence, actual, quantiles, lower, upper } in rows {
        let quantiles: String = quantiles.iter().map(|value| format!(",{value}")).collect();
        let [persistence, actual, lower, upper] = [persistence, actual, lower, upper].map(|value| cell(*value));
        writeln!(out, "{bar_start},{forecast},{persistence},{actual}{quantiles},{lower},{upper}")?;
    }
    Ok(())
}
