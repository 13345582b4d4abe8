//! The layers, forward.
//!
//! A thread owns a hidden unit of a layer in some groups of windows: all four gates of it, so that
//! c never leaves its registers and a step needs one barrier. All layers run at once, each a step
//! behind the one below (Appleyard et al. 2016, arXiv 1604.01946): what a step reads, `[x | h of
//! layer 0 | h of layer 1 | …]`, is in shared memory, twice, and a layer's own inputs and states
//! are neighbours in it as their weights are. Weights are read from memory, which is the first
//! cache where they fit it.

use cubecl::prelude::*;

use super::cell::{UNROLL, add, cell, gate_weights, save, start};
use super::mask::factors;
use super::math::Four;
use super::net::{Batch, KEPT, Net, Outputs};

/// How a batch is cut into cubes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tile {
    /// Groups of windows that a thread computes.
    pub(crate) own: usize,
    /// Threads that share a hidden unit.
    pub(crate) slots: usize,
}

impl Tile {
    /// Groups of windows of a cube.
    pub(crate) fn groups(self) -> usize {
        self.own * self.slots
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    /// All activations.
    All,
    /// The last hidden states of the last layer alone, `[K, groups, H]`.
    Last,
}

impl Net {
    /// Vectors that a layer takes of what a step reads: h, and what was not dropped of it.
    fn layer_step(&self) -> usize {
        match self.outputs {
            Outputs::Whole => self.hidden,
            Outputs::Dropped => 2 * self.hidden,
        }
    }

