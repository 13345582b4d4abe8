//! Bars that come one by one, from another program: the same rules as for a file, told of the one
//! bar.

use super::bars::Bar;
use super::clean::wrong_values;
use super::clock::LocalClock;
use super::digits::{Digits, are_clocks};
use super::inputs::StampForm;
use super::step::{At, Step};
use super::timestamp::{Stamp, StampProblem, StampReader};
use super::zone::Zone;
use experiment::{BarLabel, Columns, Data, Source};

/// A bar as it is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BarRow<'a> {
    /// As in a file: RFC 3339, the same without offset where the data has a zone, a date, or an
    /// epoch in s, ms, us or ns.
    pub ts: &'a str,
    /// Opening price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Closing price.
    pub close: f64,
    /// `None` where it is not given.
    pub volume: Option<f64>,
}

/// Why a bar is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct BadBar {
    /// `ts`, `open`, `high`, `low`, `close` or `volume`.
    pub field: &'static str,
    /// What is wrong with its value.
    pub problem: String,
}

/// Validates bars one after the other: prices above 0, in time order, each bar once.
#[derive(Debug)]
pub struct BarReader {
    stamps: StampReader,
    label: BarLabel,
    step: Step,
    needs_volume: bool,
    clock: Option<LocalClock>,
    before: Option<Before>,
}

/// The bar before.
#[derive(Clone, Copy, Debug)]
struct Before {
    start: i64,
    /// As its timestamp said.
    stamp: At,
    /// What its digits would be, if there was nothing else.
    digits: Option<Digits>,
}

impl BarReader {
    /// For bars like those of `data`, of a known length in seconds.
    ///
    /// # Errors
    /// When the data's zone is unknown to this machine.
    pub fn new(data: &Data, bar_seconds: u32) -> Result<Self, BadBar> {
        let own = Columns::default();
        let (columns, zone, label) = match &data.source {
            Source::File { columns, zone, bar_label, .. } => (columns, zone.as_deref(), *bar_label),
            Source::Synthetic(_) => (&own, None, BarLabel::Start),
        };
        let zone =
            zone.map(Zone::parse).transpose().map_err(|problem| BadBar { field: "ts", problem })?;
        let needs_volume = super::prepare::volume(data) == super::columns::Volume::Needed;
        let stamps = StampReader::of(columns, zone);
        Ok(Self {
            stamps,
            label,
            step: Step::of_seconds(bar_seconds),
            needs_volume,
            clock: None,
            before: None,
        })
    }

    /// The same, told the time by the model's own clock, where that is known, however timestamps
    /// are written.
    #[must_use]
    pub fn told_by(self, clock: Option<&LocalClock>) -> Self {
        Self { clock: clock.cloned(), ..self }
    }

    /// How the first bar's timestamp was written; `None` before there was one.
    #[must_use]
    pub fn stamps(&self) -> Option<StampForm> {
        self.stamps.form
    }

    /// The next bar.
    ///
    /// # Errors
    /// When a value is not valid, or the bar does not come after the one before it.
    pub fn read(&mut self, row: &BarRow<'_>) -> Result<Bar, BadBar> {
        let bad = |field, problem: String| Err(BadBar { field, problem });
        let BarRow { ts, open, high, low, close, volume } = *row;
        let volume = match (volume, self.needs_volume) {
            (None, true) => {
                return bad("volume", "is missing; the model takes it as a feature".to_owned());
            }
            (volume, true) => volume,
            (_, false) => None,
        };
        if let Some(wrong) = wrong_values([open, high, low, close], volume).next() {
            return Err(wrong);
        }
        let volume = volume.unwrap_or(f64::NAN);
        let stamp = self.stamps.text(ts.as_bytes()).and_then(|stamp| self.told(stamp, ts));
        let (mut stamp, digits) =
            stamp.map_err(|problem| BadBar { field: "ts", problem: problem.to_string() })?;
        if let Some(clock) = &mut self.clock {
            stamp.1 = clock.offset_at(stamp.0);
        }
        let start = match self.label {
            BarLabel::Start => stamp,
            BarLabel::End => self.step.start(self.before.map(|before| before.stamp), stamp),
        };
        if self.before.is_some_and(|before| start.0 <= before.start) {
            return bad(
                "ts",
                format!("'{}' does not come after the bar before it", ts.escape_debug()),
            );
        }
        self.before = Some(Before { start: start.0, stamp, digits });
        Ok(Bar { ts: start.0, offset_seconds: start.1, open, high, low, close, volume })
    }

