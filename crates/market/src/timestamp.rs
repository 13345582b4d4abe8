//! Timestamps in all their spellings → instants and local offsets, row by row. What only the whole
//! column tells is left open here and decided in [`super::stamps`].

use jiff::civil;

use super::inputs::StampForm;
use super::known::known;
use super::spelling::{Written, by_pattern, epoch, is_rounded, number, time_of_day, trim, unit_of};
use super::zone::{Instants, Zone, offset};
use experiment::{Columns, TsAmbiguous, TsFormat};

/// An instant and the local clock's offset there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970 UTC; of a repeated hour the first pass.
    pub ns: i64,
    /// Seconds east of UTC.
    pub offset: i32,
    /// Seconds after which the clock shows the same a second time; 0 where it does not, or where
    /// the file's settings say which is meant.
    pub repeat: i32,
    /// How many digits were read as an epoch by their magnitude alone; 0 of any other spelling.
    pub digits: u8,
}

/// Why a value is not a timestamp here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StampProblem {
    #[error("'{0}' is not a timestamp ({known})", known = known(.0))]
    Unreadable(String),
    #[error("'{0}' is not written as ts_format = \"{1}\" says")]
    Unformatted(String, String),
    #[error(
        "'{0}' is a rounded number: digits of the timestamp are lost; write it as a whole number \
            or as text"
    )]
    Rounded(String),
    #[error(
        "'{0}' has no offset from UTC; set zone = \"…\" under [data] (an IANA name such as \
            Asia/Shanghai, UTC, or +08:00)"
    )]
    NoZone(String),
    #[error(
        "'{0}' does not exist in {1}: the clock was turned forward past it; is {1} the right zone?"
    )]
    Skipped(String, String),
    #[error(
        "'{0}' is shown twice by a clock in {1} that is turned back, and the rows around it do not \
            tell which is meant; write timestamps with their offset, or set ts_ambiguous = \
            \"earliest\" or \"latest\" under [data]"
    )]
    Repeated(String, String),
    #[error("'{0}' may be {1}; say which with ts_format = {2} under [data]")]
    Unclear(String, String, String),
    #[error(
        "'{0}' is not a time, but nearly all others are when read as {1}; correct it, or set \
            ts_format = \"{2}\" under [data] if they are epochs"
    )]
    Spoilt(String, &'static str, TsFormat),
    #[error("'{0}' lies outside the years 1678 to 2261")]
    OutOfRange(String),
}

/// Reads the timestamps of one file, each for itself.
#[derive(Debug)]
pub(super) struct StampReader {
    zone: Option<Zone>,
    format: TsFormat,
    ambiguous: TsAmbiguous,
    last_date: ([u8; 10], i64),
    /// Whether a date was read as a day of UTC for want of a zone.
    pub assumed_utc: bool,
    /// How the first timestamp was written.
    pub form: Option<StampForm>,
}

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

impl StampReader {
    /// For the timestamps of a file with these columns.
    pub(super) fn of(columns: &Columns, zone: Option<Zone>) -> Self {
        let (format, ambiguous) = (columns.ts_format.clone(), columns.ts_ambiguous);
        Self { zone, format, ambiguous, last_date: ([0; 10], 0), assumed_utc: false, form: None }
    }

    /// The zone's name; empty without a zone.
    pub(super) fn zone(&self) -> &str {
        self.zone.as_ref().map_or("", Zone::name)
    }

