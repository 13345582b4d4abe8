//! Bars in time order, what lies between them, and the calendar that they keep.

use serde::Serialize;
use std::ops::Range;

/// Bars of one instrument, as columns in time order; every column has the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TradedBars {
    /// Start of each bar, nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Local date of each bar's start, days since 1970.
    pub date: Vec<i32>,
    /// First price of each bar.
    pub open: Vec<f64>,
    /// Last price of each bar.
    pub close: Vec<f64>,
    /// What lies after each bar.
    pub gap_after: Vec<Gap>,
    /// Length of a bar, seconds.
    pub bar_seconds: u32,
}

/// What lies between a bar and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Nothing: the next bar begins where this one ends.
    None,
    /// A gap within a date: a lunch break, a hole in the data.
    Break,
    /// A gap after which the date is another: a night, a weekend; or the end of the data.
    Session,
}

const SECOND: i64 = 1_000_000_000;

impl TradedBars {
    /// Bars with their contiguous runs; `offset_seconds` is local time's offset from UTC at each
    /// bar, seconds east.
    #[must_use]
    pub fn new(
        ts: &[i64],
        offset_seconds: &[i32],
        open: &[f64],
        close: &[f64],
        runs: &[Range<usize>],
        bar_seconds: u32,
    ) -> Self {
        let local = ts.iter().zip(offset_seconds);
        let date: Vec<i32> = local
            .map(|(ts, offset)| {
                (ts + i64::from(*offset) * SECOND).div_euclid(86_400 * SECOND) as i32
            })
            .collect();
        let mut gap_after = vec![Gap::None; ts.len()];
        for last in runs.iter().filter(|run| !run.is_empty()).map(|run| run.end - 1) {
            let same_date = date.get(last + 1).is_some_and(|next| *next == date[last]);
            gap_after[last] = if same_date { Gap::Break } else { Gap::Session };
        }
        Self {
            ts: ts.to_vec(),
            date,
            open: open.to_vec(),
            close: close.to_vec(),
            gap_after,
            bar_seconds,
        }
    }

    /// Number of bars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether there is no bar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// Some of its bars.
    ///
    /// # Panics
    /// When the range is not within it.
    #[must_use]
    pub fn slice(&self, bars: Range<usize>) -> Self {
        let Self { ts, date, open, close, gap_after, bar_seconds } = self;
        Self {
            ts: ts[bars.clone()].to_vec(),
            date: date[bars.clone()].to_vec(),
            open: open[bars.clone()].to_vec(),
            close: close[bars.clone()].to_vec(),
            gap_after: gap_after[bars].to_vec(),
            bar_seconds: *bar_seconds,
        }
    }

    /// The last bar of each date.
    #[must_use]
    pub fn day_ends(&self) -> Vec<usize> {
        (0..self.len()).filter(|&bar| self.date.get(bar + 1) != Some(&self.date[bar])).collect()
    }
}

/// How often there is trading, as the bars tell it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Calendar {
    /// Dates with bars.
    pub sessions: usize,
    /// Dates with bars in a year, if trading goes on as in the whole weeks that the bars cover:
    /// about 252 for shares, 365 for crypto-currencies, 52 for weekly bars. `None` for less than a
    /// week.
    pub sessions_per_year: Option<f64>,
    /// Mean.
    pub bars_per_session: f64,
}

/// Days in a year of the Gregorian calendar.
const DAYS_PER_YEAR: f64 = 365.2425;

/// The calendar of bars by their dates (ascending). Counts over whole weeks: a part of a week would
/// count its weekend or not by where it begins.
#[must_use]
pub fn calendar(dates: &[i32]) -> Calendar {
    let mut days = dates.to_vec();
    days.dedup();
    let sessions = days.len();
    let span = days.first().zip(days.last()).map_or(0, |(first, last)| last - first + 1);
    let weeks = span / 7;
    let in_weeks = days.iter().take_while(|day| **day - days[0] < weeks * 7).count();
    Calendar {
        sessions,
        sessions_per_year: (weeks > 0)
            .then(|| in_weeks as f64 / f64::from(weeks * 7) * DAYS_PER_YEAR),
        bars_per_session: dates.len() as f64 / sessions.max(1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dates from Monday 2024-01-01 on, without the given days of the week (0 is Monday).
    fn dates(days: i32, closed: &[i32]) -> Vec<i32> {
        (19_723..19_723 + days)
            .filter(|day| !closed.contains(&((day - 19_723) % 7)))
            .flat_map(|day| [day; 3])
            .collect()
    }

    #[test]
    fn days_in_a_year_come_out_of_the_dates() {
        let per_year = |dates: &[i32]| calendar(dates).sessions_per_year;
        let near =
            |found: Option<f64>, want: f64| found.is_some_and(|found| (found - want).abs() < 1e-9);
        assert!(near(per_year(&dates(365, &[])), 365.2425), "crypto-currencies");
        assert!(near(per_year(&dates(19, &[])), 365.2425), "of two weeks and a part");
        assert!(
            near(per_year(&dates(362, &[5, 6])), 365.2425 / 7.0 * 5.0),
            "weekdays without holidays: 260.9"
        );
        assert!(near(per_year(&dates(71, &[1, 2, 3, 4, 5, 6])), 365.2425 / 7.0), "weekly bars");
        assert_eq!((per_year(&dates(6, &[])), per_year(&[])), (None, None));
        assert_eq!(
            (calendar(&dates(8, &[])).sessions, calendar(&dates(8, &[])).bars_per_session),
            (8, 3.0)
        );
    }

    #[test]
    fn a_gap_is_a_night_when_the_date_changes_and_a_break_when_it_does_not() {
        // Two bars, lunch, one bar, night, one bar; in a zone 8 hours east, where 16:00 UTC is
        // midnight.
        let hour = 3600 * SECOND;
        let ts = [13 * hour, 14 * hour, 15 * hour + hour / 2, 17 * hour, 18 * hour];
        let bars =
            TradedBars::new(&ts, &[28_800; 5], &[1.0; 5], &[1.0; 5], &[0..2, 2..3, 3..5], 3600);
        assert_eq!(bars.gap_after, [Gap::None, Gap::Break, Gap::Session, Gap::None, Gap::Session]);
        assert_eq!(bars.date, [0, 0, 0, 1, 1]);
        assert_eq!(bars.day_ends(), [2, 4]);
        assert_eq!(bars.slice(1..4).day_ends(), [1, 2]);
    }

    #[test]
    fn midnight_without_a_gap_is_no_gap() {
        let ts = [23 * 3600 * SECOND, 24 * 3600 * SECOND];
        #[expect(clippy::single_range_in_vec_init, reason = "one run is what is meant")]
        let bars = TradedBars::new(&ts, &[0; 2], &[1.0; 2], &[1.0; 2], &[0..2], 3600);
        assert_eq!((bars.gap_after[0], bars.day_ends()), (Gap::None, vec![0, 1]));
    }
}
