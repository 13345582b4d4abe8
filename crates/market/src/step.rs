//! How far bars are apart: when one follows the one before it without a gap.

/// The length of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Nanoseconds.
    ns: i64,
}

/// A bar's timestamp: nanoseconds since 1970 UTC, and the local clock's seconds east of UTC.
pub(super) type At = (i64, i32);

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// No clock is changed by more at once, seconds; a greater difference of two offsets is another
/// zone.
const LARGEST_CHANGE: i64 = 7_200;

/// A timestamp this near to a whole second was meant to be on it: at most, and as a share of the
/// bar.
const MOST_JITTER: i64 = SECOND / 2;
const JITTER_SHARE: i64 = 100;

impl Step {
    pub(super) fn of_seconds(bar_seconds: u32) -> Self {
        Self { ns: i64::from(bar_seconds) * SECOND }
    }

    /// Nanoseconds.
    pub(super) fn ns(self) -> i64 {
        self.ns
    }

    /// Whether one bar comes after the other without a gap: a bar's length later, or where the
    /// clock was changed in between, later by the clock. (A day then has 23 or 25 hours, and a bar
    /// that is no longer than the change itself is one that is missing.)
    pub(super) fn follows(self, before: At, next: At) -> bool {
        next.0.checked_sub(before.0) == Some(self.ns) || self.follows_by_the_clock(before, next)
    }

    fn follows_by_the_clock(self, before: At, next: At) -> bool {
        let change = i64::from(next.1) - i64::from(before.1);
        let elapsed = next.0.checked_sub(before.0);
        let by_the_clock = change != 0
            && change.abs() <= LARGEST_CHANGE
            && change.abs() * SECOND < self.ns
            && elapsed == Some(self.ns - change * SECOND);
        by_the_clock || self.follows_by_the_calendar(before, next)
    }

    /// A day begins an hour late where its midnight is skipped.
    fn follows_by_the_calendar(self, before: At, next: At) -> bool {
        let day =
            |(ts, offset): At| ts.div_euclid(SECOND).saturating_add(offset.into()).div_euclid(DAY);
        self.ns % (DAY * SECOND) == 0
            && day(next) - day(before) == self.ns / (DAY * SECOND)
            && next.0.saturating_sub(before.0).abs_diff(self.ns)
                <= (LARGEST_CHANGE * SECOND).unsigned_abs()
    }

    /// Whether a bar begins before the one before it has ended.
    pub(super) fn overlaps(self, before: At, next: At) -> bool {
        next.0.saturating_sub(before.0) < self.ns && !self.follows(before, next)
    }

    /// The start of a bar that is labelled by its end; `before`: the end of the bar before it, if
    /// there is one.
    pub(super) fn start(self, before: Option<At>, end: At) -> At {
        match before {
            Some(before) if self.follows_by_the_clock(before, end) => before,
            _ => (end.0.saturating_sub(self.ns), end.1),
        }
    }

    /// A timestamp that lies a little beside a whole second, on it; any other as it is.
    pub(super) fn without_jitter(self, ns: i64) -> i64 {
        let nearest = nearest_second(ns);
        let tolerance = (self.ns / JITTER_SHARE).min(MOST_JITTER);
        if (nearest - ns).abs() <= tolerance { nearest } else { ns }
    }
}

/// The most frequent distance of neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spacing {
    /// Nanoseconds; to the second where it is no more than some milliseconds off. Above 0.
    pub ns: i64,
    /// Pairs of neighbours that are so far apart.
    pub pairs: usize,
    /// All pairs of neighbours that are apart.
    pub of: usize,
}

/// Two timestamps of this much jitter each are at most so far off their distance, nanoseconds.
const NEAR: i64 = 20_000_000;

impl Spacing {
    /// Of timestamps in any order; `None` when no two neighbours are apart. Of equally frequent
    /// distances the shortest: a hole is longer than a bar.
    pub(super) fn most_frequent(ts: impl Iterator<Item = i64>) -> Option<Self> {
        let mut counts = std::collections::BTreeMap::<i64, usize>::new();
        let (mut before, mut current, mut repeated, mut of) = (None, 0, 0, 0);
        for ts in ts {
            let Some(before) = before.replace(ts) else { continue };
            let apart = to_the_second(ts.saturating_sub(before).saturating_abs());
            if apart == 0 {
                continue;
            }
            of += 1;
            if apart != current {
                *counts.entry(current).or_default() += repeated;
                (current, repeated) = (apart, 0);
            }
            repeated += 1;
        }
        *counts.entry(current).or_default() += repeated;
        let most = counts.iter().filter(|(ns, _)| **ns > 0).rev().max_by_key(|(_, pairs)| **pairs);
        most.map(|(&ns, &pairs)| Self { ns, pairs, of })
    }

    /// Whether bars are this long anywhere: whole seconds that divide a minute, minutes an hour,
    /// hours a day, or days.
    pub(super) fn is_usual(&self) -> bool {
        let seconds = self.ns / SECOND;
        let divides = |whole: i64, unit: i64| seconds % unit == 0 && whole % seconds == 0;
        self.ns % SECOND == 0
            && (divides(60, 1)
                || divides(3_600, 60)
                || divides(86_400, 3_600)
                || seconds % 86_400 == 0)
    }
}

fn nearest_second(ns: i64) -> i64 {
    let rest = ns.rem_euclid(SECOND);
    let down = ns.saturating_sub(rest);
    if rest * 2 < SECOND { down } else { down.saturating_add(SECOND) }
}

