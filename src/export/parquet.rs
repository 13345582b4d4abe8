//! A table as Parquet: the one file here that names Polars.

use polars::prelude::*;

use super::{Cells, ExportError, Table};

/// The table: text as strings, numbers as doubles, whole numbers as 64-bit integers, times as
/// nanoseconds in UTC; undefined cells are null.
///
/// # Errors
/// When two columns have one name.
pub fn write(table: &Table) -> Result<Vec<u8>, ExportError> {
    let unwritten = |error: PolarsError| {
        ExportError::new(format!("the Parquet file cannot be written: {error}"))
    };
    let columns =
        table.columns.iter().map(|column| polars_column(&column.name, &column.cells)).collect();
    let mut frame = DataFrame::new(table.height(), columns).map_err(unwritten)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).map_err(unwritten)?;
    Ok(bytes)
}

fn polars_column(name: &str, cells: &Cells) -> polars::prelude::Column {
    match cells {
        Cells::Text(cells) => Series::new(name.into(), cells),
        Cells::Number(cells) => Series::new(name.into(), cells),
        Cells::Whole(cells) => Series::new(name.into(), cells),
        Cells::Time(cells) => {
            let stamps = Int64Chunked::from_iter_options(name.into(), cells.iter().copied());
            stamps.into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)).into_series()
        }
    }
    .into_column()
}

#[cfg(test)]
mod tests {
    use super::super::{Column, testing};
    use super::*;
    use std::io::Cursor;

    #[test]
    fn what_was_written_is_read_with_its_types_and_nulls() {
        let column = |name: &str, cells| Column { name: name.to_owned(), cells };
        let table = Table {
            columns: vec![
                column("text", Cells::Text(vec![Some("=1+1".to_owned()), None])),
                column("number", Cells::Number(vec![None, Some(-0.1)])),
                column("whole", Cells::Whole(vec![Some(i64::MAX), None])),
                column("time", Cells::Time(vec![None, Some(1_767_323_045_000_000_001)])),
            ],
        };
        let frame = ParquetReader::new(Cursor::new(write(&table).unwrap())).finish().unwrap();
        assert_eq!(frame.height(), 2);
        assert_eq!(frame.column("text").unwrap().str().unwrap().get(0), Some("=1+1"));
        assert_eq!(
            frame.column("number").unwrap().f64().unwrap().iter().collect::<Vec<_>>(),
            [None, Some(-0.1)]
        );
        assert_eq!(frame.column("whole").unwrap().i64().unwrap().get(0), Some(i64::MAX));
        let time = frame.column("time").unwrap();
        assert_eq!(*time.dtype(), DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)));
        assert_eq!(time.null_count(), 1);
    }

    #[test]
    fn every_table_of_recorded_runs_can_be_written() {
        let recorded = testing::recorded();
        for table in [
            crate::export::runs(&recorded),
            crate::export::epochs(&recorded),
            crate::export::epochs(&[]),
        ] {
            let frame = ParquetReader::new(Cursor::new(write(&table).unwrap())).finish().unwrap();
            assert_eq!((frame.height(), frame.width()), (table.height(), table.columns.len()));
        }
    }
}
