//! `kiln predict`: forecasts of a data file with a run's best weights, in the target's own unit.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::evaluate::{best_weights, run_folder};
use super::{Failure, Outcome, PredictArgs};
use crate::market::{self, Scaling};
use crate::spec::TargetKind;
use crate::store;
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
}

/// Runs the verb.
///
/// # Errors
/// When the selector names no finished run, the file does not have what the run's features need, or the device is not usable.
pub fn run(args: PredictArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let PredictArgs { run, data, last, backend, runs, json } = args;
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
    let scaled = trainer
        .predict(&prepared.series, &shape(settings), &weights, ends)
        .map_err(|error| Failure::BadInput(format!("{run}: {error}")))?;
    let forecasts = ends.iter().zip(scaled).map(|(&row, scaled)| {
        let row = row as usize;
        let known = |value: f64| value.is_finite().then_some(value);
        Forecast {
            bar_start: Timestamp::from_nanosecond(i128::from(prepared.ts[row])).map(|ts| ts.to_string()).unwrap_or_default(),
            forecast: scaling.target.unscale(f64::from(scaled)),
            persistence: known(prepared.persistence[row]),
            actual: known(prepared.target[row]),
        }
    });
    if json {
        let forecasts: Vec<Forecast> = forecasts.collect();
        let target = &settings.data.target;
        let kind = match target.kind {
            TargetKind::Price => "price",
            TargetKind::LogReturn => "log_return",
            TargetKind::LogVolatility => "log_volatility",
        };
        let value =
            serde_json::json!({ "run": record.trial.id, "target": kind, "horizon": target.horizon, "forecasts": forecasts });
        writeln!(out, "{value:#}")?;
    } else {
        writeln!(out, "bar_start,forecast,persistence,actual")?;
        let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for forecast in forecasts {
            writeln!(out, "{},{},{},{}", forecast.bar_start, forecast.forecast, cell(forecast.persistence), cell(forecast.actual))?;
        }
    }
    Ok(Outcome::Done)
}
