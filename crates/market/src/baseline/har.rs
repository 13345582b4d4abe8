//! `har`: the heterogeneous autoregression of Corsi (2009), for a log volatility.
//!
//! Least squares, on the training windows, of the target on the log of the realised volatility of
//! the last [`CASCADE`] bars and on a smooth curve of the time of day (Andersen and
//! Bollerslev 1997): a parabola and two harmonics over the part of the day that the training
//! windows cover. The realised volatility is per bar, over as many of the last returns as there are
//! in the data; returns over a gap count only where windows may cross gaps.
//!
//! A curve says nothing of times of day at which no training window ends: a parabola goes anywhere.
//! There (half an hour or more, and a bar, from any time that was seen) the forecast is that of a
//! second regression, on the cascade alone.

use super::ridge::{Normal, add_scaled, dot};
use super::score::scored;
use crate::Prepared;
use crate::step::Step;
use experiment::Data;

/// Bars of realised volatility to look back on: for minutes, from the last moments to a session.
const CASCADE: [usize; 3] = [5, 30, 240];

/// Cascade, parabola, two harmonics.
const COLUMNS: usize = CASCADE.len() + 2 + 4;

/// Fitted regressions, with their regressors by row.
pub(super) struct Har {
    rows: Vec<[f64; COLUMNS]>,
    /// On the cascade and the curve.
    whole: Fit,
    /// On the cascade alone.
    cascade: Fit,
    /// Rows at a time of day that the training windows have not seen.
    unseen: Vec<bool>,
}

/// Coefficients of the first of the regressors.
#[derive(Debug, PartialEq)]
struct Fit {
    intercept: f64,
    coefficients: Vec<f64>,
}

/// Fits on the training windows; `None` when there are none or their prices do not move.
pub(super) fn fit(data: &Data, prepared: &Prepared) -> Option<Har> {
    let train = scored(prepared, &prepared.series.train);
    let rows = regressors(data, prepared, &train)?;
    let whole = Fit::of(&rows, COLUMNS, prepared, &train)?;
    let cascade = Fit::of(&rows, CASCADE.len(), prepared, &train)?;
    let seen = Seen::of(prepared, &train);
    let unseen = prepared.time_of_day.iter().map(|&time| !seen.is_near(time)).collect();
    Some(Har { rows, whole, cascade, unseen })
}

impl Fit {
    /// Least squares on the first so many regressors.
    fn of(
        rows: &[[f64; COLUMNS]],
        columns: usize,
        prepared: &Prepared,
        train: &[u32],
    ) -> Option<Self> {
        let count = train.len() as f64;
        let target: Vec<f64> = train.iter().map(|&t| prepared.target[t as usize]).collect();
        let target_mean = target.iter().sum::<f64>() / count;
        let mut means = vec![0.0; columns];
        for &t in train {
            add_scaled(&mut means, 1.0 / count, &rows[t as usize][..columns]);
        }
        let centred = |&t: &u32| {
            rows[t as usize].iter().zip(&means).map(|(x, mean)| x - mean).collect::<Vec<_>>()
        };
        let x: Vec<f64> = train.iter().flat_map(centred).collect();
        let y: Vec<f64> = target.iter().map(|y| y - target_mean).collect();
        // Least squares but for bars of one time of day, where the curve's columns are constant.
        let coefficients = Normal::of_rows(&x, &y).solve(1e-9 * count)?;
        Some(Self { intercept: target_mean - dot(&means, &coefficients), coefficients })
    }

    fn forecast(&self, row: &[f64; COLUMNS]) -> f64 {
        self.intercept + dot(&row[..self.coefficients.len()], &self.coefficients)
    }
}

impl Har {
    /// Forecasts of the windows that end at `ends`.
    pub(super) fn forecast(&self, ends: &[u32]) -> Vec<f64> {
        let forecast = |&t: &u32| {
            let fit = if self.unseen[t as usize] { &self.cascade } else { &self.whole };
            fit.forecast(&self.rows[t as usize])
        };
        ends.iter().map(forecast).collect()
    }
}

