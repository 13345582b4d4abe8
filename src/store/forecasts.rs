//! `forecasts.parquet`: what an attempt's best weights forecast, one row per window.

use polars::prelude::*;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::{StoreError, publish};

/// Columns: bar start (ns UTC), split, target and forecast in the target's unit.
const COLUMNS: [&str; 4] = ["ts", "split", "target", "forecast"];

/// Adds the forecasts of a split, in place of former ones of the same split; the file is replaced as a whole.
pub(super) fn write(attempt: &Path, split: &str, ts: &[i64], target: &[f64], forecast: &[f64]) -> Result<(), StoreError> {
    let path = path_in(attempt);
    if ts.len() != target.len() || ts.len() != forecast.len() {
        let (ts, target, forecast) = (ts.len(), target.len(), forecast.len());
        return Err(StoreError::at(&path, format_args!("columns differ in length: {ts} ts, {target} target, {forecast} forecast")));
    }
    let unwritten = |error: PolarsError| StoreError::at(&path, format_args!("cannot be written: {error}"));
    let mut table = table(split, ts, target, forecast).map_err(unwritten)?;
    if path.exists() {
        let former = load(&path)?;
        let keep = former.column("split").and_then(Column::str).map(|splits| splits.not_equal(split)).map_err(unwritten)?;
        table = former.filter(&keep).and_then(|kept| kept.vstack(&table)).map_err(unwritten)?;
    }
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut table).map_err(unwritten)?;
    publish::replace(&path, &bytes)
}

/// Rows (ts, target, forecast) of a split, in the order in which they were written; none when the split has none.
pub(super) fn read(attempt: &Path, split: &str) -> Result<Vec<(i64, f64, f64)>, StoreError> {
    let path = path_in(attempt);
    if !path.exists() {
        return Err(StoreError::at(&path, "is missing"));
    }
    let table = load(&path)?;
    rows(&table, split).map_err(|error| StoreError::at(&path, format_args!("is damaged: {error}")))
}

fn path_in(attempt: &Path) -> PathBuf {
    attempt.join("forecasts.parquet")
}

fn table(split: &str, ts: &[i64], target: &[f64], forecast: &[f64]) -> PolarsResult<DataFrame> {
    let [ts_name, split_name, target_name, forecast_name] = COLUMNS;
    let stamps = Int64Chunked::from_slice(ts_name.into(), ts).into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC));
    DataFrame::new(
        ts.len(),
        vec![
            stamps.into_series().into_column(),
            StringChunked::full(split_name.into(), split, ts.len()).into_series().into_column(),
            Float64Chunked::from_slice(target_name.into(), target).into_series().into_column(),
            Float64Chunked::from_slice(forecast_name.into(), forecast).into_series().into_column(),
        ],
    )
}

fn load(path: &Path) -> Result<DataFrame, StoreError> {
    let bytes = std::fs::read(path).map_err(|error| StoreError::at(path, format_args!("cannot be read: {error}")))?;
    ParquetReader::new(Cursor::new(bytes)).finish().map_err(|error| StoreError::at(path, format_args!("is damaged: {error}")))
}

fn rows(table: &DataFrame, split: &str) -> PolarsResult<Vec<(i64, f64, f64)>> {
    let [ts, splits, target, forecast] = COLUMNS;
    let splits = table.column(splits)?.str()?;
    let stamps = table.column(ts)?.datetime()?;
    let (targets, forecasts) = (table.column(target)?.f64()?, table.column(forecast)?.f64()?);
    Ok(splits
        .iter()
        .zip(stamps.physical().iter())
        .zip(targets.iter().zip(forecasts.iter()))
        .filter(|((name, _), _)| *name == Some(split))
        .filter_map(|((_, ts), (target, forecast))| Some((ts?, target?, forecast?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_split_joins_the_first_and_a_split_written_again_replaces_itself() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = folder.path();
        write(attempt, "valid", &[10, 20, 30], &[1.0, 2.0, 3.0], &[1.5, f64::NAN, -0.0]).unwrap();
        write(attempt, "test", &[40], &[4.0], &[4.5]).unwrap();
        let valid = read(attempt, "valid").unwrap();
        assert_eq!(valid[0], (10, 1.0, 1.5));
        assert!(valid[1].2.is_nan() && valid[2].2.to_bits() == (-0.0_f64).to_bits());
        write(attempt, "valid", &[50], &[5.0], &[5.5]).unwrap();
        assert_eq!(read(attempt, "valid").unwrap(), [(50, 5.0, 5.5)]);
        assert_eq!(read(attempt, "test").unwrap(), [(40, 4.0, 4.5)]);
        assert!(read(attempt, "train").unwrap().is_empty());
    }

    #[test]
    fn times_are_in_the_file_as_utc_nanoseconds() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "valid", &[1_767_323_045_000_000_001], &[0.0], &[0.0]).unwrap();
        let table = load(&path_in(folder.path())).unwrap();
        assert_eq!(*table.column("ts").unwrap().dtype(), DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)));
        assert_eq!(read(folder.path(), "valid").unwrap()[0].0, 1_767_323_045_000_000_001);
    }

    #[test]
    fn columns_of_different_length_a_missing_and_a_damaged_file_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), "valid", &[1, 2], &[1.0], &[1.0, 2.0]).unwrap_err().to_string().contains("2 ts, 1 target"));
        assert!(read(folder.path(), "valid").unwrap_err().to_string().contains("is missing"));
        write(folder.path(), "valid", &[1], &[1.0], &[1.0]).unwrap();
        let bytes = std::fs::read(path_in(folder.path())).unwrap();
        for length in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(path_in(folder.path()), &bytes[..length]).unwrap();
            assert!(read(folder.path(), "valid").is_err(), "{length} bytes");
        }
    }
}
