//! Parquet → columns.
//!
//! Pages are decoded to Arrow arrays as Polars does it, but no data frame is made of them: which
//! types that can hold is a matter of features, and of others it panics. Here every type is read,
//! or refused by name.

mod arrays;
#[cfg(test)]
mod tests;
mod types;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars_arrow::array::Array;
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_buffer::Buffer;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, FileMetadata, PageReader, column_iter_to_arrays,
    infer_schema, read_metadata,
};
use rayon::prelude::*;

use super::columns::{self, Found, Volume};
use super::problem::{MarketError, Problems};
use super::stamps::StampColumn;
use super::table::{Places, Table};
use super::timestamp::{StampProblem, StampReader};
use super::zone::Zone;
use arrays::{Moments, numbers};
use experiment::Columns;
use types::{NumberType, TimeType, plain};

/// Reads a Parquet file.
pub(super) fn read(
    path: &Path,
    columns: &Columns,
    volume: Volume,
    zone: Option<Zone>,
) -> Result<Table, MarketError> {
    let mut file = Parquet::open(path)?;
    let found = columns::find(columns, volume, &file.names())
        .map_err(|problem| MarketError::of(path, problem))?;
    let types = file.types(&found)?;
    if file.rows() == 0 {
        return Err(MarketError::of(path, "holds columns and no rows"));
    }
    let places: Vec<usize> = std::iter::once(found.ts).chain(found.numbers()).collect();
    let mut read = file.columns(&places)?.into_iter();
    let mut table = Table { places: Places::Rows, ..Table::default() };
    let name = file.name(found.ts);
    let zone = zone.or_else(|| types.ts.zone().and_then(|zone| Zone::parse(zone).ok()));
    stamps(
        path,
        &name,
        &types.ts,
        &read.next().unwrap_or_default(),
        StampReader::of(columns, zone),
        &mut table,
    )?;
    let mut problems = Problems::default();
    let mut columns = Vec::new();
    for ((place, kind), chunks) in found.numbers().into_iter().zip(types.numbers).zip(read) {
        let name = file.name(place);
        let (values, nulls) = numbers(&chunks, kind)
            .ok_or_else(|| damaged(path, &"a column is not what its schema says"))?;
        for row in nulls {
            problems.push(|| format!("row {}, column '{name}': is null", row + 1));
        }
        columns.push(values);
    }
    problems.check(path)?;
    let mut columns = columns.into_iter();
    for column in [&mut table.open, &mut table.high, &mut table.low, &mut table.close] {
        *column = columns.next().unwrap_or_default();
    }
    table.volume = columns.next();
    if let Some((place, kind)) =
        found.unused_volume.and_then(|place| Some((place, NumberType::of(file.kind(place)).ok()?)))
        && table.has_doubles()
    {
        let chunks = file.columns(&[place])?.pop().unwrap_or_default();
        table.unused_volume = numbers(&chunks, kind).map(|(values, _)| values);
    }
    Ok(table)
}

/// Checks the columns and their types.
pub(super) fn probe(
    path: &Path,
    columns: &Columns,
    zone: Option<&Zone>,
) -> Result<(), MarketError> {
    let file = Parquet::open(path)?;
    let found = columns::find(columns, Volume::Unused, &file.names())
        .map_err(|problem| MarketError::of(path, problem))?;
    match file.types(&found)?.ts {
        TimeType::Clock { .. } if zone.is_none() => {
            let problem = StampProblem::NoZone("a timestamp without zone".to_owned());
            Err(MarketError::of(path, format!("column '{}': {problem}", file.name(found.ts))))
        }
        _ => Ok(()),
    }
}

/// A file whose claims about itself are checked.
struct Parquet<'a> {
    path: &'a Path,
    file: File,
    metadata: FileMetadata,
    schema: ArrowSchema,
}

/// What the columns that are asked for hold.
struct Types {
    ts: TimeType,
    numbers: Vec<NumberType>,
}

