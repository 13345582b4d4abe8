//! Parquet → columns.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::{ArrowSchema, Column, DataType, ParquetReader, PolarsError, SerReader, TimeUnit};

use super::columns::{self, Found, Volume};
use super::csv::ASSUMED_UTC;
use super::problem::{MarketError, Problems};
use super::table::{Places, Table};
use super::timestamp::{Stamp, StampProblem, StampReader};
use super::zone::Zone;
use crate::spec::Columns;

/// Reads a Parquet file.
pub(super) fn read(path: &Path, columns: &Columns, volume: Volume, zone: Option<Zone>) -> Result<Table, MarketError> {
    let mut reader = open(path)?;
    let names = names(&*guarded(path, || reader.schema())?);
    let found = columns::find(columns, volume, &names).map_err(|problem| MarketError::of(path, problem))?;
    let Found { ts, .. } = found;
    let mut wanted: Vec<usize> = found.numbers();
    wanted.push(ts);
    wanted.sort_unstable();
    wanted.dedup();
    let frame = guarded(path, || reader.with_projection(Some(wanted)).finish())?;
    if frame.height() == 0 {
        return Err(MarketError::of(path, "holds columns and no rows"));
    }
    let column = |place: usize| frame.column(&names[place]).map_err(|error| damaged(path, &error));
    let mut table = Table { places: Places::Rows, ..Table::default() };
    stamps(path, column(ts)?, zone, &mut table)?;
    let mut numbers = Vec::new();
    let mut problems = Problems::default();
    for place in found.numbers() {
        numbers.push(values(path, &names[place], column(place)?, &mut problems)?);
    }
    problems.check(path)?;
    let mut numbers = numbers.into_iter();
    for column in [&mut table.open, &mut table.high, &mut table.low, &mut table.close] {
        *column = numbers.next().unwrap_or_default();
    }
    table.volume = numbers.next();
    Ok(table)
}

/// Checks the columns and their types.
pub(super) fn probe(path: &Path, columns: &Columns, zone: Option<&Zone>) -> Result<(), MarketError> {
    let mut reader = open(path)?;
    let schema = guarded(path, || reader.schema())?;
    let names = names(&schema);
    let found = columns::find(columns, Volume::Unused, &names).map_err(|problem| MarketError::of(path, problem))?;
    match schema.get_at_index(found.ts).map(|(_, field)| DataType::from_arrow_field(field)) {
        Some(DataType::Datetime(_, None)) if zone.is_none() => {
            let problem = StampProblem::NoZone("a timestamp without zone".to_owned());
            Err(MarketError::of(path, format!("column '{}': {problem}", names[found.ts])))
        }
        _ => Ok(()),
    }
}

fn open(path: &Path) -> Result<ParquetReader<File>, MarketError> {
    let unreadable = |error: std::io::Error| MarketError::of(path, format!("cannot be read: {error}"));
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length == 0 {
        return Err(MarketError::of(path, "is empty (0 bytes)"));
    }
    let mut magic = [0; 4];
    let mut at = |place: SeekFrom| file.seek(place).and_then(|_| file.read_exact(&mut magic)).is_ok_and(|()| &magic == b"PAR1");
    if !at(SeekFrom::Start(0)) {
        return Err(MarketError::of(path, "is not Parquet; for CSV set format = \"csv\" under [data]"));
    }
    if length < 12 || !at(SeekFrom::End(-4)) {
        return Err(MarketError::of(path, format!("is cut off: Parquet ends with PAR1, this file does not ({length} bytes)")));
    }
    crate::parquet::check(&mut file, length).map_err(|problem| damaged(path, &problem))?;
    file.rewind().map_err(unreadable)?;
    Ok(ParquetReader::new(file))
}

/// Polars 0.55 panics on some damaged files (offsets beyond the end, found by flipping bytes): here that is an error like the others. (What would make it
/// ask for more memory than there is, which no one can catch, is refused before, by [`open`].)
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, PolarsError>) -> Result<T, MarketError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| damaged(path, &error)),
        Err(_) => Err(MarketError::of(path, "is damaged Parquet: what it says about itself does not fit its bytes")),
    }
}

