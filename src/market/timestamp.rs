//! Timestamps in all their spellings → instants and local offsets.

use jiff::civil;

use super::inputs::StampForm;
use super::zone::{Instants, Zone, offset};

/// An instant and the local clock's offset there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970 UTC.
    pub ns: i64,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// Why a value is no timestamp here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StampProblem {
    #[error(
        "'{0}' is not a timestamp (known: RFC 3339 such as 2024-05-08T09:31:00+08:00, the same without offset, a date, or an epoch in s, \
         ms, us or ns)"
    )]
    Unreadable(String),
    #[error("'{0}' has no offset from UTC; set zone = \"…\" under [data] (an IANA name such as Asia/Shanghai, UTC, or +08:00)")]
    NoZone(String),
    #[error("'{0}' does not exist in {1}: the clock was turned forward past it; is {1} the right zone?")]
    Skipped(String, String),
    #[error("'{0}' lies outside the years 1678 to 2261")]
    OutOfRange(String),
}

/// Reads the timestamps of one file, in file order.
#[derive(Debug)]
pub(super) struct StampReader {
    zone: Option<Zone>,
    last_date: ([u8; 10], i64),
    before: Option<i64>,
    descending: bool,
    /// Whether a date was read as a day of UTC for want of a zone.
    pub assumed_utc: bool,
    /// How the first timestamp was written.
    pub form: Option<StampForm>,
}

/// A timestamp as written.
#[derive(Clone, Copy)]
enum Written {
    Instant { seconds: i64, nanos: i64, offset: Option<i32> },
    Clock { seconds: i64, nanos: i64 },
    Date { seconds: i64 },
}

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

impl StampReader {
    pub(super) fn new(zone: Option<Zone>) -> Self {
        Self { zone, last_date: ([0; 10], 0), before: None, descending: false, assumed_utc: false, form: None }
    }

