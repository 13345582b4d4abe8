//! The layers, one step of one layer a launch: for networks whose sequence does not fit a cube.
//! What a step needs of the one before is read from the activations; the arithmetic is that of
//! [`forward`](super::forward) and [`backward`](super::backward).

use cubecl::prelude::*;

use super::cell::{add, cell, cell_gradient, gate_weights, save, save_gradient, saved_cell, start};
use super::forward::windows_values;
use super::mask::factors;
use super::math::Four;
use super::net::{Batch, C, H, KEPT, Net};

/// Hidden units of a cube.
pub(crate) const HIDDEN: usize = 32;
/// Threads that share a hidden unit.
pub(crate) const SLOTS: usize = 4;
/// Groups of windows of a thread.
pub(crate) const OWN: usize = 2;

/// Which step.
#[derive(CubeType, CubeLaunch)]
pub(crate) struct Step {
    pub(crate) layer: u32,
    pub(crate) t: u32,
}

/// A step forward. Cubes: tiles of windows × lanes × tiles of H; threads: 32 × 4.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn forward_step(
    features: &Array<f32>,             // [rows, F]
    ends: &Array<i32>,                 // [K or 1, N]
    weights: &Array<f32>,              // [K, P]
    masks: ComptimeOption<Array<u32>>, // [K, 6]
    saved: &mut Array<Four>,
    batch: &Batch,
    step: &Step,
    #[comptime] net: Net,
) {
    let hidden = comptime!(net.hidden);
    let (layer, t, lane) = (step.layer as usize, step.t as usize, CUBE_POS_Y as usize);
    let of_pack = lane + batch.first_lane as usize;
    let groups = batch.groups as usize;
    let unit = CUBE_POS_Z as usize * HIDDEN + UNIT_POS_X as usize;
    let first_group = (CUBE_POS_X as usize * SLOTS + UNIT_POS_Y as usize) * OWN;
    if unit < hidden {
        let own_weights = of_pack * batch.parameters() + batch.layer_start(layer) + unit;
        let inputs = batch.inputs(layer);
        let mut z = Array::<Four>::new(comptime!(4 * OWN));
        let bias = gate_weights(weights, own_weights + (inputs + hidden) * 4 * hidden, hidden);
        let mut rows = Sequence::<usize>::new();
        #[unroll]
        for v in 0..OWN {
            start(&mut z, v, &bias);
            let group = select(first_group + v < groups, first_group + v, groups - 1);
            rows.push(batch.lane_start(lane) + batch.row_start(layer, t, group));
        }
        let row_before = groups * batch.row();
        if layer == 0 {
            let mut starts = Array::<u32>::new(comptime!(4 * OWN));
            #[unroll]
            for window in 0..comptime!(4 * OWN) {
                starts[window] =
                    (batch.end(ends, of_pack, 4 * first_group + window) + 1) as u32 - batch.time;
            }
            for input in 0..batch.features as usize {
                let of_input = gate_weights(weights, own_weights + input * 4 * hidden, hidden);
                #[unroll]
                for v in 0..OWN {
                    add(
                        &mut z,
                        v,
                        windows_values(features, &starts, v, t, input, batch),
                        &of_input,
                    );
                }
            }
        } else {
            let below = batch.time as usize * row_before;
            for input in 0..batch.hidden as usize {
                let of_input = gate_weights(weights, own_weights + input * 4 * hidden, hidden);
                #[unroll]
                for v in 0..OWN {
                    add(
                        &mut z,
                        v,
                        saved[*rows.index(v) - below
                            + comptime!((net.sections() - 1) * net.hidden)
                            + input],
                        &of_input,
                    );
                }
            }
        }
        if t > 0 {
            for input in 0..batch.hidden as usize {
                let of_input =
                    gate_weights(weights, own_weights + (inputs + input) * 4 * hidden, hidden);
                #[unroll]
                for v in 0..OWN {
                    add(
                        &mut z,
                        v,
                        saved[*rows.index(v) - row_before + H * hidden + input],
                        &of_input,
                    );
                }
            }
        }
        #[unroll]
        for v in 0..OWN {
            let row = *rows.index(v) + unit;
            let mut c_before = Four::new(0.0);
            if t > 0 {
                c_before = saved[row - row_before + C * hidden];
            }
            let cell = cell(&z, v, c_before);
            let group = first_group + v;
            if group < groups {
                save(saved, row, &cell, hidden);
                #[comptime]
                match &masks {
                    ComptimeOption::Some(masks) => {
                        if layer < comptime!(net.layers - 1) {
                            saved[row + KEPT * hidden] = cell.h
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
            }
        }
    }
}

/// A step backward; c's gradient out of the step after is handed on in place of c. Cubes and
/// threads as forward.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn backward_step(
    weights: &Array<f32>,              // [K, P]
    transposed: &Array<f32>,           // [K, 2L − 1, 4H, H]
    masks: ComptimeOption<Array<u32>>, // [K, 6]
    saved: &mut Array<Four>,
    batch: &Batch,
    step: &Step,
    #[comptime] net: Net,
) {
    let hidden = comptime!(net.hidden);
    let gates = comptime!(4 * net.hidden);
    let last = comptime!(net.layers - 1);
    let (layer, t, lane) = (step.layer as usize, step.t as usize, CUBE_POS_Y as usize);
    let of_pack = lane + batch.first_lane as usize;
    let (time, groups) = (batch.time as usize, batch.groups as usize);
    let unit = CUBE_POS_Z as usize * HIDDEN + UNIT_POS_X as usize;
    let first_group = (CUBE_POS_X as usize * SLOTS + UNIT_POS_Y as usize) * OWN;
    if unit < hidden {
        let recurrent = (lane * comptime!(net.transposed()) + 2 * layer) * gates * hidden + unit;
        let to_next_step = groups * batch.row();
        let mut rows = Sequence::<usize>::new();
        let mut dh = Array::<Four>::new(OWN);
        let mut above = Array::<Four>::new(OWN);
        #[unroll]
        for v in 0..OWN {
            let group = select(first_group + v < groups, first_group + v, groups - 1);
            rows.push(batch.lane_start(lane) + batch.row_start(layer, t, group));
            dh[v] = Four::new(0.0);
            above[v] = Four::new(0.0);
        }
        if t + 1 < time {
            for gate in 0..4 * batch.hidden as usize {
                let weight = Four::new(transposed[recurrent + gate * hidden]);
                #[unroll]
                for v in 0..OWN {
                    dh[v] += saved[*rows.index(v) + to_next_step + gate] * weight;
                }
            }
        }
        if layer < last {
            for gate in 0..4 * batch.hidden as usize {
                let weight = Four::new(transposed[recurrent + (gates + gate) * hidden]);
                #[unroll]
                for v in 0..OWN {
                    above[v] += saved[*rows.index(v) + time * to_next_step + gate] * weight;
                }
            }
        }
        #[unroll]
        for v in 0..OWN {
            let row = *rows.index(v) + unit;
            let group = select(first_group + v < groups, first_group + v, groups - 1);
            #[comptime]
            match &masks {
                ComptimeOption::Some(masks) => {
                    if layer < last {
                        above[v] = above[v]
                            * factors(masks, of_pack, layer, (t * groups + group) * hidden + unit);
                    }
                }
                ComptimeOption::None => {}
            }
            dh[v] += above[v];
            let mut dc_after = Four::new(0.0);
            if t + 1 < time {
                dc_after = saved[row + to_next_step + C * hidden];
            } else if layer == last {
                dh[v] = batch.head_gradient(weights, saved, lane, group, unit);
            }
            let mut c_before = Four::new(0.0);
            if t > 0 {
                c_before = saved[row - to_next_step + C * hidden];
            }
            let cell = saved_cell(saved, row, hidden);
            let gradient = cell_gradient(&cell, c_before, dh[v], dc_after);
            if first_group + v < groups {
                save_gradient(saved, row, &gradient, hidden);
                saved[row + C * hidden] = gradient.c_before;
            }
        }
    }
}
