//! `forecasts.parquet`: what an attempt's best weights forecast, one row per window, beside what
//! the baselines say.

use crate::files;
use polars::prelude::*;
use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use super::FileError;
use super::checksum::FileSum;
use evidence::records::Forecasts;

/// Columns: bar start (ns UTC), split, target and forecast in the target's unit; then one for each
/// quantile and each baseline.
const COLUMNS: [&str; 4] = ["ts", "split", "target", "forecast"];

/// What a baseline's column is called, before its name.
const BASELINE: &str = "baseline.";

/// What a quantile's column is called, before its level: `q0.1`.
const QUANTILE: &str = "q";

/// Adds the forecasts of a split, in place of former ones of the same split; the file is replaced
/// as a whole.
pub(super) fn write(attempt: &Path, split: &str, forecasts: &Forecasts) -> Result<(), FileError> {
    let path = path_in(attempt);
    check_lengths(&path, forecasts)?;
    let unwritten =
        |error: PolarsError| FileError::at(&path, format_args!("cannot be written: {error}"));
    let mut table = table(split, forecasts).map_err(unwritten)?;
    if path.exists() {
        let former = load(&path, None, Columns::All)?;
        let keep = former
            .column("split")
            .and_then(Column::str)
            .map(|splits| splits.not_equal(split))
            .map_err(unwritten)?;
        table = former.filter(&keep).and_then(|kept| joined(kept, table)).map_err(unwritten)?;
    }
    files::replace(&path, &parquet(&mut table).map_err(unwritten)?)
}

/// The bytes of a file that holds the forecasts of one split; errors are about `path`.
pub(super) fn to_bytes(
    path: &Path,
    split: &str,
    forecasts: &Forecasts,
) -> Result<Vec<u8>, FileError> {
    check_lengths(path, forecasts)?;
    let bytes = table(split, forecasts).and_then(|mut table| parquet(&mut table));
    bytes.map_err(|error| {
        FileError::at(path, format_args!("the forecasts cannot be written: {error}"))
    })
}

fn parquet(table: &mut DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(table)?;
    Ok(bytes)
}

fn check_lengths(path: &Path, forecasts: &Forecasts) -> Result<(), FileError> {
    let Forecasts { ts, target, forecast, baselines, quantiles } = forecasts;
    let lengths = [("target", target.len()), ("forecast", forecast.len())].into_iter();
    let lengths =
        lengths.chain(baselines.iter().map(|(name, forecast)| (name.as_str(), forecast.len())));
    let lengths = lengths.chain(quantiles.iter().map(|(_, forecast)| ("quantile", forecast.len())));
    if let Some((name, length)) = lengths.into_iter().find(|(_, length)| *length != ts.len()) {
        let problem = format_args!("columns differ in length: {} ts, {length} {name}", ts.len());
        return Err(FileError::at(path, problem));
    }
    Ok(())
}

/// The rows of a split in a file, in the order in which they were written; none when the split has
/// none. `sum` is what the file must be, where that is known.
pub(super) fn read(
    path: &Path,
    split: &str,
    sum: Option<&FileSum>,
) -> Result<Forecasts, FileError> {
    read_columns(path, split, sum, Columns::All)
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// All.
    All,
    /// Neither baselines nor quantiles, which are most of it.
    Points,
}

/// As [`read`], of some columns.
pub(super) fn read_columns(
    path: &Path,
    split: &str,
    sum: Option<&FileSum>,
    columns: Columns,
) -> Result<Forecasts, FileError> {
    let table = load(path, sum, columns)?;
    rows(&table, split).map_err(|error| FileError::at(path, format_args!("is damaged: {error}")))
}

fn path_in(attempt: &Path) -> PathBuf {
    attempt.join("forecasts.parquet")
}

fn table(split: &str, forecasts: &Forecasts) -> PolarsResult<DataFrame> {
    let Forecasts { ts, target, forecast, baselines, quantiles } = forecasts;
    let [ts_name, split_name, target_name, forecast_name] = COLUMNS;
    let stamps = Int64Chunked::from_slice(ts_name.into(), ts)
        .into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC));
    let numbers = |name: &str, values: &[f64]| {
        Float64Chunked::from_slice(name.into(), values).into_series().into_column()
    };
    let mut columns = vec![
        stamps.into_series().into_column(),
        StringChunked::full(split_name.into(), split, ts.len()).into_series().into_column(),
        numbers(target_name, target),
        numbers(forecast_name, forecast),
    ];
    columns.extend(
        quantiles.iter().map(|(level, forecast)| numbers(&format!("{QUANTILE}{level}"), forecast)),
    );
    columns.extend(
        baselines.iter().map(|(name, forecast)| numbers(&format!("{BASELINE}{name}"), forecast)),
    );
    DataFrame::new(ts.len(), columns)
}

