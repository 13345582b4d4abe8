//! The backward pass of a tile through one layer: back-propagation through time (Werbos 1990) from
//! the last step to the first.
//!
//! The gates' gradients of a few steps stay in the cache until the weights' gradients have taken
//! them up.

use std::ops::Range;

use super::forward::{Input, KEPT};
use super::panel::{Columns, Sizes, parts};
use super::simd::{Kernel, Left, Vector, four, product, store_four, with_rows};

/// A tile's work.
pub(super) struct BackwardLayer<'a> {
    pub(super) sizes: Sizes,
    pub(super) time: usize,
    /// Windows in the tile.
    pub(super) rows: usize,
    pub(super) input: Input<'a>,
    /// Hidden states, `[T][rows][padded]`.
    pub(super) hidden: &'a [f32],
    /// See [`super::forward::ForwardLayer::kept`].
    pub(super) kept: &'a [f32],
    /// See [`super::panel::Transpose`].
    pub(super) transposed: &'a [f32],
    pub(super) columns: Columns,
    /// `[T][rows][padded]`: the gradient of the outputs, which that of the input takes the place of
    /// where it is wanted.
    pub(super) outer: &'a mut [f32],
    /// The first step whose output has a gradient.
    pub(super) outer_from: usize,
    /// What the outputs were multiplied with, `[T][rows][padded]`.
    pub(super) factors: Option<&'a [f32]>,
    /// The weights' gradient as panels, to be added to.
    pub(super) gradient: &'a mut [f32],
    /// [`scratch`] floats.
    pub(super) scratch: &'a mut [f32],
}

/// Rows whose gates' gradients the weights' gradients take up at once.
pub(super) const BLOCK_ROWS: usize = 64;

/// Floats of scratch memory for so many windows at most.
pub(super) fn scratch(sizes: &Sizes, rows: usize) -> usize {
    sizes.padded() * (2 * rows + 4 * rows.max(BLOCK_ROWS))
}

/// Steps of a block.
fn steps_at_once(rows: usize) -> usize {
    (BLOCK_ROWS / rows).max(1)
}

impl Kernel for BackwardLayer<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let size = self.sizes.padded() * self.rows;
        let scratch = std::mem::take(&mut self.scratch);
        let (dh, rest) = scratch.split_at_mut(size); // [blocks][rows][width]
        // [blocks][rows][width], [blocks][steps · rows][4][width]
        let (dc, dz) = rest.split_at_mut(size);
        dh.fill(0.0);
        dc.fill(0.0);
        let most = steps_at_once(self.rows);
        let mut end = self.time;
        while end > 0 {
            let start = end.saturating_sub(most);
            for t in (start..end).rev() {
                let place = Place { first: (t - start) * self.rows, rows: most * self.rows };
                self.through_the_gates::<V>(t, dh, dc, dz, place);
                if t > 0 || self.columns.inputs > 0 {
                    self.through_the_weights::<V>(t, dh, dz, place);
                }
            }
            self.weights::<V>(start..end, dz, most * self.rows);
            end = start;
        }
    }
}

/// Where a step stands in a block of gates' gradients.
#[derive(Clone, Copy)]
struct Place {
    /// Its first row.
    first: usize,
    /// Rows of the block.
    rows: usize,
}