/// The arrays of a column, one or more for each group of rows.
type Chunks = Vec<Box<dyn Array>>;

impl<'a> Parquet<'a> {
    fn open(path: &'a Path) -> Result<Self, MarketError> {
        let mut file = open(path)?;
        let metadata =
            guarded(path, || read_metadata(&mut file).map_err(|error| error.to_string()))?;
        let schema = guarded(path, || infer_schema(&metadata).map_err(|error| error.to_string()))?;
        Ok(Self { path, file, metadata, schema })
    }

    fn names(&self) -> Vec<String> {
        self.schema.iter_names().map(ToString::to_string).collect()
    }

    fn name(&self, place: usize) -> String {
        self.schema.get_at_index(place).map(|(name, _)| name.to_string()).unwrap_or_default()
    }

    /// The type of a column, whatever it is packed in.
    fn kind(&self, place: usize) -> ArrowDataType {
        self.schema
            .get_at_index(place)
            .map_or(ArrowDataType::Null, |(_, field)| plain(field.dtype()))
    }

    fn rows(&self) -> usize {
        self.metadata.row_groups.iter().map(polars_parquet::read::RowGroupMetadata::num_rows).sum()
    }

    /// What the columns hold; an error of the first that cannot be used.
    fn types(&self, found: &Found) -> Result<Types, MarketError> {
        let of = |place: usize, problem: String| {
            MarketError::of(self.path, format!("column '{}' {problem}", self.name(place)))
        };
        let ts = TimeType::of(self.kind(found.ts)).map_err(|problem| of(found.ts, problem))?;
        let number =
            |place: usize| NumberType::of(self.kind(place)).map_err(|problem| of(place, problem));
        Ok(Types {
            ts,
            numbers: found.numbers().into_iter().map(number).collect::<Result<_, _>>()?,
        })
    }

    /// Reads columns, each once, and decodes them on all cores.
    fn columns(&mut self, places: &[usize]) -> Result<Vec<Chunks>, MarketError> {
        let fields: Vec<Field> = places
            .iter()
            .map(|&place| Field::new(self.name(place).into(), self.kind(place), true))
            .collect();
        let mut packed: Vec<(usize, &ColumnChunkMetadata, Vec<u8>)> = Vec::new();
        for group in &self.metadata.row_groups {
            for (column, field) in fields.iter().enumerate() {
                let mut chunks = group.columns_under_root_iter(&field.name).into_iter().flatten();
                let (Some(chunk), None) = (chunks.next(), chunks.next()) else {
                    return Err(damaged(
                        self.path,
                        &format!("a group of rows lacks column '{}'", field.name),
                    ));
                };
                let bytes = bytes_of(self.path, &mut self.file, chunk)?;
                packed.push((column, chunk, bytes));
            }
        }
        let decode = |(column, chunk, bytes): (usize, &ColumnChunkMetadata, Vec<u8>)| {
            let pages = PageReader::new(
                std::io::Cursor::new(Buffer::from(bytes)),
                chunk,
                Vec::new(),
                usize::MAX,
            );
            let pages = BasicDecompressor::new(pages, Vec::new());
            let kind = &chunk.descriptor().descriptor.primitive_type;
            let arrays =
                column_iter_to_arrays(vec![pages], vec![kind], fields[column].clone(), None);
            arrays.map(|(arrays, _)| (column, arrays)).map_err(|error| error.to_string())
        };
        let decoded = guarded(self.path, || {
            packed.into_par_iter().map(decode).collect::<Result<Vec<_>, String>>()
        })?;
        let mut columns: Vec<Chunks> = places.iter().map(|_| Vec::new()).collect();
        for (column, arrays) in decoded {
            columns[column].extend(arrays);
        }
        let rows = self.rows();
        match columns
            .iter()
            .find(|chunks| chunks.iter().map(|array| array.len()).sum::<usize>() != rows)
        {
            Some(_) => {
                Err(damaged(self.path, &"a column has more or fewer values than there are rows"))
            }
            None => Ok(columns),
        }
    }
}

