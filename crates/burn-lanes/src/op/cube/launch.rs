//! The kernels' launches: a function for each, with its grid.
#![expect(
    unsafe_code,
    reason = "kernels are launched unchecked; why that is sound is said in `kernels`"
)]

use std::ops::Range;

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::{CubeCount, CubeDim};

use super::kernels::forward::{Keep, Tile};
use super::kernels::head::{self, LastLaunch};
use super::kernels::net::H;
use super::kernels::steps::{self, StepLaunch};
use super::kernels::{backward, forward, products, transpose};
use super::pass::{Pass, argument, index_width};
use super::plan::Schedule;
use crate::loss::Objective;

/// The layers forward, keeping all activations.
pub(super) fn forward<R: CubeRuntime>(pass: &Pass<R>, lanes: &Range<usize>, saved: &CubeTensor<R>) {
    match pass.schedule() {
        Schedule::Whole { forward, .. } => forward_whole(pass, lanes, forward, saved, Keep::All),
        Schedule::Steps => {
            for layer in 0..pass.net.layers {
                for t in 0..pass.time {
                    forward_step(pass, lanes, layer, t, saved);
                }
            }
        }
    }
}

/// The layers forward in one launch.
pub(super) fn forward_whole<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    tile: Tile,
    saved: &CubeTensor<R>,
    keep: Keep,
) {
    // SAFETY: see `kernels`.
    unsafe {
        forward::forward::launch_unchecked(
            &pass.client,
            tiles(pass, lanes, tile),
            cube(pass, tile),
            index_width(&pass.client),
            argument(&pass.features),
            argument(&pass.ends),
            argument(&pass.weights),
            pass.masks(),
            argument(saved),
            pass.sizes(lanes),
            pass.net,
            tile,
            keep,
        );
    }
}

fn forward_step<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    layer: usize,
    t: usize,
    saved: &CubeTensor<R>,
) {
    // SAFETY: see `kernels`.
    unsafe {
        steps::forward_step::launch_unchecked(
            &pass.client,
            step_tiles(pass, lanes),
            STEP_CUBE,
            index_width(&pass.client),
            argument(&pass.features),
            argument(&pass.ends),
            argument(&pass.weights),
            pass.masks(),
            argument(saved),
            pass.sizes(lanes),
            StepLaunch::new(layer as u32, t as u32),
            pass.net,
        );
    }
}

/// The matrices that gradients go back through, transposed: `[K, 2L − 1, 4H, H]`.
pub(super) fn transpose<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    transposed: &CubeTensor<R>,
) {
    let side = |length: usize| length.div_ceil(transpose::SIDE) as u32;
    let hidden = pass.net.hidden;
    // SAFETY: see `kernels`.
    unsafe {
        transpose::transpose::launch_unchecked(
            &pass.client,
            CubeCount::Static(
                side(4 * hidden),
                side(hidden) * pass.net.transposed() as u32,
                lanes.len() as u32,
            ),
            CubeDim::new_2d(transpose::SIDE as u32, transpose::STRIDE as u32),
            index_width(&pass.client),
            argument(&pass.weights),
            argument(transposed),
            pass.sizes(lanes),
        );
    }
}

/// The layers backward: the gates' gradients in place of the gates.
pub(super) fn backward<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    transposed: &CubeTensor<R>,
    saved: &CubeTensor<R>,
) {
    match pass.schedule() {
        Schedule::Whole { backward, .. } => {
            backward_whole(pass, lanes, backward, transposed, saved)
        }
        Schedule::Steps => {
            for layer in (0..pass.net.layers).rev() {
                for t in (0..pass.time).rev() {
                    backward_step(pass, lanes, layer, t, transposed, saved);
                }
            }
        }
    }
}

fn backward_whole<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    tile: Tile,
    transposed: &CubeTensor<R>,
    saved: &CubeTensor<R>,
) {
    // SAFETY: see `kernels`.
    unsafe {
        backward::backward::launch_unchecked(
            &pass.client,
            tiles(pass, lanes, tile),
            cube(pass, tile),
            index_width(&pass.client),
            argument(&pass.weights),
            argument(transposed),
            pass.masks(),
            argument(saved),
            pass.sizes(lanes),
            pass.net,
            tile,
        );
    }
}

fn backward_step<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    layer: usize,
    t: usize,
    transposed: &CubeTensor<R>,
    saved: &CubeTensor<R>,
) {
    // SAFETY: see `kernels`.
    unsafe {
        steps::backward_step::launch_unchecked(
            &pass.client,
            step_tiles(pass, lanes),
            STEP_CUBE,
            index_width(&pass.client),
            argument(&pass.weights),
            argument(transposed),
            pass.masks(),
            argument(saved),
            pass.sizes(lanes),
            StepLaunch::new(layer as u32, t as u32),
            pass.net,
        );
    }
}

