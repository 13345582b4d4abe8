//! Transposes the matrices that gradients go back through.
#![allow(
    clippy::manual_div_ceil,
    clippy::manual_is_multiple_of,
    reason = "a kernel knows no such methods"
)]

use cubecl::prelude::*;

use super::net::Batch;

/// Side of the tiles.
pub(crate) const SIDE: usize = 32;
/// Rows of a tile that are moved at once.
pub(crate) const STRIDE: usize = 8;

/// `[K, 2L − 1, 4H, H]` of the weights: the matrices in the order recurrent, input of the next
/// layer, recurrent, … Cubes: tiles of 4H × tiles of H and matrices × lanes; threads: 32 × 8.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn transpose(weights: &Array<f32>, transposed: &mut Array<f32>, batch: &Batch) {
    let hidden = batch.hidden as usize;
    let gates = 4 * hidden;
    let tiles = hidden.div_ceil(SIDE);
    let (x, y) = (UNIT_POS_X as usize, UNIT_POS_Y as usize);
    let matrix = CUBE_POS_Y as usize / tiles;
    let first_unit = CUBE_POS_Y as usize % tiles * SIDE;
    let first_gate = CUBE_POS_X as usize * SIDE;
    let lane = CUBE_POS_Z as usize;
    let layer = (matrix + 1) / 2;
    let of_layer =
        (lane + batch.first_lane as usize) * batch.parameters() + batch.layer_start(layer);
    let of_matrix = of_layer + select(matrix % 2 == 0, batch.inputs(layer) * gates, 0);

    // A column more, so that a column's values are in different banks.
    let mut shared = SharedMemory::<f32>::new(comptime!(SIDE * (SIDE + 1)));
    #[unroll]
    for part in 0..comptime!(SIDE / STRIDE) {
        let (unit, gate) = (first_unit + y + part * STRIDE, first_gate + x);
        if unit < hidden && gate < gates {
            shared[(y + part * STRIDE) * (SIDE + 1) + x] = weights[of_matrix + unit * gates + gate];
        }
    }
    sync_cube();
    #[unroll]
    for part in 0..comptime!(SIDE / STRIDE) {
        let (unit, gate) = (first_unit + x, first_gate + y + part * STRIDE);
        if unit < hidden && gate < gates {
            let at =
                ((lane * (2 * batch.layers as usize - 1) + matrix) * gates + gate) * hidden + unit;
            transposed[at] = shared[x * (SIDE + 1) + y + part * STRIDE];
        }
    }
}
