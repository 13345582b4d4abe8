//! The text of a CSV file: unpacked, its separator and header known, cut into records.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use polars::io::utils::compression::CompressedReader;

use super::problem::MarketError;

/// The text of a CSV file behind its header.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    body: usize,
    body_line: usize,
    /// `,`, `;`, tab or `|`.
    pub separator: u8,
    /// Names of the columns.
    pub header: Vec<String>,
}

/// Bytes that show a file's header and first rows; the header alone must be shorter.
const PEEK: u64 = 1 << 16;
/// Bytes that are read at once.
const BLOCK: u64 = 1 << 20;
/// Longest record, bytes (a block more passes): a quote that is never closed would make the rest of
/// a file one record.
const MAX_RECORD: usize = 1 << 20;
/// What a gzip file may unpack to, whatever its length, bytes; and for each byte of its length.
const UNPACKED: u64 = 64 << 20;
const UNPACKED_PER_BYTE: u64 = 200;

impl Text {
    /// Reads the whole file.
    pub(super) fn read(path: &Path) -> Result<Self, MarketError> {
        let unreadable = |error| MarketError::unreadable(path, error);
        let mut file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut bytes = Vec::new();
        file.by_ref().take(2).read_to_end(&mut bytes).map_err(unreadable)?;
        if !is_gzip(path, &bytes)? {
            let mut text = Vec::new();
            // What does not fit in memory is found out by reading it.
            drop(text.try_reserve_exact(usize::try_from(length).unwrap_or(0)));
            return match read_records(Cursor::new(bytes).chain(file), &mut text, u64::MAX) {
                Ok(()) => Self::new(path, text),
                Err(Unread::Failed(error)) => Err(unreadable(error)),
                Err(Unread::Refused(problem)) => {
                    Err(MarketError::of(path, not_csv(&text).unwrap_or(problem)))
                }
            };
        }
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let damaged = |error: &dyn std::fmt::Display| {
            MarketError::of(path, format!("the gzip stream is damaged: {error}"))
        };
        let most = UNPACKED.max(length.saturating_mul(UNPACKED_PER_BYTE));
        let reader = CompressedReader::try_new(bytes.into()).map_err(|error| damaged(&error))?;
        let mut text = Vec::new();
        match read_records(reader, &mut text, most) {
            Ok(()) => Self::new(path, text),
            Err(Unread::Failed(error)) => Err(damaged(&error)),
            Err(Unread::Refused(problem)) => {
                Err(MarketError::of(path, not_csv(&text).unwrap_or(problem)))
            }
        }
    }

    /// Reads as much as shows the header and the first rows; the last record may be cut.
    pub(super) fn peek(path: &Path) -> Result<Self, MarketError> {
        let unreadable = |error| MarketError::unreadable(path, error);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(PEEK).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if !is_gzip(path, &bytes)? {
            return Self::new(path, bytes);
        }
        let mut unpacked = Vec::new();
        // The stream ends in the middle: what came before that counts.
        let rest = CompressedReader::try_new(bytes.into())
            .map(|reader| reader.take(PEEK).read_to_end(&mut unpacked));
        match rest {
            Ok(_) if !unpacked.is_empty() => Self::new(path, unpacked),
            Ok(Ok(_)) => Self::new(path, unpacked),
            Ok(Err(error)) => {
                Err(MarketError::of(path, format!("the gzip stream is damaged: {error}")))
            }
            Err(error) => {
                Err(MarketError::of(path, format!("the gzip stream is damaged: {error}")))
            }
        }
    }

    /// A text that is in memory.
    pub(super) fn new(path: &Path, bytes: Vec<u8>) -> Result<Self, MarketError> {
        let wrong = |problem: String| MarketError::of(path, problem);
        if bytes.iter().take(1 << 12).all(u8::is_ascii_whitespace) {
            return Err(wrong(format!("is empty ({} bytes)", bytes.len())));
        }
        if let Some(problem) = not_csv(&bytes) {
            return Err(wrong(problem));
        }
        let start = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let line = &bytes[start..];
        let line = &line[..line.iter().position(|&byte| byte == b'\n').unwrap_or(line.len())];
        let count = |separator: u8| line.iter().filter(|&&byte| byte == separator).count();
        let separator = b",;\t|"
            .iter()
            .copied()
            .rev()
            .max_by_key(|&separator| count(separator))
            .unwrap_or(b',');
        let mut records =
            Records { rest: &bytes[start..], line: 1, separator, wanted: 0, blank: 0 };
        let Some(header) = records.next() else { return Err(wrong("is empty".to_owned())) };
        if header.bytes.len() as u64 + 3 >= PEEK {
            let long =
                format!("the first line is longer than {} bytes ({}", PEEK - 3, header.fields);
            return Err(wrong(format!("{long} columns or more); is it really a header?")));
        }
        let body = bytes.len() - records.rest.len();
        let body_line = records.line;
        let header = fields(header.bytes, separator)
            .map(|field| std::str::from_utf8(field).map(|name| unquote(name).to_owned()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| {
                wrong("is not text: the first line is not UTF-8; is it really CSV?".to_owned())
            })?;
        let header = header
            .into_iter()
            .enumerate()
            .map(|(place, name)| if name.is_empty() { unnamed(place) } else { name })
            .collect();
        Ok(Self { bytes, body, body_line, separator, header })
    }

    /// Everything behind the header.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.body..]
    }