    /// From text.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<Stamp, StampProblem> {
        let text = trim(text);
        match self.written(text) {
            Some(written) => self.stamp(written).map_err(|problem| problem.with(&String::from_utf8_lossy(text))),
            None => Err(StampProblem::Unreadable(String::from_utf8_lossy(text).chars().take(40).collect())),
        }
    }

    /// From an integer: seconds, milliseconds, microseconds or nanoseconds since 1970 UTC by magnitude, or a date as yyyymmdd.
    pub(super) fn integer(&mut self, value: i64) -> Result<Stamp, StampProblem> {
        self.text(value.to_string().as_bytes())
    }

    /// From nanoseconds since 1970 UTC.
    pub(super) fn instant(&mut self, ns: i64) -> Result<Stamp, StampProblem> {
        self.form.get_or_insert(StampForm::Instant);
        self.stamp(Written::Instant { seconds: ns.div_euclid(SECOND), nanos: ns.rem_euclid(SECOND), offset: None })
    }

    /// From nanoseconds since 1970 of the local clock.
    pub(super) fn clock(&mut self, ns: i64) -> Result<Stamp, StampProblem> {
        let (seconds, nanos) = (ns.div_euclid(SECOND), ns.rem_euclid(SECOND));
        self.stamp(Written::Clock { seconds, nanos }).map_err(|problem| problem.with(&shown(seconds)))
    }

    /// From days since 1970 of the local calendar.
    pub(super) fn date(&mut self, days: i64) -> Result<Stamp, StampProblem> {
        self.stamp(Written::Date { seconds: days * DAY }).map_err(|problem| problem.with(&shown(days * DAY)))
    }

    fn stamp(&mut self, written: Written) -> Result<Stamp, StampProblem> {
        let blank = String::new;
        self.form.get_or_insert(match written {
            Written::Instant { offset: Some(_), .. } => StampForm::Offset,
            Written::Instant { offset: None, .. } => StampForm::Epoch,
            Written::Clock { .. } => StampForm::Clock,
            Written::Date { .. } => StampForm::Date,
        });
        let (seconds, nanos, offset) = match (written, &mut self.zone) {
            (Written::Instant { seconds, nanos, offset }, None) => (seconds, nanos, offset.unwrap_or(0)),
            (Written::Instant { seconds, nanos, .. }, Some(zone)) => (seconds, nanos, zone.offset_at(seconds)),
            (Written::Clock { .. }, None) => return Err(StampProblem::NoZone(blank())),
            (Written::Date { seconds }, None) => {
                self.assumed_utc = true;
                (seconds, 0, 0)
            }
            (Written::Clock { seconds: local, nanos }, Some(_)) => self.on_the_clock(local, nanos)?,
            (Written::Date { seconds: local }, Some(_)) => self.on_the_clock(local, 0)?,
        };
        let ns = seconds.checked_mul(SECOND).and_then(|ns| ns.checked_add(nanos)).ok_or(StampProblem::OutOfRange(blank()))?;
        if let Some(before) = self.before.filter(|&before| before != ns) {
            self.descending = ns < before;
        }
        self.before = Some(ns);
        Ok(Stamp { ns, offset })
    }

    /// A repeated hour is told apart by the order of the file: a bar comes after the one before it.
    fn on_the_clock(&mut self, local: i64, nanos: i64) -> Result<(i64, i64, i32), StampProblem> {
        let Some(zone) = &mut self.zone else { return Err(StampProblem::NoZone(String::new())) };
        let instant = match zone.instants(local) {
            Instants::One(instant) => instant,
            Instants::Two { earlier, later } => {
                let before = self.before.map(|ns| ns.div_euclid(SECOND));
                match before {
                    Some(before) if self.descending && later < before => later,
                    Some(before) if !self.descending && earlier <= before => later,
                    _ => earlier,
                }
            }
            Instants::None => return Err(StampProblem::Skipped(String::new(), zone.name().to_owned())),
        };
        Ok((instant, nanos, (local - instant) as i32))
    }

    fn written(&mut self, text: &[u8]) -> Option<Written> {
        if text.iter().all(u8::is_ascii_digit) {
            return self.digits(text);
        }
        let (date, rest) = match text {
            [_, _, _, _, a @ (b'-' | b'/' | b'.'), _, _, b, _, _, ..] if a == b => text.split_at(10),
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
        Some(Written::Instant { seconds: seconds - i64::from(offset), nanos, offset: Some(offset) })
    }

    fn digits(&mut self, text: &[u8]) -> Option<Written> {
        if text.len() == 8 {
            return self.midnight(text).map(|seconds| Written::Date { seconds });
        }
        if text.len() == 14 {
            let (seconds, nanos, _) = time_of_day(&text[8..])?;
            return Some(Written::Clock { seconds: self.midnight(&text[..8])? + seconds, nanos });
        }
        let value: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        let per_second = match text.len() {
            9..=11 => 1,
            12 | 13 => 1_000,
            15 | 16 => 1_000_000,
            18 | 19 => SECOND,
            _ => return None,
        };
        Some(Written::Instant { seconds: value / per_second, nanos: value % per_second * (SECOND / per_second), offset: None })
    }

    /// Seconds from 1970 to the start of a date, `yyyy-mm-dd` or `yyyymmdd`. Bars come many to a day: the last is remembered.
    fn midnight(&mut self, date: &[u8]) -> Option<i64> {
        if date == self.last_date.0 {
            return Some(self.last_date.1);
        }
        let (month, day) = if date.len() == 10 { (&date[5..7], &date[8..10]) } else { (&date[4..6], &date[6..8]) };
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
    fn with(self, text: &str) -> Self {
        let text = text.to_owned();
        match self {
            Self::Unreadable(_) => Self::Unreadable(text),
            Self::NoZone(_) => Self::NoZone(text),
            Self::Skipped(_, zone) => Self::Skipped(text, zone),
            Self::OutOfRange(_) => Self::OutOfRange(text),
        }
    }
}

/// `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fraction`, `hhmm`, `hhmmss`: seconds of the day, nanoseconds, and what follows.
fn time_of_day(text: &[u8]) -> Option<(i64, i64, &[u8])> {
    let (hour, rest) = text.split_at_checked(2)?;
    let colon = rest.first() == Some(&b':');
    let (minute, mut rest) = rest[usize::from(colon)..].split_at_checked(2)?;
    let mut seconds = 0;
    let mut nanos = 0;
    let follows = |rest: &[u8]| if colon { rest.first() == Some(&b':') } else { rest.first().is_some_and(u8::is_ascii_digit) };
    if follows(rest) {
        let second;
        (second, rest) = rest[usize::from(colon)..].split_at_checked(2)?;
        seconds = i64::from(number(second)?);
        if let [b'.' | b',', fraction @ ..] = rest {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let mut unit = SECOND / 10;
            for digit in &fraction[..digits] {
                nanos += i64::from(digit - b'0') * unit;
                unit /= 10;
            }
            rest = &fraction[digits..];
        }
    }
    let (hour, minute) = (i64::from(number(hour)?), i64::from(number(minute)?));
    (hour <= 23 && minute <= 59 && seconds <= 59).then_some((hour * 3600 + minute * 60 + seconds, nanos, rest))
}

/// Two digits.
fn number(text: &[u8]) -> Option<i8> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(((tens - b'0') * 10 + (ones - b'0')) as i8),
        _ => None,
    }
}

/// Without surrounding white space and quotes.
fn trim(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    match text {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => text,
    }
}

