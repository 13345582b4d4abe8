//! A layer's passes over all lanes: tiles on threads, slices in and slices out.
//!
//! A tile is one task. What a tile computes depends neither on the other lanes nor on the threads, and the shares of a lane's tiles
//! in its gradients are added up in their order: the same bits in any pack, on any number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::backward::BackwardTile;
use super::forward::{Cells, ForwardTile, Hidden, Rows};
use super::panel::{self, Columns, Sizes};
use super::pool;
use super::simd::{InstructionSet, run};
use crate::op::{Emit, Wanted};

/// What a layer computes from; shapes as in [`crate::op::LstmArgs`].
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) set: InstructionSet,
    pub(super) sizes: Sizes,
    pub(super) input: &'a [f32],
    pub(super) w_input: &'a [f32],
    pub(super) w_hidden: &'a [f32],
    pub(super) bias: &'a [f32],
}

/// What the forward pass keeps for the backward pass.
pub(super) struct Kept {
    /// Every step's, `[T, K, B, H]`.
    pub(super) hidden: Vec<f32>,
    /// Lane by lane and tile by tile, see [`Cells::Kept`].
    pub(super) gates: Vec<f32>,
    /// Likewise.
    pub(super) cells: Vec<f32>,
}

/// Gradients, shaped as what they are gradients of.
pub(super) struct Gradients {
    pub(super) input: Option<Vec<f32>>,
    pub(super) w_input: Vec<f32>,
    pub(super) w_hidden: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl<'a> Layer<'a> {
    /// The output, with nothing kept.
    pub(super) fn forward(&self, emit: Emit) -> Vec<f32> {
        let Sizes { time, lanes, batch, hidden, .. } = self.sizes;
        let steps = match emit {
            Emit::Sequence => time,
            Emit::Last => 1,
        };
        let mut output = vec![0.0; steps * lanes * batch * hidden];
        let outputs = by_tile(&self.sizes, &mut output, hidden);
        self.each_lane(outputs, |lane, panels, outputs| {
            self.each_tile(outputs, |tile, mut output| {
                let mut cells = pool::take(tile.len() * self.sizes.padded());
                let mut before = Vec::new();
                let hidden = match (emit, output.pop()) {
                    (Emit::Last, Some(now)) => {
                        before.resize(now.len(), 0.0);
                        Hidden::Last { now, before: &mut before }
                    }
                    (_, last) => {
                        output.extend(last);
                        Hidden::Steps(output)
                    }
                };
                self.forward_tile(lane, &tile, panels, hidden, Cells::Current { cells: &mut cells });
                pool::give(cells);
            });
        });
        output
    }

    /// Every step's output, and what [`Layer::backward`] needs.
    pub(super) fn forward_saving(&self) -> Kept {
        let Sizes { time, lanes, batch, hidden, .. } = self.sizes;
        let states = time * lanes * batch * self.sizes.padded();
        let mut kept =
            Kept { hidden: pool::take(time * lanes * batch * hidden), gates: pool::take(4 * states), cells: pool::take(states) };
        let outputs = by_tile(&self.sizes, &mut kept.hidden, hidden).into_iter();
        let gates = self.of_tiles(&mut kept.gates, 4).into_iter();
        let cells = self.of_tiles(&mut kept.cells, 1);
        let parts = outputs.zip(gates).zip(cells).collect();
        self.each_lane(parts, |lane, panels, parts| {
            self.each_tile(parts, |tile, ((output, gates), cells)| {
                self.forward_tile(lane, &tile, panels, Hidden::Steps(output), Cells::Kept { gates, cells });
            });
        });
        kept
    }

    /// Gradients from that of the output, of every step or of the last alone.
    pub(super) fn backward(&self, kept: [&[f32]; 3], outside: &[f32], wanted: Wanted) -> Gradients {
        let sizes = self.sizes;
        let Sizes { lanes, batch, features, hidden, width, .. } = sizes;
        let [hiddens, gates, cells] = kept;
        let outside_steps = outside.len() / (lanes * batch * hidden);
        let columns = Columns {
            units: sizes.blocks(),
            inputs: match wanted {
                Wanted::WeightsAndInput => features.div_ceil(width),
                Wanted::Weights => 0,
            },
        };
        let mut gradients = Gradients {
            input: (wanted == Wanted::WeightsAndInput).then(|| pool::take(self.input.len())),
            w_input: vec![0.0; self.w_input.len()],
            w_hidden: vec![0.0; self.w_hidden.len()],
            bias: vec![0.0; self.bias.len()],
        };
        let tiles = sizes.tiles().count();
        let dx = match &mut gradients.input {
            Some(dx) => by_tile(&sizes, dx, features),
            None => (0..lanes * tiles).map(|_| Vec::new()).collect(),
        };
        let of_lane = |matrix: &'a [f32], lane: usize| &matrix[lane * matrix.len() / lanes..(lane + 1) * matrix.len() / lanes];
        let work: Vec<_> = lanes_of(dx, lanes)
            .into_iter()
            .zip(gradients.w_input.chunks_exact_mut(self.w_input.len() / lanes))
            .zip(gradients.w_hidden.chunks_exact_mut(self.w_hidden.len() / lanes))
            .zip(gradients.bias.chunks_exact_mut(self.bias.len() / lanes))
            .enumerate()
            .collect();
        on_threads(work, |(lane, (((dx, dw_input), dw_hidden), dbias))| {
            let mut transposed = pool::take(columns.floats(&sizes));
            panel::transpose(&sizes, columns, of_lane(self.w_input, lane), of_lane(self.w_hidden, lane), &mut transposed);
            let mut shares = pool::take(tiles * sizes.panels());
            shares.fill(0.0);
            let parts = dx.into_iter().zip(shares.chunks_exact_mut(sizes.panels())).collect();
            self.each_tile(parts, |tile, (dx, gradient)| {
                let mut scratch = pool::take(BackwardTile::scratch(&sizes, tile.len()));
                let work = BackwardTile {
                    sizes,
                    rows: tile.len(),
                    x: self.rows(self.input, lane, &tile, features),
                    h: self.rows(hiddens, lane, &tile, hidden),
                    outside: self.rows(outside, lane, &tile, hidden),
                    outside_steps,
                    gates: &gates[self.kept_at(lane, &tile, 4)],
                    cells: &cells[self.kept_at(lane, &tile, 1)],
                    transposed: &transposed,
                    columns,
                    dx,
                    gradient,
                    scratch: &mut scratch,
                };
                run(self.set, work);
                pool::give(scratch);
            });
            let (sum, others) = shares.split_at_mut(sizes.panels());
            for other in others.chunks_exact(sizes.panels()) {
                sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
            }
            panel::unpack(&sizes, sum, dw_input, dw_hidden, dbias);
            pool::give(shares);
            pool::give(transposed);
        });
        gradients
    }

    fn forward_tile(&self, lane: usize, tile: &Range<usize>, panels: &[f32], hidden: Hidden<'_>, saved: Cells<'_>) {
        let x = self.rows(self.input, lane, tile, self.sizes.features);
        run(self.set, ForwardTile { sizes: self.sizes, rows: tile.len(), x, panels, hidden, saved });
    }

    /// Runs over lanes in parallel, each with its weights packed and its tiles' parts.
    fn each_lane<T: Send>(&self, parts: Vec<T>, each: impl Fn(usize, &[f32], Vec<T>) + Sync) {
        let Self { sizes, w_input, w_hidden, bias, .. } = *self;
        let lanes = sizes.lanes;
        let of_lane = |matrix: &'a [f32], lane: usize| &matrix[lane * matrix.len() / lanes..(lane + 1) * matrix.len() / lanes];
        on_threads(lanes_of(parts, lanes).into_iter().enumerate().collect(), |(lane, parts)| {
            let mut panels = pool::take(sizes.panels());
            panel::pack(&sizes, of_lane(w_input, lane), of_lane(w_hidden, lane), of_lane(bias, lane), &mut panels);
            each(lane, &panels, parts);
            pool::give(panels);
        });
    }

    /// Runs over a lane's tiles in parallel, each with its part.
    fn each_tile<T: Send>(&self, parts: Vec<T>, each: impl Fn(Range<usize>, T) + Sync) {
        on_threads(self.sizes.tiles().zip(parts).collect(), |(tile, part)| each(tile, part));
    }

    /// A tile's rows in a sequence `[·, K, B, columns]`.
    fn rows<'b>(&self, values: &'b [f32], lane: usize, tile: &Range<usize>, columns: usize) -> Rows<'b> {
        let Sizes { lanes, batch, .. } = self.sizes;
        let (start, stride) = ((lane * batch + tile.start) * columns, lanes * batch * columns);
        Rows { values, start, stride, length: tile.len() * columns }
    }

    /// Where what is kept of a tile stands, with so many vectors for a block of units.
    fn kept_at(&self, lane: usize, tile: &Range<usize>, vectors: usize) -> Range<usize> {
        let row = self.sizes.time * self.sizes.padded() * vectors;
        let first = lane * self.sizes.batch;
        (first + tile.start) * row..(first + tile.end) * row
    }

    /// What is kept, tile by tile.
    fn of_tiles<'b>(&self, kept: &'b mut [f32], vectors: usize) -> Vec<&'b mut [f32]> {
        let mut rest = kept;
        let mut parts = Vec::new();
        for lane in 0..self.sizes.lanes {
            for tile in self.sizes.tiles() {
                let (part, after) = rest.split_at_mut(self.kept_at(lane, &tile, vectors).len());
                parts.push(part);
                rest = after;
            }
        }
        parts
    }
}