/// Times of day at which training windows end.
struct Seen {
    /// Shares of a day, ascending.
    times: Vec<f64>,
    /// How far from one of them is near: half an hour or a bar, share of a day.
    near: f64,
}

/// Half an hour, seconds.
const NEAR: u32 = 1_800;

impl Seen {
    fn of(prepared: &Prepared, train: &[u32]) -> Self {
        let mut times: Vec<f64> = train.iter().map(|&t| prepared.time_of_day[t as usize]).collect();
        times.sort_unstable_by(f64::total_cmp);
        times.dedup();
        // A little more, for sums of a bar's share of a day that are not exact.
        Self { times, near: f64::from(prepared.report.bar_seconds.max(NEAR)) / 86_400.0 + 1e-9 }
    }

    fn is_near(&self, time: f64) -> bool {
        let after = self.times.partition_point(|&seen| seen < time);
        let distance = |seen: &f64| {
            let apart = (seen - time).abs();
            apart.min(1.0 - apart)
        };
        // The day goes round: the last time is a neighbour of the first.
        let neighbours =
            [self.times.get(after), after.checked_sub(1).and_then(|before| self.times.get(before))];
        let ends = [self.times.first(), self.times.last()];
        neighbours.into_iter().chain(ends).flatten().any(|seen| distance(seen) <= self.near)
    }
}

/// The regressors of every row.
fn regressors(data: &Data, prepared: &Prepared, train: &[u32]) -> Option<Vec<[f64; COLUMNS]>> {
    let squares = Squares::of(data, prepared);
    let &last = train.last()?;
    let floor = squares.mean(last as usize, usize::MAX)? * FLOOR;
    let times = || train.iter().map(|&t| prepared.time_of_day[t as usize]);
    let (first, end) =
        times().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), time| (a.min(time), b.max(time)));
    let length = if end > first { end - first } else { 1.0 };
    let row = |t: usize| {
        let mut row = [0.0; COLUMNS];
        for (x, bars) in row.iter_mut().zip(CASCADE) {
            // A first row knows no return: the mean of the training rows is as good as anything.
            let mean = squares.mean(t, bars).unwrap_or(floor / FLOOR);
            *x = 0.5 * mean.max(floor).ln();
        }
        let passed = (prepared.time_of_day[t] - first) / length;
        let turn = std::f64::consts::TAU * passed;
        row[CASCADE.len()..].copy_from_slice(&[
            passed,
            passed * passed,
            turn.sin(),
            turn.cos(),
            (2.0 * turn).sin(),
            (2.0 * turn).cos(),
        ]);
        row
    };
    Some((0..prepared.ts.len()).map(row).collect())
}

/// A mean square below this share of the training rows' counts as it: a stretch without movement
/// has no logarithm.
const FLOOR: f64 = 1e-4;

/// Running sums of the squared returns.
struct Squares {
    /// Over the first 0, 1, 2, … returns.
    sums: Vec<f64>,
    /// Returns up to each row.
    counts: Vec<usize>,
}

impl Squares {
    fn of(data: &Data, prepared: &Prepared) -> Self {
        let step = Step::of_seconds(prepared.report.bar_seconds);
        let at = |t: usize| (prepared.ts[t], prepared.offset_seconds[t]);
        let mut squares = Self { sums: vec![0.0], counts: Vec::new() };
        let mut sum = 0.0;
        for (t, log_return) in prepared.log_return.iter().enumerate() {
            let known = t > 0 && log_return.is_finite();
            if known && (data.cross_gaps || step.follows(at(t - 1), at(t))) {
                sum += log_return * log_return;
                squares.sums.push(sum);
            }
            squares.counts.push(squares.sums.len() - 1);
        }
        squares
    }

    /// Mean square of the last `bars` returns up to row `t`, or of as many as there are; `None`
    /// when there are none or no price has moved since the first row.
    fn mean(&self, t: usize, bars: usize) -> Option<f64> {
        let end = self.counts[t];
        let count = bars.min(end);
        let sum = self.sums[end] - self.sums[end - count];
        (count > 0 && self.sums[end] > 0.0).then(|| sum / count as f64)
    }
}

#[cfg(test)]
mod tests;
