//! Sizes of a layer, its division into tiles, and weights laid out as the kernels read them.
//!
//! Units stand in blocks of one vector. A *panel* holds for one block its rows in turn, and in each row the block's gates i, f, g, o,
//! one vector each: `[blocks][rows][4][width]`, so that one pass over the rows gives all four gates of the block's units. The rows
//! are the bias, then F inputs, then H hidden units. Units that fill up the last block have zeros throughout.

use std::ops::Range;

/// Sizes of a layer's pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) time: usize,
    pub(super) lanes: usize,
    pub(super) batch: usize,
    pub(super) features: usize,
    pub(super) hidden: usize,
    /// Floats in a vector.
    pub(super) width: usize,
}

impl Sizes {
    /// Blocks of units.
    pub(super) fn blocks(&self) -> usize {
        self.hidden.div_ceil(self.width)
    }

    /// Units, filled up to whole blocks.
    pub(super) fn padded(&self) -> usize {
        self.blocks() * self.width
    }

    /// Floats of a lane's panels.
    pub(super) fn panels(&self) -> usize {
        (1 + self.features + self.hidden) * 4 * self.padded()
    }

    /// Tiles of the batch, as equal as can be: of about 16 windows, or more so that there are no more than 16. They depend on the
    /// batch alone, hence so does the order in which their gradients are added up.
    pub(super) fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        parts(self.batch, 16_usize.max(self.batch.div_ceil(16)))
    }
}

/// `0..n` in the fewest parts of at most `most`, as equal as can be.
#[inline(always)]
pub(super) fn parts(n: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = n.div_ceil(most);
    (0..count).map(move |part| part * n / count..(part + 1) * n / count)
}

/// A lane's weights `[F, 4H]`, `[H, 4H]`, `[4H]` as panels.
pub(super) fn pack(sizes: &Sizes, w_input: &[f32], w_hidden: &[f32], bias: &[f32], panels: &mut [f32]) {
    for_runs(sizes, |weight, panel, length| {
        let (matrix, start) = matrix(sizes, weight, [w_input, w_hidden, bias]);
        panels[panel..panel + length].copy_from_slice(&matrix[start..start + length]);
        panels[panel + length..panel + sizes.width].fill(0.0);
    });
}

/// The inverse of [`pack`].
pub(super) fn unpack(sizes: &Sizes, panels: &[f32], w_input: &mut [f32], w_hidden: &mut [f32], bias: &mut [f32]) {
    for_runs(sizes, |weight, panel, length| {
        let (matrix, start) = matrix(sizes, weight, [&mut *w_input, &mut *w_hidden, &mut *bias]);
        matrix[start..start + length].copy_from_slice(&panels[panel..panel + length]);
    });
}

/// Column vectors of the right factor that takes gradients of the gates back: units, then inputs if they are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Vectors of units.
    pub(super) units: usize,
    /// Vectors of inputs.
    pub(super) inputs: usize,
}

impl Columns {
    /// Vectors of a group of columns: what a product computes at once.
    pub(super) fn groups(self) -> impl Iterator<Item = Range<usize>> {
        parts(self.units + self.inputs, 4)
    }

    /// Floats of [`transpose`]'s result.
    pub(super) fn floats(self, sizes: &Sizes) -> usize {
        (self.units + self.inputs) * sizes.width * 4 * sizes.padded()
    }
}

/// A lane's weights with gates for rows, in the order of the panels, and columns as said: `[groups][4·padded][vectors][width]`.
pub(super) fn transpose(sizes: &Sizes, columns: Columns, w_input: &[f32], w_hidden: &[f32], transposed: &mut [f32]) {
    let Sizes { hidden, width, .. } = *sizes;
    let mut rest = transposed;
    for group in columns.groups() {
        let row = group.len() * width;
        let (this, after) = rest.split_at_mut(4 * sizes.padded() * row);
        rest = after;
        this.fill(0.0);
        for (vector, column) in group.enumerate() {
            let (matrix, first) =
                if column < columns.units { (w_hidden, column * width) } else { (w_input, (column - columns.units) * width) };
            for (lane, weights) in matrix.chunks_exact(4 * hidden).skip(first).take(width).enumerate() {
                let to = &mut this[vector * width + lane..];
                for (gate, weights) in weights.chunks_exact(hidden).enumerate() {
                    for (unit, &weight) in weights.iter().enumerate() {
                        to[((unit / width * 4 + gate) * width + unit % width) * row] = weight;
                    }
                }
            }
        }
    }
}

/// Calls with every run of neighbouring weights: where it starts in the matrices, where in the panels, and its length.
fn for_runs(sizes: &Sizes, mut each: impl FnMut(Place, usize, usize)) {
    let Sizes { features, hidden, width, .. } = *sizes;
    let rows = 1 + features + hidden;
    for block in 0..sizes.blocks() {
        let unit = block * width;
        for row in 0..rows {
            for gate in 0..4 {
                let place = Place { row, column: gate * hidden + unit };
                each(place, ((block * rows + row) * 4 + gate) * width, width.min(hidden - unit));
            }
        }
    }
}

/// A weight, by its row in a panel and its column in the matrices.
struct Place {
    row: usize,
    column: usize,
}

/// The matrix that a place lies in, and where.
fn matrix<T>(sizes: &Sizes, place: Place, [w_input, w_hidden, bias]: [T; 3]) -> (T, usize) {
    let gates = 4 * sizes.hidden;
    match place.row {
        0 => (bias, place.column),
        row if row <= sizes.features => (w_input, (row - 1) * gates + place.column),
        row => (w_hidden, (row - 1 - sizes.features) * gates + place.column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sizes() -> impl Strategy<Value = Sizes> {
        (1_usize..8, 1_usize..40, prop::sample::select(vec![4, 8, 16])).prop_map(|(features, hidden, width)| Sizes {
            time: 1,
            lanes: 1,
            batch: 1,
            features,
            hidden,
            width,
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(s in sizes()) {
            let gates = 4 * s.hidden;
            let draw = |n: usize, from: usize| (from..from + n).map(|value| value as f32).collect::<Vec<_>>();
            let (wi, wh, bias) = (draw(s.features * gates, 1), draw(s.hidden * gates, 100_000), draw(gates, 200_000));
            let mut panels = vec![f32::NAN; s.panels()];
            pack(&s, &wi, &wh, &bias, &mut panels);
            prop_assert_eq!(panels.iter().filter(|value| **value != 0.0).count(), wi.len() + wh.len() + bias.len());
            let (mut wi2, mut wh2, mut bias2) = (vec![0.0; wi.len()], vec![0.0; wh.len()], vec![0.0; bias.len()]);
            unpack(&s, &panels, &mut wi2, &mut wh2, &mut bias2);
            prop_assert_eq!((wi, wh, bias), (wi2, wh2, bias2));
        }

        #[test]
        fn parts_cover_everything_once_and_are_equal(n in 0_usize..300, most in 1_usize..40) {
            let parts: Vec<_> = parts(n, most).collect();
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= most));
            let (least, greatest) = (parts.iter().map(Range::len).min(), parts.iter().map(Range::len).max());
            prop_assert!(greatest.unwrap_or(0) - least.unwrap_or(0) <= 1);
            prop_assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
        }
    }
}
