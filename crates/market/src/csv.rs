//! CSV → columns: shapes and timestamps are read here, with their lines; the numbers by Polars, in
//! parallel.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    CsvReadOptions, DataFrame, DataType, Field, PolarsResult, Schema, SerReader,
};

use super::columns::{self, Found, Volume};
use super::problem::{MarketError, Problems};
use super::stamps::StampColumn;
use super::table::{Places, Table};
use super::text::{Text, fields, unquote};
use super::timestamp::{StampProblem, StampReader};
use super::zone::Zone;
use experiment::Columns;

/// Reads a CSV file, plain or gzip.
pub(super) fn read(
    path: &Path,
    columns: &Columns,
    volume: Volume,
    zone: Option<Zone>,
) -> Result<Table, MarketError> {
    let text = Text::read(path)?;
    let found = columns::find(columns, volume, &text.header)
        .map_err(|problem| MarketError::of(path, problem))?;
    let mut table = Table::default();
    let body = scan(path, &text, found.ts, StampReader::of(columns, zone), &mut table)?;
    if table.ts.is_empty() {
        return Err(MarketError::of(path, "holds a header and no rows"));
    }
    if let Some(times) = columns::times_of_day(found.ts, &text.header)
        && table.holds_days()
        && table.has_doubles()
    {
        let days = &text.header[found.ts];
        let advice = "join the two into one";
        return Err(MarketError::of(
            path,
            format!("column '{days}' holds days, and '{times}' their times; {advice}"),
        ));
    }
    let mut numbers = numbers(path, &text, &body, &found, &table)?.into_iter();
    drop(body);
    for column in [&mut table.open, &mut table.high, &mut table.low, &mut table.close] {
        *column = numbers.next().unwrap_or_default();
    }
    table.volume = numbers.next();
    if let Some(place) = found.unused_volume.filter(|_| table.has_doubles()) {
        table.unused_volume =
            Some(text.records(place).map(|record| lenient(record.wanted)).collect());
    }
    Ok(table)
}

/// A number, or NaN.
fn lenient(field: &[u8]) -> f64 {
    std::str::from_utf8(field)
        .ok()
        .and_then(|field| unquote(field).parse().ok())
        .unwrap_or(f64::NAN)
}

/// Checks the header and the first row.
pub(super) fn probe(path: &Path, columns: &Columns, zone: Option<Zone>) -> Result<(), MarketError> {
    let text = Text::peek(path)?;
    let found = columns::find(columns, Volume::Unused, &text.header)
        .map_err(|problem| MarketError::of(path, problem))?;
    let Some(first) = text.records(found.ts).next() else {
        return Err(MarketError::of(path, "holds a header and no rows"));
    };
    match StampReader::of(columns, zone).text(first.wanted) {
        Ok(_) => Ok(()),
        Err(problem) => Err(MarketError::of(
            path,
            format!("line {}, column '{}': {problem}", first.line, text.header[found.ts]),
        )),
    }
}

/// Offset of the first row's timestamp, seconds east of UTC; `None` where it cannot be read.
pub(super) fn first_offset(path: &Path, columns: &Columns) -> Option<i32> {
    let text = Text::peek(path).ok()?;
    let found = columns::find(columns, Volume::Unused, &text.header).ok()?;
    let first = text.records(found.ts).next()?;
    StampReader::of(columns, None).text(first.wanted).ok().map(|stamp| stamp.offset)
}

/// Reads timestamps and places into `table`, checks that every record has the header's width, and
/// returns the text for Polars: without blank lines, which it would refuse.
fn scan<'a>(
    path: &Path,
    text: &'a Text,
    ts: usize,
    reader: StampReader,
    table: &mut Table,
) -> Result<Cow<'a, [u8]>, MarketError> {
    let width = text.header.len();
    let mut stamps = StampColumn::new(reader);
    let mut problems = Problems::default();
    let mut jumps = Vec::new();
    let mut expected = 0;
    let mut records = text.records(ts);
    for record in records.by_ref() {
        if record.line != expected {
            jumps.push((stamps.len(), record.line));
        }
        expected = record.line + 1;
        if record.open_quote {
            problems.push(|| format!("line {}: a quote is opened and never closed", record.line));
        } else if record.fields != width {
            problems.push(|| match record.fields {
                1 => format!(
                    "line {}: '{}' is not a bar of {width} fields; remove the line",
                    record.line,
                    short(record.bytes)
                ),
                fields => {
                    format!("line {}: {fields} fields, but the header has {width}", record.line)
                }
            });
        }
        match stamps.push(|reader| reader.text(record.wanted)) {
            Ok(()) => {}
            Err(problem @ StampProblem::NoZone(_)) => {
                return Err(MarketError::of(
                    path,
                    format!("line {}, column '{}': {problem}", record.line, text.header[ts]),
                ));
            }
            Err(problem) if record.fields == width => {
                problems.push(|| {
                    format!("line {}, column '{}': {problem}", record.line, text.header[ts])
                });
            }
            Err(_) => {}
        }
    }
    problems.check(path)?;
    table.places = Places::Lines(jumps);
    let settled = stamps.settle().map_err(|(row, problem)| {
        MarketError::of(
            path,
            format!("{}, column '{}': {problem}", table.places.name(row), text.header[ts]),
        )
    })?;
    (table.ts, table.offset_seconds, table.assumed) =
        (settled.ts, settled.offset_seconds, settled.assumed);
    table.form = settled.form;
    if records.blank == 0 {
        return Ok(Cow::Borrowed(text.body()));
    }
    let lines: Vec<&[u8]> = text.records(ts).map(|record| record.bytes).collect();
    Ok(Cow::Owned(lines.join(&b'\n')))
}