/// The gradients of the layers' weights.
pub(super) fn products<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    saved: &CubeTensor<R>,
    gradients: &CubeTensor<R>,
) {
    let tiles = products::tiles(pass.net.features, pass.net.hidden, pass.net.layers);
    // SAFETY: see `kernels`.
    unsafe {
        products::products::launch_unchecked(
            &pass.client,
            CubeCount::Static(tiles as u32, lanes.len() as u32, 1),
            CubeDim::new_2d(products::THREADS as u32, products::THREADS as u32),
            index_width(&pass.client),
            argument(&pass.features),
            argument(&pass.ends),
            argument(saved),
            argument(gradients),
            pass.sizes(lanes),
        );
    }
}

/// The last hidden states of the last layer, among all activations.
pub(super) fn last_of_all<R: CubeRuntime>(pass: &Pass<R>) -> LastLaunch<R> {
    let row = pass.net.sections() * pass.net.hidden;
    let start = (pass.net.layers * pass.time - 1) * pass.groups() * row + H * pass.net.hidden;
    LastLaunch::new(start as u32, pass.lane_vectors() as u32, row as u32)
}

/// The last hidden states, `[K, groups, H]`.
pub(super) fn last_alone<R: CubeRuntime>(pass: &Pass<R>) -> LastLaunch<R> {
    LastLaunch::new(0, (pass.groups() * pass.net.hidden) as u32, pass.net.hidden as u32)
}

/// Forecasts, `[K, B, Q]`.
pub(super) fn forecasts<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    states: &CubeTensor<R>,
    last: LastLaunch<R>,
    forecasts: &CubeTensor<R>,
) {
    // SAFETY: see `kernels`.
    unsafe {
        head::forecasts::launch_unchecked(
            &pass.client,
            CubeCount::Static(lanes.len() as u32, 1, 1),
            CubeDim::new_1d(head::THREADS as u32),
            index_width(&pass.client),
            argument(states),
            argument(&pass.weights),
            argument(forecasts),
            pass.sizes(lanes),
            last,
        );
    }
}

/// Sums over the windows, `[K, 3]`.
pub(super) fn sums<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    states: &CubeTensor<R>,
    last: LastLaunch<R>,
    sums: &CubeTensor<R>,
    objective: &Objective,
) {
    // SAFETY: see `kernels`.
    unsafe {
        head::sums::launch_unchecked(
            &pass.client,
            CubeCount::Static(lanes.len() as u32, 1, 1),
            CubeDim::new_1d(head::THREADS as u32),
            index_width(&pass.client),
            argument(states),
            argument(&pass.weights),
            argument(&pass.target),
            argument(&pass.ends),
            argument(sums),
            pass.sizes(lanes),
            last,
            objective.clone(),
        );
    }
}

/// Sums, mean losses `[K]`, and the gradients of the mean losses by the head's outputs (into the
/// activations) and by the head's weights.
pub(super) fn losses<R: CubeRuntime>(
    pass: &Pass<R>,
    lanes: &Range<usize>,
    saved: &CubeTensor<R>,
    [sums, losses, gradients]: [&CubeTensor<R>; 3],
    objective: &Objective,
) {
    // SAFETY: see `kernels`.
    unsafe {
        head::losses::launch_unchecked(
            &pass.client,
            CubeCount::Static(lanes.len() as u32, 1, 1),
            CubeDim::new_1d(head::THREADS as u32),
            index_width(&pass.client),
            argument(&pass.weights),
            argument(&pass.target),
            argument(&pass.ends),
            argument(saved),
            argument(sums),
            argument(losses),
            argument(gradients),
            pass.sizes(lanes),
            last_of_all(pass),
            objective.clone(),
        );
    }
}

/// The cube of a kernel that runs whole sequences.
fn cube<R: CubeRuntime>(pass: &Pass<R>, tile: Tile) -> CubeDim {
    CubeDim::new_3d(pass.net.hidden as u32, tile.slots as u32, pass.net.layers as u32)
}

fn tiles<R: CubeRuntime>(pass: &Pass<R>, lanes: &Range<usize>, tile: Tile) -> CubeCount {
    CubeCount::Static(pass.groups().div_ceil(tile.groups()) as u32, lanes.len() as u32, 1)
}

/// The cube of a kernel that runs a step.
const STEP_CUBE: CubeDim = CubeDim { x: steps::HIDDEN as u32, y: steps::SLOTS as u32, z: 1 };

fn step_tiles<R: CubeRuntime>(pass: &Pass<R>, lanes: &Range<usize>) -> CubeCount {
    let windows = pass.groups().div_ceil(steps::SLOTS * steps::OWN) as u32;
    CubeCount::Static(windows, lanes.len() as u32, pass.net.hidden.div_ceil(steps::HIDDEN) as u32)
}
