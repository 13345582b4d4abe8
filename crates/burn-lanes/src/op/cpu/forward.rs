//! The forward pass of one tile: a few windows of one lane, through all time steps.
//!
//! A register tile holds the four gates of one block of units for a few windows: it starts from the bias, takes the products of
//! input and hidden state, and goes through the activations without touching memory between.

use std::ops::Range;

use super::activation::{sigmoid, tanh};
use super::panel::{Sizes, parts};
use super::simd::{Kernel, Left, Vector, four, prefetch, product, store_four};

/// The rows of a tile in a sequence `[T, K, B, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    /// Where the first step's rows start.
    pub(super) start: usize,
    /// From step to step.
    pub(super) stride: usize,
    /// Values of a step's rows.
    pub(super) length: usize,
}

impl<'a> Rows<'a> {
    /// The rows of a step, one after another.
    #[inline(always)]
    pub(super) fn at(&self, t: usize) -> &'a [f32] {
        &self.values[self.start + t * self.stride..][..self.length]
    }
}

/// A tile's work.
pub(super) struct ForwardTile<'a> {
    pub(super) sizes: Sizes,
    /// Windows in the tile.
    pub(super) rows: usize,
    pub(super) x: Rows<'a>,
    /// See [`super::panel::pack`].
    pub(super) panels: &'a [f32],
    pub(super) hidden: Hidden<'a>,
    pub(super) saved: Cells<'a>,
}

/// Where hidden states go, `[rows, H]` each.
pub(super) enum Hidden<'a> {
    /// Those of every step.
    Steps(Vec<&'a mut [f32]>),
    /// The last; the one before it goes beside it.
    Last { now: &'a mut [f32], before: &'a mut [f32] },
}

impl Hidden<'_> {
    /// The states of the step before, and room for those of this one.
    #[inline(always)]
    fn at(&mut self, t: usize, time: usize) -> (&[f32], &mut [f32]) {
        match self {
            Self::Steps(steps) => {
                let (before, now) = steps.split_at_mut(t);
                (before.last().map_or(&[], |before| &**before), &mut *now[0])
            }
            // The roles alternate so that the last step writes into `now`.
            Self::Last { now, before } => {
                if (time - 1 - t).is_multiple_of(2) {
                    (&**before, &mut **now)
                } else {
                    (&**now, &mut **before)
                }
            }
        }
    }
}

/// Gates and cells on their way.
pub(super) enum Cells<'a> {
    /// Kept for the backward pass: gates `[T][blocks][rows][4][width]`, cells `[T][blocks][rows][width]`.
    Kept { gates: &'a mut [f32], cells: &'a mut [f32] },
    /// The cells of the current step alone: `[blocks][rows][width]`.
    Current { cells: &'a mut [f32] },
}

impl Kernel for ForwardTile<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let Sizes { time, features, hidden, .. } = self.sizes;
        let blocks = self.sizes.blocks();
        let size = blocks * self.rows * V::WIDTH;
        for t in 0..time {
            let x = self.x.at(t);
            let (before, h) = self.hidden.at(t, time);
            let (mut gates, earlier, cells) = match &mut self.saved {
                Cells::Kept { gates, cells } => {
                    let (earlier, cells) = cells.split_at_mut(t * size);
                    (Some(&mut gates[4 * t * size..]), earlier.len().checked_sub(size).map(|start| &earlier[start..]), cells)
                }
                Cells::Current { cells } => (None, None, &mut **cells),
            };
            for block in 0..blocks {
                let panel = &self.panels[block * self.panels.len() / blocks..];
                let units = block * V::WIDTH..hidden.min((block + 1) * V::WIDTH);
                for rows in parts(self.rows, V::ROWS) {
                    let at = (block * self.rows + rows.start) * V::WIDTH;
                    let step = Step {
                        x: &x[rows.start * features..],
                        features,
                        before: (t > 0).then(|| &before[rows.start * hidden..]),
                        hidden,
                        panel,
                        earlier: earlier.map(|earlier| &earlier[at..]),
                        cells: &mut cells[at..],
                        gates: gates.as_mut().map(|gates| &mut gates[4 * at..]),
                        h: &mut h[rows.start * hidden..],
                        units: units.clone(),
                    };
                    match rows.len() {
                        1 => step.run::<V, 1>(),
                        2 if V::ROWS >= 2 => step.run::<V, 2>(),
                        3 if V::ROWS >= 3 => step.run::<V, 3>(),
                        4 if V::ROWS >= 4 => step.run::<V, 4>(),
                        5 if V::ROWS >= 5 => step.run::<V, 5>(),
                        _ if V::ROWS >= 6 => step.run::<V, 6>(),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// A register tile: one block of units of a few windows at one step.
struct Step<'a> {
    x: &'a [f32],
    features: usize,
    /// Hidden states of the step before; `None` at the first.
    before: Option<&'a [f32]>,
    hidden: usize,
    panel: &'a [f32],
    /// Cells of the step before, unless they stand in `cells`.
    earlier: Option<&'a [f32]>,
    cells: &'a mut [f32],
    gates: Option<&'a mut [f32]>,
    h: &'a mut [f32],
    /// The block's units.
    units: Range<usize>,
}

impl Step<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize>(mut self) {
        let Self { features, hidden, panel, .. } = self;
        let row = 4 * V::WIDTH;
        if let Some(gates) = &self.gates {
            prefetch(&gates[..M * row]);
            prefetch(&self.cells[..M * V::WIDTH]);
        }
        let bias = four::<V>(panel);
        let mut sums = product::<V, M, 4>([bias; M], Left { values: self.x, row: features, step: 1 }, &panel[row..], features);
        if let Some(before) = self.before {
            let left = Left { values: before, row: hidden, step: 1 };
            sums = product::<V, M, 4>(sums, left, &panel[(1 + features) * row..], hidden);
        }
        for (m, &[i, f, g, o]) in sums.iter().enumerate() {
            let at = m * V::WIDTH;
            let (i, f, g, o) = (sigmoid(i), sigmoid(f), tanh(g), sigmoid(o));
            let new = i.mul(g);
            let c = match self.before {
                Some(_) => f.mul_add(V::load(&self.earlier.unwrap_or(self.cells)[at..]), new),
                None => new,
            };
            c.store(&mut self.cells[at..]);
            if let Some(gates) = &mut self.gates {
                store_four([i, f, g, o], &mut gates[4 * at..]);
            }
            store_part(o.mul(tanh(c)), &mut self.h[m * hidden..][self.units.clone()]);
        }
    }
}

/// Stores as many values as there is room for.
#[inline(always)]
pub(super) fn store_part<V: Vector>(vector: V, to: &mut [f32]) {
    if to.len() >= V::WIDTH {
        vector.store(to);
    } else {
        let mut all = [0.0; 16];
        vector.store(&mut all);
        to.copy_from_slice(&all[..to.len()]);
    }
}

/// Loads as many values as there are, and zeros.
#[inline(always)]
pub(super) fn load_part<V: Vector>(from: &[f32]) -> V {
    if from.len() >= V::WIDTH {
        V::load(from)
    } else {
        let mut all = [0.0; 16];
        all[..from.len()].copy_from_slice(from);
        V::load(&all)
    }
}
