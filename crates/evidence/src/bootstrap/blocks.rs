//! The blocks of one resample.

use experiment::seed::SeedStream;
use rand_chacha::rand_core::Rng;

/// Where a block begins, and the place after its end, both below `n`: a block that ends with the
/// series ends at 0, and one with `end ≤ start` wraps around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub start: u32,
    pub end: u32,
}

/// The blocks of each of `resamples` resamples.
#[cfg(test)]
pub(super) fn draw(
    n: usize,
    length: f64,
    resamples: usize,
    stream: SeedStream<'_>,
) -> Vec<Vec<Block>> {
    (0..resamples).map(|resample| one(n, length, stream, resample as u64)).collect()
}

/// The blocks of the resample numbered `resample` of `n` observations, `n` in all, with the given
/// expected length. `n` is positive and below 2³², `length` at least 1.
pub(super) fn one(n: usize, length: f64, stream: SeedStream<'_>, resample: u64) -> Vec<Block> {
    let mut generator = stream.generator(resample);
    // ln of the probability that a block goes on; −∞ at length 1.
    let goes_on = (-1.0 / length).ln_1p();
    let mut blocks = Vec::with_capacity((1.5 * n as f64 / length) as usize + 8);
    let mut missing = n;
    while missing > 0 {
        // A number below n, uniform but for n in 2⁶⁴, by the high half of a product.
        let start = ((u128::from(generator.next_u64()) * n as u128) >> 64) as usize;
        // A geometric length from a uniform number in (0, 1].
        let uniform = ((generator.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        let length = (1 + (uniform.ln() / goes_on) as usize).min(missing);
        missing -= length;
        blocks.push(Block { start: start as u32, end: ((start + length) % n) as u32 });
    }
    blocks
}

/// The observations that the blocks pick, in order.
pub(super) fn pick(series: &[f64], blocks: &[Block], picked: &mut Vec<f64>) {
    picked.clear();
    for &Block { start, end } in blocks {
        let (start, end) = (start as usize, end as usize);
        if start < end {
            picked.extend_from_slice(&series[start..end]);
        } else {
            picked.extend_from_slice(&series[start..]);
            picked.extend_from_slice(&series[..end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: SeedStream<'static> = SeedStream { seed: 3, purpose: "blocks" };

    fn picks(n: usize, length: f64, resample: u64) -> Vec<f64> {
        let series: Vec<f64> = (0..n).map(|t| t as f64).collect();
        let mut picked = Vec::new();
        pick(&series, &one(n, length, STREAM, resample), &mut picked);
        picked
    }

    #[test]
    fn a_resample_has_n_observations_whatever_the_length() {
        for (n, length) in [(1, 1.0), (2, 1.0), (7, 1.0), (7, 3.0), (7, 1e9), (100, 12.5)] {
            for resample in 0..20 {
                assert_eq!(picks(n, length, resample).len(), n, "{n} {length}");
            }
        }
    }

    #[test]
    fn every_observation_is_as_likely_and_blocks_are_as_long_as_asked() {
        let (n, resamples) = (20, 4_000);
        for length in [1.0, 4.0] {
            let mut counts = vec![0_u32; n];
            let mut follows = 0;
            for resample in 0..resamples {
                let picked = picks(n, length, resample);
                picked.iter().for_each(|&x| counts[x as usize] += 1);
                follows +=
                    picked.windows(2).filter(|pair| pair[1] == (pair[0] + 1.0) % n as f64).count();
            }
            // Each is picked `resamples` times on average; blocks of 4 make the count's deviation
            // at most about √(2·4·resamples) = 180.
            assert!(
                counts.iter().all(|&count| count.abs_diff(resamples as u32) < 4 * 180),
                "{counts:?}"
            );
            // A pair follows with probability 1 − 1/length, or by chance at a block's border.
            let expected = 1.0 - (1.0 - 1.0 / n as f64) / length;
            let share = follows as f64 / (resamples as f64 * (n - 1) as f64);
            assert!((share - expected).abs() < 0.01, "{share} {expected}");
        }
    }

    #[test]
    fn resamples_do_not_depend_on_their_number() {
        assert_eq!(draw(50, 5.0, 3, STREAM)[..], draw(50, 5.0, 9, STREAM)[..3]);
    }
}
