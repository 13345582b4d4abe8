//! How the timestamps of a file are written.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use serde::{Deserialize, Serialize};

/// How a timestamp is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TsFormat {
    /// In any form that can be told: RFC 3339 with or without offset, a date, an epoch by its
    /// magnitude, digits of a clock.
    #[default]
    Auto,
    /// Since 1970 UTC.
    Epoch(EpochUnit),
    /// As strptime's pattern says, such as `%d.%m.%Y %H:%M:%S`.
    Pattern(String),
}

/// What an epoch counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochUnit {
    /// Seconds since 1970 UTC.
    Seconds,
    /// Milliseconds since then.
    Milliseconds,
    /// Microseconds since then.
    Microseconds,
    /// Nanoseconds since then.
    Nanoseconds,
}

impl EpochUnit {
    /// All, by length.
    pub const ALL: [Self; 4] =
        [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    /// How many there are in a second.
    #[must_use]
    pub fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }

    /// `s`, `ms`, `us`, `ns`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }
}

impl TsFormat {
    /// Whether it is the default.
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl fmt::Display for TsFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Epoch(unit) => write!(f, "epoch_{}", unit.name()),
            Self::Pattern(pattern) => f.write_str(pattern),
        }
    }
}

impl FromStr for TsFormat {
    type Err = String;

    /// # Errors
    /// When it is not a name and a pattern that does not tell a day.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Some(unit) =
            EpochUnit::ALL.into_iter().find(|unit| text.strip_prefix("epoch_") == Some(unit.name()))
        {
            return Ok(Self::Epoch(unit));
        }
        tells_a_day(text)
            .map(|()| Self::Pattern(text.to_owned()))
            .map_err(|problem| format!("\"{text}\" {problem}"))
    }
}

impl TryFrom<String> for TsFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TsFormat> for String {
    fn from(format: TsFormat) -> Self {
        format.to_string()
    }
}

/// Writes a moment by the pattern and reads it back: what comes back must at least be its day.
fn tells_a_day(pattern: &str) -> Result<(), String> {
    const LEGAL: &str = "; legal are \"auto\", \"epoch_s\", \"epoch_ms\", \"epoch_us\", \
        \"epoch_ns\" and strptime's patterns, such as \"%d.%m.%Y %H:%M:%S\"";
    if !pattern.contains('%') {
        return Err(format!("is neither a name nor a pattern{LEGAL}"));
    }
    let moment = DateTime::constant(2024, 5, 18, 21, 34, 56, 0);
    let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
    let written =
        strtime::format(pattern, &zoned).map_err(|error| format!("is not a pattern: {error}"))?;
    let read = strtime::parse(pattern, &written)
        .map_err(|error| format!("cannot be read back: {error}"))?;
    let day = match read.to_timestamp() {
        Ok(instant) => jiff::tz::Offset::UTC.to_datetime(instant).date(),
        Err(_) => read
            .to_date()
            .map_err(|_| "names no day: it takes %Y or %y, %m or %b, and %d".to_owned())?,
    };
    if day != moment.date() {
        return Err("names no day: it takes %Y or %y, %m or %b, and %d".to_owned());
    }
    match read.to_time() {
        Ok(time)
            if time == moment.time()
                || time.second() == 0 && (time.minute(), time.hour()) == (34, 21) =>
        {
            Ok(())
        }
        Ok(time)
            if read.hour().is_none()
                || (time.minute(), time.second()) == (0, 0) && time.hour() == 21 =>
        {
            Ok(())
        }
        _ if read.timestamp().is_some() => Ok(()),
        _ => Err("tells another time than it is given: %I needs %p, %M needs %H".to_owned()),
    }
}

/// Which of the two passes of a repeated hour a timestamp without offset means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TsAmbiguous {
    /// The one that the order of the rows tells; refused where it does not.
    #[default]
    Infer,
    /// The first pass.
    Earliest,
    /// The second pass.
    Latest,
}

impl TsAmbiguous {
    /// Whether it is the default.
    #[must_use]
    pub fn is_infer(&self) -> bool {
        *self == Self::Infer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns_are_told_apart_and_written_back() {
        for text in [
            "auto",
            "epoch_s",
            "epoch_ms",
            "epoch_us",
            "epoch_ns",
            "%d.%m.%Y %H:%M:%S",
            "%y%m%d%H%M",
            "%m/%d/%Y",
            "%s",
            "%b %d %Y %I:%M %p",
        ] {
            let format: TsFormat = text.parse().unwrap();
            assert_eq!(format.to_string(), text);
            assert_eq!(matches!(format, TsFormat::Pattern(_)), text.contains('%'), "{text}");
            assert_eq!(
                serde_json::from_str::<TsFormat>(&serde_json::to_string(&format).unwrap()).unwrap(),
                format
            );
        }
    }

    #[test]
    fn what_tells_no_day_is_refused() {
        for (text, said) in [
            ("dd.mm.yyyy", "is neither a name nor a pattern"),
            ("epoch", "is neither a name nor a pattern"),
            ("%H:%M", "names no day"),
            ("%Y-%m", "names no day"),
            ("%d.%m.%Y %I:%M", "tells another time"),
            ("%!", "is not a pattern"),
        ] {
            let problem = text.parse::<TsFormat>().unwrap_err();
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }
}
