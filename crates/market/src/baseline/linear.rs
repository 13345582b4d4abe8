//! `linear`: persistence plus a ridge regression on the flattened window of scaled features,
//! persistence being one of them.
//!
//! * What is regressed is target − persistence, so that shrinking leads back to persistence and not
//!   to a worse forecast.
//! * Each feature is brought to mean 0 and variance 1 over the training windows' last rows; the
//!   intercept is not penalised.
//! * The ridge per window is one of [`RIDGES`]: the one that forecasts the last fifth of the
//!   training windows best when fitted on those before it (a window and a horizon apart); then the
//!   fit is repeated on all training windows.
//! * At most [`MAX_COLUMNS`] coefficients: of a larger window only the last rows are used. At most
//!   [`MAX_PRODUCTS`] multiplications: of more training windows only the last are used.

use super::ridge::{Normal, add_scaled, dot};
use super::score::scored;
use crate::Prepared;
use experiment::Data;

/// Ridges to choose from, per training window; a feature's variance is 1.
const RIDGES: [f64; 7] = [1e-8, 1e-6, 1e-4, 1e-2, 1e-1, 1.0, 10.0];

/// Most coefficients.
const MAX_COLUMNS: usize = 2_000;

/// Most multiplications for the normal equations: some ten seconds.
const MAX_PRODUCTS: usize = 20_000_000_000;

/// A fitted regression.
pub(super) struct Linear {
    /// Rows of the window that it looks at.
    rows: usize,
    /// Standardised features and persistence, row-major.
    features: Vec<f64>,
    /// Columns of `features`.
    width: usize,
    intercept: f64,
    /// Oldest row first.
    coefficients: Vec<f64>,
}

/// Fits on the training windows; `None` when there are none.
pub(super) fn fit(data: &Data, prepared: &Prepared) -> Option<Linear> {
    let width = prepared.series.columns + 1;
    let rows = rows_used(data.window, width);
    let train = scored(prepared, &prepared.series.train);
    let train = affordable(&train, rows, width);
    if train.is_empty() {
        return None;
    }
    let features = standardised(prepared, train);
    let gap = (data.window + data.target.horizon) as u32;
    let windows = Windows { features: &features, width, rows };

    let held = &train[train.len() * 4 / 5..];
    let before = &train[..train.partition_point(|&t| t + gap <= held[0])];
    let ridge = best_ridge(&windows, prepared, before, held);

    let fitted = Equations::of(&windows, train, &residuals(prepared, train));
    let (intercept, coefficients) = fitted.solve(ridge)?;
    Some(Linear { rows, features, width, intercept, coefficients })
}

impl Linear {
    /// Forecasts in the target's unit of the windows that end at `ends`.
    pub(super) fn forecast(&self, prepared: &Prepared, ends: &[u32]) -> Vec<f64> {
        let windows = Windows { features: &self.features, width: self.width, rows: self.rows };
        let forecast = |&t: &u32| {
            prepared.persistence[t as usize]
                + self.intercept
                + dot(windows.ending_at(t), &self.coefficients)
        };
        ends.iter().map(forecast).collect()
    }
}

/// The ridge that does best on `held` when fitted on `before`; the smallest when there is nothing
/// to choose by.
fn best_ridge(windows: &Windows, prepared: &Prepared, before: &[u32], held: &[u32]) -> f64 {
    let equations = Equations::of(windows, before, &residuals(prepared, before));
    let wanted = residuals(prepared, held);
    let loss = |ridge: f64| -> Option<f64> {
        let (intercept, coefficients) = equations.solve(ridge)?;
        let error = |(&t, wanted): (&u32, &f64)| {
            (intercept + dot(windows.ending_at(t), &coefficients) - wanted).powi(2)
        };
        Some(held.iter().zip(&wanted).map(error).sum())
    };
    let mut best = (RIDGES[0], f64::INFINITY);
    for ridge in RIDGES {
        match loss(ridge) {
            Some(loss) if loss < best.1 => best = (ridge, loss),
            _ => {}
        }
    }
    best.0
}

/// Target − persistence.
fn residuals(prepared: &Prepared, ends: &[u32]) -> Vec<f64> {
    ends.iter().map(|&t| prepared.target[t as usize] - prepared.persistence[t as usize]).collect()
}

/// Rows of a window that make at most [`MAX_COLUMNS`], but at least one.
fn rows_used(window: usize, width: usize) -> usize {
    window.min(MAX_COLUMNS / width.max(1)).max(1)
}

/// The last of `train` whose normal equations take at most [`MAX_PRODUCTS`].
fn affordable(train: &[u32], rows: usize, width: usize) -> &[u32] {
    let columns = rows * width;
    let mut products = 0;
    for index in (0..train.len()).rev() {
        let in_a_run = index + 1 < train.len() && train[index] + 1 == train[index + 1];
        // As in `gram`: the last row against the window; at the two ends of a run, the window
        // against itself.
        products += columns * width + if in_a_run { 0 } else { columns * columns };
        if products > MAX_PRODUCTS {
            return &train[index + 1..];
        }
    }
    train
}

