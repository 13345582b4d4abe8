//! Sizes of a layer, and its weights laid out as the kernels read them.
//!
//! Units stand in blocks of one vector. A *panel* holds for one block its rows in turn, and in each
//! row the block's gates i, f, g, o, one vector each: `[blocks][rows][4][width]`, so that one pass
//! over the rows gives all four gates of the block's units. The rows are F inputs, H hidden units
//! and the bias, as they are in a lane's row of weights. Units that fill up the last block have
//! zeros throughout.

use std::ops::Range;

use super::activation::{SIGMOID_SCALE, TANH_SCALE};
use super::simd::{Kernel, Vector, load_part, store_part};

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Values that a window gives it at each step: F of the series, or H of the layer below.
    pub(super) inputs: usize,
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

    /// Rows of a panel, and of the matrix in a lane's row of weights.
    pub(super) fn rows(&self) -> usize {
        self.inputs + self.hidden + 1
    }

    /// Floats in a row of a panel.
    pub(super) fn row(&self) -> usize {
        4 * self.width
    }

    /// Floats of a block's panel.
    pub(super) fn panel(&self) -> usize {
        self.rows() * self.row()
    }

    /// Floats of all panels.
    pub(super) fn panels(&self) -> usize {
        self.blocks() * self.panel()
    }

    /// Weights in a lane's row.
    pub(super) fn weights(&self) -> usize {
        self.rows() * 4 * self.hidden
    }

    /// Calls with every run of neighbouring weights: where it starts in a lane's row and in the
    /// panels, its length, and its gate.
    #[inline(always)]
    fn for_runs(&self, mut each: impl FnMut(usize, usize, usize, usize)) {
        let Self { hidden, width, .. } = *self;
        for row in 0..self.rows() {
            for gate in 0..4 {
                for block in 0..self.blocks() {
                    let unit = block * width;
                    let (weight, panel) = (
                        (row * 4 + gate) * hidden + unit,
                        ((block * self.rows() + row) * 4 + gate) * width,
                    );
                    each(weight, panel, width.min(hidden - unit), gate);
                }
            }
        }
    }
}

/// `0..n` in the fewest parts of at most `most`, as equal as can be.
#[inline(always)]
pub(super) fn parts(n: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = n.div_ceil(most);
    (0..count).map(move |part| part * n / count..(part + 1) * n / count)
}

/// Lays a layer's weights out as panels, scaled as the activations want their arguments.
pub(super) struct Pack<'a> {
    pub(super) sizes: Sizes,
    pub(super) weights: &'a [f32],
    pub(super) panels: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let scales = [SIGMOID_SCALE, SIGMOID_SCALE, TANH_SCALE, SIGMOID_SCALE];
        self.sizes.for_runs(|weight, panel, length, gate| {
            let weights = load_part::<V>(&self.weights[weight..weight + length]);
            weights.mul(V::splat(scales[gate])).store(&mut self.panels[panel..]);
        });
    }
}

/// Takes gradients out of panels, which are not scaled.
pub(super) struct Unpack<'a> {
    pub(super) sizes: Sizes,
    pub(super) panels: &'a [f32],
    pub(super) weights: &'a mut [f32],
}

impl Kernel for Unpack<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.sizes.for_runs(|weight, panel, length, _| {
            store_part(V::load(&self.panels[panel..]), &mut self.weights[weight..weight + length]);
        });
    }
}

/// Column vectors of the right factor that takes gradients of the gates back: units, then inputs if
/// they are wanted.
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

    /// Floats of [`Transpose`]'s result.
    pub(super) fn floats(self, sizes: &Sizes) -> usize {
        (self.units + self.inputs) * sizes.width * 4 * sizes.padded()
    }
}

/// Lays a layer's weights out with gates for rows, in the order of the panels, and columns as said:
/// `[groups][4·padded][vectors][width]`.
pub(super) struct Transpose<'a> {
    pub(super) sizes: Sizes,
    pub(super) columns: Columns,
    pub(super) weights: &'a [f32],
    pub(super) transposed: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { sizes, columns, weights, transposed } = self;
        let Sizes { inputs, hidden, .. } = sizes;
        let (of_inputs, rest) = weights.split_at(inputs * 4 * hidden);
        let of_units = &rest[..hidden * 4 * hidden];
        let mut rest = transposed;
        for group in columns.groups() {
            let row = group.len() * V::WIDTH;
            let (this, after) = rest.split_at_mut(4 * sizes.padded() * row);
            rest = after;
            for (vector, column) in group.enumerate() {
                let (matrix, first) = if column < columns.units {
                    (of_units, column)
                } else {
                    (of_inputs, column - columns.units)
                };
                let matrix = &matrix[first * V::WIDTH * 4 * hidden..];
                for (index, to) in this.chunks_exact_mut(V::WIDTH * row).enumerate() {
                    let (gate, unit) = (index % 4, index / 4 * V::WIDTH);
                    // A square, by way of the first-level cache.
                    let mut square = [[0.0; 16]; 16];
                    for (weights, square) in
                        matrix.chunks_exact(4 * hidden).zip(&mut square[..V::WIDTH])
                    {
                        let weights =
                            &weights[gate * hidden + unit..][..V::WIDTH.min(hidden - unit)];
                        load_part::<V>(weights).store(square);
                    }
                    for (unit, to) in to.chunks_exact_mut(row).enumerate() {
                        let to = &mut to[vector * V::WIDTH..][..V::WIDTH];
                        for (to, square) in to.iter_mut().zip(&square) {
                            *to = square[unit];
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::{InstructionSet, run};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(inputs in 1_usize..8, hidden in 1_usize..40) {
            for set in InstructionSet::available() {
                let sizes = Sizes { inputs, hidden, width: set.width() };
                let weights: Vec<f32> = (1..=sizes.weights()).map(|value| value as f32).collect();
                let mut panels = vec![f32::NAN; sizes.panels()];
                run(set, Pack { sizes, weights: &weights, panels: &mut panels });
                prop_assert_eq!(
                    panels.iter().filter(|value| **value != 0.0).count(),
                    weights.len()
                );
                let mut unpacked = vec![0.0; weights.len()];
                run(set, Unpack { sizes, panels: &panels, weights: &mut unpacked });
                for (index, (unpacked, weight)) in unpacked.iter().zip(&weights).enumerate() {
                    let scale = if index / hidden % 4 == 2 { TANH_SCALE } else { SIGMOID_SCALE };
                    prop_assert_eq!(*unpacked, weight * scale);
                }
            }
        }

        #[test]
        fn parts_cover_everything_once_and_are_equal(
            n in 0_usize..300,
            most in 1_usize..40,
        ) {
            let parts: Vec<_> = parts(n, most).collect();
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= most));
            let (least, greatest) =
                (parts.iter().map(Range::len).min(), parts.iter().map(Range::len).max());
            prop_assert!(greatest.unwrap_or(0) - least.unwrap_or(0) <= 1);
            prop_assert_eq!(
                parts.into_iter().flatten().collect::<Vec<_>>(),
                (0..n).collect::<Vec<_>>()
            );
        }
    }
}
