//! `drift` and `seasonal`: the two naive forecasts beside persistence (Hyndman & Athanasopoulos
//! 2021, section 5.2).

use super::score::scored;
use crate::Prepared;
use experiment::TargetKind;

const DAY: i64 = 86_400_000_000_000;

/// Days that `seasonal` goes back at most: over a weekend and a holiday.
const DAYS: i64 = 7;

/// Persistence plus the mean of target − persistence over the training windows; `None` when there
/// are none.
pub(super) fn drift(prepared: &Prepared, ends: &[u32]) -> Option<Vec<f64>> {
    let train = scored(prepared, &prepared.series.train);
    let steps =
        train.iter().map(|&t| prepared.target[t as usize] - prepared.persistence[t as usize]);
    let mean = steps.sum::<f64>() / train.len() as f64;
    mean.is_finite()
        .then(|| ends.iter().map(|&t| prepared.persistence[t as usize] + mean).collect())
}

/// What followed the same minute of the local clock on the last day that has it, at most [`DAYS`]
/// back: its log return, its log volatility, or the last close plus its change. Persistence where
/// no such day is known. `horizon` bars must have passed since that minute.
pub(super) fn seasonal(
    kind: TargetKind,
    horizon: usize,
    prepared: &Prepared,
    ends: &[u32],
) -> Vec<f64> {
    let clock = Clock::of(prepared);
    let forecast = |&t: &u32| {
        let t = t as usize;
        let naive = prepared.persistence[t];
        let Some(then) = clock.same_minute(t, horizon) else { return naive };
        match kind {
            TargetKind::Price => naive + prepared.target[then] - prepared.persistence[then],
            TargetKind::LogReturn | TargetKind::LogVolatility => prepared.target[then],
        }
    };
    ends.iter().map(forecast).collect()
}

/// Rows by what the local clock shows.
struct Clock<'a> {
    prepared: &'a Prepared,
    /// Every offset that the clock has in these rows, seconds east of UTC.
    offsets: Vec<i32>,
}

impl<'a> Clock<'a> {
    fn of(prepared: &'a Prepared) -> Self {
        let mut offsets = prepared.offset_seconds.clone();
        offsets.dedup();
        offsets.sort_unstable();
        offsets.dedup();
        Self { prepared, offsets }
    }

    /// The row of the same time of the clock on the last day that has it, its target known at row
    /// `t`.
    fn same_minute(&self, t: usize, horizon: usize) -> Option<usize> {
        let Prepared { target, persistence, .. } = self.prepared;
        let known = |&row: &usize| {
            row + horizon <= t && target[row].is_finite() && persistence[row].is_finite()
        };
        (1..=DAYS).filter_map(|days| self.days_before(t, days)).find(known)
    }

    /// The row at which the clock shows what it shows at row `t`, days before.
    fn days_before(&self, t: usize, days: i64) -> Option<usize> {
        let Prepared { ts, offset_seconds, .. } = self.prepared;
        let own = offset_seconds[t];
        let at = |offset: i32| {
            let changed = (i64::from(own) - i64::from(offset)) * 1_000_000_000;
            let row = ts[..t].binary_search(&ts[t].saturating_sub(days * DAY - changed)).ok()?;
            (offset_seconds[row] == offset).then_some(row)
        };
        // Where the clock showed it twice, the pass with today's offset.
        at(own).or_else(|| {
            self.offsets.iter().filter(|&&offset| offset != own).find_map(|&offset| at(offset))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::prepared;
    use super::*;

    /// Bars of one hour, so that a day has 24 rows.
    fn hours(rows: usize) -> Prepared {
        let mut prepared = prepared(rows, 1);
        prepared.ts = (0..rows as i64).map(|t| t * DAY / 24).collect();
        prepared
    }

    #[test]
    fn drift_adds_the_mean_step_of_the_training_windows_alone() {
        let mut prepared = hours(40);
        prepared.series.train = vec![3, 4, 5];
        for (row, step) in [(3, 1.0), (4, 2.0), (5, 6.0), (30, 1e9)] {
            prepared.target[row] = prepared.persistence[row] + step;
        }
        let forecast = drift(&prepared, &[30, 31]).unwrap();
        assert!((forecast[0] - prepared.persistence[30] - 3.0).abs() < 1e-12);
        assert!((forecast[1] - prepared.persistence[31] - 3.0).abs() < 1e-12);
        prepared.series.train.clear();
        assert_eq!(drift(&prepared, &[30]), None);
    }

    #[test]
    fn seasonal_repeats_what_followed_the_same_hour_yesterday() {
        let prepared = hours(60);
        assert_eq!(seasonal(TargetKind::LogReturn, 2, &prepared, &[40]), [prepared.target[16]]);
        let change = prepared.target[16] - prepared.persistence[16];
        assert_eq!(
            seasonal(TargetKind::Price, 2, &prepared, &[40]),
            [prepared.persistence[40] + change]
        );
        // Nothing is known of the day before the first.
        assert_eq!(
            seasonal(TargetKind::LogReturn, 2, &prepared, &[10]),
            [prepared.persistence[10]]
        );
    }

    #[test]
    fn seasonal_goes_back_over_missing_days_and_never_knows_an_open_target() {
        let mut prepared = hours(100);
        prepared.target[66] = f64::NAN;
        assert_eq!(seasonal(TargetKind::LogReturn, 1, &prepared, &[90]), [prepared.target[42]]);
        // With a horizon of 30 hours yesterday's target is not over yet.
        assert_eq!(seasonal(TargetKind::LogReturn, 30, &prepared, &[90]), [prepared.target[42]]);
    }

    #[test]
    fn seasonal_goes_by_the_local_clock_across_a_change() {
        for (change, from, to) in [(50, -18_000, -14_400), (50, -14_400, -18_000)] {
            let mut prepared = hours(120);
            prepared.offset_seconds =
                (0..120).map(|row| if row < change { from } else { to }).collect();
            // What a clock showed at row 60 it showed 23 or 25 rows before.
            let hours = 24 - (to - from) / 3600;
            assert_eq!(
                seasonal(TargetKind::LogReturn, 2, &prepared, &[60]),
                [prepared.target[60 - hours as usize]]
            );
            assert_eq!(
                seasonal(TargetKind::LogReturn, 2, &prepared, &[110]),
                [prepared.target[86]]
            );
        }
    }
}
