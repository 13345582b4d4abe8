//! The local clock, by which features such as `time_of_day` tell the time.
//!
//! A feature depends on instants and on a zone, never on how a timestamp is written. The zone of a
//! file is the one that its settings name; else the one of its own type (a Parquet column with a
//! zone); else UTC where every timestamp is one of UTC (`Z`, `+00:00`, an epoch, a date without
//! zone). Any other offset does not tell its zone (`-05:00` is New York in winter and Lima all
//! year), so it is asked for.

use super::bars::{Bar, Bars};
use super::problem::MarketError;
use super::zone::Zone;
use experiment::feature::Feature;

/// A zone that bars are told the time by.
#[derive(Clone, Debug)]
pub struct LocalClock(Zone);

impl LocalClock {
    /// From an IANA name, `UTC` or an offset such as `+08:00`.
    ///
    /// # Errors
    /// When this machine does not know the zone.
    pub fn new(zone: &str) -> Result<Self, MarketError> {
        Zone::parse(zone).map(Self).map_err(MarketError::new)
    }

    /// As given to [`Self::new`].
    #[must_use]
    pub fn zone(&self) -> &str {
        self.0.name()
    }

    /// Seconds east of UTC at an instant, nanoseconds since 1970 UTC.
    pub(super) fn offset_at(&mut self, ns: i64) -> i32 {
        self.0.offset_at(ns.div_euclid(1_000_000_000))
    }

    /// Sets a bar's offset to that of the zone at the bar's first instant, whatever its timestamp
    /// said.
    pub fn set(&mut self, bar: &mut Bar) {
        bar.offset_seconds = self.offset_at(bar.ts);
    }

    /// The same of many bars.
    pub fn set_all(&self, bars: &mut Bars) {
        self.set_offsets(&bars.ts, &mut bars.offset_seconds);
    }

    /// The offsets at these instants, nanoseconds since 1970 UTC.
    pub(super) fn set_offsets(&self, ts: &[i64], offset_seconds: &mut [i32]) {
        let mut clock = self.clone();
        for (ts, offset) in ts.iter().zip(offset_seconds) {
            *offset = clock.offset_at(*ts);
        }
    }
}

/// The zone of bars whose settings and file name none; `None` where it cannot be told.
pub(super) fn zone_of(bars: &Bars) -> Option<String> {
    bars.offset_seconds.iter().all(|offset| *offset == 0).then(|| "UTC".to_owned())
}

/// Refuses features that need the local clock where only an offset from UTC, in seconds, is known
/// of it.
pub(super) fn check_known(features: &[Feature], offset: i32) -> Result<(), String> {
    let Some(feature) = features.iter().find(|feature| feature.needs_local_clock()) else {
        return Ok(());
    };
    let fixed = spelled(offset);
    let named = likely(offset)
        .map_or_else(|| format!("zone = \"{fixed}\""), |name| format!("zone = \"{name}\""));
    Err(format!(
        "the feature '{feature}' goes by the local clock, and an offset such as {fixed} in the \
            timestamps does not tell its zone; add {named} under [data] if that is where the bars \
            come from (zone = \"{fixed}\": a clock that never changes)"
    ))
}

/// `+08:00`.
fn spelled(offset: i32) -> String {
    let minutes = offset.unsigned_abs() / 60;
    format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

/// The zone of the largest exchanges that have this offset: a suggestion, never taken without being
/// written down.
fn likely(offset: i32) -> Option<&'static str> {
    const HOUR: i32 = 3600;
    match offset {
        28_800 => Some("Asia/Shanghai"),
        32_400 => Some("Asia/Tokyo"),
        19_800 => Some("Asia/Kolkata"),
        -18_000 | -14_400 => Some("America/New_York"),
        -21_600 => Some("America/Chicago"),
        HOUR | 7200 => Some("Europe/Berlin"),
        36_000 | 39_600 => Some("Australia/Sydney"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_by_the_instant_and_not_by_the_timestamp() {
        let mut clock = LocalClock::new("America/New_York").unwrap();
        let bar = |ts: i64, offset_seconds: i32| Bar {
            ts: ts * 1_000_000_000,
            offset_seconds,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
        };
        let mut bars = Bars::with_capacity(60, 2);
        // 2024-01-05 and 2024-07-05, 14:30 UTC.
        for (ts, written, offset) in [(1_704_465_000, 28_800, -18_000), (1_720_189_800, 0, -14_400)]
        {
            bars.push(bar(ts, written));
            let mut one = bar(ts, written);
            clock.set(&mut one);
            assert_eq!(one.offset_seconds, offset);
        }
        clock.set_all(&mut bars);
        assert_eq!(bars.offset_seconds, [-18_000, -14_400]);
    }

    #[test]
    fn an_offset_is_no_zone_and_what_it_suggests_is_said() {
        let features = ["close", "time_of_day"].map(|name| name.parse().unwrap());
        for (offset, said) in [
            (28_800, "zone = \"Asia/Shanghai\""),
            (-14_400, "zone = \"America/New_York\""),
            (20_700, "add zone = \"+05:45\""),
            (-12_600, "add zone = \"-03:30\""),
        ] {
            let problem = check_known(&features, offset).unwrap_err();
            assert!(
                problem.starts_with("the feature 'time_of_day' goes by the local clock")
                    && problem.contains(said),
                "{problem}"
            );
        }
        assert_eq!(check_known(&features[..1], 28_800), Ok(()));
    }
}
