//! Bars that come one by one, from another program: the same rules as for a file, told of the one bar.

use super::bars::Bar;
use super::clean::wrong_values;
use super::inputs::StampForm;
use super::timestamp::StampReader;
use super::zone::Zone;
use crate::spec::{BarLabel, Data, Source};

/// A bar as it is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BarRow<'a> {
    /// As in a file: RFC 3339, the same without offset where the data has a zone, a date, or an epoch in s, ms, us or ns.
    pub ts: &'a str,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    /// `None` where it is not given.
    pub volume: Option<f64>,
}

/// Why a bar cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct BadBar {
    /// `ts`, `open`, `high`, `low`, `close` or `volume`.
    pub field: &'static str,
    /// What is wrong with its value.
    pub problem: String,
}

/// Believes bars one after the other: prices above 0, in time order, each bar once.
#[derive(Debug)]
pub struct BarReader {
    stamps: StampReader,
    /// From a bar's timestamp to its start, nanoseconds.
    to_start: i64,
    needs_volume: bool,
    before: Option<i64>,
}

impl BarReader {
    /// For bars like those of `data`, of a known length in seconds.
    ///
    /// # Errors
    /// When the data's zone is unknown to this machine.
    pub fn new(data: &Data, bar_seconds: u32) -> Result<Self, BadBar> {
        let (zone, label) = match &data.source {
            Source::File { zone, bar_label, .. } => (zone.as_deref(), *bar_label),
            Source::Synthetic(_) => (None, BarLabel::Start),
        };
        let zone = zone.map(Zone::parse).transpose().map_err(|problem| BadBar { field: "ts", problem })?;
        let to_start = match label {
            BarLabel::Start => 0,
            BarLabel::End => -i64::from(bar_seconds) * 1_000_000_000,
        };
        let needs_volume = super::prepare::volume(data) == super::columns::Volume::Needed;
        Ok(Self { stamps: StampReader::new(zone), to_start, needs_volume, before: None })
    }

    /// How the first bar's timestamp was written; `None` before there was one.
    #[must_use]
    pub fn stamps(&self) -> Option<StampForm> {
        self.stamps.form
    }

    /// The next bar.
    ///
    /// # Errors
    /// When a value cannot be believed, or the bar does not come after the one before it.
    pub fn read(&mut self, row: &BarRow<'_>) -> Result<Bar, BadBar> {
        let bad = |field, problem: String| Err(BadBar { field, problem });
        let BarRow { ts, open, high, low, close, volume } = *row;
        let volume = match (volume, self.needs_volume) {
            (None, true) => return bad("volume", "is missing; the model takes it as a feature".to_owned()),
            (volume, true) => volume,
            (_, false) => None,
        };
        if let Some(wrong) = wrong_values([open, high, low, close], volume).next() {
            return Err(wrong);
        }
        let volume = volume.unwrap_or(f64::NAN);
        let stamp = self.stamps.text(ts.as_bytes()).map_err(|problem| BadBar { field: "ts", problem: problem.to_string() })?;
        let start = stamp.ns.saturating_add(self.to_start);
        if self.before.is_some_and(|before| start <= before) {
            return bad("ts", format!("'{}' does not come after the bar before it", ts.escape_debug()));
        }
        self.before = Some(start);
        Ok(Bar { ts: start, offset_seconds: stamp.offset, open, high, low, close, volume })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ts: &str) -> BarRow<'_> {
        BarRow { ts, open: 2.0, high: 4.0, low: 1.0, close: 3.0, volume: Some(5.0) }
    }

    #[test]
    fn bars_are_believed_as_in_a_file() {
        let data = crate::spec::testing::settings(
            r#"data.synthetic = { bars = 1000 }
            data.features = ["close", "volume"]"#,
        )
        .data;
        let mut reader = BarReader::new(&data, 60).unwrap();
        let bar = reader.read(&row("2024-05-08T09:31:00+08:00")).unwrap();
        assert_eq!((bar.ts, bar.offset_seconds, bar.volume), (1_715_131_860_000_000_000, 28_800, 5.0));
        let refused: [(&str, BarRow<'_>); 7] = [
            ("ts", row("2024-05-08T09:31:00+08:00")),
            ("ts", row("yesterday")),
            ("close", BarRow { close: f64::NAN, ..row("2024-05-08T09:32:00+08:00") }),
            ("open", BarRow { open: -0.0, ..row("2024-05-08T09:32:00+08:00") }),
            ("high", BarRow { high: 0.5, ..row("2024-05-08T09:32:00+08:00") }),
            ("volume", BarRow { volume: None, ..row("2024-05-08T09:32:00+08:00") }),
            ("volume", BarRow { volume: Some(f64::INFINITY), ..row("2024-05-08T09:32:00+08:00") }),
        ];
        for (field, row) in refused {
            assert_eq!(reader.read(&row).unwrap_err().field, field, "{row:?}");
        }
        // A refused bar leaves no trace.
        assert!(reader.read(&row("2024-05-08T09:32:00+08:00")).is_ok());
    }
}