/// All rows' features and persistence, brought to mean 0 and variance 1 over the rows of `train`; 0
/// where constant or unknown.
fn standardised(prepared: &Prepared, train: &[u32]) -> Vec<f64> {
    let columns = prepared.series.columns;
    let mut table = Vec::with_capacity(prepared.persistence.len() * (columns + 1));
    for (row, persistence) in
        prepared.series.features.chunks_exact(columns).zip(&prepared.persistence)
    {
        table.extend(row.iter().map(|x| f64::from(*x)));
        table.push(*persistence);
    }
    let (width, count) = (columns + 1, train.len() as f64);
    for column in 0..width {
        let of = |t: &u32| table[*t as usize * width + column];
        let mean = train.iter().map(of).sum::<f64>() / count;
        let deviation = (train.iter().map(|t| (of(t) - mean).powi(2)).sum::<f64>() / count).sqrt();
        for x in table.iter_mut().skip(column).step_by(width) {
            *x = if deviation > 0.0 && x.is_finite() { (*x - mean) / deviation } else { 0.0 };
        }
    }
    table
}

/// Windows of a row-major table.
struct Windows<'a> {
    features: &'a [f64],
    width: usize,
    rows: usize,
}

impl Windows<'_> {
    /// The window's features, oldest row first.
    fn ending_at(&self, t: u32) -> &[f64] {
        let end = (t as usize + 1) * self.width;
        &self.features[end - self.rows * self.width..end]
    }
}

/// The normal equations of windows, with what was subtracted to centre them.
struct Equations {
    normal: Normal,
    means: Vec<f64>,
    target_mean: f64,
    count: f64,
}

impl Equations {
    fn of(windows: &Windows, ends: &[u32], target: &[f64]) -> Self {
        let columns = windows.rows * windows.width;
        let count = ends.len() as f64;
        let target_mean = target.iter().sum::<f64>() / count;
        let (mut means, mut moment) = (vec![0.0; columns], vec![0.0; columns]);
        for (&t, target) in ends.iter().zip(target) {
            let window = windows.ending_at(t);
            add_scaled(&mut means, 1.0 / count, window);
            add_scaled(&mut moment, target - target_mean, window);
        }
        let mut gram = gram(windows, ends);
        for i in 0..columns {
            add_scaled(&mut gram[i * columns..=i * columns + i], -count * means[i], &means[..=i]);
        }
        Self { normal: Normal { gram, moment }, means, target_mean, count }
    }

    /// Intercept and coefficients; `None` without windows.
    fn solve(&self, ridge: f64) -> Option<(f64, Vec<f64>)> {
        let coefficients = self.normal.solve(ridge * self.count)?;
        Some((self.target_mean - dot(&self.means, &coefficients), coefficients))
    }
}

/// Σ over windows of the outer product of their features, lower triangle.
///
/// Neighbouring windows share all but one row: with E the ends, the products of rows i+1 and j+1
/// bars back, summed over E, are those of rows i and j bars back summed over E shifted by one,
/// which differs from E only where runs of ends begin and stop. So only the last row is multiplied
/// with every window: columns · width per window in place of columns² / 2.
fn gram(windows: &Windows, ends: &[u32]) -> Vec<f64> {
    let &Windows { features, width, rows } = windows;
    let columns = rows * width;
    let mut gram = vec![0.0; columns * columns];
    for &t in ends {
        let window = windows.ending_at(t);
        for (row, x) in gram[(rows - 1) * width * columns..]
            .chunks_exact_mut(columns)
            .zip(&window[(rows - 1) * width..])
        {
            add_scaled(row, *x, window);
        }
    }
    // (end, weight): what a shift by one takes away and brings.
    let contains = |t: u32| ends.binary_search(&t).is_ok();
    let stops = ends.iter().filter(|&&t| !contains(t + 1)).map(|&t| (t as usize, -1.0));
    let starts =
        ends.iter().filter(|&&t| t > 0 && !contains(t - 1)).map(|&t| (t as usize - 1, 1.0));
    let edges: Vec<(usize, f64)> = stops.chain(starts).collect();
    for position in (0..rows - 1).rev() {
        // Rows back of the end, for the block of rows one younger.
        let back = rows - 2 - position;
        let length = (position + 1) * width;
        for feature in 0..width {
            let (older, younger) = gram.split_at_mut((position + 1) * width * columns);
            let sum = &mut older[(position * width + feature) * columns..][..length];
            sum.copy_from_slice(&younger[feature * columns + width..][..length]);
            for &(t, weight) in &edges {
                let end = (t - back + 1) * width;
                add_scaled(
                    sum,
                    weight * features[(t - back) * width + feature],
                    &features[end - length..end],
                );
            }
        }
    }
    gram
}

#[cfg(test)]
mod tests;
