//! The trainer's one door to randomness: streams derived from a lane's seed, a purpose and counters.
//!
//! No draw depends on what was drawn before it elsewhere, so that a lane gets the same numbers alone or in a pack, resumed or not.
//! The sampling arithmetic is written out here, not taken from `rand`, whose algorithms may change between versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The numbers `0..n` in a random order: the order of the training windows in `epoch` (Fisher & Yates, as in Knuth 1969, 3.4.2 P).
pub(crate) fn permutation(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
    let mut stream = stream("burn-lanes 1 window order", seed, &[epoch]);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        order.swap(last, below(&mut stream, last as u32 + 1) as usize);
    }
    order
}

/// Appends `n` values to `out`: 0 with probability `1 - keep`, else `1 / keep`. `step` counts the lane's optimizer steps.
pub(crate) fn dropout_mask(seed: u64, step: u64, layer: u64, n: usize, keep: f64, out: &mut Vec<f32>) {
    let mut stream = stream("burn-lanes 1 dropout", seed, &[step, layer]);
    let kept = (1.0 / keep) as f32;
    let threshold = (keep * (u64::from(u32::MAX) + 1) as f64) as u64;
    out.reserve(n);
    // Whole blocks, so that the comparison is vectorised: a mask is drawn for every unit of every row of every step.
    let mut block = [0; BLOCK * 4];
    let mut left = n;
    while left > 0 {
        let count = left.min(BLOCK);
        stream.fill_bytes(&mut block);
        let draws = block.as_chunks::<4>().0.iter().take(count);
        out.extend(draws.map(|bytes| if u64::from(u32::from_le_bytes(*bytes)) < threshold { kept } else { 0.0 }));
        left -= count;
    }
}

/// `n` initial values of one weight, uniform in `[-bound, bound)`, on a grid of 2²⁴ points.
pub(crate) fn uniform(seed: u64, weight_index: u64, n: usize, bound: f64) -> Vec<f32> {
    let mut stream = stream("burn-lanes 1 initial weights", seed, &[weight_index]);
    let bound = bound as f32;
    // k·2⁻²³ − 1 is exact in f32 and at most 1 − 2⁻²³, hence the half-open interval survives the rounding of the product.
    let unit = (0.5_f32).powi(23);
    (0..n).map(|_| ((stream.next_u32() >> 8) as f32 * unit - 1.0) * bound).collect()
}

/// Draws of a mask taken at once.
const BLOCK: usize = 256;

/// The stream of a purpose. Counters are of a fixed number per purpose, so that no two inputs hash the same bytes.
fn stream(purpose: &str, seed: u64, counters: &[u64]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key(purpose);
    hasher.update(&seed.to_le_bytes());
    for counter in counters {
        hasher.update(&counter.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Uniform in `0..bound` without bias (Lemire 2019, "Fast random integer generation in an interval").
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

    fn mask(seed: u64, step: u64, layer: u64, n: usize, keep: f64) -> Vec<f32> {
        let mut out = Vec::new();
        dropout_mask(seed, step, layer, n, keep, &mut out);
        out
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
        fn initial_weights_stay_in_the_half_open_interval(seed: u64, index: u64, bound in 1e-6_f64..10.0) {
            let values = uniform(seed, index, 2000, bound);
            prop_assert!(values.iter().all(|&value| value >= -(bound as f32) && value < bound as f32));
        }

        #[test]
        fn a_mask_appends_zeros_and_inverse_keeps(seed: u64, step: u64, layer in 0_u64..8, n in 0_usize..2000, keep in 0.05_f64..1.0) {
            let mut out = vec![7.0];
            dropout_mask(seed, step, layer, n, keep, &mut out);
            prop_assert_eq!(out.len(), n + 1);
            prop_assert_eq!(out[0], 7.0);
            prop_assert!(out[1..].iter().all(|&value| value == 0.0 || value == (1.0 / keep) as f32));
        }

        #[test]
        fn a_shorter_mask_is_the_start_of_a_longer_one(seed: u64, n in 0_usize..900) {
            let long = mask(seed, 3, 1, 1000, 0.5);
            prop_assert_eq!(&mask(seed, 3, 1, n, 0.5)[..], &long[..n]);
        }
    }

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..24_000 {
            *counts.entry(permutation(5, epoch, 4)).or_insert(0_usize) += 1;
        }
        assert_eq!(counts.len(), 24);
        // 23 degrees of freedom: 49.7 is exceeded once in a thousand; the draw is fixed, so this never flickers.
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
            assert!((kept - keep).abs() < 4.0 * (keep * (1.0 - keep) / 1e5).sqrt(), "{kept} of {keep}");
        }
        assert_eq!(mask(2, 0, 0, 1000, 1.0), vec![1.0; 1000]);
    }

    #[test]
    fn seeds_purposes_and_counters_give_different_streams() {
        let base = mask(1, 2, 3, 64, 0.5);
        for other in [mask(2, 2, 3, 64, 0.5), mask(1, 3, 3, 64, 0.5), mask(1, 2, 4, 64, 0.5), mask(1, 3, 2, 64, 0.5)] {
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
        assert_eq!(mask(1, 2, 3, 12, 0.5), [2.0, 2.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 0.0]);
    }
}