    /// Vectors that one group of windows takes of what a step reads.
    pub(crate) fn step(&self) -> usize {
        self.features + (self.layers - 1) * self.layer_step() + self.hidden
    }
}

/// All steps of all layers for a tile of a lane's windows. Cubes: tiles × lanes; threads: H × slots
/// × layers.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn forward(
    features: &Array<f32>,             // [rows, F]
    ends: &Array<i32>,                 // [K or 1, N]
    weights: &Array<f32>,              // [K, P]
    masks: ComptimeOption<Array<u32>>, // [K, 6]
    saved: &mut Array<Four>,
    batch: &Batch,
    #[comptime] net: Net,
    #[comptime] tile: Tile,
    #[comptime] keep: Keep,
) {
    let hidden = comptime!(net.hidden);
    let width = comptime!(net.step());
    let half = comptime!(tile.groups() * net.step());
    let last = comptime!(net.layers - 1);
    let (unit, slot, layer) = (UNIT_POS_X as usize, UNIT_POS_Y as usize, UNIT_POS_Z as usize);
    let (tile_number, lane) = (CUBE_POS_X as usize, CUBE_POS_Y as usize);
    let of_pack = lane + batch.first_lane as usize;
    let first_group = (tile_number * tile.slots + slot) * tile.own;
    let (time, groups) = (batch.time as usize, batch.groups as usize);
    let tile_row = slot * tile.own * width;

    let mut shared = SharedMemory::<Four>::new(comptime!(2 * tile.groups() * net.step()));
    let mut index = UNIT_POS as usize;
    while index < 2 * half {
        shared[index] = Four::new(0.0);
        index += CUBE_DIM as usize;
    }
    sync_cube();

    // The first layer's threads bring the inputs, each one feature (or every H-th) of its windows.
    let mut starts = Array::<u32>::new(comptime!(4 * tile.own));
    #[unroll]
    for window in 0..comptime!(4 * tile.own) {
        starts[window] = (batch.end(ends, of_pack, 4 * first_group + window) + 1 - time) as u32;
    }
    let mut inputs_after = Array::<Four>::new(tile.own);
    if layer == 0 {
        let mut feature = unit;
        while feature < net.features {
            #[unroll]
            for v in 0..tile.own {
                shared[tile_row + v * width + feature] =
                    windows_values(features, &starts, v, 0, feature, batch);
            }
            feature += hidden;
        }
    }
    sync_cube();

    let depth = batch.inputs(layer) + hidden;
    let own_weights = of_pack * batch.parameters() + batch.layer_start(layer) + unit;
    let reads = tile_row
        + select(layer == 0, 0, layer * comptime!(net.layer_step()) + net.features - hidden);
    let writes = reads + batch.inputs(layer) + unit;
    let mut c = Array::<Four>::new(tile.own);
    #[unroll]
    for v in 0..tile.own {
        c[v] = Four::new(0.0);
    }

    for step in 0..time + last {
        let from = (step % 2) * half;
        let to = half - from;
        let brings = layer == 0 && step + 1 < time && unit < net.features;
        if brings {
            // On their way while the step is computed.
            #[unroll]
            for v in 0..tile.own {
                inputs_after[v] = windows_values(features, &starts, v, step + 1, unit, batch);
            }
        }
        if step >= layer && step < time + layer {
            let t = step - layer;
            let mut z = Array::<Four>::new(comptime!(4 * tile.own));
            let bias = gate_weights(weights, own_weights + depth * 4 * hidden, hidden);
            #[unroll]
            for v in 0..tile.own {
                start(&mut z, v, &bias);
            }
            for block in 0..depth / UNROLL {
                #[unroll]
                for k in 0..UNROLL {
                    let input = block * UNROLL + k;
                    let of_input = gate_weights(weights, own_weights + input * 4 * hidden, hidden);
                    #[unroll]
                    for v in 0..tile.own {
                        add(&mut z, v, shared[from + reads + v * width + input], &of_input);
                    }
                }
            }
            for input in depth / UNROLL * UNROLL..depth {
                let of_input = gate_weights(weights, own_weights + input * 4 * hidden, hidden);
                #[unroll]
                for v in 0..tile.own {
                    add(&mut z, v, shared[from + reads + v * width + input], &of_input);
                }
            }
            #[unroll]
            for v in 0..tile.own {
                let cell = cell(&z, v, c[v]);
                c[v] = cell.c;
                shared[to + writes + v * width] = cell.h;
                let group = first_group + v;
                let row = batch.lane_start(lane) + batch.row_start(layer, t, group) + unit;
                if group < groups {
                    if comptime!(keep == Keep::All) {
                        save(saved, row, &cell, hidden);
                    } else if layer == last && t + 1 == time {
                        saved[(lane * groups + group) * hidden + unit] = cell.h;
                    }
                }
                #[comptime]
                match &masks {
                    ComptimeOption::Some(masks) => {
                        if layer < last {
                            let kept = cell.h
                                * factors(
                                    masks,
                                    of_pack,
                                    layer,
                                    (t * groups + group) * hidden + unit,
                                );
                            shared[to + writes + v * width + hidden] = kept;
                            if group < groups {
                                saved[row + KEPT * hidden] = kept;
                            }
                        }
                    }
                    ComptimeOption::None => {}
                }
            }
        }
        if brings {
            #[unroll]
            for v in 0..tile.own {
                shared[to + tile_row + v * width + unit] = inputs_after[v];
            }
            let mut feature = unit + hidden;
            while feature < net.features {
                #[unroll]
                for v in 0..tile.own {
                    shared[to + tile_row + v * width + feature] =
                        windows_values(features, &starts, v, step + 1, feature, batch);
                }
                feature += hidden;
            }
        }
        sync_cube();
    }
}

/// A feature at a step in the windows of the `v`-th group.
#[cube]
pub(crate) fn windows_values(
    features: &Array<f32>,
    starts: &Array<u32>,
    #[comptime] v: usize,
    t: usize,
    feature: usize,
    batch: &Batch,
) -> Four {
    let mut values = Four::new(0.0);
    #[unroll]
    for r in 0..4usize {
        values[r] =
            features[(starts[4 * v + r] as usize + t) * batch.feature_stride as usize + feature];
    }
    values
}
