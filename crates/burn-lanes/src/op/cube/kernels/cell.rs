//! What a unit of a layer computes at a step, for four windows, forward and backward; and the
//! products that lead there.

use cubecl::prelude::*;

use super::math::{Four, sigmoid, tanh};
use super::net::{C, H};

/// How often the loops of products are written out.
pub(crate) const UNROLL: usize = 4;

/// The activations of a unit.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) i: Four,
    pub(crate) f: Four,
    pub(crate) g: Four,
    pub(crate) o: Four,
    pub(crate) c: Four,
    pub(crate) h: Four,
}

/// The gates' weights of one input.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct GateWeights {
    i: Four,
    f: Four,
    g: Four,
    o: Four,
}

/// Reads the weights of an input of a unit, which are H apart.
#[cube]
pub(crate) fn gate_weights(
    weights: &Array<f32>,
    at: usize,
    #[comptime] hidden: usize,
) -> GateWeights {
    GateWeights {
        i: Four::new(weights[at]),
        f: Four::new(weights[at + hidden]),
        g: Four::new(weights[at + 2 * hidden]),
        o: Four::new(weights[at + 3 * hidden]),
    }
}

/// Starts the gates of the `v`-th group at the bias.
#[cube]
pub(crate) fn start(z: &mut Array<Four>, #[comptime] v: usize, bias: &GateWeights) {
    z[4 * v] = bias.i;
    z[4 * v + 1] = bias.f;
    z[4 * v + 2] = bias.g;
    z[4 * v + 3] = bias.o;
}

/// Adds an input's share to the gates of the `v`-th group, `z[4v..]`.
#[cube]
pub(crate) fn add(z: &mut Array<Four>, #[comptime] v: usize, x: Four, weights: &GateWeights) {
    z[4 * v] += x * weights.i;
    z[4 * v + 1] += x * weights.f;
    z[4 * v + 2] += x * weights.g;
    z[4 * v + 3] += x * weights.o;
}

/// The activations from the gates' sums of the `v`-th group and the c before.
#[cube]
pub(crate) fn cell(z: &Array<Four>, #[comptime] v: usize, c_before: Four) -> Cell {
    let i = sigmoid(z[4 * v]);
    let f = sigmoid(z[4 * v + 1]);
    let g = tanh(z[4 * v + 2]);
    let o = sigmoid(z[4 * v + 3]);
    let c = f * c_before + i * g;
    Cell { i, f, g, o, c, h: o * tanh(c) }
}

/// Writes the activations of a unit into its row.
#[cube]
pub(crate) fn save(saved: &mut Array<Four>, at: usize, cell: &Cell, #[comptime] hidden: usize) {
    saved[at] = cell.i;
    saved[at + hidden] = cell.f;
    saved[at + 2 * hidden] = cell.g;
    saved[at + 3 * hidden] = cell.o;
    saved[at + C * hidden] = cell.c;
    saved[at + H * hidden] = cell.h;
}

/// Reads the gates and c of a unit from its row; h is not needed backward.
#[cube]
pub(crate) fn saved_cell(saved: &Array<Four>, at: usize, #[comptime] hidden: usize) -> Cell {
    let c = saved[at + C * hidden];
    Cell {
        i: saved[at],
        f: saved[at + hidden],
        g: saved[at + 2 * hidden],
        o: saved[at + 3 * hidden],
        c,
        h: c,
    }
}

/// Writes the gradients of the gates in their place.
#[cube]
pub(crate) fn save_gradient(
    saved: &mut Array<Four>,
    at: usize,
    gradient: &CellGradient,
    #[comptime] hidden: usize,
) {
    saved[at] = gradient.i;
    saved[at + hidden] = gradient.f;
    saved[at + 2 * hidden] = gradient.g;
    saved[at + 3 * hidden] = gradient.o;
}

/// The gradients of a unit's gates before their activations, and of the c before.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct CellGradient {
    pub(crate) i: Four,
    pub(crate) f: Four,
    pub(crate) g: Four,
    pub(crate) o: Four,
    pub(crate) c_before: Four,
}

/// From the activations (h is not needed), the c before, the gradient of h and that of c out of the
/// step after.
#[cube]
pub(crate) fn cell_gradient(cell: &Cell, c_before: Four, dh: Four, dc_after: Four) -> CellGradient {
    let one = Four::new(1.0);
    let tanh_c = tanh(cell.c);
    let dc = dh * cell.o * (one - tanh_c * tanh_c) + dc_after;
    CellGradient {
        i: dc * cell.g * cell.i * (one - cell.i),
        f: dc * c_before * cell.f * (one - cell.f),
        g: dc * cell.i * (one - cell.g * cell.g),
        o: dh * tanh_c * cell.o * (one - cell.o),
        c_before: dc * cell.f,
    }
}
