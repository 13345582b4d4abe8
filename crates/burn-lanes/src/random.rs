//! The trainer's one door to randomness: streams derived from a lane's seed, a purpose and
//! counters.
//!
//! No draw depends on what was drawn before it elsewhere, so that a lane gets the same numbers
//! alone or in a pack, resumed or not. The sampling arithmetic is written out here, not taken from
//! `rand`, whose algorithms may change between versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The numbers `0..n` in a random order: the order of the training windows in `epoch` (Fisher &
/// Yates, as in Knuth 1969, 3.4.2 P).
pub(crate) fn permutation(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
    let mut stream = stream("burn-lanes 1 window order", seed, &[epoch]);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        order.swap(last, below(&mut stream, last as u32 + 1) as usize);
    }
    order
}

/// What a lane drops at a step: a mask over the outputs of every layer but the last, by counters,
/// so that any place of it can be drawn on any device, by itself.
///
/// A counter gives four neighbouring windows of a unit at a time step: with B windows and H units,
/// window b, unit j and step t have word `b % 4` of `philox(key, [(t·⌈B/4⌉ + b/4)·H + j, layer,
/// steps mod 2³², steps div 2³²])`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dropout {
    /// From the lane's seed.
    pub(crate) key: [u32; 2],
    /// Steps that the lane's optimizer took before.
    pub(crate) steps: u64,
    /// A word of at most this is kept.
    pub(crate) threshold: u32,
    /// What is kept is multiplied with this.
    pub(crate) scale: f32,
}

/// Where in a mask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaskPlace {
    pub(crate) layer: usize,
    pub(crate) t: usize,
    /// The window, of so many.
    pub(crate) row: usize,
    pub(crate) rows: usize,
    pub(crate) unit: usize,
    pub(crate) units: usize,
}

impl Dropout {
    /// Drops with a probability, at least 0 and less than 1; at 0 everything is kept as it is.
    pub(crate) fn new(seed: u64, steps: u64, probability: f64) -> Self {
        let keep = 1.0 - probability;
        let mut key = stream("burn-lanes 2 dropout", seed, &[]);
        let threshold = (keep * (u64::from(u32::MAX) + 1) as f64) as u64;
        Self {
            key: [key.next_u32(), key.next_u32()],
            steps,
            threshold: threshold.saturating_sub(1) as u32,
            scale: (1.0 / keep) as f32,
        }
    }

    /// Whether it drops anything.
    pub(crate) fn drops(&self) -> bool {
        self.threshold < u32::MAX || self.scale != 1.0
    }

    /// The counter of four windows, and which of its words is a place's.
    pub(crate) fn counter(&self, place: MaskPlace) -> ([u32; 4], usize) {
        let MaskPlace { layer, t, row, rows, unit, units } = place;
        let index = (t * rows.div_ceil(4) + row / 4) * units + unit;
        ([index as u32, layer as u32, self.steps as u32, (self.steps >> 32) as u32], row % 4)
    }

    /// What the place is multiplied with.
    pub(crate) fn factor(&self, place: MaskPlace) -> f32 {
        let (counter, word) = self.counter(place);
        if philox(self.key, counter)[word] <= self.threshold { self.scale } else { 0.0 }
    }
}

/// Multipliers and key increments of [`philox`].
pub(crate) const PHILOX: [[u32; 2]; 2] = [[0xD251_1F53, 0xCD9E_8D57], [0x9E37_79B9, 0xBB67_AE85]];
/// Its rounds.
pub(crate) const PHILOX_ROUNDS: usize = 10;

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
pub(crate) fn philox(mut key: [u32; 2], mut counter: [u32; 4]) -> [u32; 4] {
    let [factors, increments] = PHILOX;
    for _ in 0..PHILOX_ROUNDS {
        let products = [
            u64::from(factors[0]) * u64::from(counter[0]),
            u64::from(factors[1]) * u64::from(counter[2]),
        ];
        let [high, low] = [
            products.map(|product| (product >> 32) as u32),
            products.map(|product| product as u32),
        ];
        counter = [high[1] ^ counter[1] ^ key[0], low[1], high[0] ^ counter[3] ^ key[1], low[0]];
        key = [key[0].wrapping_add(increments[0]), key[1].wrapping_add(increments[1])];
    }
    counter
}

/// `n` initial values of one weight, uniform in `[-bound, bound)`, on a grid of 2²⁴ points.
pub(crate) fn uniform(seed: u64, weight_index: u64, n: usize, bound: f64) -> Vec<f32> {
    let mut stream = stream("burn-lanes 1 initial weights", seed, &[weight_index]);
    let bound = bound as f32;
    // k·2⁻²³ − 1 is exact in f32 and at most 1 − 2⁻²³, hence the half-open interval survives the
    // rounding of the product.
    let unit = (0.5_f32).powi(23);
    (0..n).map(|_| ((stream.next_u32() >> 8) as f32 * unit - 1.0) * bound).collect()
}

