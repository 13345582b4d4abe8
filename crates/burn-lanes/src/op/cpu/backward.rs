//! The backward pass of one tile: back-propagation through time (Werbos 1990) from the last step to the first.
//!
//! The gates' gradients of a few steps stay in the cache until the weights' gradients have taken them up.

use std::ops::Range;

use super::activation::tanh;
use super::forward::{Rows, load_part, store_part};
use super::panel::{Columns, Sizes, parts};
use super::simd::{Kernel, Left, Vector, four, prefetch, product, store_four};

/// A tile's work.
pub(super) struct BackwardTile<'a> {
    pub(super) sizes: Sizes,
    /// Windows in the tile.
    pub(super) rows: usize,
    pub(super) x: Rows<'a>,
    /// Hidden states, kept by the forward pass.
    pub(super) h: Rows<'a>,
    /// The gradient of the hidden states, of every step or of the last alone.
    pub(super) outside: Rows<'a>,
    pub(super) outside_steps: usize,
    /// See [`super::forward::Cells::Kept`].
    pub(super) gates: &'a [f32],
    pub(super) cells: &'a [f32],
    /// See [`super::panel::transpose`].
    pub(super) transposed: &'a [f32],
    pub(super) columns: Columns,
    /// Where the input's gradient goes, `[rows, F]` for every step; none when it is not wanted.
    pub(super) dx: Vec<&'a mut [f32]>,
    /// The tile's share of the weights' gradient, as panels; zeros before.
    pub(super) gradient: &'a mut [f32],
    /// [`BackwardTile::scratch`] floats.
    pub(super) scratch: &'a mut [f32],
}

/// Rows whose gates' gradients the weights' gradients take up at once.
const BLOCK_ROWS: usize = 96;

impl BackwardTile<'_> {
    /// Floats of scratch memory.
    pub(super) fn scratch(sizes: &Sizes, rows: usize) -> usize {
        sizes.padded() * rows * (2 + 4 * steps_at_once(rows))
    }
}

/// Steps of a block.
fn steps_at_once(rows: usize) -> usize {
    (BLOCK_ROWS / rows).max(1)
}

impl Kernel for BackwardTile<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let size = self.sizes.padded() * self.rows;
        let scratch = std::mem::take(&mut self.scratch);
        let (dh, rest) = scratch.split_at_mut(size); // [blocks][rows][width]
        let (dc, dz) = rest.split_at_mut(size); // [blocks][rows][width], [blocks][steps · rows][4][width]
        dh.fill(0.0);
        dc.fill(0.0);
        let most = steps_at_once(self.rows);
        let mut end = self.sizes.time;
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