fn to_the_second(apart: i64) -> i64 {
    let nearest = nearest_second(apart);
    if nearest > 0 && (nearest - apart).abs() <= NEAR { nearest } else { apart }
}

/// As `data.bar` takes it: `1m`, `4h`, `1d`, `90s`.
pub(super) fn as_bar(seconds: i64) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * SECOND;
    const EST: i32 = -18_000;
    const EDT: i32 = -14_400;

    fn follows(bar_seconds: u32, hours: i64, from: i32, to: i32) -> bool {
        Step::of_seconds(bar_seconds).follows((1_000 * HOUR, from), ((1_000 + hours) * HOUR, to))
    }

    #[test]
    fn a_day_and_a_week_go_by_the_clock_and_an_hour_by_the_instant() {
        for (days, bar_seconds) in [(1_i64, 86_400), (7, 604_800)] {
            assert!(follows(bar_seconds, 24 * days, EST, EST));
            assert!(follows(bar_seconds, 24 * days - 1, EST, EDT));
            assert!(follows(bar_seconds, 24 * days + 1, EDT, EST));
            // Days of UTC whose local clock is changed.
            assert!(follows(bar_seconds, 24 * days, EST, EDT));
            assert!(
                !follows(bar_seconds, 24 * days - 3, EST, EST)
                    && !follows(bar_seconds, 48 * days, EST, EST)
            );
        }
        assert!(follows(4 * 3_600, 3, EST, EDT) && follows(4 * 3_600, 5, EDT, EST));
        // Between 00:00 and 01:00 of the second pass one hour is missing.
        assert!(
            follows(3_600, 1, EDT, EST)
                && !follows(3_600, 2, EDT, EST)
                && !follows(3_600, 0, EST, EDT)
        );
        // The day whose midnight was skipped began at 01:00, the next at 00:00.
        let skipped = (1_541_300_400 * SECOND, -7_200);
        assert!(Step::of_seconds(86_400).follows(skipped, (1_541_383_200 * SECOND, -7_200)));
        // Another zone is not a change of the clock.
        assert!(!follows(86_400, 16, 0, 28_800));
    }

    #[test]
    fn the_start_of_a_day_that_is_labelled_by_its_end_is_the_end_before_it() {
        let day = Step::of_seconds(86_400);
        assert_eq!(day.start(None, (240 * HOUR, EST)), (216 * HOUR, EST));
        assert_eq!(day.start(Some((216 * HOUR, EST)), (240 * HOUR, EST)), (216 * HOUR, EST));
        assert_eq!(day.start(Some((217 * HOUR, EST)), (240 * HOUR, EDT)), (217 * HOUR, EST));
        assert_eq!(day.start(Some((200 * HOUR, EST)), (240 * HOUR, EDT)), (216 * HOUR, EDT));
    }

    #[test]
    fn bars_that_begin_too_early_overlap() {
        let hour = Step::of_seconds(3_600);
        assert!(
            hour.overlaps((0, 0), (60 * SECOND, 0))
                && !hour.overlaps((0, 0), (HOUR, 0))
                && !hour.overlaps((0, 0), (2 * HOUR, 0))
        );
        assert!(!Step::of_seconds(86_400).overlaps((0, EST), (23 * HOUR, EDT)));
    }

    #[test]
    fn jitter_is_a_hundredth_of_a_bar_or_half_a_second() {
        let minute = Step::of_seconds(60);
        assert_eq!(
            [60 * SECOND + 2_000_000, 59_998_000_000, 60_500_000_000]
                .map(|ns| minute.without_jitter(ns) / SECOND),
            [60, 60, 61]
        );
        let second = Step::of_seconds(1);
        assert_eq!(second.without_jitter(7 * SECOND + 10_000_000), 7 * SECOND);
        assert_eq!(second.without_jitter(7 * SECOND + 11_000_000), 7 * SECOND + 11_000_000);
        assert_eq!(minute.without_jitter(-1), 0);
    }

    #[test]
    fn the_most_frequent_spacing_is_the_shorter_of_two_and_overlooks_jitter() {
        let of = |ns: &[i64]| Spacing::most_frequent(ns.iter().copied());
        let seconds =
            |seconds: &[i64]| of(&seconds.iter().map(|s| s * SECOND).collect::<Vec<_>>()).unwrap();
        assert_eq!(
            seconds(&[0, 60, 120, 400, 800, 860]),
            Spacing { ns: 60 * SECOND, pairs: 3, of: 5 }
        );
        assert_eq!(seconds(&[0, 300, 360, 660, 720]).ns, 60 * SECOND);
        assert_eq!(seconds(&[720, 660, 600]).ns, 60 * SECOND);
        assert_eq!(
            of(&[2_000_000, 60 * SECOND, 120 * SECOND + 1_000_000]).unwrap().ns,
            60 * SECOND
        );
        assert_eq!(of(&[0, 250_000_000, 500_000_000]).unwrap().ns, 250_000_000);
        assert_eq!((of(&[]), of(&[7]), of(&[7, 7])), (None, None, None));
    }

    #[test]
    fn usual_lengths_divide_a_day() {
        let usual = |seconds: i64| Spacing { ns: seconds * SECOND, pairs: 1, of: 1 }.is_usual();
        assert!([1, 5, 60, 300, 3_600, 14_400, 86_400, 604_800].into_iter().all(usual));
        assert!(![7, 41, 100, 4_100, 10_000, 86_401].into_iter().any(usual));
        assert_eq!([60, 90, 3_600, 5_400, 86_400].map(as_bar), ["1m", "90s", "1h", "90m", "1d"]);
    }
}
