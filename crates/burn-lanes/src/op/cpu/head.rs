//! The head of a tile: forecasts from the last hidden states, and the way back from their errors.

use super::simd::{Kernel, Vector};
use crate::loss::{Objective, tilt};
use crate::{Levels, Loss};

/// The head's weights and biases as the kernels read them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    /// `[Q][padded]`, filled up with zeros.
    pub(super) weights: &'a [f32],
    /// `[Q]`.
    pub(super) biases: &'a [f32],
}

impl Head<'_> {
    fn padded(&self) -> usize {
        self.weights.len() / self.biases.len()
    }
}

/// `h·w + b` for each window and output.
pub(super) struct Forecast<'a> {
    /// `[rows][padded]`.
    pub(super) hidden: &'a [f32],
    pub(super) head: Head<'a>,
    /// `[rows][Q]`.
    pub(super) forecasts: &'a mut [f32],
}

impl Kernel for Forecast<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { hidden, head, forecasts } = self;
        let padded = head.padded();
        for (hidden, forecasts) in
            hidden.chunks_exact(padded).zip(forecasts.chunks_exact_mut(head.biases.len()))
        {
            for ((forecast, weights), bias) in
                forecasts.iter_mut().zip(head.weights.chunks_exact(padded)).zip(head.biases)
            {
                let mut sums = V::splat(0.0);
                for (hidden, weights) in
                    hidden.chunks_exact(V::WIDTH).zip(weights.chunks_exact(V::WIDTH))
                {
                    sums = V::load(hidden).mul_add(V::load(weights), sums);
                }
                let mut values = [0.0; 16];
                sums.store(&mut values);
                *forecast = values[..V::WIDTH].iter().sum::<f32>() + bias;
            }
        }
    }
}

/// The gradient of the last hidden states and of the head.
pub(super) struct Back<'a> {
    /// Of each window's forecasts, `[rows][Q]`.
    pub(super) errors: &'a [f32],
    /// `[rows][padded]`.
    pub(super) hidden: &'a [f32],
    pub(super) head: Head<'a>,
    /// To be added to: weights, then biases.
    pub(super) gradient: &'a mut [f32],
    /// Of the hidden states.
    pub(super) outer: &'a mut [f32],
}

impl Kernel for Back<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { errors, hidden, head, gradient, outer } = self;
        let (padded, outputs) = (head.padded(), head.biases.len());
        let (weights, biases) = gradient.split_at_mut(outputs * padded);
        let rows = hidden.chunks_exact(padded).zip(outer.chunks_exact_mut(padded));
        for (errors, (hidden, outer)) in errors.chunks_exact(outputs).zip(rows) {
            for (output, &error) in errors.iter().enumerate() {
                let (own, gradient) =
                    (&head.weights[output * padded..], &mut weights[output * padded..]);
                for at in (0..padded).step_by(V::WIDTH) {
                    let sum =
                        V::splat(error).mul_add(V::load(&hidden[at..]), V::load(&gradient[at..]));
                    sum.store(&mut gradient[at..]);
                    let own = V::load(&own[at..]);
                    let back = if output == 0 {
                        V::splat(error).mul(own)
                    } else {
                        V::splat(error).mul_add(own, V::load(&outer[at..]))
                    };
                    back.store(&mut outer[at..]);
                }
                biases[output] += error;
            }
        }
    }
}

/// What the windows' losses change by with each error, `[rows][Q]`; NaN for NaN. See
/// [`crate::loss::error_gradients`].
pub(super) fn error_gradients(objective: &Objective, errors: &mut [f32]) {
    match objective {
        Objective::Point(loss) => {
            errors.iter_mut().for_each(|error| *error = error_gradient(*loss, *error))
        }
        Objective::Quantiles(levels) => {
            let count = levels.count();
            for errors in errors.chunks_exact_mut(count) {
                for (error, level) in errors.iter_mut().zip(levels.values()) {
                    *error = (error_gradient(Loss::Mae, *error) * 0.5 + tilt(level) as f32)
                        / count as f32;
                }
            }
        }
    }
}

fn error_gradient(loss: Loss, error: f32) -> f32 {
    match loss {
        Loss::Mse => error * 2.0,
        Loss::Mae if error > 0.0 => 1.0,
        Loss::Mae if error < 0.0 => -1.0,
        Loss::Mae => error,
        Loss::Huber => error.clamp(-1.0, 1.0),
    }
}

/// Sums over windows from forecasts, `[rows][Q]`: loss, and squared and absolute error of the point
/// forecast. In f64, so that long batches lose nothing.
pub(super) fn sums(
    objective: &Objective,
    forecasts: &[f32],
    targets: impl Iterator<Item = f32>,
) -> [f64; 3] {
    let (outputs, point) = (objective.outputs(), objective.point());
    let [mut losses, mut squares, mut sizes] = [0.0; 3];
    for (forecasts, target) in forecasts.chunks_exact(outputs).zip(targets) {
        let error = f64::from(forecasts[point] - target);
        let (square, size) = (error * error, error.abs());
        losses += match objective {
            Objective::Point(Loss::Mse) => square,
            Objective::Point(Loss::Mae) => size,
            Objective::Point(Loss::Huber) if size <= 1.0 => 0.5 * square,
            Objective::Point(Loss::Huber) => size - 0.5,
            Objective::Quantiles(levels) => pinball(levels, forecasts, target),
        };
        squares += square;
        sizes += size;
    }
    [losses, squares, sizes]
}

/// The mean of the quantiles' pinball losses.
fn pinball(levels: &Levels, forecasts: &[f32], target: f32) -> f64 {
    let errors = forecasts.iter().map(|forecast| f64::from(forecast - target));
    let losses =
        errors.zip(levels.values()).map(|(error, level)| 0.5 * error.abs() + tilt(level) * error);
    losses.sum::<f64>() / levels.count() as f64
}
