//! Lines in, forecasts out, each as soon as its bar is there.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::path::Path;

use super::bars::check_label;
use super::found::Found;
use super::row::{csv_header, rows};
use super::verb::warn;
use crate::cmd::{BarArgs, Failure, ForecastFormat};
use crate::forecast::{Forecast, ForecastStream, Forecaster, Outside};
use experiment::Data;
use market::{BarLines, MarketError};
use runs::store::Forecasts;

/// Answers every line of `input` that ends a window with one line of `out`, until the input ends.
/// `data` says how the lines are to be read.
///
/// # Errors
/// When a line is none of a bar, or does not come after the one before it: the line's number and
/// the reason. When the input ends before there was a window.
pub(super) fn run(
    found: &Found,
    forecaster: &Forecaster,
    data: &Data,
    args: &BarArgs,
    format: ForecastFormat,
    input: impl BufRead,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if !matches!(format, ForecastFormat::Csv | ForecastFormat::Jsonl) {
        return Err(Failure::BadInput(
            "bars that come line by line are answered in CSV or, with --jsonl, in JSON lines"
                .to_owned(),
        ));
    }
    let name = Path::new("stdin");
    let failed = |line: usize, problem: &dyn std::fmt::Display| {
        Failure::BadInput(format!("stdin: line {line}: {problem}"))
    };
    let mut stream = ForecastStream::new(forecaster)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", found.name)))?;
    let mut lines = BarLines::new(name, input, data, forecaster.bar_seconds().unwrap_or(0))?
        .told_by(forecaster.clock());
    if format == ForecastFormat::Csv {
        out.write_all(csv_header(&super::verb::levels(found)).as_bytes())?;
        out.flush()?;
    }
    let (mut bars, mut windows) = (0_usize, 0_usize);
    let mut warned: HashSet<String> = HashSet::new();
    while let Some(bar) = lines.next() {
        let bar = bar?;
        if bars == 0 {
            check_label(&found.model.card, &data.source, args, lines.stamps())?;
        }
        bars += 1;
        let Some(forecast) = stream.push(&bar).map_err(|error| failed(lines.line(), &error))?
        else {
            continue;
        };
        windows += 1;
        // Once for each feature: every line of JSON says it of itself.
        let new = stream.outside().iter().filter(|outside| warned.insert(outside.feature.clone()));
        warn(found, &new.map(Outside::warning).collect::<Vec<_>>());
        let outside =
            vec![stream.outside().iter().map(|outside| outside.feature.clone()).collect()];
        let persistence = [forecast.persistence.unwrap_or(f64::NAN)];
        for row in rows(&alone(&forecast), &persistence, found.calibration.as_ref().ok(), outside) {
            let line = if format == ForecastFormat::Csv { row.csv() } else { row.json_line()? };
            out.write_all(line.as_bytes())?;
        }
        out.flush()?;
    }
    if windows == 0 {
        let window = data.window;
        return Err(Failure::from(MarketError::new(format!(
            "stdin: {bars} bars without a window: a window is {window} bars without a gap, the \
                first after {} bars of warm-up",
            forecaster.needs() - window
        ))));
    }
    Ok(())
}

/// As a table of one row; what happened nobody knows yet.
fn alone(forecast: &Forecast) -> Forecasts {
    let Forecast { bar_start, forecast, persistence: _, quantiles } = forecast;
    Forecasts {
        ts: vec![bar_start.unwrap_or_default()],
        target: vec![f64::NAN],
        forecast: vec![*forecast],
        baselines: Vec::new(),
        quantiles: quantiles.iter().map(|(level, value)| (*level, vec![*value])).collect(),
    }
}