fn names(schema: &ArrowSchema) -> Vec<String> {
    schema.iter_names().map(ToString::to_string).collect()
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> MarketError {
    MarketError::of(path, format!("is damaged Parquet: {error}"))
}

/// Reads the timestamp column into `table`.
fn stamps(path: &Path, column: &Column, zone: Option<Zone>, table: &mut Table) -> Result<(), MarketError> {
    let own_zone = match column.dtype() {
        DataType::Datetime(_, Some(zone)) => {
            table.zone = Some(zone.to_string());
            Zone::parse(zone).ok()
        }
        _ => None,
    };
    let mut reader = StampReader::new(zone.or(own_zone));
    let name = column.name();
    let wrong = |problem: String| MarketError::of(path, format!("column '{name}': {problem}"));
    let mut problems = Problems::default();
    let mut add = |row: usize, stamp: Option<Result<Stamp, StampProblem>>| -> Result<(), MarketError> {
        match stamp {
            Some(Ok(stamp)) => {
                table.ts.push(stamp.ns);
                table.offset_seconds.push(stamp.offset);
            }
            Some(Err(problem @ StampProblem::NoZone(_))) => return Err(wrong(problem.to_string())),
            Some(Err(problem)) => problems.push(|| format!("row {}, column '{name}': {problem}", row + 1)),
            None => problems.push(|| format!("row {}, column '{name}': is null", row + 1)),
        }
        Ok(())
    };
    if let DataType::String = column.dtype() {
        let text = column.str().map_err(|error| damaged(path, &error))?;
        for (row, text) in text.iter().enumerate() {
            add(row, text.map(|text| reader.text(text.as_bytes())))?;
        }
    } else {
        let (kind, per_unit) = match column.dtype() {
            DataType::Datetime(unit, zone) => {
                let kind = if zone.is_some() { Kind::Instant } else { Kind::Clock };
                let per_unit = match unit {
                    TimeUnit::Nanoseconds => 1,
                    TimeUnit::Microseconds => 1_000,
                    TimeUnit::Milliseconds => 1_000_000,
                };
                (kind, per_unit)
            }
            DataType::Date => (Kind::Days, 1),
            dtype if dtype.is_integer() => (Kind::Integer, 1),
            dtype => return Err(wrong(format!("holds {dtype}, not timestamps, dates or integers"))),
        };
        let physical = column.to_physical_repr().cast(&DataType::Int64).map_err(|error| damaged(path, &error))?;
        let values = physical.i64().map_err(|error| damaged(path, &error))?;
        for (row, value) in values.iter().enumerate() {
            let stamp = value.map(|value| match (kind, value.checked_mul(per_unit)) {
                (_, None) => Err(StampProblem::OutOfRange(value.to_string())),
                (Kind::Instant, Some(ns)) => reader.instant(ns),
                (Kind::Clock, Some(ns)) => reader.clock(ns),
                (Kind::Days, Some(days)) => reader.date(days),
                (Kind::Integer, Some(value)) => reader.integer(value),
            });
            add(row, stamp)?;
        }
    }
    problems.check(path)?;
    table.form = reader.form;
    if reader.assumed_utc {
        table.assumed.push(ASSUMED_UTC.to_owned());
    }
    Ok(())
}

/// What an integer of the timestamp column counts.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Instant,
    Clock,
    Days,
    Integer,
}

