//! The forward pass of a tile through one layer: a few windows of one lane, through all time steps.
//!
//! A register tile holds the four gates of one block of units for a few windows: it starts from the
//! bias, takes the products of input and hidden state, and goes through the activations without
//! touching memory between.

use super::activation::{TANH_SCALE, powers, sigmoid, tanh};
use super::panel::{Sizes, parts};
use super::simd::{Kernel, Left, Vector, four, product, with_rows};

/// What a layer is given: the value of a window and a step, or of a step and a window, in rows at
/// equal distances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub(super) values: &'a [f32],
    /// From window to window.
    pub(super) row: usize,
    /// From step to step.
    pub(super) step: usize,
}

impl<'a> Input<'a> {
    /// A step's values, from a window on.
    #[inline(always)]
    pub(super) fn at(&self, t: usize, row: usize) -> &'a [f32] {
        &self.values[t * self.step + row * self.row..]
    }
}

/// Vectors that a unit's step leaves for the backward pass: what the gradients of hidden state and
/// cell are multiplied with there.
///
/// With the gradients dh and dc coming in, `dc += dh·OUT`, then the gates get `dc·IN`, `dc·FORGET`,
/// `dc·CANDIDATE` and `dh·OUTPUT` before their activations, and the cell before gets `dc·KEEP`.
pub(super) const KEPT: usize = 6;

/// A tile's work.
pub(super) struct ForwardLayer<'a> {
    pub(super) sizes: Sizes,
    pub(super) time: usize,
    /// Windows in the tile.
    pub(super) rows: usize,
    pub(super) input: Input<'a>,
    /// See [`super::panel::Pack`].
    pub(super) panels: &'a [f32],
    /// Where hidden states go, `[T][rows][padded]`.
    pub(super) hidden: &'a mut [f32],
    /// Those of the current step, `[blocks][rows][width]`.
    pub(super) cells: &'a mut [f32],
    /// [`KEPT`] vectors each, `[T][blocks][rows][KEPT][width]`; none if there is to be no backward
    /// pass.
    pub(super) kept: Option<&'a mut [f32]>,
    pub(super) dropped: Option<Dropped<'a>>,
}

/// Dropout of a layer's outputs, both `[T][rows][padded]`.
pub(super) struct Dropped<'a> {
    pub(super) factors: &'a [f32],
    /// Where hidden states times factors go.
    pub(super) outputs: &'a mut [f32],
}

impl Kernel for ForwardLayer<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let Sizes { hidden: units, .. } = self.sizes;
        let (rows, padded, blocks) = (self.rows, self.sizes.padded(), self.sizes.blocks());
        for t in 0..self.time {
            let (before, now) = self.hidden.split_at_mut(t * rows * padded);
            let before = before.len().checked_sub(rows * padded).map(|start| &before[start..]);
            for block in 0..blocks {
                let panel = &self.panels[block * self.sizes.panel()..][..self.sizes.panel()];
                for part in parts(rows, V::ROWS) {
                    let at = (block * rows + part.start) * V::WIDTH;
                    let output = part.start * padded + block * V::WIDTH;
                    let step = Step {
                        input: self.input.at(t, part.start),
                        input_row: self.input.row,
                        inputs: self.sizes.inputs,
                        before: before.map(|before| &before[part.start * padded..]),
                        units,
                        padded,
                        panel,
                        cells: &mut self.cells[at..],
                        kept: self
                            .kept
                            .as_mut()
                            .map(|kept| &mut kept[(t * blocks * rows * V::WIDTH + at) * KEPT..]),
                        hidden: &mut now[output..],
                        dropped: self.dropped.as_mut().map(|Dropped { factors, outputs }| {
                            Dropped {
                                factors: &factors[t * rows * padded + output..],
                                outputs: &mut outputs[t * rows * padded + output..],
                            }
                        }),
                    };
                    with_rows!(V, part.len(), M => step.run::<V, M>());
                }
            }
        }
    }
}

/// A register tile: one block of units of a few windows at one step. Its slices start at its first
/// window and unit.
struct Step<'a> {
    input: &'a [f32],
    input_row: usize,
    inputs: usize,
    /// Hidden states of the step before; `None` at the first.
    before: Option<&'a [f32]>,
    units: usize,
    /// From window to window of the hidden states.
    padded: usize,
    panel: &'a [f32],
    cells: &'a mut [f32],
    kept: Option<&'a mut [f32]>,
    hidden: &'a mut [f32],
    dropped: Option<Dropped<'a>>,
}

impl Step<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize>(mut self) {
        let Self { inputs, units, padded, panel, .. } = self;
        let row = 4 * V::WIDTH;
        let bias = four::<V>(&panel[(inputs + units) * row..]);
        let left = Left { values: self.input, row: self.input_row, step: 1 };
        let mut sums = product::<V, M, 4>([bias; M], left, panel, inputs);
        if let Some(before) = self.before {
            let left = Left { values: before, row: padded, step: 1 };
            sums = product::<V, M, 4>(sums, left, &panel[inputs * row..], units);
        }
        self.through_the_gates(powers(sums));
    }

    /// From the gates, as powers of two, to cells and hidden states.
    #[inline(always)]
    fn through_the_gates<V: Vector, const M: usize>(&mut self, powers_of_gates: [[V; 4]; M]) {
        let mut cells = [[V::splat(0.0)]; M];
        let mut outputs = [V::splat(0.0); M];
        for m in 0..M {
            let [i, f, g, o] = powers_of_gates[m];
            let (i, f, g, o) = (sigmoid(i), sigmoid(f), tanh(g), sigmoid(o));
            let cell = &mut self.cells[m * V::WIDTH..][..V::WIDTH];
            let new = i.mul(g);
            let before = match self.before {
                Some(_) => V::load(cell),
                None => V::splat(0.0),
            };
            let c = f.mul_add(before, new);
            c.store(cell);
            cells[m] = [c.mul(V::splat(TANH_SCALE))];
            outputs[m] = o;
            if let Some(kept) = &mut self.kept {
                let kept = &mut kept[m * KEPT * V::WIDTH..][..KEPT * V::WIDTH];
                i.neg_mul_add(new, new).store(&mut kept[V::WIDTH..]); // g·i·(1 − i)
                f.neg_mul_add(f, f).mul(before).store(&mut kept[2 * V::WIDTH..]);
                g.neg_mul_add(new, i).store(&mut kept[3 * V::WIDTH..]); // i·(1 − g²)
                f.store(&mut kept[5 * V::WIDTH..]);
            }
        }
        let cells = powers(cells);
        for m in 0..M {
            let (tanh_c, o) = (tanh(cells[m][0]), outputs[m]);
            let h = o.mul(tanh_c);
            h.store(&mut self.hidden[m * self.padded..]);
            if let Some(Dropped { factors, outputs }) = &mut self.dropped {
                h.mul(V::load(&factors[m * self.padded..])).store(&mut outputs[m * self.padded..]);
            }
            if let Some(kept) = &mut self.kept {
                let kept = &mut kept[m * KEPT * V::WIDTH..][..KEPT * V::WIDTH];
                tanh_c.neg_mul_add(h, o).store(kept); // o·(1 − tanh²c)
                o.neg_mul_add(h, h).store(&mut kept[4 * V::WIDTH..]); // tanh c·o·(1 − o)
            }
        }
    }
}
