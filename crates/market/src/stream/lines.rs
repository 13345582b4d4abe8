//! CSV text that comes line by line → bars one at a time.

#[cfg(test)]
mod tests;

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::columns::{self, Found};
use crate::prepare;
use crate::text::{Text, fields, unquote};
use crate::{BadBar, Bar, BarReader, BarRow, LocalClock, MarketError, StampForm};
use experiment::{Data, Source};
use text::cleaned;

/// Longest line, bytes: an endless one must not fill the memory.
const LONGEST_LINE: u64 = 1 << 16;

/// The bars of a CSV text that is still being written, such as standard input: a header line, then
/// one bar a line, each read as it comes.
///
/// The dialect is that of a file (see [`super::super::prepare_forecast`]), and a line gives the bar
/// that the same line of a file gives. What a file may have and a stream may not: lines out of
/// order, duplicates, line ends inside quotes, gzip, and a last line without a line end, of which
/// nobody can say whether it is whole.
///
/// ```
/// use std::io::BufReader;
/// use market::{self, BarLines, WindowStream};
/// use experiment::Experiment;
///
/// let toml = r#"
///     name = "example"
///     data = { synthetic = { bars = 1000 }, features = ["close", "rsi_2"], window = 3 }
/// "#;
/// let data = Experiment::parse("example.toml".as_ref(), toml, &[]).unwrap().base.data;
/// let scaling = market::prepare(&data)?.scaling;
///
/// let text = "ts,open,high,low,close\n\
///             2024-05-08T01:30:00Z,3000,3001,2999,3000.5\n\
///             2024-05-08T01:31:00Z,3000,3001,2999,3000.2\n\
///             2024-05-08T01:32:00Z,3000,3001,2999,3000.0\n\
///             2024-05-08T01:33:00Z,3000,3001,2999,3000.8\n\
///             2024-05-08T01:34:00Z,3000,3001,2999,3001.0\n";
/// let mut stream = WindowStream::new(&data, &scaling, 60)?;
/// let mut windows = 0;
/// for bar in BarLines::new("stdin".as_ref(), BufReader::new(text.as_bytes()), &data, 60)? {
///     windows += usize::from(stream.push(&bar?)?.is_some());
/// }
/// assert_eq!(windows, 1); // two bars of warm-up, three rows in a window
/// # Ok::<(), market::MarketError>(())
/// ```
#[derive(Debug)]
pub struct BarLines<R> {
    name: PathBuf,
    input: R,
    separator: u8,
    header: Vec<String>,
    found: Found,
    reader: BarReader,
    line: usize,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> BarLines<R> {
    /// Reads the header. `name` is what messages call the input; columns, zone and bar label are
    /// those of `data`; bars are `bar_seconds` long.
    ///
    /// # Errors
    /// When the input is no CSV, ends before its header does, or lacks a column.
    pub fn new(
        name: &Path,
        mut input: R,
        data: &Data,
        bar_seconds: u32,
    ) -> Result<Self, MarketError> {
        let source = prepare::forecast_source(data, name);
        let Source::File { columns, .. } = &source else {
            return Err(MarketError::of(name, "lines cannot be read from a generator"));
        };
        let reader =
            BarReader::new(data, bar_seconds).map_err(|problem| MarketError::of(name, problem))?;
        let mut buffer = Vec::new();
        let mut line = 0;
        while trimmed(&buffer).is_empty() {
            if next_line(name, &mut input, &mut buffer, &mut line)?.is_none() {
                return Err(MarketError::of(name, "is empty: its first line names the columns"));
            }
            if buffer.starts_with(&[0x1F, 0x8B]) {
                let problem =
                    "is gzip; unpack it on the way, as in: zcat FILE | kiln predict RUN --data -";
                return Err(MarketError::of(name, problem));
            }
        }
        let text = Text::new(name, buffer.clone())?;
        let found = columns::find(columns, prepare::volume(data), &text.header)
            .map_err(|problem| MarketError::of(name, problem))?;
        let Text { separator, header, .. } = text;
        Ok(Self {
            name: name.to_owned(),
            input,
            separator,
            header,
            found,
            reader,
            line,
            buffer,
            ended: false,
        })
    }

    /// The line of the bar that came last, from 1; of the header before there is one.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The same lines, told the time by the model's own clock, where that is known, however
    /// timestamps are written.
    #[must_use]
    pub fn told_by(self, clock: Option<&LocalClock>) -> Self {
        Self { reader: self.reader.told_by(clock), ..self }
    }

    /// How the first bar's timestamp was written; `None` before there was one.
    #[must_use]
    pub fn stamps(&self) -> Option<StampForm> {
        self.reader.stamps()
    }

    fn bar(&mut self) -> Result<Option<Bar>, MarketError> {
        loop {
            if next_line(&self.name, &mut self.input, &mut self.buffer, &mut self.line)?.is_none() {
                return Ok(None);
            }
            let text = trimmed(&self.buffer);
            if !text.is_empty() {
                let bar = read(text, self.separator, &self.header, &self.found, &mut self.reader);
                return bar.map(Some).map_err(|problem| at_line(&self.name, self.line, &problem));
            }
        }
    }
}

impl<R: BufRead> Iterator for BarLines<R> {
    type Item = Result<Bar, MarketError>;