fn bytes_of(
    path: &Path,
    file: &mut File,
    chunk: &ColumnChunkMetadata,
) -> Result<Vec<u8>, MarketError> {
    let range = chunk.byte_range();
    let mut bytes = Vec::new();
    let length = range.end.saturating_sub(range.start);
    let read = file
        .seek(SeekFrom::Start(range.start))
        .and_then(|_| file.take(length).read_to_end(&mut bytes));
    read.map_err(|error| MarketError::unreadable(path, error))?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(damaged(path, &"a column lies beyond its end"))
    }
}

fn open(path: &Path) -> Result<File, MarketError> {
    let unreadable = |error| MarketError::unreadable(path, error);
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length == 0 {
        return Err(MarketError::of(path, "is empty (0 bytes)"));
    }
    let mut magic = [0; 4];
    let mut at = |place: SeekFrom| {
        file.seek(place).and_then(|_| file.read_exact(&mut magic)).is_ok_and(|()| &magic == b"PAR1")
    };
    if !at(SeekFrom::Start(0)) {
        return Err(MarketError::of(
            path,
            "is not Parquet; for CSV set format = \"csv\" under [data]",
        ));
    }
    if length < 12 || !at(SeekFrom::End(-4)) {
        return Err(MarketError::of(
            path,
            format!("is cut off: Parquet ends with PAR1, this file does not ({length} bytes)"),
        ));
    }
    parquet_claims::check(&mut file, length).map_err(|problem| damaged(path, &problem))?;
    file.rewind().map_err(unreadable)?;
    Ok(file)
}

/// The decoder panics on some damaged files (offsets beyond the end, found by flipping bytes): here
/// that is an error like the others. (What would make it ask for more memory than there is, which
/// no one can catch, is refused before, by [`open`].)
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, String>) -> Result<T, MarketError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| damaged(path, &error)),
        Err(_) => Err(MarketError::of(
            path,
            "is damaged Parquet: what it says about itself does not fit its bytes",
        )),
    }
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> MarketError {
    MarketError::of(path, format!("is damaged Parquet: {error}"))
}

/// Reads the timestamp column into `table`.
fn stamps(
    path: &Path,
    name: &str,
    kind: &TimeType,
    chunks: &[Box<dyn Array>],
    reader: StampReader,
    table: &mut Table,
) -> Result<(), MarketError> {
    let wrong = |problem: String| MarketError::of(path, format!("column '{name}': {problem}"));
    let mut problems = Problems::default();
    let mut column = StampColumn::new(reader);
    for chunk in chunks {
        let moments = Moments::of(&**chunk, kind)
            .ok_or_else(|| damaged(path, &"a column is not what its schema says"))?;
        for at in 0..chunk.len() {
            let row = column.len() + problems.count();
            if chunk.is_null(at) {
                problems.push(|| format!("row {}, column '{name}': is null", row + 1));
                continue;
            }
            match column.push(|reader| moments.read(at, reader)) {
                Ok(()) => {}
                Err(problem @ StampProblem::NoZone(_)) => return Err(wrong(problem.to_string())),
                Err(problem) => {
                    problems.push(|| format!("row {}, column '{name}': {problem}", row + 1))
                }
            }
        }
    }
    problems.check(path)?;
    let settled = column.settle().map_err(|(row, problem)| match problem {
        StampProblem::NoZone(_) => wrong(problem.to_string()),
        problem => MarketError::of(path, format!("row {}, column '{name}': {problem}", row + 1)),
    })?;
    (table.ts, table.offset_seconds, table.assumed) =
        (settled.ts, settled.offset_seconds, settled.assumed);
    table.form = settled.form;
    table.zone = kind.zone().map(str::to_owned);
    Ok(())
}
