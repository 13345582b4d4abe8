//! Masks drawn for a tile, the same bits as [`Dropout::factor`] gives one by one.

use std::ops::Range;

use super::simd::{Kernel, Vector, Words};
use crate::random::{Dropout, MaskPlace, PHILOX, PHILOX_ROUNDS};

/// A tile's mask over the outputs of a layer.
pub(super) struct Mask<'a> {
    pub(super) dropout: Dropout,
    pub(super) layer: usize,
    pub(super) time: usize,
    /// The tile's windows, of so many.
    pub(super) rows: Range<usize>,
    pub(super) windows: usize,
    pub(super) units: usize,
    pub(super) padded: usize,
    /// `[T][rows][padded]`.
    pub(super) factors: &'a mut [f32],
}

impl Kernel for Mask<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { dropout, layer, time, rows, windows: count, units, padded, factors } = self;
        let Dropout { key, threshold, scale, .. } = dropout;
        for (t, factors) in factors.chunks_exact_mut(rows.len() * padded).take(time).enumerate() {
            for quad in (rows.start / 4..rows.end.div_ceil(4)).map(|quad| quad * 4) {
                for unit in (0..padded).step_by(V::WIDTH) {
                    let place = MaskPlace { layer, t, row: quad, rows: count, unit, units };
                    let words = words::<V>(key, dropout.counter(place).0);
                    for (row, words) in (quad..).zip(words) {
                        if rows.contains(&row) {
                            let at = (row - rows.start) * padded + unit;
                            V::where_at_most(words, threshold, scale).store(&mut factors[at..]);
                        }
                    }
                }
            }
        }
    }
}

/// [`crate::random::philox`] of a counter and those after it, word by word.
#[inline(always)]
fn words<V: Vector>(mut key: [u32; 2], first: [u32; 4]) -> [V::Words; 4] {
    let [factors, increments] = PHILOX;
    let mut counter = [
        V::Words::counting(first[0]),
        V::Words::splat(first[1]),
        V::Words::splat(first[2]),
        V::Words::splat(first[3]),
    ];
    for _ in 0..PHILOX_ROUNDS {
        let ((high_0, low_0), (high_1, low_1)) =
            (counter[0].wide_mul(factors[0]), counter[2].wide_mul(factors[1]));
        counter = [
            high_1.xor(counter[1]).xor(V::Words::splat(key[0])),
            low_1,
            high_0.xor(counter[3]).xor(V::Words::splat(key[1])),
            low_0,
        ];
        key = [key[0].wrapping_add(increments[0]), key[1].wrapping_add(increments[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::super::simd::{InstructionSet, run};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tiles_mask_is_what_is_drawn_one_by_one(
            seed: u64,
            steps: u64,
            probability in 0.0_f64..1.0,
            (windows, from, to) in (1_usize..40).prop_flat_map(|n| (Just(n), 0..n, 0..n)),
            units in 1_usize..40,
            layer in 0_usize..4,
        ) {
            let (rows, time) = (from.min(to)..from.max(to) + 1, 3);
            let dropout = Dropout::new(seed, steps, probability);
            for set in InstructionSet::available() {
                let padded = units.next_multiple_of(set.width());
                let mut factors = vec![f32::NAN; time * rows.len() * padded];
                run(
                    set,
                    Mask {
                        dropout,
                        layer,
                        time,
                        rows: rows.clone(),
                        windows,
                        units,
                        padded,
                        factors: &mut factors,
                    },
                );
                for (index, factor) in
                    factors.iter().enumerate().filter(|(index, _)| index % padded < units)
                {
                    let (t, row) =
                        (index / padded / rows.len(), rows.start + index / padded % rows.len());
                    let place =
                        MaskPlace { layer, t, row, rows: windows, unit: index % padded, units };
                    prop_assert_eq!(*factor, dropout.factor(place));
                }
            }
        }
    }
}
