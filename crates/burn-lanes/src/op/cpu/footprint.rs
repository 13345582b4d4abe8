//! How much memory the passes hold in buffers of the pool.

use super::backward::BLOCK_ROWS;
use super::forward::KEPT;
use super::network::TILE;
use super::simd::InstructionSet;
use crate::Shape;

/// Bytes that training a pack of so many lanes holds between its steps on so many threads, as if
/// some lane dropped outputs: a tile's activations for each thread, a share of the gradient for
/// each, and for each lane on a thread its weights as panels, these transposed, and the sum of its
/// shares. (The tiles of a pass without gradients have buffers of the same sizes.)
pub(crate) fn buffers(shape: &Shape, lanes: usize, threads: usize) -> f64 {
    let width = InstructionSet::chosen().width();
    let padded = shape.hidden.div_ceil(width) as f64 * width as f64;
    let rows = TILE.min(shape.batch) as f64;
    let [time, features, hidden, layers] =
        [shape.window, shape.features, shape.hidden, shape.layers].map(|number| number as f64);
    let states = time * rows * padded;
    // Hidden states and what is kept in every layer; factors and outputs in all but the last; one
    // sequence of outer gradients.
    let tile = rows * time * features
        + states * (layers * (1.0 + KEPT as f64) + 2.0 * (layers - 1.0) + 1.0)
        + padded * (3.0 * rows + 4.0 * rows.max(BLOCK_ROWS as f64));
    let panels: f64 = (0..2.min(shape.layers))
        .map(|layer| (shape.inputs_of(layer) as f64 + hidden + 1.0) * 4.0 * padded)
        .sum();
    let panels = panels
        + (layers - 2.0).max(0.0) * (2.0 * hidden + 1.0) * 4.0 * padded
        + shape.head.outputs() as f64 * padded;
    let transposed = (2.0 * layers - 1.0) * 4.0 * padded * padded;
    let lanes = lanes.min(threads) as f64;
    4.0 * (threads as f64 * (tile + panels) + lanes * (2.0 * panels + transposed))
}