impl BackwardLayer<'_> {
    /// From the gradient of the hidden state to that of the gates before their activations; and the
    /// bias's.
    #[inline(always)]
    fn through_the_gates<V: Vector>(
        &mut self,
        t: usize,
        dh: &[f32],
        dc: &mut [f32],
        dz: &mut [f32],
        place: Place,
    ) {
        let (blocks, padded, rows, width) =
            (self.sizes.blocks(), self.sizes.padded(), self.rows, V::WIDTH);
        let step = t * rows * padded;
        for block in 0..blocks {
            let bias =
                &mut self.gradient[(block + 1) * self.sizes.panel() - 4 * width..][..4 * width];
            let mut sums = four::<V>(bias);
            for row in 0..rows {
                let at = (block * rows + row) * width;
                let kept = &self.kept[(step + at) * KEPT..][..KEPT * width];
                let dc = &mut dc[at..][..width];
                let mut d = V::load(&dh[at..]);
                if t >= self.outer_from {
                    let at = step + row * padded + block * width;
                    let outer = V::load(&self.outer[at..]);
                    d = match self.factors {
                        Some(factors) => outer.mul_add(V::load(&factors[at..]), d),
                        None => outer.add(d),
                    };
                }
                let d_cell = d.mul_add(V::load(kept), V::load(dc));
                let each = [
                    d_cell.mul(V::load(&kept[width..])),
                    d_cell.mul(V::load(&kept[2 * width..])),
                    d_cell.mul(V::load(&kept[3 * width..])),
                    d.mul(V::load(&kept[4 * width..])),
                ];
                d_cell.mul(V::load(&kept[5 * width..])).store(dc);
                store_four(each, &mut dz[(block * place.rows + place.first + row) * 4 * width..]);
                for (sum, each) in sums.iter_mut().zip(each) {
                    *sum = sum.add(each);
                }
            }
            store_four(sums, bias);
        }
    }

    /// From the gradient of the gates to those of the hidden state before and of the input.
    #[inline(always)]
    fn through_the_weights<V: Vector>(
        &mut self,
        t: usize,
        dh: &mut [f32],
        dz: &[f32],
        place: Place,
    ) {
        let mut transposed = self.transposed;
        for group in self.columns.groups() {
            let (this, after) =
                transposed.split_at(4 * self.sizes.padded() * group.len() * V::WIDTH);
            transposed = after;
            for part in parts(self.rows, V::ROWS) {
                let work =
                    Work { t, part: part.clone(), column: group.start, transposed: this, place };
                with_rows!(V, part.len(), M => match group.len() {
                    1 => self.columns_of::<V, M, 1>(work, dh, dz),
                    2 => self.columns_of::<V, M, 2>(work, dh, dz),
                    3 => self.columns_of::<V, M, 3>(work, dh, dz),
                    _ => self.columns_of::<V, M, 4>(work, dh, dz),
                });
            }
        }
    }

    #[inline(always)]
    fn columns_of<V: Vector, const M: usize, const N: usize>(
        &mut self,
        work: Work<'_>,
        dh: &mut [f32],
        dz: &[f32],
    ) {
        let Work { t, part, column, transposed, place } = work;
        let (gates, padded) = (4 * V::WIDTH, self.sizes.padded());
        let mut sums = [[V::splat(0.0); N]; M];
        for block in 0..self.sizes.blocks() {
            let left = Left {
                values: &dz[(block * place.rows + place.first + part.start) * gates..],
                row: gates,
                step: 1,
            };
            sums =
                product::<V, M, N>(sums, left, &transposed[block * gates * N * V::WIDTH..], gates);
        }
        for (m, sums) in sums.iter().enumerate() {
            let row = part.start + m;
            for (n, &sum) in sums.iter().enumerate() {
                let column = column + n;
                if column < self.columns.units {
                    sum.store(&mut dh[(column * self.rows + row) * V::WIDTH..]);
                } else {
                    let at =
                        (t * self.rows + row) * padded + (column - self.columns.units) * V::WIDTH;
                    sum.store(&mut self.outer[at..]);
                }
            }
        }
    }

    /// Adds to the weights' gradients what some steps contribute.
    #[inline(always)]
    fn weights<V: Vector>(&mut self, steps: Range<usize>, dz: &[f32], block_rows: usize) {
        let (Sizes { inputs, hidden, .. }, padded, rows) =
            (self.sizes, self.sizes.padded(), self.rows);
        let row = 4 * V::WIDTH;
        let first_before = steps.start.max(1); // at the first step there is no hidden state before
        for block in 0..self.sizes.blocks() {
            let dz = &dz[block * block_rows * row..][..block_rows * row];
            let panel = &mut self.gradient[block * self.sizes.panel()..][..self.sizes.panel()];
            for part in parts(inputs, V::ROWS) {
                let panel = &mut panel[part.start * row..];
                let taken =
                    Taken { input: self.input, first: part.start, steps: steps.clone(), rows, dz };
                with_rows!(V, part.len(), M => taken.run::<V, M>(panel));
            }
            let before = Input { values: self.hidden, row: padded, step: rows * padded };
            for part in parts(hidden, V::ROWS) {
                let panel = &mut panel[(inputs + part.start) * row..];
                let dz = &dz[(first_before - steps.start) * rows * row..];
                let taken = Taken {
                    input: before,
                    first: part.start,
                    steps: first_before - 1..steps.end - 1,
                    rows,
                    dz,
                };
                with_rows!(V, part.len(), M => taken.run::<V, M>(panel));
            }
        }
    }
}

/// A few rows and a group of columns on their way through the weights.
struct Work<'a> {
    t: usize,
    part: Range<usize>,
    /// The group's first.
    column: usize,
    transposed: &'a [f32],
    place: Place,
}

/// Some rows of a panel of gradients in the making.
struct Taken<'a> {
    /// What met these weights.
    input: Input<'a>,
    /// The first of the rows.
    first: usize,
    steps: Range<usize>,
    /// Windows in the tile.
    rows: usize,
    /// From the first step on.
    dz: &'a [f32],
}

impl Taken<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize>(self, panel: &mut [f32]) {
        let Self { input, first, steps, rows, dz } = self;
        let row = 4 * V::WIDTH;
        let mut sums = [[V::splat(0.0); 4]; M];
        for (m, sums) in sums.iter_mut().enumerate() {
            *sums = four(&panel[m * row..]);
        }
        if input.step == rows * input.row {
            // All steps' windows stand at equal distances.
            let left = Left { values: &input.at(steps.start, 0)[first..], row: 1, step: input.row };
            sums = product::<V, M, 4>(sums, left, dz, steps.len() * rows);
        } else {
            for (index, t) in steps.enumerate() {
                let left = Left { values: &input.at(t, 0)[first..], row: 1, step: input.row };
                sums = product::<V, M, 4>(sums, left, &dz[index * rows * row..], rows);
            }
        }
        for (m, &sums) in sums.iter().enumerate() {
            store_four(sums, &mut panel[m * row..]);
        }
    }
}
