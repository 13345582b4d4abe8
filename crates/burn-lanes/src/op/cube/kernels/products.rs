//! The gradients of the layers' weights: products over all steps and windows, `[inputs | h before]ᵀ
//! · dz`, and the biases' sums.
//!
//! A cube owns a tile of a layer's matrices and goes through the rows of activations in order, so
//! that nothing is added up across cubes. Rows come four windows at a time, in two buffers, the
//! next on their way while one is multiplied.

use cubecl::prelude::*;

use super::math::Four;
use super::net::{Batch, H};

/// Side of the tiles.
pub(crate) const SIDE: usize = 64;
/// Threads along a side of a cube.
pub(crate) const THREADS: usize = 16;
/// Rows and columns that a thread owns, [`THREADS`] apart.
const OWN: usize = SIDE / THREADS;
/// Groups of windows that are multiplied at once: each thread brings one vector of either operand.
const DEPTH: usize = THREADS * THREADS / SIDE;

/// Where a tile is.
#[derive(CubeType, Clone, Copy)]
struct Place {
    layer: usize,
    row: usize,
    column: usize,
}

/// Tiles of all layers' matrices.
pub(crate) fn tiles(features: usize, hidden: usize, layers: usize) -> usize {
    let columns = (4 * hidden).div_ceil(SIDE);
    ((features + hidden).div_ceil(SIDE) + (layers - 1) * (2 * hidden).div_ceil(SIDE)) * columns
}

/// The tile of a number: those of the first layer, then those of the others.
#[cube]
fn place(number: usize, batch: &Batch) -> Place {
    let (features, hidden) = (batch.features as usize, batch.hidden as usize);
    let columns = (4 * hidden).div_ceil(SIDE);
    let first = (features + hidden).div_ceil(SIDE) * columns;
    let others = (2 * hidden).div_ceil(SIDE) * columns;
    let beyond = select(number < first, 0, number - first);
    let layer = select(number < first, 0, beyond / others + 1);
    let tile = select(number < first, number, beyond % others);
    Place { layer, row: tile / columns * SIDE, column: tile % columns * SIDE }
}

/// What a thread brings of an operand, a vector a stage: a column of activations, or of the
/// windows' features.
#[derive(CubeType, Clone, Copy)]
struct Column {
    /// Whether it is within the operand.
    exists: bool,
    /// Where it is in the first row.
    at: usize,
    /// Rows, counted in groups through the steps, before it starts.
    first: usize,
    /// Whether it is a feature; then `at` is its number.
    is_feature: bool,
}

