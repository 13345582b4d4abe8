//! `har`: the heterogeneous autoregression of Corsi (2009), for a log volatility.
//!
//! Least squares, on the training windows, of the target on the log of the realised volatility of the last [`CASCADE`] bars and on
//! a smooth curve of the time of day (Andersen and Bollerslev 1997): a parabola and two harmonics over the part of the day that the
//! training windows cover. The realised volatility is per bar, over as many of the last returns as there are in the data; returns
//! over a gap count only where windows may cross gaps.

use super::ridge::{Normal, add_scaled, dot};
use super::score::scored;
use crate::market::Prepared;
use crate::spec::Data;

/// Bars of realised volatility to look back on: for minutes, from the last moments to a session.
const CASCADE: [usize; 3] = [5, 30, 240];

/// Cascade, parabola, two harmonics.
const COLUMNS: usize = CASCADE.len() + 2 + 4;

/// A fitted regression, with its regressors by row.
pub(super) struct Har {
    rows: Vec<[f64; COLUMNS]>,
    intercept: f64,
    coefficients: Vec<f64>,
}

/// Fits on the training windows; `None` when there are none or their prices do not move.
pub(super) fn fit(data: &Data, prepared: &Prepared) -> Option<Har> {
    let train = scored(prepared, &prepared.series.train);
    let rows = regressors(data, prepared, &train)?;
    let count = train.len() as f64;
    let target: Vec<f64> = train.iter().map(|&t| prepared.target[t as usize]).collect();
    let target_mean = target.iter().sum::<f64>() / count;
    let mut means = vec![0.0; COLUMNS];
    for &t in &train {
        add_scaled(&mut means, 1.0 / count, &rows[t as usize]);
    }
    let centred = |&t: &u32| rows[t as usize].iter().zip(&means).map(|(x, mean)| x - mean).collect::<Vec<_>>();
    let x: Vec<f64> = train.iter().flat_map(centred).collect();
    let y: Vec<f64> = target.iter().map(|y| y - target_mean).collect();
    // Least squares but for bars of one time of day, where the curve's columns are constant.
    let coefficients = Normal::of_rows(&x, &y).solve(1e-9 * count)?;
    Some(Har { intercept: target_mean - dot(&means, &coefficients), coefficients, rows })
}

impl Har {
    /// Forecasts of the windows that end at `ends`.
    pub fn forecast(&self, ends: &[u32]) -> Vec<f64> {
        ends.iter().map(|&t| self.intercept + dot(&self.rows[t as usize], &self.coefficients)).collect()
    }
}

/// The regressors of every row.
fn regressors(data: &Data, prepared: &Prepared, train: &[u32]) -> Option<Vec<[f64; COLUMNS]>> {
    let squares = Squares::of(data, prepared);
    let &last = train.last()?;
    let floor = squares.mean(last as usize, usize::MAX)? * FLOOR;
    let times = || train.iter().map(|&t| prepared.time_of_day[t as usize]);
    let (first, end) = times().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), time| (a.min(time), b.max(time)));
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

/// A mean square below this share of the training rows' counts as it: a stretch without movement has no logarithm.
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
        let bar = i64::from(prepared.report.bar_seconds) * 1_000_000_000;
        let mut squares = Self { sums: vec![0.0], counts: Vec::new() };
        let mut sum = 0.0;
        for (t, log_return) in prepared.log_return.iter().enumerate() {
            let known = t > 0 && log_return.is_finite();
            if known && (data.cross_gaps || prepared.ts[t] - prepared.ts[t - 1] == bar) {
                sum += log_return * log_return;
                squares.sums.push(sum);
            }
            squares.counts.push(squares.sums.len() - 1);
        }
        squares
    }

    /// Mean square of the last `bars` returns up to row `t`, or of as many as there are; `None` when there are none or no price
    /// has moved since the first row.
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
    use crate::spec::TargetKind;

    /// Returns whose volatility follows a slow wave and the time of day.
    fn waves(rows: usize) -> Prepared {
        let mut prepared = prepared(rows, 1);
        let noise = uniforms(rows, 9);
        let sigma: Vec<f64> = (0..rows)
            .map(|t| 1e-3 * (0.8 * (t as f64 / 700.0).sin() + 0.5 * (prepared.time_of_day[t] * 20.0).cos()).exp())
            .collect();
        prepared.log_return = noise.iter().zip(&sigma).map(|(noise, sigma)| noise * sigma).collect();
        prepared.log_return[0] = f64::NAN;
        prepared.target = sigma.iter().map(|sigma| sigma.ln()).collect();
        prepared.persistence = vec![(1e-3_f64).ln(); rows];
        prepared
    }

    fn r_squared(har: &Har, prepared: &Prepared, ends: &[u32]) -> f64 {
        let target: Vec<f64> = ends.iter().map(|&t| prepared.target[t as usize]).collect();
        let mean = target.iter().sum::<f64>() / target.len() as f64;
        let error: f64 = har.forecast(ends).iter().zip(&target).map(|(f, y)| (f - y) * (f - y)).sum();
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
        assert_eq!(clean.coefficients, changed.coefficients);
        assert_eq!(clean.rows[..1_000], changed.rows[..1_000]);
        assert_ne!(clean.rows[1_000], changed.rows[1_000]);
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
        assert!(fit(&settings, &prepared).unwrap().forecast(&ends).iter().all(|forecast| forecast.is_finite()));
        prepared.log_return.fill(0.0);
        assert!(fit(&settings, &prepared).is_none());
    }
}
