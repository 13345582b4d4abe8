//! The optimizer's step, as [`crate::op::update`] composes it.

use cubecl::prelude::*;

/// Numbers of a lane in the table; room for its partial sums of squares follows them.
pub(crate) const NUMBERS: usize = 12;
/// Threads of a cube.
pub(crate) const THREADS: usize = 256;
/// Weights that a thread updates.
pub(crate) const OWN: usize = 4;

const LIMIT: usize = 0;
const RATE: usize = 1;
const SHRINKAGE: usize = 2;
const DECAY: usize = 3;
const MOMENTUM: usize = 4;
const BETA1: usize = 5;
const BETA1_REST: usize = 6;
const BETA2: usize = 7;
const BETA2_REST: usize = 8;
const CORRECTED_RATE: usize = 9;
const ROOT_SCALE: usize = 10;
const EPSILON: usize = 11;

/// Whether gradients are scaled down to a norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Clipping {
    /// Those of some lane; a limit of 0 is none.
    Some,
    None,
}

/// What decay does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Decay {
    /// Joins the gradient.
    Coupled,
    /// Shrinks the weights.
    Decoupled,
}

/// How a lane's weights are cut.
#[derive(CubeType, CubeLaunch)]
pub(crate) struct Rows {
    /// Weights of a lane.
    pub(crate) columns: u32,
    /// Partial sums of squares of a lane.
    pub(crate) parts: u32,
}

/// Partial sums of squares, into the table. Cubes: parts × lanes; threads: 256.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn squares(gradients: &Array<f32>, table: &mut Array<f32>, rows: &Rows) {
    let (thread, part, lane) = (UNIT_POS as usize, CUBE_POS_X as usize, CUBE_POS_Y as usize);
    let (columns, parts) = (rows.columns as usize, rows.parts as usize);
    let mut sum = 0.0f32;
    // Cubes go through a row side by side.
    let mut column = part * THREADS + thread;
    while column < columns {
        let gradient = gradients[lane * columns + column];
        sum += gradient * gradient;
        column += parts * THREADS;
    }
    let mut shared = SharedMemory::<f32>::new(THREADS);
    shared[thread] = sum;
    sync_cube();
    #[unroll]
    for level in 1..=comptime!(THREADS.ilog2()) {
        let distance = comptime!(THREADS >> level);
        if thread < distance {
            let sum = shared[thread] + shared[thread + distance];
            shared[thread] = sum;
        }
        sync_cube();
    }
    if thread == 0 {
        table[lane * (NUMBERS + parts) + NUMBERS + part] = shared[0];
    }
}

/// A step of Adam or AdamW; the weights replace the gradients. Cubes: tiles of weights × lanes;
/// threads: 256.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn adam(
    table: &Array<f32>,   // [K, 12 + parts]
    weights: &Array<f32>, // [K, P], as all that follow
    first: &Array<f32>,
    second: &Array<f32>,
    gradients: &mut Array<f32>,
    first_after: &mut Array<f32>,
    second_after: &mut Array<f32>,
    rows: &Rows,
    #[comptime] clipping: Clipping,
    #[comptime] decay: Decay,
) {
    let lane = CUBE_POS_Y as usize;
    let numbers = lane * (NUMBERS + rows.parts as usize);
    let factor = factor(table, numbers, rows, clipping);
    #[unroll]
    for part in 0..OWN {
        let column = (CUBE_POS_X as usize * OWN + part) * THREADS + UNIT_POS as usize;
        if column < rows.columns as usize {
            let at = lane * rows.columns as usize + column;
            let mut weight = weights[at];
            let mut gradient = gradients[at] * factor;
            if comptime!(decay == Decay::Coupled) {
                gradient += weight * table[numbers + DECAY];
            } else {
                weight *= table[numbers + SHRINKAGE];
            }
            let first = first[at] * table[numbers + BETA1] + gradient * table[numbers + BETA1_REST];
            let second = second[at] * table[numbers + BETA2]
                + gradient * gradient * table[numbers + BETA2_REST];
            let root = second.sqrt() * table[numbers + ROOT_SCALE];
            let step = first * table[numbers + CORRECTED_RATE];
            gradients[at] = weight - step / (root + table[numbers + EPSILON]);
            first_after[at] = first;
            second_after[at] = second;
        }
    }
}

/// A step of SGD; the weights replace the gradients. Cubes: tiles of weights × lanes; threads: 256.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn sgd(
    table: &Array<f32>,   // [K, 12 + parts]
    weights: &Array<f32>, // [K, P], as all that follow
    velocity: &Array<f32>,
    gradients: &mut Array<f32>,
    velocity_after: &mut Array<f32>,
    rows: &Rows,
    #[comptime] clipping: Clipping,
) {
    let lane = CUBE_POS_Y as usize;
    let numbers = lane * (NUMBERS + rows.parts as usize);
    let factor = factor(table, numbers, rows, clipping);
    #[unroll]
    for part in 0..OWN {
        let column = (CUBE_POS_X as usize * OWN + part) * THREADS + UNIT_POS as usize;
        if column < rows.columns as usize {
            let at = lane * rows.columns as usize + column;
            let weight = weights[at];
            let gradient = gradients[at] * factor + weight * table[numbers + DECAY];
            let velocity = velocity[at] * table[numbers + MOMENTUM] + gradient;
            gradients[at] = weight - velocity * table[numbers + RATE];
            velocity_after[at] = velocity;
        }
    }
}

/// What a lane's gradient is multiplied with: `min(1, limit / (norm + 1e-6))`.
#[cube]
fn factor(table: &Array<f32>, numbers: usize, rows: &Rows, #[comptime] clipping: Clipping) -> f32 {
    let mut factor = 1.0f32;
    if comptime!(clipping == Clipping::Some) {
        let mut squares = 0.0f32;
        for part in 0..rows.parts as usize {
            squares += table[numbers + NUMBERS + part];
        }
        let limit = table[numbers + LIMIT];
        let scale = limit / (squares.sqrt() + 1e-6);
        if limit > 0.0 && scale < 1.0 {
            factor = scale;
        }
    }
    factor
}