/// The beginning of a record, for a message.
fn short(record: &[u8]) -> String {
    String::from_utf8_lossy(record).trim().chars().take(40).collect()
}

/// The columns of numbers, in the order of [`Found::numbers`].
fn numbers(
    path: &Path,
    text: &Text,
    body: &[u8],
    found: &Found,
    table: &Table,
) -> Result<Vec<Vec<f64>>, MarketError> {
    let places = found.numbers();
    let mut distinct = places.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let failed = |problem: &dyn std::fmt::Display| {
        MarketError::of(path, format!("cannot be read as CSV: {problem}"))
    };
    let frame = parse(body, text.separator, text.header.len(), &distinct)
        .map_err(|error| failed(&error))?;
    if frame.height() != table.ts.len() {
        return Err(failed(&format!(
            "{} rows where {} were counted",
            frame.height(),
            table.ts.len()
        )));
    }
    let mut columns = Vec::with_capacity(distinct.len());
    let mut holes = Vec::new();
    for (place, column) in distinct.iter().zip(frame.into_columns()) {
        let column = column.f64().map_err(|error| failed(&error))?;
        let mut values: Vec<f64> = Vec::with_capacity(column.len());
        if column.null_count() == 0 {
            column.data_views().for_each(|view| values.extend_from_slice(view));
        } else {
            holes.extend(
                column
                    .iter()
                    .enumerate()
                    .filter(|(_, x)| x.is_none())
                    .map(|(row, _)| (row, *place, columns.len())),
            );
            values.extend(column.iter().map(|x| x.unwrap_or(f64::NAN)));
        }
        columns.push(values);
    }
    holes.sort_unstable();
    if let Some(&(_, place, _)) = holes
        .iter()
        .find(|(row, place, column)| *row == 0 && is_empty_column(text, *place, *column, &holes))
    {
        let name = &text.header[place];
        let advice = if Some(place) == found.volume {
            "; leave volume out of features under [data]"
        } else {
            ""
        };
        return Err(MarketError::of(
            path,
            format!("column '{name}' is empty in every row{advice}"),
        ));
    }
    mend(path, text, &holes, &mut columns)?;
    let of = |place: &usize| distinct.iter().position(|distinct| distinct == place);
    let last_use = |at: usize| places[at + 1..].contains(&places[at]);
    let mut taken = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        let Some(column) = of(place) else { continue };
        taken.push(if last_use(at) {
            columns[column].clone()
        } else {
            std::mem::take(&mut columns[column])
        });
    }
    Ok(taken)
}

fn parse(body: &[u8], separator: u8, width: usize, wanted: &[usize]) -> PolarsResult<DataFrame> {
    // All columns are numbers to Polars: it reads the wanted ones only, and would check the others'
    // UTF-8 were they text.
    let schema: Schema =
        (0..width).map(|place| Field::new(place.to_string().into(), DataType::Float64)).collect();
    CsvReadOptions::default()
        .with_has_header(false)
        .with_ignore_errors(true) // what is not a number becomes null, and `mend` says what it was
        .with_schema(Some(Arc::new(schema)))
        .with_projection(Some(Arc::new(wanted.to_vec())))
        .map_parse_options(|options| options.with_separator(separator))
        .into_reader_with_file_handle(Cursor::new(body))
        .finish()
}

/// Whether nothing stands in a column; `holes` as for [`mend`].
fn is_empty_column(
    text: &Text,
    place: usize,
    column: usize,
    holes: &[(usize, usize, usize)],
) -> bool {
    let rows = holes.iter().filter(|hole| hole.2 == column).count();
    let mut fields = text
        .records(place)
        .map(|record| unquote(&String::from_utf8_lossy(record.wanted)).is_empty());
    fields.by_ref().take(rows).all(|empty| empty) && fields.next().is_none()
}

/// Looks again at the fields that were not numbers (`(row, place in the file, column)`, sorted):
/// numbers with white space around them are taken, everything else is named.
fn mend(
    path: &Path,
    text: &Text,
    holes: &[(usize, usize, usize)],
    columns: &mut [Vec<f64>],
) -> Result<(), MarketError> {
    let mut problems = Problems::default();
    let mut holes = holes.iter().peekable();
    for (row, record) in text.records(0).enumerate() {
        if holes.peek().is_none() {
            break;
        }
        while let Some(&&(_, place, column)) = holes.peek().filter(|hole| hole.0 == row) {
            holes.next();
            let field = fields(record.bytes, text.separator).nth(place).unwrap_or_default();
            let field = String::from_utf8_lossy(field);
            let value = unquote(&field);
            match value.parse() {
                Ok(number) => columns[column][row] = number,
                Err(_) => problems.push(|| {
                    let value = if value.is_empty() {
                        "is empty".to_owned()
                    } else {
                        format!("'{}' is not a number", value.chars().take(40).collect::<String>())
                    };
                    format!("line {}, column '{}': {value}", record.line, text.header[place])
                }),
            }
        }
    }
    problems.check(path)
}

#[cfg(test)]
mod tests;