    /// The records behind the header, without blank lines; `wanted` is the column that each record
    /// points out.
    pub(super) fn records(&self, wanted: usize) -> Records<'_> {
        Records {
            rest: self.body(),
            line: self.body_line,
            separator: self.separator,
            wanted,
            blank: 0,
        }
    }
}

/// A record of a CSV text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// Line of the file on which it starts, from 1.
    pub line: usize,
    /// Without its line end.
    pub bytes: &'a [u8],
    /// How many fields.
    pub fields: usize,
    /// The wanted field; empty where there is none.
    pub wanted: &'a [u8],
    /// Whether the text ended inside quotes.
    pub open_quote: bool,
}

/// Iterator over records; blank lines are passed over.
#[derive(Clone, Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
    line: usize,
    separator: u8,
    wanted: usize,
    /// Blank lines passed over so far.
    pub blank: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        while !self.rest.is_empty() {
            let text = self.rest;
            let (mut end, mut lines, mut quoted) = (text.len(), 1, false);
            let (mut field, mut field_start, mut wanted) = (0, 0, None);
            for (at, &byte) in text.iter().enumerate() {
                match byte {
                    b'"' => quoted = !quoted,
                    b'\n' if !quoted => {
                        end = at;
                        break;
                    }
                    b'\n' => lines += 1,
                    _ if byte == self.separator && !quoted => {
                        if field == self.wanted {
                            wanted = Some((field_start, at));
                        }
                        field += 1;
                        field_start = at + 1;
                    }
                    _ => {}
                }
            }
            let line = self.line;
            self.rest = &text[(end + 1).min(text.len())..];
            self.line += lines;
            let bytes = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
            if bytes.is_empty() {
                self.blank += 1;
                continue;
            }
            let (from, to) = wanted.unwrap_or(if field == self.wanted {
                (field_start, bytes.len())
            } else {
                (0, 0)
            });
            return Some(Record {
                line,
                bytes,
                fields: field + 1,
                wanted: &text[from..to],
                open_quote: quoted,
            });
        }
        None
    }
}

/// Why a text was not read.
enum Unread {
    Failed(std::io::Error),
    /// In words.
    Refused(String),
}

/// Reads a text of at most `most` bytes, block by block: it ends where a record becomes too long,
/// so that a quote that is never closed costs no more memory than the text before it.
fn read_records(mut reader: impl Read, text: &mut Vec<u8>, most: u64) -> Result<(), Unread> {
    let (mut record, mut quoted) = (0, false);
    loop {
        let block = text.len();
        if reader.by_ref().take(BLOCK).read_to_end(text).map_err(Unread::Failed)? == 0 {
            return Ok(());
        }
        if quoted || text[block..].contains(&b'"') {
            for (at, &byte) in text.iter().enumerate().skip(block) {
                match byte {
                    b'"' => quoted = !quoted,
                    b'\n' if !quoted => record = at + 1,
                    _ => {}
                }
            }
        } else if let Some(end) = text[block..].iter().rposition(|&byte| byte == b'\n') {
            record = block + end + 1;
        }
        if text.len() - record > MAX_RECORD {
            let line = text[..record].iter().filter(|&&byte| byte == b'\n').count() + 1;
            let what =
                if quoted { "a quote is opened and never closed" } else { "the line has no end" };
            return Err(Unread::Refused(format!(
                "line {line}: {what} (looked at {} bytes)",
                text.len() - record
            )));
        }
        if text.len() as u64 > most {
            return Err(Unread::Refused(format!(
                "unpacks to more than {most} bytes; unpack it and name the CSV file, if it is one"
            )));
        }
    }
}

/// The fields of one record, quotes included.
pub(super) fn fields(record: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    record.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == separator && !quoted
    })
}

/// What a column without a name is called, as pandas calls it, so that it can be named: an index is
/// written so.
fn unnamed(place: usize) -> String {
    format!("Unnamed: {place}")
}

/// A field without white space and quotes around it.
pub(super) fn unquote(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field).trim()
}

/// By content; a name that promises gzip must hold it.
fn is_gzip(path: &Path, bytes: &[u8]) -> Result<bool, MarketError> {
    let gzip = bytes.starts_with(&[0x1F, 0x8B]);
    let promised = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    if promised && !gzip && !bytes.is_empty() {
        return Err(MarketError::of(
            path,
            "is not gzip, though its name ends in .gz; rename it, or pack it with gzip",
        ));
    }
    Ok(gzip)
}

fn not_csv(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(b"PAR1") {
        return Some("is a Parquet file; set format = \"parquet\" under [data]".to_owned());
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Some("is a zip archive; unpack it and name the CSV file inside".to_owned());
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Some("is UTF-16 text; save it as UTF-8".to_owned());
    }
    let control = |byte: u8| byte < b' ' && !byte.is_ascii_whitespace();
    let at = bytes.iter().take(1 << 12).position(|&byte| control(byte))?;
    Some(format!("is not text (byte 0x{:02X} at offset {at}); is it really CSV?", bytes[at]))
}

#[cfg(test)]
mod tests;