fn shown(local_seconds: i64) -> String {
    match jiff::Timestamp::from_second(local_seconds) {
        Ok(clock) => jiff::tz::Offset::UTC.to_datetime(clock).to_string(),
        Err(_) => format!("{local_seconds} s since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2024-05-08T01:31:00Z.
    const NS: i64 = 1_715_131_860_000_000_000;

    fn read(zone: Option<&str>, text: &str) -> Result<Stamp, StampProblem> {
        StampReader::new(zone.map(|zone| Zone::parse(zone).unwrap())).text(text.as_bytes())
    }

    #[test]
    fn the_same_instant_is_read_from_all_spellings() {
        for text in [
            "2024-05-08T09:31:00+08:00",
            "2024-05-08 09:31+0800",
            "\"2024-05-08T01:31:00Z\"",
            "2024-05-08 01:31:00.000 UTC",
            "2024-05-07T21:31:00-04:00",
            "1715131860",
            "1715131860000",
            "1715131860000000",
            "1715131860000000000",
        ] {
            assert_eq!(read(None, text).unwrap().ns, NS, "{text}");
        }
        for text in ["2024-05-08T09:31:00", "2024/05/08 09:31", "2024.05.08 09:31:00", "20240508 093100", "20240508093100"] {
            assert_eq!(read(Some("Asia/Shanghai"), text), Ok(Stamp { ns: NS, offset: 28_800 }), "{text}");
            assert_eq!(read(Some("+08:00"), text), Ok(Stamp { ns: NS, offset: 28_800 }), "{text}");
        }
        assert_eq!(read(None, "2024-05-08T01:31:00.250000001Z").unwrap().ns, NS + 250_000_001);
    }

    #[test]
    fn the_zone_decides_the_local_offset_and_else_the_text() {
        assert_eq!(read(None, "2024-05-08T09:31:00+08:00").unwrap().offset, 28_800);
        assert_eq!(read(Some("America/New_York"), "2024-05-08T09:31:00+08:00").unwrap().offset, -14_400);
        assert_eq!(read(Some("Asia/Shanghai"), "1715131860").unwrap().offset, 28_800);
    }

    #[test]
    fn dates_are_midnights() {
        assert_eq!(read(Some("Asia/Shanghai"), "2024-05-08").unwrap().ns, 1_715_097_600 * SECOND);
        let mut reader = StampReader::new(None);
        assert_eq!(reader.text(b"20240508").unwrap().ns, 1_715_126_400 * SECOND);
        assert!(reader.assumed_utc);
    }

    #[test]
    fn a_repeated_hour_is_told_apart_by_the_order_of_the_file() {
        let hour = [
            "2024-11-03 00:59",
            "2024-11-03 01:00",
            "2024-11-03 01:59",
            "2024-11-03 01:00",
            "2024-11-03 01:59",
            "2024-11-03 02:00",
        ];
        let minutes = [0, 1, 60, 61, 120, 121];
        for descending in [false, true] {
            let mut reader = StampReader::new(Some(Zone::parse("America/New_York").unwrap()));
            let mut rows: Vec<_> = hour.iter().zip(minutes).collect();
            if descending {
                rows.reverse();
            }
            for (text, minute) in rows {
                let ns = reader.text(text.as_bytes()).unwrap().ns;
                assert_eq!(ns, (1_730_609_940 + minute * 60) * SECOND, "{text} descending: {descending}");
            }
        }
    }

    #[test]
    fn what_is_no_timestamp_says_why() {
        let message = |zone, text| read(zone, text).unwrap_err().to_string();
        assert!(message(None, "2024-05-08 09:31").contains("has no offset from UTC; set zone"));
        assert!(message(Some("America/New_York"), "2024-03-10 02:30").contains("does not exist in America/New_York"));
        for text in [
            "",
            "abc",
            "2024-13-01",
            "2024-02-30",
            "2024-05-08T25:00:00Z",
            "2024-05-08 09:61Z",
            "12345",
            "05/08/2024 09:31",
            "2024-05-08T09:31:00X",
        ] {
            assert!(message(None, text).contains("is not a timestamp"), "{text}");
        }
        assert!(message(None, "9999-05-08T09:31:00Z").contains("lies outside the years"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..40), digits in "[0-9T :.+-]{0,30}") {
            let mut reader = StampReader::new(Some(Zone::parse("America/New_York").unwrap()));
            drop(reader.text(&text));
            drop(reader.text(digits.as_bytes()));
        }

        #[test]
        fn a_printed_instant_is_read_back(seconds in 0i64..4_000_000_000) {
            let printed = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            prop_assert_eq!(read(None, &printed).unwrap().ns, seconds * SECOND);
        }
    }
}
