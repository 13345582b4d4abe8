//! How much memory a pack takes, before it is built.

use crate::Shape;
use crate::forecast::chunk_size;
use crate::model::parameters;

/// Bytes a training of `lanes` lanes over a series of `series_rows` rows takes at its peak, roughly: 4 bytes times the sum of
///
/// * the series: rows × (features + 1), and the window order: rows × lanes;
/// * per lane, 9 times its weights: weights, best weights, gradients, two moments, and temporaries of the update;
/// * per lane, the larger of a step's and a validation chunk's activations. With N = window × batch, a step keeps 7·N·H per layer for
///   the backward pass, 8·N·H for the gates' gradients in one layer at a time, 4·N·H for the input's share of the gates, and the
///   windows and their row numbers, N·(features + 1). A chunk of max(batch, 128) windows needs 6·N·H and the windows.
///
/// Allocators and drivers add their own; GPU kernels may need less.
#[must_use]
pub fn memory_estimate(shape: &Shape, lanes: usize, series_rows: usize) -> u64 {
    let [lanes, rows, features, window, hidden, layers] =
        [lanes, series_rows, shape.features, shape.window, shape.hidden, shape.layers].map(|number| number as u64);
    let activations = |batch: usize, per_unit: u64| {
        let n = window.saturating_mul(batch as u64);
        n.saturating_mul(hidden).saturating_mul(per_unit).saturating_add(n.saturating_mul(features + 1))
    };
    let step = activations(shape.batch, layers.saturating_mul(7).saturating_add(12));
    let chunk = activations(chunk_size(shape), 6);
    let lane = (parameters(shape) as u64).saturating_mul(9).saturating_add(step.max(chunk)).saturating_add(rows);
    rows.saturating_mul(features + 1).saturating_add(lanes.saturating_mul(lane)).saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loss, OptimizerKind};

    #[test]
    fn an_estimate_grows_with_lanes_and_does_not_overflow() {
        let shape =
            Shape { features: 5, window: 60, hidden: 32, layers: 2, batch: 32, loss: Loss::Mse, optimizer: OptimizerKind::Adam };
        let (one, many) = (memory_estimate(&shape, 1, 100_000), memory_estimate(&shape, 128, 100_000));
        assert!(one > 100_000 * 6 * 4 && many > 100 * (one - 100_000 * 6 * 4));
        assert_eq!(memory_estimate(&Shape { batch: usize::MAX, ..shape }, 1, 1), u64::MAX);
    }
}