    /// From text.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<Stamp, StampProblem> {
        let text = trim(text);
        let shown = || String::from_utf8_lossy(text).chars().take(40).collect::<String>();
        match self.written(text) {
            Some(written) => {
                self.stamp(written).map_err(|problem| problem.with(&String::from_utf8_lossy(text)))
            }
            None if !self.format.is_auto() => {
                Err(StampProblem::Unformatted(shown(), self.format.to_string()))
            }
            None if is_rounded(text) => Err(StampProblem::Rounded(shown())),
            None => Err(StampProblem::Unreadable(shown())),
        }
    }

    /// From an integer: seconds, milliseconds, microseconds or nanoseconds since 1970 UTC by
    /// magnitude, or a date as yyyymmdd.
    pub(super) fn integer(&mut self, value: i64) -> Result<Stamp, StampProblem> {
        let digits = value.to_string();
        match self.text(digits.as_bytes()) {
            // A number keeps no leading zero.
            Err(StampProblem::Unformatted(..)) if value > 0 => {
                self.text(format!("0{digits}").as_bytes())
            }
            read => read,
        }
    }

    /// From a number that is not whole.
    pub(super) fn float(&mut self, value: f64) -> Result<Stamp, StampProblem> {
        let whole = value.trunc();
        if whole == value && value.abs() < 1e19 {
            return self.integer(whole as i64);
        }
        // To the microsecond: of an epoch in seconds a double holds no more.
        self.text(format!("{value:.6}").as_bytes())
    }

    /// From nanoseconds since 1970 UTC.
    pub(super) fn instant(&mut self, ns: i64) -> Result<Stamp, StampProblem> {
        self.form.get_or_insert(StampForm::Instant);
        self.stamp(Written::Instant {
            seconds: ns.div_euclid(SECOND),
            nanos: ns.rem_euclid(SECOND),
            offset: None,
            digits: 0,
        })
    }

    /// From nanoseconds since 1970 of the local clock.
    pub(super) fn clock(&mut self, ns: i64) -> Result<Stamp, StampProblem> {
        let (seconds, nanos) = (ns.div_euclid(SECOND), ns.rem_euclid(SECOND));
        self.stamp(Written::Clock { seconds, nanos })
            .map_err(|problem| problem.with(&shown(seconds)))
    }

    /// From days since 1970 of the local calendar.
    pub(super) fn date(&mut self, days: i64) -> Result<Stamp, StampProblem> {
        let seconds =
            days.checked_mul(DAY).ok_or_else(|| StampProblem::OutOfRange(format!("day {days}")))?;
        self.stamp(Written::Date { seconds }).map_err(|problem| problem.with(&shown(seconds)))
    }

    fn stamp(&mut self, written: Written) -> Result<Stamp, StampProblem> {
        let blank = String::new;
        self.form.get_or_insert(match written {
            Written::Instant { offset: Some(_), .. } => StampForm::Offset,
            Written::Instant { offset: None, .. } => StampForm::Epoch,
            Written::Clock { .. } => StampForm::Clock,
            Written::Date { .. } => StampForm::Date,
        });
        let mut digits_read = 0;
        let (seconds, nanos, offset, repeat) = match (written, &mut self.zone) {
            (Written::Instant { seconds, nanos, offset, digits }, None) => {
                digits_read = digits;
                (seconds, nanos, offset.unwrap_or(0), 0)
            }
            (Written::Instant { seconds, nanos, digits, .. }, Some(zone)) => {
                digits_read = digits;
                (seconds, nanos, zone.offset_at(seconds), 0)
            }
            (Written::Clock { .. }, None) => return Err(StampProblem::NoZone(blank())),
            (Written::Date { seconds }, None) => {
                self.assumed_utc = true;
                (seconds, 0, 0, 0)
            }
            (Written::Clock { seconds: local, nanos }, Some(_)) => {
                self.on_the_clock(local, nanos)?
            }
            // A day begins with its first instant, even where its midnight is skipped or comes
            // twice.
            (Written::Date { seconds: local }, Some(zone)) => {
                let first = zone.first_instant(local).ok_or(StampProblem::OutOfRange(blank()))?;
                (first, 0, (local - first) as i32, 0)
            }
        };
        let ns = seconds
            .checked_mul(SECOND)
            .and_then(|ns| ns.checked_add(nanos))
            .ok_or(StampProblem::OutOfRange(blank()))?;
        Ok(Stamp { ns, offset, repeat, digits: digits_read })
    }

    /// Seconds, nanoseconds, offset, and the seconds to the same time shown again.
    fn on_the_clock(
        &mut self,
        local: i64,
        nanos: i64,
    ) -> Result<(i64, i64, i32, i32), StampProblem> {
        let Some(zone) = &mut self.zone else { return Err(StampProblem::NoZone(String::new())) };
        let (instant, repeat) = match (zone.instants(local), self.ambiguous) {
            (Instants::One(instant), _) => (instant, 0),
            (Instants::Two { earlier, later }, TsAmbiguous::Infer) => {
                (earlier, (later - earlier) as i32)
            }
            (Instants::Two { earlier, .. }, TsAmbiguous::Earliest) => (earlier, 0),
            (Instants::Two { later, .. }, TsAmbiguous::Latest) => (later, 0),
            (Instants::None, _) => {
                return Err(StampProblem::Skipped(String::new(), zone.name().to_owned()));
            }
        };
        Ok((instant, nanos, (local - instant) as i32, repeat))
    }

    fn written(&mut self, text: &[u8]) -> Option<Written> {
        match &self.format {
            TsFormat::Auto => self.told(text),
            TsFormat::Epoch(unit) => epoch(text, *unit, 0),
            TsFormat::Pattern(pattern) => by_pattern(pattern, text),
        }
    }

    /// In whatever form it is.
    fn told(&mut self, text: &[u8]) -> Option<Written> {
        if text.iter().all(u8::is_ascii_digit) {
            return self.digits(text);
        }
        if let Some(point) = text.iter().position(|&byte| byte == b'.')
            && point >= 8
            && text.iter().enumerate().all(|(at, byte)| at == point || byte.is_ascii_digit())
        {
            let (whole, fraction) = (&text[..point], &text[point + 1..]);
            return if fraction.iter().all(|&byte| byte == b'0') {
                self.digits(whole)
            } else {
                epoch(text, unit_of(whole.len())?, 0)
            };
        }
        let (date, rest) = match text {
            [_, _, _, _, a @ (b'-' | b'/' | b'.'), _, _, b, _, _, ..] if a == b => {
                text.split_at(10)
            }
            [_, _, _, _, _, _, _, _, b'T' | b't' | b' ', ..] => text.split_at(8),
            _ => return None,
        };
        let midnight = self.midnight(date)?;
        let [b'T' | b't' | b' ', rest @ ..] = rest else {
            return rest.is_empty().then_some(Written::Date { seconds: midnight });
        };
        let (seconds, nanos, rest) = time_of_day(rest)?;
        let seconds = midnight + seconds;
        let rest = trim(rest);
        if rest.is_empty() {
            return Some(Written::Clock { seconds, nanos });
        }
        let offset = offset(std::str::from_utf8(rest).ok()?)?;
        Some(Written::Instant {
            seconds: seconds - i64::from(offset),
            nanos,
            offset: Some(offset),
            digits: 0,
        })
    }

    fn digits(&mut self, text: &[u8]) -> Option<Written> {
        if text.len() == 8 {
            return self.midnight(text).map(|seconds| Written::Date { seconds });
        }
        if text.len() == 14 {
            let (seconds, nanos, _) = time_of_day(&text[8..])?;
            return Some(Written::Clock { seconds: self.midnight(&text[..8])? + seconds, nanos });
        }
        epoch(text, unit_of(text.len())?, text.len() as u8)
    }

    /// Seconds from 1970 to the start of a date, `yyyy-mm-dd` or `yyyymmdd`. Bars come many to a
    /// day: the last is remembered.
    fn midnight(&mut self, date: &[u8]) -> Option<i64> {
        if date == self.last_date.0 {
            return Some(self.last_date.1);
        }
        let (month, day) =
            if date.len() == 10 { (&date[5..7], &date[8..10]) } else { (&date[4..6], &date[6..8]) };
        let year = i64::from(number(&date[..2])?) * 100 + i64::from(number(&date[2..4])?);
        let date_of = civil::Date::new(year as i16, number(month)?, number(day)?).ok()?;
        let seconds = date_of.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
        if let Ok(key) = <[u8; 10]>::try_from(date) {
            self.last_date = (key, seconds);
        }
        Some(seconds)
    }
}

impl StampProblem {
    /// The same problem, naming the offending text.
    pub(super) fn with(self, text: &str) -> Self {
        let text = text.to_owned();
        match self {
            Self::Unreadable(_) => Self::Unreadable(text),
            Self::Unformatted(_, format) => Self::Unformatted(text, format),
            Self::Rounded(_) => Self::Rounded(text),
            Self::NoZone(_) => Self::NoZone(text),
            Self::Skipped(_, zone) => Self::Skipped(text, zone),
            Self::Repeated(_, zone) => Self::Repeated(text, zone),
            Self::Unclear(_, readings, formats) => Self::Unclear(text, readings, formats),
            Self::Spoilt(_, layout, format) => Self::Spoilt(text, layout, format),
            Self::OutOfRange(_) => Self::OutOfRange(text),
        }
    }
}

/// A clock's time, from its own seconds since 1970.
pub(super) fn shown(local_seconds: i64) -> String {
    match jiff::Timestamp::from_second(local_seconds) {
        Ok(clock) => jiff::tz::Offset::UTC.to_datetime(clock).to_string(),
        Err(_) => format!("{local_seconds} s since 1970"),
    }
}

#[cfg(test)]
mod tests;
