//! Shares, sizes and durations.

use std::time::Duration;

use crate::number::{UNDEFINED, number};

/// A share in percent, without the sign (`12.34`, `0.001`, `1235`); `—` where it is undefined.
#[must_use]
pub fn percent(share: Option<f64>) -> String {
    match share.map(|share| share * 100.0) {
        Some(percent) if percent.abs() >= 1000.0 => format!("{percent:.0}"),
        // Small ones keep their digits.
        Some(percent) if percent.abs() >= 0.1 => format!("{percent:.2}"),
        other => number(other),
    }
}

/// A size in bytes with a binary prefix: `512 B`, `7.8 GiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && size < 100.0);
    format!("{size:.digits$} {}", units[unit])
}

/// A duration in its two largest units: `42 s`, `7 min 5 s`, `3 h 20 min`, `12 d 4 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let Some(whole) = whole(seconds) else { return UNDEFINED.to_owned() };
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, minutes) if whole % 60 == 0 => format!("{minutes} min"),
        (0, 0, minutes) => format!("{minutes} min {} s", whole % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// [`duration`] where there is little room: `42s`, `4m10s`, `2h05m`, `3d04h`.
#[must_use]
pub fn short_duration(seconds: f64) -> String {
    let Some(whole) = whole(seconds) else { return UNDEFINED.to_owned() };
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// Reads a duration with its unit: `250us`, `2ms`, `10s`, `5m`, `2h`, `1d`.
///
/// # Errors
/// When it has another form, or is more than a year.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "'{text}' is not a duration of at most a year: a whole number with its unit (us, ms, \
             s, m, h or d), such as 250us, 10s or 2h"
        )
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let micros = match unit {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return Err(wrong()),
    };
    let micros = number.checked_mul(micros).filter(|micros| *micros <= YEAR).ok_or_else(wrong)?;
    Ok(Duration::from_micros(micros))
}

/// Microseconds.
const YEAR: u64 = 366 * 86_400_000_000;

/// Whole seconds; `None` of what is not a duration.
fn whole(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && seconds >= 0.0).then(|| seconds.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("2ms"), Ok(Duration::from_millis(2)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_hours(2)));
        assert_eq!(parse_duration("366d"), Ok(Duration::from_hours(366 * 24)));
        for text in ["", "5", "s", "-1s", "1.5s", "1y", "99999999999999999999s", "367d"] {
            assert!(parse_duration(text).unwrap_err().contains("is not a duration"), "{text}");
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let seconds = [1.0, 60.0, 95.0, 3600.0, 12_000.0, 90_000.0];
        assert_eq!(
            seconds.map(duration),
            ["1 s", "1 min", "1 min 35 s", "1 h 0 min", "3 h 20 min", "1 d 1 h"]
        );
        assert_eq!(
            seconds.map(short_duration),
            ["1s", "1m00s", "1m35s", "1h00m", "3h20m", "1d01h"]
        );
        assert_eq!([f64::NAN, -1.0, f64::INFINITY].map(duration), ["—"; 3]);
        assert_eq!([f64::NAN, -1.0, f64::INFINITY].map(short_duration), ["—"; 3]);
    }

    #[test]
    fn sizes_have_binary_prefixes() {
        let sizes = [0, 1023, 1536, 812 << 20, 8 << 30].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.5 KiB", "812 MiB", "8.0 GiB"]);
    }

    #[test]
    fn small_percentages_keep_their_digits() {
        assert_eq!(
            [Some(0.1234567), Some(-0.5), Some(123.4), Some(0.00001), Some(0.0), None].map(percent),
            ["12.35", "-50.00", "12340", "0.001", "0", "—"]
        );
    }
}