impl BackwardTile<'_> {
    /// Asks for what is next read of some rows and a block of units, so that it comes while the weights are at work.
    #[inline(always)]
    fn prefetch(&self, t: usize, rows: &Range<usize>, block: usize, width: usize) {
        let size = self.sizes.padded() * self.rows;
        let at = |t: usize| t * size + (block * self.rows + rows.start) * width;
        let values = rows.len() * width;
        if t > 0 {
            prefetch(&self.gates[4 * at(t - 1)..][..4 * values]);
        }
        if t > 1 {
            prefetch(&self.cells[at(t - 2)..][..values]);
        }
        if t > 0 && block == 0 {
            let hidden = self.sizes.hidden;
            prefetch(&self.h.at(t - 1)[rows.start * hidden..rows.end * hidden]);
            if self.outside_steps > 1 {
                prefetch(&self.outside.at(t - 1)[rows.start * hidden..rows.end * hidden]);
            }
        }
    }

    /// From the gradient of the hidden state to that of the gates before their activations; and the bias's.
    #[inline(always)]
    fn through_the_gates<V: Vector>(&mut self, t: usize, dh: &[f32], dc: &mut [f32], dz: &mut [f32], place: Place) {
        let Sizes { time, hidden, features, .. } = self.sizes;
        let (blocks, width) = (self.sizes.blocks(), V::WIDTH);
        let one = V::splat(1.0);
        let size = blocks * self.rows * width;
        let outside = match self.outside_steps {
            1 if t + 1 == time => Some(self.outside.at(0)),
            1 => None,
            _ => Some(self.outside.at(t)),
        };
        for block in 0..blocks {
            let units = block * width..hidden.min((block + 1) * width);
            let bias = &mut self.gradient[block * (1 + features + hidden) * 4 * width..][..4 * width];
            let mut sums = four::<V>(bias);
            for row in 0..self.rows {
                let at = (block * self.rows + row) * width;
                let gates = &self.gates[4 * (t * size + at)..][..4 * width];
                let [i, f, g, o] = four::<V>(gates);
                let tanh_c = tanh(V::load(&self.cells[t * size + at..]));
                let before = if t == 0 { V::splat(0.0) } else { V::load(&self.cells[(t - 1) * size + at..]) };
                let mut d = V::load(&dh[at..]);
                if let Some(outside) = outside {
                    d = d.add(load_part(&outside[row * hidden..][units.clone()]));
                }
                let d_cell = d.mul(o).mul_add(tanh_c.neg_mul_add(tanh_c, one), V::load(&dc[at..]));
                let each = [
                    d_cell.mul(g).mul(i.neg_mul_add(i, i)),
                    d_cell.mul(before).mul(f.neg_mul_add(f, f)),
                    d_cell.mul(i).mul(g.neg_mul_add(g, one)),
                    d.mul(tanh_c).mul(o.neg_mul_add(o, o)),
                ];
                d_cell.mul(f).store(&mut dc[at..]);
                let to = &mut dz[(block * place.rows + place.first + row) * 4 * width..][..4 * width];
                store_four(each, to);
                for (sum, each) in sums.iter_mut().zip(each) {
                    *sum = sum.add(each);
                }
            }
            store_four(sums, bias);
        }
    }

    /// From the gradient of the gates to those of the hidden state before and of the input.
    #[inline(always)]
    fn through_the_weights<V: Vector>(&mut self, t: usize, dh: &mut [f32], dz: &[f32], place: Place) {
        let mut transposed = self.transposed;
        for group in self.columns.groups() {
            let (this, after) = transposed.split_at(4 * self.sizes.padded() * group.len() * V::WIDTH);
            transposed = after;
            for rows in parts(self.rows, V::ROWS) {
                match rows.len() {
                    1 => self.columns_of::<V, 1>(t, rows, group.clone(), this, dh, dz, place),
                    2 if V::ROWS >= 2 => self.columns_of::<V, 2>(t, rows, group.clone(), this, dh, dz, place),
                    3 if V::ROWS >= 3 => self.columns_of::<V, 3>(t, rows, group.clone(), this, dh, dz, place),
                    4 if V::ROWS >= 4 => self.columns_of::<V, 4>(t, rows, group.clone(), this, dh, dz, place),
                    5 if V::ROWS >= 5 => self.columns_of::<V, 5>(t, rows, group.clone(), this, dh, dz, place),
                    _ if V::ROWS >= 6 => self.columns_of::<V, 6>(t, rows, group.clone(), this, dh, dz, place),
                    _ => {}
                }
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // one call with the number of rows made constant
    fn columns_of<V: Vector, const M: usize>(
        &mut self,
        t: usize,
        rows: Range<usize>,
        group: Range<usize>,
        transposed: &[f32],
        dh: &mut [f32],
        dz: &[f32],
        place: Place,
    ) {
        match group.len() {
            1 => self.register_tile::<V, M, 1>(t, rows, group.start, transposed, dh, dz, place),
            2 => self.register_tile::<V, M, 2>(t, rows, group.start, transposed, dh, dz, place),
            3 => self.register_tile::<V, M, 3>(t, rows, group.start, transposed, dh, dz, place),
            _ => self.register_tile::<V, M, 4>(t, rows, group.start, transposed, dh, dz, place),
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // as above
    fn register_tile<V: Vector, const M: usize, const N: usize>(
        &mut self,
        t: usize,
        rows: Range<usize>,
        column: usize,
        transposed: &[f32],
        dh: &mut [f32],
        dz: &[f32],
        place: Place,
    ) {
        let gates = 4 * V::WIDTH;
        let features = self.sizes.features;
        let mut sums = [[V::splat(0.0); N]; M];
        for block in 0..self.sizes.blocks() {
            if column == 0 {
                self.prefetch(t, &rows, block, V::WIDTH);
            }
            let left = Left { values: &dz[(block * place.rows + place.first + rows.start) * gates..], row: gates, step: 1 };
            sums = product::<V, M, N>(sums, left, &transposed[block * gates * N * V::WIDTH..], gates);
        }
        for (m, sums) in sums.iter().enumerate() {
            let row = rows.start + m;
            for (n, &sum) in sums.iter().enumerate() {
                let column = column + n;
                if column < self.columns.units {
                    sum.store(&mut dh[(column * self.rows + row) * V::WIDTH..]);
                } else {
                    let inputs =
                        (column - self.columns.units) * V::WIDTH..features.min((column + 1 - self.columns.units) * V::WIDTH);
                    store_part(sum, &mut self.dx[t][row * features..][inputs]);
                }
            }
        }
    }

    /// Adds to the weights' gradients what some steps contribute.
    #[inline(always)]
    fn weights<V: Vector>(&mut self, steps: Range<usize>, dz: &[f32], block_rows: usize) {
        let Sizes { features, hidden, .. } = self.sizes;
        let panel_rows = 1 + features + hidden;
        for block in 0..self.sizes.blocks() {
            let dz = &dz[block * block_rows * 4 * V::WIDTH..][..block_rows * 4 * V::WIDTH];
            let panel = &mut self.gradient[block * panel_rows * 4 * V::WIDTH..][..panel_rows * 4 * V::WIDTH];
            for (from, first, columns) in [(Source::Input(self.x), 1, features), (Source::Before(self.h), 1 + features, hidden)] {
                for part in parts(columns, V::ROWS) {
                    let taken = Taken { from, steps: steps.clone(), start: part.start, columns, rows: self.rows, dz };
                    let panel = &mut panel[(first + part.start) * 4 * V::WIDTH..];
                    match part.len() {
                        1 => taken.run::<V, 1>(panel),
                        2 if V::ROWS >= 2 => taken.run::<V, 2>(panel),
                        3 if V::ROWS >= 3 => taken.run::<V, 3>(panel),
                        4 if V::ROWS >= 4 => taken.run::<V, 4>(panel),
                        5 if V::ROWS >= 5 => taken.run::<V, 5>(panel),
                        _ if V::ROWS >= 6 => taken.run::<V, 6>(panel),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// What met the weights at a step.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// The step's input.
    Input(Rows<'a>),
    /// The hidden states of the step before.
    Before(Rows<'a>),
}

/// Some rows of a panel of gradients in the making.
struct Taken<'a> {
    from: Source<'a>,
    steps: Range<usize>,
    /// The first of the columns of `from`.
    start: usize,
    /// All columns of `from`.
    columns: usize,
    rows: usize,
    dz: &'a [f32],
}

impl Taken<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize>(self, panel: &mut [f32]) {
        let Self { from, steps, start, columns, rows, dz } = self;
        let row = 4 * V::WIDTH;
        let mut sums = [[V::splat(0.0); 4]; M];
        for (m, sums) in sums.iter_mut().enumerate() {
            *sums = four(&panel[m * row..]);
        }
        for (index, t) in steps.enumerate() {
            let values = match from {
                Source::Input(x) => x.at(t),
                Source::Before(h) if t > 0 => h.at(t - 1),
                Source::Before(_) => continue,
            };
            let left = Left { values: &values[start..], row: 1, step: columns };
            sums = product::<V, M, 4>(sums, left, &dz[index * rows * 4 * V::WIDTH..], rows);
        }
        for (m, &sums) in sums.iter().enumerate() {
            store_four(sums, &mut panel[m * row..]);
        }
    }
}
