//! A density over a space, made of points: a mixture with a kernel about each (Parzen 1962), in the
//! form of Optuna 5's multivariate estimator.

use libm::{exp, log};

use super::normal::{log_between, log_density, quantile};

/// A dimension: what coordinates it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axis {
    /// All numbers from `low` to `high`; spaced by their logarithms where `log`.
    Float {
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
        /// Whether ratios count, not differences.
        log: bool,
    },
    /// `low`, `low + step`, … up to `high`: whole numbers among others.
    Stepped {
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
        /// From one to the next.
        step: f64,
        /// Whether ratios count, not differences.
        log: bool,
    },
    /// Values without an order, by their numbers 0, 1, ….
    Choice {
        /// How many.
        values: usize,
    },
}

impl Axis {
    /// The coordinate at a share, in [0, 1), of the axis.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        let between = |low: f64, high: f64, is_log: bool| {
            if is_log {
                exp(log(low) + share * (log(high) - log(low)))
            } else {
                low + share * (high - low)
            }
        };
        match *self {
            Self::Float { low, high, log } => between(low, high, log).clamp(low, high),
            // Each value owns the half step to either side of it.
            Self::Stepped { low, high, step, log } => {
                let x = between(low - step / 2.0, high + step / 2.0, log);
                (low + ((x - low) / step).round() * step).clamp(low, high)
            }
            Self::Choice { values } => ((share * values as f64) as usize).min(values - 1) as f64,
        }
    }
}

/// The density.
#[derive(Clone, Debug)]
pub struct Parzen {
    /// Logarithms of the kernels' weights; they add up to 1.
    log_weights: Vec<f64>,
    columns: Vec<Column>,
}

/// The kernels of one dimension.
#[derive(Clone, Debug)]
enum Column {
    Normal(Normal),
    /// Probabilities, kernel after kernel.
    Choice {
        values: usize,
        weights: Vec<f64>,
    },
}

/// Normal kernels, cut off at the ends of the range.
#[derive(Clone, Debug)]
struct Normal {
    centres: Vec<f64>,
    widths: Vec<f64>,
    /// Logarithm of the probability within the range, by kernel.
    log_masses: Vec<f64>,
    /// The ends, half a step beyond where there are steps; logarithms where `log`.
    low: f64,
    high: f64,
    /// First and last legal value, and the step between, where there is one.
    steps: Option<(f64, f64, f64)>,
    log: bool,
}

/// Observations that weigh in full; older ones less and less.
const FULL_WEIGHT: usize = 25;

impl Parzen {
    /// Of points, the oldest first, each with a coordinate for each axis (the number of a choice).
    /// Each has a kernel as wide as the larger gap to its neighbours; one more, as wide as the
    /// range, stands for what was never tried.
    #[must_use]
    pub fn new(axes: &[Axis], points: &[&[f64]]) -> Self {
        let kernels = points.len() + 1;
        let mut weights = weights(points.len());
        weights.push(1.0);
        let sum: f64 = weights.iter().sum();
        let column = |(place, axis): (usize, &Axis)| {
            let values: Vec<f64> = points.iter().map(|point| point[place]).collect();
            match *axis {
                Axis::Float { low, high, log } => {
                    Column::Normal(Normal::new(values, low, high, None, log))
                }
                Axis::Stepped { low, high, step, log } => {
                    Column::Normal(Normal::new(values, low, high, Some(step), log))
                }
                Axis::Choice { values: count } => {
                    let mut weights = vec![1.0 / kernels as f64; kernels * count];
                    for (kernel, value) in values.iter().enumerate() {
                        weights[kernel * count + *value as usize] += 1.0;
                    }
                    for kernel in weights.chunks_exact_mut(count) {
                        let sum: f64 = kernel.iter().sum();
                        kernel.iter_mut().for_each(|weight| *weight /= sum);
                    }
                    Column::Choice { values: count, weights }
                }
            }
        };
        Self {
            log_weights: weights.iter().map(|weight| log(weight / sum)).collect(),
            columns: axes.iter().enumerate().map(column).collect(),
        }
    }

    /// Logarithm of the density at a point; of its probability along axes with steps or choices.
    /// (Along a logarithmic axis the density is that of the logarithm.)
    #[must_use]
    pub fn log_density(&self, point: &[f64]) -> f64 {
        let mut terms = self.log_weights.clone();
        for (column, &x) in self.columns.iter().zip(point) {
            match column {
                Column::Normal(normal) => normal.add_log_density(x, &mut terms),
                Column::Choice { values, weights } => {
                    for (term, kernel) in terms.iter_mut().zip(weights.chunks_exact(*values)) {
                        *term += log(kernel[x as usize]);
                    }
                }
            }
        }
        let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return most;
        }
        most + log(terms.iter().map(|term| exp(term - most)).sum())
    }

    /// A point drawn from it; `uniform` gives numbers in [0, 1): one for the kernel, then one for
    /// each axis.
    pub fn draw(&self, mut uniform: impl FnMut() -> f64) -> Vec<f64> {
        let kernel = pick(self.log_weights.iter().map(|weight| exp(*weight)), uniform());
        let coordinate = |column: &Column| match column {
            Column::Normal(normal) => normal.draw(kernel, uniform()),
            Column::Choice { values, weights } => {
                let own = &weights[kernel * values..(kernel + 1) * values];
                pick(own.iter().copied(), uniform()) as f64
            }
        };
        self.columns.iter().map(coordinate).collect()
    }
}