    /// What a timestamp means after the one before it. (Of a whole file its neighbours on both
    /// sides say it.)
    fn told(&self, stamp: Stamp, text: &str) -> Result<(At, Option<Digits>), StampProblem> {
        let Stamp { mut ns, mut offset, repeat, digits } = stamp;
        let digits = Digits::of(digits);
        if let (Some(now), Some(Before { stamp: (before, _), digits: Some(then), .. })) =
            (digits, self.before)
            && now == then
            && let Some(problem) = are_clocks(before, ns, now, self.step.ns())
        {
            return Err(problem);
        }
        if repeat != 0 {
            let again = ns + i64::from(repeat) * 1_000_000_000;
            let follows = |ns: i64| {
                self.before
                    .is_some_and(|before| before.stamp.0.saturating_add(self.step.ns()) == ns)
            };
            let is_past = self.before.is_some_and(|before| before.stamp.0 >= ns);
            let is_first = follows(ns) || self.step.ns() > i64::from(repeat) * 1_000_000_000;
            if is_past || !is_first && follows(again) {
                (ns, offset) = (again, offset - repeat);
            } else if !is_first {
                let text = text.chars().take(40).collect();
                return Err(StampProblem::Repeated(text, self.stamps.zone().to_owned()));
            }
        }
        Ok(((self.step.without_jitter(ns), offset), digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ts: &str) -> BarRow<'_> {
        BarRow { ts, open: 2.0, high: 4.0, low: 1.0, close: 3.0, volume: Some(5.0) }
    }

    #[test]
    fn bars_are_validated_as_in_a_file() {
        let data = experiment::testing::settings(
            r#"data.synthetic = { bars = 1000 }
            data.features = ["close", "volume"]"#,
        )
        .data;
        let mut reader = BarReader::new(&data, 60).unwrap();
        let bar = reader.read(&row("2024-05-08T09:31:00+08:00")).unwrap();
        assert_eq!(
            (bar.ts, bar.offset_seconds, bar.volume),
            (1_715_131_860_000_000_000, 28_800, 5.0)
        );
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

    /// A reader of minutes in New York, and what it makes of these times of 2024-11-03, in minutes
    /// after 00:59.
    fn minutes(times: &[&str]) -> Vec<Result<i64, String>> {
        let mut data = experiment::testing::settings(
            "data.synthetic = { bars = 1000 }\ndata.features = [\"close\"]",
        )
        .data;
        data.source = Source::File {
            path: "bars.csv".into(),
            format: experiment::Format::Csv,
            columns: Columns::default(),
            zone: Some("America/New_York".to_owned()),
            bar_label: BarLabel::Start,
        };
        let mut reader = BarReader::new(&data, 60).unwrap();
        let mut read = |time: &&str| {
            let bar = reader
                .read(&row(&format!("2024-11-03 {time}")))
                .map_err(|problem| problem.to_string())?;
            Ok((bar.ts / 1_000_000_000 - 1_730_609_940) / 60)
        };
        times.iter().map(&mut read).collect()
    }

    #[test]
    fn a_repeated_hour_goes_on_from_the_bar_before_it() {
        // 01:59 could be of either pass; the second 01:00 cannot.
        let read = minutes(&["00:59", "01:00", "01:59", "01:00", "01:01"]);
        assert!(read[2].is_err() && read.into_iter().filter_map(Result::ok).eq([0, 1, 61, 62]));
        let hour: Vec<String> = (0..60).map(|minute| format!("01:{minute:02}")).collect();
        let times: Vec<&str> = std::iter::once("00:59")
            .chain(hour.iter().chain(&hour).map(String::as_str))
            .chain(std::iter::once("02:00"))
            .collect();
        assert_eq!(minutes(&times), (0..122).map(Ok).collect::<Vec<_>>());
        let refused = minutes(&["00:30", "01:30"])[1].clone().unwrap_err();
        assert!(
            refused
                .starts_with("ts '2024-11-03 01:30' is shown twice by a clock in America/New_York"),
            "{refused}"
        );
    }

    #[test]
    fn digits_of_a_clock_are_found_out_and_jitter_is_none() {
        let data = experiment::testing::settings(
            "data.synthetic = { bars = 1000 }\ndata.features = [\"close\"]",
        )
        .data;
        let mut reader = BarReader::new(&data, 60).unwrap();
        assert!(reader.read(&row("2405080931")).is_ok());
        let problem = reader.read(&row("2405080932")).unwrap_err().to_string();
        assert!(
            problem.starts_with("ts '2405080932' may be a clock yymmddHHMM or an epoch"),
            "{problem}"
        );
        let mut reader = BarReader::new(&data, 60).unwrap();
        let read = ["2024-05-08T01:31:00.002Z", "2024-05-08T01:31:59.999Z"]
            .map(|ts| reader.read(&row(ts)).unwrap().ts);
        assert_eq!(read, [1_715_131_860_000_000_000, 1_715_131_920_000_000_000]);
    }
}