/// Both tables, one above the other; a baseline or quantile that only one has is null in the other.
fn joined(above: DataFrame, below: DataFrame) -> PolarsResult<DataFrame> {
    let (above, below) = (widened(above.clone(), &below)?, widened(below, &above)?);
    let order: Vec<String> =
        above.get_column_names().into_iter().map(ToString::to_string).collect();
    above.vstack(&below.select(order)?)
}

/// With nulls in the columns that only the other table has.
fn widened(mut table: DataFrame, other: &DataFrame) -> PolarsResult<DataFrame> {
    for name in other.get_column_names() {
        if table.column(name).is_err() {
            let nulls = Float64Chunked::full_null(name.clone(), table.height());
            table.with_column(nulls.into_series().into_column())?;
        }
    }
    Ok(table)
}

fn load(path: &Path, sum: Option<&FileSum>, columns: Columns) -> Result<DataFrame, FileError> {
    let Some(bytes) = files::read_if_there(path)? else {
        return Err(FileError::at(path, "is missing"));
    };
    sum.map_or(Ok(()), |sum| sum.check(&bytes)).map_err(|why| FileError::at(path, why))?;
    // Some flipped bytes make the reader ask for all the memory there is, or panic instead of
    // saying so.
    parquet_claims::check(&mut Cursor::new(&bytes), bytes.len() as u64)
        .map_err(|problem| FileError::at(path, format_args!("is damaged: {problem}")))?;
    let columns = match columns {
        Columns::All => None,
        Columns::Points => Some(COLUMNS.map(str::to_owned).to_vec()),
    };
    // On the thread that asks: a small file is sooner read than handed to others, and one who reads
    // many at once on a pool of its own would take up the next one while it waits for Polars' pool,
    // and the next within that, until the stack is full.
    let reader = ParquetReader::new(Cursor::new(bytes))
        .with_columns(columns)
        .read_parallel(ParallelStrategy::None);
    std::panic::catch_unwind(AssertUnwindSafe(|| reader.finish()))
        .map_err(|_| FileError::at(path, "is damaged: its Parquet metadata cannot be read"))?
        .map_err(|error| FileError::at(path, format_args!("is damaged: {error}")))
}

/// Without Polars' own filter, which takes its pool; see [`load`].
fn rows(table: &DataFrame, split: &str) -> PolarsResult<Forecasts> {
    let [ts, splits, target, forecast] = COLUMNS;
    let is_wanted: Vec<bool> =
        table.column(splits)?.str()?.iter().map(|of_row| of_row == Some(split)).collect();
    let wanted = || is_wanted.iter().copied();
    let cells = |name: &str| -> PolarsResult<Vec<Option<f64>>> {
        Ok(table
            .column(name)?
            .f64()?
            .iter()
            .zip(wanted())
            .filter(|(_, wanted)| *wanted)
            .map(|(cell, _)| cell)
            .collect())
    };
    let numbers = |cells: Vec<Option<f64>>| -> Vec<f64> {
        cells.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    };
    let (mut baselines, mut quantiles) = (Vec::new(), Vec::new());
    for name in
        table.get_column_names().into_iter().filter(|name| !COLUMNS.contains(&name.as_str()))
    {
        let baseline = name.strip_prefix(BASELINE);
        let level = name.strip_prefix(QUANTILE).and_then(|level| level.parse().ok());
        if baseline.is_none() && level.is_none() {
            continue;
        }
        let cells = cells(name)?;
        if cells.iter().any(Option::is_none) {
            continue;
        }
        if let Some(baseline) = baseline {
            baselines.push((baseline.to_owned(), numbers(cells)));
        } else if let Some(level) = level {
            quantiles.push((level, numbers(cells)));
        }
    }
    quantiles.sort_by(|(a, _): &(f64, _), (b, _)| a.total_cmp(b));
    let times = table.column(ts)?.datetime()?.physical().iter().zip(wanted());
    Ok(Forecasts {
        ts: times.filter(|(_, wanted)| *wanted).map(|(time, _)| time.unwrap_or_default()).collect(),
        target: numbers(cells(target)?),
        forecast: numbers(cells(forecast)?),
        baselines,
        quantiles,
    })
}

#[cfg(test)]
mod tests;
