//! The head of a tile: forecasts from the last hidden states, and the way back from their errors.

use super::simd::{Kernel, Vector};
use crate::Loss;

/// `h·w + b` for each window.
pub(super) struct Forecast<'a> {
    /// `[rows][padded]`.
    pub(super) hidden: &'a [f32],
    /// Weights, filled up with zeros, and bias.
    pub(super) head: &'a [f32],
    /// `[rows]`.
    pub(super) forecasts: &'a mut [f32],
}

impl Kernel for Forecast<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { hidden, head, forecasts } = self;
        let (weights, bias) = head.split_at(head.len() - 1);
        for (hidden, forecast) in hidden.chunks_exact(weights.len()).zip(forecasts) {
            let mut sums = V::splat(0.0);
            for (hidden, weights) in hidden.chunks_exact(V::WIDTH).zip(weights.chunks_exact(V::WIDTH)) {
                sums = V::load(hidden).mul_add(V::load(weights), sums);
            }
            let mut values = [0.0; 16];
            sums.store(&mut values);
            *forecast = values[..V::WIDTH].iter().sum::<f32>() + bias[0];
        }
    }
}

/// The gradient of the last hidden states and of the head.
pub(super) struct Back<'a> {
    /// Of each window's forecast.
    pub(super) errors: &'a [f32],
    /// `[rows][padded]`.
    pub(super) hidden: &'a [f32],
    /// Weights, filled up with zeros, and bias.
    pub(super) head: &'a [f32],
    /// To be added to.
    pub(super) gradient: &'a mut [f32],
    /// Of the hidden states.
    pub(super) outer: &'a mut [f32],
}

impl Kernel for Back<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { errors, hidden, head, gradient, outer } = self;
        let padded = head.len() - 1;
        let rows = hidden.chunks_exact(padded).zip(outer.chunks_exact_mut(padded));
        for (&error, (hidden, outer)) in errors.iter().zip(rows) {
            for at in (0..padded).step_by(V::WIDTH) {
                let sum = V::splat(error).mul_add(V::load(&hidden[at..]), V::load(&gradient[at..]));
                sum.store(&mut gradient[at..]);
                V::splat(error).mul(V::load(&head[at..])).store(&mut outer[at..]);
            }
            gradient[padded] += error;
        }
    }
}

/// What a window's loss changes by with its error; NaN for NaN. See [`crate::loss::error_gradients`].
pub(super) fn error_gradient(loss: Loss, error: f32) -> f32 {
    match loss {
        Loss::Mse => error * 2.0,
        Loss::Mae if error > 0.0 => 1.0,
        Loss::Mae if error < 0.0 => -1.0,
        Loss::Mae => error,
        Loss::Huber => error.clamp(-1.0, 1.0),
    }
}

/// Sums over windows, each over the error: loss, squared error, absolute error. In f64, so that long batches lose nothing.
pub(super) fn sums(loss: Loss, errors: impl Iterator<Item = f32>) -> [f64; 3] {
    let [mut losses, mut squares, mut sizes] = [0.0; 3];
    for error in errors.map(f64::from) {
        let (square, size) = (error * error, error.abs());
        losses += match loss {
            Loss::Mse => square,
            Loss::Mae => size,
            Loss::Huber if size <= 1.0 => 0.5 * square,
            Loss::Huber => size - 0.5,
        };
        squares += square;
        sizes += size;
    }
    [losses, squares, sizes]
}