/// Runs over work on the threads there are; on this one alone if there is nothing to share out, since waking another costs more than
/// a small tile.
pub(super) fn on_threads<T: Send>(work: Vec<T>, each: impl Fn(T) + Sync + Send) {
    if work.len() == 1 || rayon::current_num_threads() == 1 {
        work.into_iter().for_each(each);
    } else {
        work.into_par_iter().for_each(each);
    }
}

/// A sequence `[·, K, B, columns]` as the steps of each tile of each lane.
fn by_tile<'a>(sizes: &Sizes, sequence: &'a mut [f32], columns: usize) -> Vec<Vec<&'a mut [f32]>> {
    let Sizes { lanes, batch, .. } = *sizes;
    let tiles: Vec<_> = sizes.tiles().collect();
    let steps = sequence.len() / (lanes * batch * columns);
    let mut parts: Vec<Vec<_>> = (0..lanes * tiles.len()).map(|_| Vec::with_capacity(steps)).collect();
    for (index, mut rest) in sequence.chunks_exact_mut(batch * columns).enumerate() {
        let lane = index % lanes;
        for (tile, parts) in tiles.iter().zip(&mut parts[lane * tiles.len()..]) {
            let (part, after) = rest.split_at_mut(tile.len() * columns);
            parts.push(part);
            rest = after;
        }
    }
    parts
}

/// Equal shares of parts for the lanes, in order.
fn lanes_of<T>(parts: Vec<T>, lanes: usize) -> Vec<Vec<T>> {
    let each = parts.len() / lanes.max(1);
    let mut parts = parts.into_iter();
    (0..lanes).map(|_| parts.by_ref().take(each).collect()).collect()
}
