//! The verb.

use crate::cmd::RunsDir;
use std::io::Write;
use std::path::Path;

use super::bars::{check_label, read_as};
use super::flags::as_arguments;
use super::found::{Found, find};
use super::row::{Row, csv_header, rows};
use super::written::{OutputFile, format};
use super::{live, parquet};
use crate::cmd::{Failure, ForecastFormat, Outcome, PredictArgs};
use crate::forecast::{Forecaster, Outside, Warning};
use experiment::{Data, TargetKind};
use text::cleaned;

/// Runs the verb.
///
/// # Errors
/// When nothing is named so, the bars are not what the model's features need, or the device is not
/// usable.
pub fn run(args: PredictArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    predict(args, out).map_err(|failure| match failure {
        Failure::BadInput(message) => Failure::BadInput(as_arguments(&message)),
        other => other,
    })
}

fn predict(args: PredictArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let PredictArgs {
        model,
        data: file,
        last,
        coverage,
        bars,
        output,
        output_format,
        json,
        jsonl,
        backend,
        runs: RunsDir { runs },
        models,
    } = args;
    let asked = match (json, jsonl) {
        (true, _) => Some(ForecastFormat::Json),
        (_, true) => Some(ForecastFormat::Jsonl),
        _ => output_format,
    };
    let format = format(asked, output.as_deref())?;
    let from_stdin = file == Path::new("-");
    if from_stdin && (last.is_some() || output.is_some()) {
        let problem = "--last and -o take a file of bars; lines from stdin are answered as they \
            come, on stdout";
        return Err(Failure::BadInput(problem.to_owned()));
    }
    let output = output.map(|path| OutputFile::new(&path, &file)).transpose()?;
    let found = find(&model, coverage, &runs, &models)?;
    for warning in found.model.warnings() {
        drop(writeln!(std::io::stderr(), "{}: {warning}", found.name));
    }
    let named =
        |error: &dyn std::fmt::Display| Failure::BadInput(format!("{}: {error}", found.name));
    let forecaster = Forecaster::new(&found.model, &burn_lanes::open(backend)?)
        .map_err(|error| named(&error))?;
    // A zone that is named here is the one that such a model goes by.
    let warnings: Vec<Warning> = forecaster
        .warnings()
        .iter()
        .filter(|warning| bars.zone.is_none() || warning.code != "unknown_zone")
        .cloned()
        .collect();
    warn(&found, &warnings);
    let mut source = market::forecast_source(forecaster.data(), &file);
    read_as(&mut source, &bars)?;
    if from_stdin {
        let data = Data { source, ..forecaster.data().clone() };
        live::run(&found, &forecaster, &data, &bars, format, std::io::stdin().lock(), out)?;
        return Ok(Outcome::Done);
    }
    let prepared = market::prepare_source(
        forecaster.data(),
        &source,
        forecaster.scaling(),
        forecaster.clock(),
    )?;
    check_label(&found.model.card, &source, &bars, prepared.report.stamps)?;
    for warning in &prepared.report.warnings {
        drop(writeln!(std::io::stderr(), "warning: the bars: {}", cleaned(warning)));
    }
    let ends = &prepared.series.valid;
    let ends = &ends[ends.len() - last.unwrap_or(ends.len()).min(ends.len())..];
    let (forecasts, persistence) =
        forecaster.forecast_prepared(&prepared, ends).map_err(|error| named(&error))?;
    let (outside, by_window) = forecaster.outside_prepared(&prepared, ends);
    let outside: Vec<Warning> = outside.iter().map(Outside::warning).collect();
    warn(&found, &outside);
    let rows = rows(&forecasts, &persistence, found.calibration.as_ref().ok(), by_window);
    if let Some(row) = rows.iter().find(|row| !row.forecast.is_finite()) {
        return Err(named(&format!(
            "the forecast after the bar of {} is {}",
            row.bar_start, row.forecast
        )));
    }
    let bytes = match format {
        ForecastFormat::Csv => (csv_header(&levels(&found))
            + &rows.iter().map(Row::csv).collect::<String>())
            .into_bytes(),
        ForecastFormat::Jsonl => {
            rows.iter().map(Row::json_line).collect::<Result<String, _>>()?.into_bytes()
        }
        ForecastFormat::Json => {
            document(&found, coverage, &rows, &[warnings, outside].concat())?.into_bytes()
        }
        ForecastFormat::Parquet => parquet::table(&rows, &levels(&found))?,
    };
    match output {
        Some(file) => file.write(&bytes, out)?,
        None => out.write_all(&bytes)?,
    }
    Ok(Outcome::Done)
}

/// Levels of a quantile head, ascending; none of a point head.
pub(super) fn levels(found: &Found) -> Vec<f64> {
    match &found.model.card.settings.model.head {
        lane_types::Head::Point => Vec::new(),
        lane_types::Head::Quantile { levels } => levels.values().collect(),
    }
}

/// On stderr: in CSV and JSON lines there is no place for what is said of all forecasts.
pub(super) fn warn(found: &Found, warnings: &[Warning]) {
    for warning in warnings {
        drop(writeln!(
            std::io::stderr(),
            "warning: {}: {}",
            cleaned(&found.name),
            cleaned(&warning.message)
        ));
    }
}

fn document(
    found: &Found,
    coverage: f64,
    rows: &[Row],
    warnings: &[Warning],
) -> Result<String, anyhow::Error> {
    let target = &found.model.card.settings.data.target;
    let kind = match target.kind {
        TargetKind::Price => "price",
        TargetKind::LogReturn => "log_return",
        TargetKind::LogVolatility => "log_volatility",
    };
    let interval = match &found.calibration {
        Ok(calibration) => serde_json::json!({ "nominal": coverage, "calibration": calibration }),
        Err(problem) => serde_json::json!({ "nominal": coverage, "problem": problem }),
    };
    let value = serde_json::json!({
        "model": found.name, "source": found.model.card.source, "target": kind,
        "horizon": target.horizon, "levels": levels(found), "interval": interval,
        "warnings": warnings, "forecasts": rows,
    });
    Ok(format!("{value:#}\n"))
}
