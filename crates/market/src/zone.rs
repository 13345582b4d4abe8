//! A time zone with its current stretch of constant offset remembered: a million bars ask the
//! database a few times a year.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// A zone, and the stretch of instants (seconds since 1970 UTC) around the last one asked about in
/// which its offset is constant.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    name: String,
    zone: TimeZone,
    stretch: Range<i64>,
    offset: i32,
}

/// What a wall-clock time means in a zone; seconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instants {
    One(i64),
    /// The clock was turned back: it showed this time twice.
    Two {
        earlier: i64,
        later: i64,
    },
    /// The clock was turned forward: it never showed this time.
    None,
}

/// No zone moves its clock by more than this, seconds.
const DAY: i64 = 86_400;

impl Zone {
    /// From an IANA name, `UTC` or an offset such as `+08:00`.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let zone = match offset(name) {
            Some(seconds) => Offset::from_seconds(seconds).ok().map(TimeZone::fixed),
            None => TimeZone::get(name).ok(),
        };
        match zone {
            Some(zone) => Ok(Self { name: name.to_owned(), zone, stretch: 0..0, offset: 0 }),
            None => Err(format!(
                "'{name}' is not a zone (an IANA name such as Asia/Shanghai, UTC, or an offset \
                    such as +08:00)"
            )),
        }
    }

    /// As given to [`Self::parse`].
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Offset from UTC at an instant, seconds east.
    pub(super) fn offset_at(&mut self, instant: i64) -> i32 {
        if !self.stretch.contains(&instant) {
            self.look_up(instant);
        }
        self.offset
    }

    /// The instants at which a clock in the zone shows `local` (seconds since 1970 of its own
    /// calendar).
    pub(super) fn instants(&mut self, local: i64) -> Instants {
        let guess = local.saturating_sub(i64::from(self.offset));
        if self.stretch.start.saturating_add(DAY) <= guess
            && guess < self.stretch.end.saturating_sub(DAY)
        {
            return Instants::One(guess);
        }
        let Ok(clock) = Timestamp::from_second(local) else { return Instants::None };
        let at = |offset: Offset| local - i64::from(offset.seconds());
        match self.zone.to_ambiguous_timestamp(Offset::UTC.to_datetime(clock)).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                self.offset_at(at(offset));
                Instants::One(at(offset))
            }
            AmbiguousOffset::Fold { before, after } => {
                Instants::Two { earlier: at(before), later: at(after) }
            }
            AmbiguousOffset::Gap { .. } => Instants::None,
        }
    }

    /// The first instant at which a clock in the zone shows `local`, or where it never does, the
    /// one at which it passes over it.
    pub(super) fn first_instant(&mut self, local: i64) -> Option<i64> {
        match self.instants(local) {
            Instants::One(instant) | Instants::Two { earlier: instant, .. } => Some(instant),
            Instants::None => {
                let clock = Offset::UTC.to_datetime(Timestamp::from_second(local).ok()?);
                self.zone.to_ambiguous_timestamp(clock).compatible().ok().map(Timestamp::as_second)
            }
        }
    }

    fn look_up(&mut self, instant: i64) {
        // Beyond the years that the database covers nothing changes any more.
        let Ok(at) = Timestamp::from_second(instant) else {
            self.stretch = instant..instant.saturating_add(1);
            return;
        };
        let next_second = Timestamp::from_second(instant + 1).unwrap_or(at);
        self.offset = self.zone.to_offset(at).seconds();
        let start = self
            .zone
            .preceding(next_second)
            .next()
            .map_or(i64::MIN, |change| change.timestamp().as_second());
        let end = self
            .zone
            .following(at)
            .next()
            .map_or(i64::MAX, |change| change.timestamp().as_second());
        self.stretch = start..end;
    }
}

/// `UTC`, `Z`, `+08:00`, `-0500`, `+01`: seconds east; `None` for anything else.
pub(super) fn offset(text: &str) -> Option<i32> {
    if matches!(text, "UTC" | "Z" | "z" | "utc" | "GMT") {
        return Some(0);
    }
    let (sign, digits) = match text.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let two = |tens: &u8, ones: &u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
    };
    let (hours, minutes) = match digits {
        [a, b] => (two(a, b)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (two(a, b)?, two(c, d)?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn offsets_are_read_in_all_their_spellings() {
        for (text, seconds) in [("UTC", 0), ("+08:00", 28_800), ("-0330", -12_600), ("+01", 3600)] {
            assert_eq!(offset(text), Some(seconds), "{text}");
        }
        for text in ["08:00", "+8", "+24:00", "+08:60", "Asia/Shanghai", ""] {
            assert_eq!(offset(text), None, "{text}");
        }
    }

    #[test]
    fn an_unknown_zone_is_told_what_would_be_legal() {
        let message = Zone::parse("Asia/Shangai").unwrap_err();
        assert!(message.contains("'Asia/Shangai' is not a zone (an IANA name"), "{message}");
    }

    #[test]
    fn clocks_turned_forward_skip_an_hour_and_turned_back_repeat_one() {
        let mut zone = Zone::parse("America/New_York").unwrap();
        // 2024-03-10 02:30 and 2024-11-03 01:30, as if UTC.
        assert_eq!(zone.instants(1_710_037_800), Instants::None);
        assert_eq!(
            zone.instants(1_730_597_400),
            Instants::Two { earlier: 1_730_611_800, later: 1_730_615_400 }
        );
        assert_eq!(zone.offset_at(1_730_611_800), -14_400);
        assert_eq!(zone.offset_at(1_730_615_400), -18_000);
    }

    proptest! {
        #[test]
        fn the_remembered_stretch_agrees_with_the_database(
            instants in prop::collection::vec(0i64..2_500_000_000, 1..40),
        ) {
            let mut zone = Zone::parse("America/New_York").unwrap();
            for instant in instants {
                let truth = zone.zone.to_offset(Timestamp::from_second(instant).unwrap()).seconds();
                prop_assert_eq!(zone.offset_at(instant), truth);
                match zone.instants(instant + i64::from(truth)) {
                    Instants::One(found) => prop_assert_eq!(found, instant),
                    Instants::Two { earlier, later } => {
                        prop_assert!(earlier == instant || later == instant)
                    }
                    Instants::None => prop_assert!(false, "{} exists", instant),
                }
            }
        }

        #[test]
        fn every_second_around_a_change_is_right(shift in -200_000i64..200_000) {
            let instant = 1_710_054_000 + shift; // 2024-03-10T07:00:00Z, New York turns forward
            let mut zone = Zone::parse("America/New_York").unwrap();
            zone.offset_at(instant - 40 * DAY);
            prop_assert_eq!(zone.offset_at(instant), if shift < 0 { -18_000 } else { -14_400 });
            prop_assert_eq!(
                zone.instants(instant + i64::from(if shift < 0 { -18_000 } else { -14_400 })),
                Instants::One(instant)
            );
        }
    }
}