/// Cubes: tiles of all layers × lanes; threads: 16 × 16.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn products(
    features: &Array<f32>, // [rows, F]
    ends: &Array<i32>,     // [K or 1, N]
    saved: &Array<Four>,
    gradients: &mut Array<f32>, // [K, P]
    batch: &Batch,
) {
    let (x, y, thread) = (UNIT_POS_X as usize, UNIT_POS_Y as usize, UNIT_POS as usize);
    let lane = CUBE_POS_Y as usize;
    let of_pack = lane + batch.first_lane as usize;
    let place = place(CUBE_POS_X as usize, batch);
    let left = left(batch, lane, place.layer, place.row + thread % SIDE);
    let right = right(batch, lane, place.layer, place.column + thread % SIDE);
    let brought = thread / SIDE;

    let mut lefts = SharedMemory::<Four>::new(comptime!(2 * DEPTH * SIDE));
    let mut rights = SharedMemory::<Four>::new(comptime!(2 * DEPTH * SIDE));
    lefts[thread] = value(&left, brought, features, ends, saved, batch, of_pack);
    rights[thread] = value(&right, brought, features, ends, saved, batch, of_pack);
    sync_cube();

    let mut sums = Array::<f32>::new(comptime!(OWN * OWN));
    let mut biases = Array::<f32>::new(OWN);
    #[unroll]
    for i in 0..comptime!(OWN * OWN) {
        sums[i] = 0.0f32;
    }
    #[unroll]
    for i in 0..OWN {
        biases[i] = 0.0f32;
    }
    let sums_bias = place.row == 0 && y == 0;

    let rows = (batch.time * batch.groups) as usize;
    for stage in 0..rows.div_ceil(DEPTH) {
        let from = stage % 2 * comptime!(DEPTH * SIDE);
        let to = comptime!(DEPTH * SIDE) - from + thread;
        let row = (stage + 1) * DEPTH + brought;
        let left_after = value(&left, row, features, ends, saved, batch, of_pack);
        let right_after = value(&right, row, features, ends, saved, batch, of_pack);
        #[unroll]
        for depth in 0..DEPTH {
            let mut columns = Sequence::<Four>::new();
            #[unroll]
            for j in 0..OWN {
                columns.push(rights[from + depth * SIDE + j * THREADS + x]);
            }
            #[unroll]
            for i in 0..OWN {
                let row = lefts[from + depth * SIDE + i * THREADS + y];
                #[unroll]
                for j in 0..OWN {
                    let column = columns.index(j);
                    #[unroll]
                    for r in 0..4usize {
                        sums[i * OWN + j] += row[r] * column[r];
                    }
                }
            }
            if sums_bias {
                #[unroll]
                for j in 0..OWN {
                    let column = columns.index(j);
                    #[unroll]
                    for r in 0..4usize {
                        biases[j] += column[r];
                    }
                }
            }
        }
        lefts[to] = left_after;
        rights[to] = right_after;
        sync_cube();
    }

    let gates = 4 * batch.hidden as usize;
    let inputs = batch.inputs(place.layer) + batch.hidden as usize;
    let of_layer = of_pack * batch.parameters() + batch.layer_start(place.layer);
    #[unroll]
    for j in 0..OWN {
        let gate = place.column + j * THREADS + x;
        if gate < gates {
            #[unroll]
            for i in 0..OWN {
                let input = place.row + i * THREADS + y;
                if input < inputs {
                    gradients[of_layer + input * gates + gate] = sums[i * OWN + j];
                }
            }
            if sums_bias {
                gradients[of_layer + inputs * gates + gate] = biases[j];
            }
        }
    }
}

/// An input of a layer, or, after all of them, a hidden state of the step before.
#[cube]
fn left(batch: &Batch, lane: usize, layer: usize, input: usize) -> Column {
    let (inputs, hidden) = (batch.inputs(layer), batch.hidden as usize);
    let of_lane = batch.lane_start(lane);
    let below = of_lane + batch.row_start(layer, 0, 0) - batch.row_start(1, 0, 0)
        + (batch.sections as usize - 1) * hidden
        + input;
    let before = of_lane + batch.row_start(layer, 0, 0) + H * hidden + input - inputs;
    let is_input = input < inputs;
    let is_feature = is_input && layer == 0;
    Column {
        exists: input < inputs + hidden,
        at: select(is_feature, input, select(is_input, below, before)),
        first: select(is_input, 0, batch.groups as usize),
        is_feature,
    }
}

/// The gradient of a gate of a layer.
#[cube]
fn right(batch: &Batch, lane: usize, layer: usize, gate: usize) -> Column {
    Column {
        exists: gate < 4 * batch.hidden as usize,
        at: batch.lane_start(lane) + batch.row_start(layer, 0, 0) + gate,
        first: 0usize.runtime(),
        is_feature: false.runtime(),
    }
}

/// A column's values in a row.
#[cube]
fn value(
    column: &Column,
    row: usize,
    features: &Array<f32>,
    ends: &Array<i32>,
    saved: &Array<Four>,
    batch: &Batch,
    lane: usize,
) -> Four {
    let mut value = Four::new(0.0);
    if column.exists && row >= column.first && row < (batch.time * batch.groups) as usize {
        if column.is_feature {
            let (t, group) = (row as u32 / batch.groups, row as u32 % batch.groups);
            #[unroll]
            for r in 0..4usize {
                let end = batch.end(ends, lane, 4 * group as usize + r);
                value[r] = features[(end + 1 + t as usize - batch.time as usize)
                    * batch.feature_stride as usize
                    + column.at];
            }
        } else {
            value = saved[column.at + (row - column.first) * batch.row()];
        }
    }
    value
}
