//! The spellings of a timestamp, each told from text to what was written; what that means,
//! [`super::timestamp`] says.

use jiff::fmt::strtime;

use experiment::EpochUnit;

/// A timestamp as written.
#[derive(Clone, Copy)]
pub(super) enum Written {
    Instant { seconds: i64, nanos: i64, offset: Option<i32>, digits: u8 },
    Clock { seconds: i64, nanos: i64 },
    Date { seconds: i64 },
}

const SECOND: i64 = 1_000_000_000;

/// What an epoch of so many digits counts.
pub(super) fn unit_of(digits: usize) -> Option<EpochUnit> {
    match digits {
        9..=11 => Some(EpochUnit::Seconds),
        12 | 13 => Some(EpochUnit::Milliseconds),
        15 | 16 => Some(EpochUnit::Microseconds),
        18 | 19 => Some(EpochUnit::Nanoseconds),
        _ => None,
    }
}

/// An epoch, whole or with a decimal fraction.
pub(super) fn epoch(text: &[u8], unit: EpochUnit, digits: u8) -> Option<Written> {
    let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let (whole, fraction) = (&text[..point], text.get(point + 1..).unwrap_or_default());
    let sign = usize::from(whole.first() == Some(&b'-'));
    if whole.len() == sign || !whole[sign..].iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    let value: i64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let (per_second, of_one) = (unit.per_second(), SECOND / unit.per_second());
    let mut nanos = value.rem_euclid(per_second) * of_one;
    let mut share = of_one;
    for digit in fraction {
        share /= 10;
        let part = i64::from(digit - b'0') * share;
        nanos += if sign == 1 { -part } else { part };
    }
    let seconds = value.div_euclid(per_second).saturating_add(nanos.div_euclid(SECOND));
    Some(Written::Instant { seconds, nanos: nanos.rem_euclid(SECOND), offset: None, digits })
}

/// As strptime reads it.
pub(super) fn by_pattern(pattern: &str, text: &[u8]) -> Option<Written> {
    let read = strtime::parse(pattern, text).ok()?;
    if let Some(instant) = read.timestamp() {
        let (seconds, nanos) = (instant.as_second(), i64::from(instant.subsec_nanosecond()));
        return Some(Written::Instant { seconds, nanos, offset: None, digits: 0 });
    }
    let date = read.to_date().ok()?;
    // No market is older, and `%Y` reads 24 as the year 24.
    if date.year() < 1678 {
        return None;
    }
    if read.offset().is_some() || read.iana_time_zone().is_some() {
        let zoned = read.to_zoned().ok()?;
        let (instant, offset) = (zoned.timestamp(), zoned.offset().seconds());
        let (seconds, nanos) = (instant.as_second(), i64::from(instant.subsec_nanosecond()));
        return Some(Written::Instant { seconds, nanos, offset: Some(offset), digits: 0 });
    }
    let time = read.to_time().ok()?;
    let midnight = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    if read.hour().is_none() {
        return Some(Written::Date { seconds: midnight });
    }
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Some(Written::Clock { seconds: midnight + seconds, nanos: i64::from(time.subsec_nanosecond()) })
}

/// Whether it is a number as spreadsheets round them: `1.71513E+12`.
pub(super) fn is_rounded(text: &[u8]) -> bool {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    text.iter().any(|byte| matches!(byte, b'e' | b'E')) && number.is_some_and(|number| number > 1e7)
}

/// `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fraction`, `hhmm`, `hhmmss`: seconds of the day, nanoseconds, and
/// what follows.
pub(super) fn time_of_day(text: &[u8]) -> Option<(i64, i64, &[u8])> {
    let (hour, rest) = text.split_at_checked(2)?;
    let colon = rest.first() == Some(&b':');
    let (minute, mut rest) = rest[usize::from(colon)..].split_at_checked(2)?;
    let mut seconds = 0;
    let mut nanos = 0;
    let follows = |rest: &[u8]| {
        if colon {
            rest.first() == Some(&b':')
        } else {
            rest.first().is_some_and(u8::is_ascii_digit)
        }
    };
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
    (hour <= 23 && minute <= 59 && seconds <= 59).then_some((
        hour * 3600 + minute * 60 + seconds,
        nanos,
        rest,
    ))
}

/// Two digits.
pub(super) fn number(text: &[u8]) -> Option<i8> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(((tens - b'0') * 10 + (ones - b'0')) as i8)
        }
        _ => None,
    }
}

/// Without surrounding white space and quotes.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    match text {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => text,
    }
}
