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
mod tests {
    use super::super::testing::{prepared, settings, uniforms};
    use super::*;
    use experiment::TargetKind;

    /// Returns whose volatility follows a slow wave and the time of day.
    fn waves(rows: usize) -> Prepared {
        let mut prepared = prepared(rows, 1);
        let noise = uniforms(rows, 9);
        let sigma: Vec<f64> = (0..rows)
            .map(|t| {
                1e-3 * (0.8 * (t as f64 / 700.0).sin()
                    + 0.5 * (prepared.time_of_day[t] * 20.0).cos())
                .exp()
            })
            .collect();
        prepared.log_return =
            noise.iter().zip(&sigma).map(|(noise, sigma)| noise * sigma).collect();
        prepared.log_return[0] = f64::NAN;
        prepared.target = sigma.iter().map(|sigma| sigma.ln()).collect();
        prepared.persistence = vec![(1e-3_f64).ln(); rows];
        prepared
    }

    fn r_squared(har: &Har, prepared: &Prepared, ends: &[u32]) -> f64 {
        let target: Vec<f64> = ends.iter().map(|&t| prepared.target[t as usize]).collect();
        let mean = target.iter().sum::<f64>() / target.len() as f64;
        let error: f64 =
            har.forecast(ends).iter().zip(&target).map(|(f, y)| (f - y) * (f - y)).sum();
        1.0 - error / target.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>()
    }

    #[test]
    fn a_wave_of_volatility_is_followed() {
        let prepared = waves(20_000);
        let har = fit(&settings(TargetKind::LogVolatility, 2), &prepared).unwrap();
        let ends: Vec<u32> = (10_000..20_000).collect();
        let share = r_squared(&har, &prepared, &ends);
        assert!(share > 0.85, "{share}");
    }

    #[test]
    fn nothing_after_the_training_windows_changes_the_fit() {
        let clean = waves(2_000);
        let mut changed = clean.clone();
        changed.target[1_000..].fill(5.0);
        changed.log_return[1_000..].fill(0.5);
        let settings = settings(TargetKind::LogVolatility, 2);
        let (clean, changed) = (fit(&settings, &clean).unwrap(), fit(&settings, &changed).unwrap());
        assert_eq!((&clean.whole, &clean.cascade), (&changed.whole, &changed.cascade));
        assert_eq!(clean.rows[..1_000], changed.rows[..1_000]);
        assert_ne!(clean.rows[1_000], changed.rows[1_000]);
    }

    #[test]
    fn hours_that_were_never_seen_are_forecast_without_the_curve() {
        // Training windows end from 10:00 to 16:00 alone; the volatility depends on the time of
        // day, and is calm at night.
        let mut prepared = waves(40 * 1440);
        let by_day = |time: f64| {
            if (0.4..0.67).contains(&time) { (time - 0.5).abs() * 6.0 - 0.3 } else { -2.0 }
        };
        let sigma: Vec<f64> =
            prepared.time_of_day.iter().map(|&time| 1e-3 * by_day(time).exp()).collect();
        let noise = uniforms(sigma.len(), 11);
        prepared.log_return =
            noise.iter().zip(&sigma).map(|(noise, sigma)| noise * sigma).collect();
        prepared.target = sigma.iter().map(|sigma| sigma.ln()).collect();
        let within = |from: f64, to: f64, rows: std::ops::Range<u32>| -> Vec<u32> {
            rows.filter(|&t| (from..to).contains(&prepared.time_of_day[t as usize])).collect()
        };
        let (day, night) = (
            within(10.0 / 24.0, 16.0 / 24.0, 300..28_800),
            within(20.0 / 24.0, 1.0, 28_800..57_600),
        );
        let also_seen = within(10.0 / 24.0, 16.0 / 24.0, 28_800..57_600);
        prepared.series.train = day;
        let har = fit(&settings(TargetKind::LogVolatility, 2), &prepared).unwrap();
        let rmse = |ends: &[u32]| {
            let error: f64 = har
                .forecast(ends)
                .iter()
                .zip(ends)
                .map(|(f, &t)| (f - prepared.target[t as usize]).powi(2))
                .sum();
            (error / ends.len() as f64).sqrt()
        };
        let (seen, unseen) = (rmse(&also_seen), rmse(&night));
        assert!(seen < 0.3 && unseen < 1.0, "{seen} by day, {unseen} by night");
        // The curve alone would go anywhere.
        let extrapolated: f64 = night
            .iter()
            .map(|&t| {
                (har.whole.forecast(&har.rows[t as usize]) - prepared.target[t as usize]).powi(2)
            })
            .sum();
        let extrapolated = (extrapolated / night.len() as f64).sqrt();
        assert!(extrapolated > 3.0 * unseen, "{extrapolated} with the curve, {unseen} without");
    }

    #[test]
    fn a_time_is_near_within_half_an_hour_round_midnight_too() {
        let seen = Seen { times: vec![0.01, 0.4, 0.99], near: 1_800.0 / 86_400.0 };
        assert!([0.0, 0.02, 0.42, 0.985, 0.999].into_iter().all(|time| seen.is_near(time)));
        assert!(![0.2, 0.43, 0.95].into_iter().any(|time| seen.is_near(time)));
    }

    #[test]
    fn a_return_over_a_gap_counts_only_where_windows_cross_gaps() {
        let mut prepared = prepared(8, 1);
        prepared.log_return = vec![f64::NAN, 1.0, 2.0, 100.0, 4.0, 0.0, 0.0, 0.0];
        for ts in &mut prepared.ts[3..] {
            *ts += 3_600_000_000_000;
        }
        let mut settings = settings(TargetKind::LogVolatility, 2);
        let squares = Squares::of(&settings, &prepared);
        assert_eq!(squares.mean(0, 5), None);
        assert_eq!(squares.mean(3, 5), Some(2.5));
        assert_eq!(squares.mean(4, 2), Some(10.0));
        assert_eq!(squares.mean(7, 2), Some(0.0));
        settings.cross_gaps = true;
        assert_eq!(Squares::of(&settings, &prepared).mean(3, 1), Some(10_000.0));
    }

    #[test]
    fn flat_stretches_and_bars_of_one_time_of_day_have_finite_forecasts() {
        let mut prepared = waves(400);
        prepared.log_return[20..60].fill(0.0);
        prepared.time_of_day.fill(0.5);
        let ends: Vec<u32> = (0..400).collect();
        let settings = settings(TargetKind::LogVolatility, 2);
        assert!(
            fit(&settings, &prepared)
                .unwrap()
                .forecast(&ends)
                .iter()
                .all(|forecast| forecast.is_finite())
        );
        prepared.log_return.fill(0.0);
        assert!(fit(&settings, &prepared).is_none());
    }
}
