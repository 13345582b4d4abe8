//! Lines in, forecasts out, each as soon as its bar is there.

use std::io::{BufRead, Write};
use std::path::Path;

use super::found::Found;
use super::row::{csv_header, rows};
use crate::cmd::{Failure, ForecastFormat};
use crate::forecast::{Forecast, ForecastStream, Forecaster};
use crate::market::{BarLines, MarketError};
use crate::spec::Data;
use crate::store::Forecasts;

/// Answers every line of `input` that ends a window with one line of `out`, until the input ends. `data` says how the lines are to be read.
///
/// # Errors
/// When a line is none of a bar, or does not come after the one before it: the line's number and the reason. When the input ends before
/// there was a window.
pub(super) fn run(
    found: &Found,
    forecaster: &Forecaster,
    data: &Data,
    format: ForecastFormat,
    input: impl BufRead,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if !matches!(format, ForecastFormat::Csv | ForecastFormat::Jsonl) {
        return Err(Failure::BadInput(
            "bars that come line by line are answered in CSV or, with --jsonl, in JSON lines".to_owned(),
        ));
    }
    let name = Path::new("stdin");
    let failed = |line: usize, problem: &dyn std::fmt::Display| Failure::BadInput(format!("stdin: line {line}: {problem}"));
    let mut stream = ForecastStream::new(forecaster).map_err(|error| Failure::BadInput(format!("{}: {error}", found.name)))?;
    let mut lines = BarLines::new(name, input, data, forecaster.bar_seconds().unwrap_or(0))?;
    if format == ForecastFormat::Csv {
        out.write_all(csv_header(&super::verb::levels(found)).as_bytes())?;
        out.flush()?;
    }
    let (mut bars, mut windows) = (0_usize, 0_usize);
    while let Some(bar) = lines.next() {
        bars += 1;
        let Some(forecast) = stream.push(&bar?).map_err(|error| failed(lines.line(), &error))? else { continue };
        windows += 1;
        for row in rows(&alone(&forecast), &[forecast.persistence.unwrap_or(f64::NAN)], found.calibration.as_ref().ok()) {
            let line = if format == ForecastFormat::Csv { row.csv() } else { row.json_line()? };
            out.write_all(line.as_bytes())?;
        }
        out.flush()?;
    }
    if windows == 0 {
        let window = data.window;
        return Err(Failure::from(MarketError(format!(
            "stdin: {bars} bars without a window: a window is {window} bars without a gap, the first after {} bars of warm-up",
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