fn values(path: &Path, name: &str, column: &Column, problems: &mut Problems) -> Result<Vec<f64>, MarketError> {
    if !column.dtype().is_primitive_numeric() {
        return Err(MarketError::of(path, format!("column '{name}' holds {}, not numbers", column.dtype())));
    }
    let column = column.cast(&DataType::Float64).map_err(|error| damaged(path, &error))?;
    let column = column.f64().map_err(|error| damaged(path, &error))?;
    let mut values = Vec::with_capacity(column.len());
    if column.null_count() == 0 {
        column.data_views().for_each(|view| values.extend_from_slice(view));
        return Ok(values);
    }
    for (row, value) in column.iter().enumerate() {
        if value.is_none() {
            problems.push(|| format!("row {}, column '{name}': is null", row + 1));
        }
        values.push(value.unwrap_or(f64::NAN));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{DataFrame, NamedFrom, ParquetWriter, Series};

    /// 2024-05-08T01:31:00Z.
    const SECONDS: i64 = 1_715_131_860;

    fn file(ts: &Series) -> Vec<u8> {
        let numbers = |name: &str, first: f64| Column::from(Series::new(name.into(), [first, first + 1.0, first + 2.0]));
        let volume = Column::from(Series::new("volume".into(), [5_i32, 6, 7]));
        let columns = vec![
            Column::from(ts.clone()),
            numbers("open", 10.0),
            numbers("high", 12.0),
            numbers("low", 9.0),
            numbers("close", 11.0),
            volume,
        ];
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(3, columns).unwrap()).unwrap();
        bytes
    }

    fn read_bytes(bytes: &[u8], zone: Option<&str>) -> Result<Table, MarketError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.parquet");
        std::fs::write(&path, bytes).unwrap();
        let zone = zone.map(|zone| Zone::parse(zone).unwrap());
        let probed = probe(&path, &Columns::default(), zone.as_ref());
        let table = read(&path, &Columns::default(), Volume::Needed, zone);
        assert!(probed.is_ok() || table.is_err(), "{probed:?}");
        table
    }

    #[test]
    fn every_kind_of_timestamp_column_names_the_same_instants() {
        let seconds = [SECONDS, SECONDS + 60, SECONDS + 120];
        let local = seconds.map(|s| (s + 28_800) * 1000);
        let milliseconds = Series::new("ts".into(), seconds.map(|s| s * 1000));
        let text = Series::new("ts".into(), ["2024-05-08 09:31", "2024-05-08 09:32", "2024-05-08T09:33:00+08:00"]);
        let clock = Series::new("ts".into(), local).cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap();
        let zoned =
            DataType::Datetime(TimeUnit::Microseconds, polars::prelude::TimeZone::opt_try_new(Some("Asia/Shanghai")).unwrap());
        let instants = Series::new("ts".into(), seconds.map(|s| s * 1_000_000)).cast(&zoned).unwrap();
        for (ts, zone) in [
            (&milliseconds, Some("Asia/Shanghai")),
            (&text, Some("Asia/Shanghai")),
            (&clock, Some("+08:00")),
            (&instants, None),
            (&instants, Some("+08:00")),
        ] {
            let table = read_bytes(&file(ts), zone).unwrap();
            assert_eq!(table.ts, seconds.map(|s| s * 1_000_000_000), "{ts:?}");
            assert_eq!(table.offset_seconds, [28_800; 3], "{ts:?}");
            assert_eq!((table.close, table.volume), (vec![11.0, 12.0, 13.0], Some(vec![5.0, 6.0, 7.0])));
        }
        assert!(read_bytes(&file(&clock), None).unwrap_err().0.contains("has no offset from UTC; set zone"));
    }

    #[test]
    fn days_are_midnights_and_nulls_are_named() {
        let days = Series::new("ts".into(), [19_851_i32, 19_852, 19_853]).cast(&DataType::Date).unwrap();
        let table = read_bytes(&file(&days), None).unwrap();
        assert_eq!((table.ts[0], table.assumed.len()), (19_851 * 86_400 * 1_000_000_000, 1));
        let nulls = Series::new("ts".into(), [Some(SECONDS), None, Some(SECONDS + 120)]);
        assert!(read_bytes(&file(&nulls), None).unwrap_err().0.ends_with("row 2, column 'ts': is null"));
        let numbers = Series::new("ts".into(), [1.5, 2.5, 3.5]);
        assert!(
            read_bytes(&file(&numbers), None).unwrap_err().0.ends_with("column 'ts': holds f64, not timestamps, dates or integers")
        );
    }

    #[test]
    fn a_file_that_lost_bytes_in_the_middle_is_an_error_and_no_panic() {
        let whole = file(&Series::new("ts".into(), [SECONDS, SECONDS + 60, SECONDS + 120]));
        for lost in (1..whole.len() - 12).step_by(7) {
            let mut bytes = whole[..4].to_vec();
            bytes.extend_from_slice(&whole[4 + lost..]);
            let message = read_bytes(&bytes, None).map(|table| table.ts).unwrap_err().0;
            assert!(message.contains("damaged Parquet"), "{lost} bytes lost: {message}");
        }
    }

    #[test]
    fn a_panic_inside_polars_is_a_damaged_file() {
        let found = guarded::<()>(Path::new("bars.parquet"), || panic!("offset + length <= self.length"));
        assert!(found.unwrap_err().0.starts_with("bars.parquet: is damaged Parquet"));
    }
}
