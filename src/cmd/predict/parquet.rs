//! Forecasts as a Parquet table: the one place of this verb that names Polars.

use polars::prelude::*;

use super::row::Row;

/// Columns: `bar_start` (nanoseconds, UTC), `forecast`, `persistence`, `actual`, one for each level
/// (`q0.1`), `lower`, `upper`; null where nothing is known.
///
/// # Errors
/// When Polars fails.
pub(super) fn table(rows: &[Row], levels: &[f64]) -> Result<Vec<u8>, anyhow::Error> {
    let stamps: Vec<i64> = rows.iter().map(|row| row.ts).collect();
    let stamps = Int64Chunked::from_slice("bar_start".into(), &stamps)
        .into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC));
    let numbers = |name: &str, of: &dyn Fn(&Row) -> Option<f64>| {
        Float64Chunked::from_iter_options(name.into(), rows.iter().map(of))
            .into_series()
            .into_column()
    };
    let mut columns = vec![
        stamps.into_series().into_column(),
        numbers("forecast", &|row| Some(row.forecast)),
        numbers("persistence", &|row| row.persistence),
        numbers("actual", &|row| row.actual),
    ];
    for (place, level) in levels.iter().enumerate() {
        columns.push(numbers(&format!("q{level}"), &|row| row.quantiles.get(place).copied()));
    }
    columns.push(numbers("lower", &|row| row.lower));
    columns.push(numbers("upper", &|row| row.upper));
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(rows.len(), columns)?)?;
    Ok(bytes)
}