impl Normal {
    fn new(values: Vec<f64>, first: f64, last: f64, step: Option<f64>, is_log: bool) -> Self {
        let half = step.unwrap_or(0.0) / 2.0;
        let scale = |x: f64| if is_log { log(x) } else { x };
        let (low, high) = (scale(first - half), scale(last + half));
        let range = high - low;
        let mut centres: Vec<f64> = values.into_iter().map(scale).collect();
        let mut widths = gaps(&centres, low, high);
        let narrowest = range / f64::min(100.0, (centres.len() + 2) as f64);
        widths.iter_mut().for_each(|width| *width = width.clamp(narrowest, range));
        centres.push(0.5 * (low + high));
        widths.push(range);
        let mass = |(centre, width): (&f64, &f64)| {
            log_between((low - centre) / width, (high - centre) / width)
        };
        let log_masses = centres.iter().zip(&widths).map(mass).collect();
        let steps = step.map(|step| (first, last, step));
        Self { centres, widths, log_masses, low, high, steps, log: is_log }
    }

    fn add_log_density(&self, x: f64, terms: &mut [f64]) {
        let scale = |x: f64| if self.log { log(x) } else { x };
        let kernels = self.centres.iter().zip(&self.widths).zip(&self.log_masses);
        match self.steps {
            Some((_, _, step)) => {
                let (left, right) = (scale(x - step / 2.0), scale(x + step / 2.0));
                for (term, ((centre, width), mass)) in terms.iter_mut().zip(kernels) {
                    *term += log_between((left - centre) / width, (right - centre) / width) - mass;
                }
            }
            None => {
                let x = scale(x);
                let inside = (self.low..=self.high).contains(&x);
                for (term, ((centre, width), mass)) in terms.iter_mut().zip(kernels) {
                    *term += if inside {
                        log_density((x - centre) / width) - mass - log(*width)
                    } else {
                        f64::NEG_INFINITY
                    };
                }
            }
        }
    }

    fn draw(&self, kernel: usize, q: f64) -> f64 {
        let (centre, width) = (self.centres[kernel], self.widths[kernel]);
        let z = quantile(q, (self.low - centre) / width, (self.high - centre) / width);
        let x = (centre + z * width).clamp(self.low, self.high);
        let x = if self.log { exp(x) } else { x };
        match self.steps {
            Some((first, last, step)) => {
                (first + ((x - first) / step).round() * step).clamp(first, last)
            }
            None => x,
        }
    }
}

/// The larger of the distances to the neighbours on both sides; the outermost points have one
/// neighbour, a single point the ends of the range.
fn gaps(centres: &[f64], low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..centres.len()).collect();
    // Of equal ones the older first.
    order.sort_by(|&a, &b| centres[a].total_cmp(&centres[b]));
    let at = |place: usize| centres[order[place]];
    let last = centres.len().saturating_sub(1);
    let mut gaps = vec![0.0; centres.len()];
    for place in 0..centres.len() {
        gaps[order[place]] = match place {
            0 if last == 0 => f64::max(at(0) - low, high - at(0)),
            0 => at(1) - at(0),
            place if place == last => at(last) - at(last - 1),
            place => f64::max(at(place) - at(place - 1), at(place + 1) - at(place)),
        };
    }
    gaps
}

/// Weights of points by age, the oldest first.
fn weights(count: usize) -> Vec<f64> {
    let old = count.saturating_sub(FULL_WEIGHT);
    let ramp = |place: usize| match old {
        1 => 1.0 / count as f64,
        // From 1 / count to 1 in equal steps.
        _ => {
            let from = 1.0 / count as f64;
            from + (1.0 - from) * place as f64 / (old - 1) as f64
        }
    };
    (0..count).map(|place| if place < old { ramp(place) } else { 1.0 }).collect()
}

/// The place at which running probabilities pass `q`.
fn pick(probabilities: impl ExactSizeIterator<Item = f64>, q: f64) -> usize {
    let last = probabilities.len() - 1;
    let mut sum = 0.0;
    let passed = |probability: f64| {
        sum += probability;
        q < sum
    };
    // Rounding may leave the sum below 1.
    probabilities.map(passed).position(|passed| passed).unwrap_or(last)
}

#[cfg(test)]
mod tests;