/// The stream of a purpose. Counters are of a fixed number per purpose, so that no two inputs hash
/// the same bytes.
fn stream(purpose: &str, seed: u64, counters: &[u64]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key(purpose);
    hasher.update(&seed.to_le_bytes());
    for counter in counters {
        hasher.update(&counter.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Uniform in `0..bound` without bias (Lemire 2019, "Fast random integer generation in an
/// interval").
fn below(stream: &mut ChaCha8Rng, bound: u32) -> u32 {
    let mut product = u64::from(stream.next_u32()) * u64::from(bound);
    if (product as u32) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (product as u32) < threshold {
            product = u64::from(stream.next_u32()) * u64::from(bound);
        }
    }
    (product >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The first values of a mask over 8 windows of 25 units.
    fn mask(seed: u64, steps: u64, layer: usize, n: usize, keep: f64) -> Vec<f32> {
        let dropout = Dropout::new(seed, steps, 1.0 - keep);
        let place = |index: usize| MaskPlace {
            layer,
            t: index / 200,
            row: index / 25 % 8,
            rows: 8,
            unit: index % 25,
            units: 25,
        };
        (0..n).map(|index| dropout.factor(place(index))).collect()
    }

    /// Pearson's χ² of counts against equal expectation.
    fn chi_squared(counts: &[usize]) -> f64 {
        let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum()
    }

    proptest! {
        #[test]
        fn a_permutation_holds_every_number_once(seed: u64, epoch: u64, n in 0_usize..500) {
            let mut order = permutation(seed, epoch, n);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n as u32).collect::<Vec<_>>());
        }

        #[test]
        fn initial_weights_stay_in_the_half_open_interval(
            seed: u64,
            index: u64,
            bound in 1e-6_f64..10.0,
        ) {
            let values = uniform(seed, index, 2000, bound);
            prop_assert!(
                values.iter().all(|&value| value >= -(bound as f32) && value < bound as f32)
            );
        }
    }

    #[test]
    fn philox_gives_the_numbers_of_its_authors() {
        // The known answers that come with Random123.
        assert_eq!(philox([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 2], [u32::MAX; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        let (key, counter) =
            ([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]);
        assert_eq!(philox(key, counter), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn no_two_places_of_a_mask_share_a_word() {
        let dropout = Dropout::new(1, 2, 0.5);
        let (rows, units) = (7, 5);
        let mut seen = std::collections::BTreeSet::new();
        for layer in 0..3 {
            for t in 0..4 {
                for row in 0..rows {
                    for unit in 0..units {
                        assert!(seen.insert(dropout.counter(MaskPlace {
                            layer,
                            t,
                            row,
                            rows,
                            unit,
                            units
                        })));
                    }
                }
            }
        }
    }

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..24_000 {
            *counts.entry(permutation(5, epoch, 4)).or_insert(0_usize) += 1;
        }
        assert_eq!(counts.len(), 24);
        // 23 degrees of freedom: 49.7 is exceeded once in a thousand; the draw is fixed, so this
        // never flickers.
        assert!(chi_squared(&counts.into_values().collect::<Vec<_>>()) < 49.7);
    }

    #[test]
    fn initial_weights_fill_the_interval_evenly() {
        let mut counts = [0; 20];
        for value in uniform(1, 0, 40_000, 1.0) {
            counts[((value + 1.0) * 10.0) as usize] += 1;
        }
        // 19 degrees of freedom, one in a thousand.
        assert!(chi_squared(&counts) < 43.8);
    }

    #[test]
    fn a_mask_keeps_as_many_as_it_says_and_its_mean_is_one() {
        for keep in [0.1, 0.5, 0.8, 0.99] {
            let values = mask(2, 0, 0, 100_000, keep);
            let kept = values.iter().filter(|value| **value > 0.0).count() as f64 / 1e5;
            // Four standard errors of a binomial share.
            assert!(
                (kept - keep).abs() < 4.0 * (keep * (1.0 - keep) / 1e5).sqrt(),
                "{kept} of {keep}"
            );
        }
        assert_eq!(mask(2, 0, 0, 1000, 1.0), vec![1.0; 1000]);
    }

    #[test]
    fn seeds_purposes_and_counters_give_different_streams() {
        let base = mask(1, 2, 3, 64, 0.5);
        for other in [
            mask(2, 2, 3, 64, 0.5),
            mask(1, 3, 3, 64, 0.5),
            mask(1, 2, 4, 64, 0.5),
            mask(1, 3, 2, 64, 0.5),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(permutation(1, 0, 50), permutation(1, 1, 50));
        assert_ne!(permutation(1, 0, 50), permutation(2, 0, 50));
        assert_ne!(uniform(1, 0, 8, 1.0), uniform(1, 1, 8, 1.0));
        assert_ne!(uniform(1, 0, 8, 1.0), uniform(2, 0, 8, 1.0));
    }

    #[test]
    fn the_streams_are_frozen() {
        // A recorded run can be repeated only as long as these hold.
        assert_eq!(permutation(1, 2, 8), [2, 1, 6, 5, 4, 0, 3, 7]);
        assert_eq!(uniform(1, 2, 3, 0.5), [0.37548077, 0.09246981, 0.42722064]);
        assert_eq!(
            mask(1, 2, 3, 12, 0.5),
            [2.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0]
        );
    }
}
