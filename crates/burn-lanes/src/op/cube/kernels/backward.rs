//! The layers, backward: back-propagation through time (Werbos 1990), organised as the forward
//! pass.
//!
//! All layers run at once, each a step behind the one above. The gradients of the gates are in
//! shared memory, twice, and replace the gates in the activations. A thread reads them along a
//! column of its layer's recurrent matrix and of the next layer's input matrix; both matrices are
//! transposed first, so that neighbouring threads read neighbouring weights.

use cubecl::prelude::*;

use super::cell::{Cell, UNROLL, cell_gradient, save_gradient, saved_cell};
use super::forward::Tile;
use super::mask::factors;
use super::math::Four;
use super::net::{Batch, C, Net};

/// All steps of all layers for a tile of a lane's windows. Cubes: tiles × lanes; threads: H × slots
/// × layers.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn backward(
    weights: &Array<f32>,              // [K, P]
    transposed: &Array<f32>,           // [K, 2L − 1, 4H, H]
    masks: ComptimeOption<Array<u32>>, // [K, 6]
    saved: &mut Array<Four>,
    batch: &Batch,
    #[comptime] net: Net,
    #[comptime] tile: Tile,
) {
    let hidden = comptime!(net.hidden);
    let gates = comptime!(4 * net.hidden);
    let width = comptime!(4 * net.hidden * net.layers);
    let half = comptime!(tile.groups() * 4 * net.hidden * net.layers);
    let last = comptime!(net.layers - 1);
    let (unit, slot, layer) = (UNIT_POS_X as usize, UNIT_POS_Y as usize, UNIT_POS_Z as usize);
    let (tile_number, lane) = (CUBE_POS_X as usize, CUBE_POS_Y as usize);
    let of_pack = lane + batch.first_lane as usize;
    let first_group = (tile_number * tile.slots + slot) * tile.own;
    let (time, groups) = (batch.time as usize, batch.groups as usize);
    let behind = last - layer;

    let mut shared =
        SharedMemory::<Four>::new(comptime!(2 * tile.groups() * 4 * net.hidden * net.layers));
    let own_gates = slot * tile.own * width + layer * gates;
    let recurrent = (lane * comptime!(net.transposed()) + 2 * layer) * gates * hidden + unit;
    let mut dc = Array::<Four>::new(tile.own);
    #[unroll]
    for v in 0..tile.own {
        dc[v] = Four::new(0.0);
    }

    for step in 0..time + last {
        let from = (step % 2) * half + own_gates;
        let to = half - (step % 2) * half + own_gates;
        if step >= behind && step < time + behind {
            let t = time - 1 - (step - behind);
            // On their way while the products are computed.
            let mut cells = Sequence::<Cell>::new();
            let mut cs_before = Sequence::<Four>::new();
            #[unroll]
            for v in 0..tile.own {
                let group = select(first_group + v < groups, first_group + v, groups - 1);
                let row = batch.lane_start(lane) + batch.row_start(layer, t, group) + unit;
                cells.push(saved_cell(saved, row, hidden));
                let mut c_before = Four::new(0.0);
                if t > 0 {
                    c_before = saved[row - groups * batch.row() + C * hidden];
                }
                cs_before.push(c_before);
            }

            let mut dh = Array::<Four>::new(tile.own);
            let mut above = Array::<Four>::new(tile.own);
            #[unroll]
            for v in 0..tile.own {
                dh[v] = Four::new(0.0);
                above[v] = Four::new(0.0);
            }
            if step > behind {
                product(transposed, &shared, &mut dh, recurrent, from, batch, net, tile);
            }
            if layer < last {
                product(
                    transposed,
                    &shared,
                    &mut above,
                    recurrent + gates * hidden,
                    from + gates,
                    batch,
                    net,
                    tile,
                );
            }
            #[unroll]
            for v in 0..tile.own {
                let group = select(first_group + v < groups, first_group + v, groups - 1);
                let row = batch.lane_start(lane) + batch.row_start(layer, t, group) + unit;
                #[comptime]
                match &masks {
                    ComptimeOption::Some(masks) => {
                        if layer < last {
                            above[v] = above[v]
                                * factors(
                                    masks,
                                    of_pack,
                                    layer,
                                    (t * groups + group) * hidden + unit,
                                );
                        }
                    }
                    ComptimeOption::None => {}
                }
                dh[v] += above[v];
                if layer == last && t + 1 == time {
                    dh[v] = batch.head_gradient(weights, saved, lane, group, unit);
                }
                let gradient = cell_gradient(cells.index(v), *cs_before.index(v), dh[v], dc[v]);
                dc[v] = gradient.c_before;
                let own = to + v * width + unit;
                shared[own] = gradient.i;
                shared[own + hidden] = gradient.f;
                shared[own + 2 * hidden] = gradient.g;
                shared[own + 3 * hidden] = gradient.o;
                if first_group + v < groups {
                    save_gradient(saved, row, &gradient, hidden);
                }
            }
        }
        sync_cube();
    }
}

/// Adds a column of a transposed matrix times the gates' gradients in shared memory.
#[cube]
fn product(
    transposed: &Array<f32>,
    shared: &SharedMemory<Four>,
    sums: &mut Array<Four>,
    column: usize,
    gates: usize,
    batch: &Batch,
    #[comptime] net: Net,
    #[comptime] tile: Tile,
) {
    for block in 0..4 * batch.hidden as usize / UNROLL {
        #[unroll]
        for part in 0..UNROLL {
            let gate = block * UNROLL + part;
            let weight = Four::new(transposed[column + gate * net.hidden]);
            #[unroll]
            for v in 0..tile.own {
                sums[v] +=
                    shared[gates + v * comptime!(4 * net.hidden * net.layers) + gate] * weight;
            }
        }
    }
}