    /// The next bar as soon as its line has ended. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let bar = self.bar().transpose();
        self.ended = !matches!(bar, Some(Ok(_)));
        bar
    }
}

fn at_line(name: &Path, line: usize, problem: &str) -> MarketError {
    MarketError::of(name, format!("line {line}: {problem}"))
}

/// Reads a line, its end included, and counts it; `None` at the end of the input.
fn next_line(
    name: &Path,
    input: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    line: &mut usize,
) -> Result<Option<()>, MarketError> {
    buffer.clear();
    *line += 1;
    let read = input.take(LONGEST_LINE).read_until(b'\n', buffer);
    let read = read.map_err(|error| at_line(name, *line, &format!("cannot be read: {error}")))?;
    if read == 0 {
        return Ok(None);
    }
    if buffer.ends_with(b"\n") {
        return Ok(Some(()));
    }
    Err(if read as u64 == LONGEST_LINE {
        at_line(
            name,
            *line,
            &format!("is longer than {} KiB; is it really CSV?", LONGEST_LINE >> 10),
        )
    } else {
        at_line(
            name,
            *line,
            "has no line end, so it may have been cut off; a bar's line ends with a line break, \
                the last one too",
        )
    })
}

/// Without its line end.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The bar of one line.
fn read(
    text: &[u8],
    separator: u8,
    header: &[String],
    found: &Found,
    reader: &mut BarReader,
) -> Result<Bar, String> {
    if !text.iter().filter(|&&byte| byte == b'"').count().is_multiple_of(2) {
        return Err(
            "a quote is opened and never closed; a bar's line holds no line ends".to_owned()
        );
    }
    let parts: Vec<&[u8]> = fields(text, separator).take(header.len() + 1).collect();
    if parts.len() != header.len() {
        let found = fields(text, separator).count();
        return Err(format!("{found} fields, but the header has {}", header.len()));
    }
    let Found { ts, open, high, low, close, volume, unused_volume: _ } = *found;
    let of_column = |place: usize, problem: &str| {
        format!("column '{}': {}", cleaned(&header[place]), cleaned(problem))
    };
    let number = |place: usize| {
        let field = String::from_utf8_lossy(parts[place]);
        let value = unquote(&field);
        value.parse::<f64>().map_err(|_| {
            if value.is_empty() {
                of_column(place, "is empty")
            } else {
                of_column(
                    place,
                    &format!("'{}' is not a number", value.chars().take(40).collect::<String>()),
                )
            }
        })
    };
    let row = BarRow {
        ts: &String::from_utf8_lossy(parts[ts]),
        open: number(open)?,
        high: number(high)?,
        low: number(low)?,
        close: number(close)?,
        volume: volume.map(number).transpose()?,
    };
    reader.read(&row).map_err(|bad| match bad {
        BadBar { field: "ts", problem } => of_column(ts, &problem),
        bad => bad.to_string(),
    })
}
