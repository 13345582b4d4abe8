//! Does choosing the best in one half of time choose a good one in the other?

use super::Panel;
use super::sample::mean;
use rayon::prelude::*;

/// By what a trial is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Performance {
    /// The mean.
    Mean,
    /// The mean over the standard deviation (divided by n − 1).
    Sharpe,
}

/// [`backtest_overfitting`].
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestOverfitting {
    /// The share of divisions in which the best of one half is at or below the median of the other.
    pub probability: f64,
    /// ln(r / (N + 1 − r)) with r the rank (1 the worst) in the other half of the best of the one,
    /// for each division that has one.
    pub logits: Vec<f64>,
    /// Divisions without a choice: fewer than two trials had a performance in both halves.
    pub undefined: usize,
}

/// The probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey,
/// Borwein, López de Prado & Zhu 2017).
///
/// * `returns`: `[rows][n]`, what each trial earns at the same moments, more is better (for losses,
///   give them negated), in one unit.
/// * `blocks`: into how many equal stretches of time, even, 2 to 20; 16 gives 12,870 divisions into
///   halves. The first n mod `blocks` observations are left out.
///
/// For each choice of half of the blocks, the trial that is best on them is ranked on the others.
/// Equal performances share the mean of their ranks, and when several are best, the mean of their
/// ranks counts. A trial without performance in either half (a Sharpe ratio of a constant) is left
/// out of that division. Blocks do not keep what reaches across their borders: they should be long
/// against the dependence.
///
/// `None` for fewer than two rows, `blocks` other than said, halves of fewer than two observations,
/// or no division with a choice.
#[must_use]
pub fn backtest_overfitting(
    returns: &Panel,
    performance: Performance,
    blocks: usize,
) -> Option<BacktestOverfitting> {
    let length = returns.length().checked_div(blocks)?;
    (returns.height() >= 2
        && blocks.is_multiple_of(2)
        && (2..=20).contains(&blocks)
        && blocks / 2 * length >= 2)
        .then_some(())?;
    let trials = Trials::of(returns, blocks)?;
    let divisions: Vec<u32> = (0..1_u32 << blocks)
        .filter(|division| division.count_ones() as usize == blocks / 2)
        .collect();
    // A division and the one with its halves exchanged, which stands as far from the end, rank the
    // same performances.
    let pairs: Vec<[Option<f64>; 2]> = divisions[..divisions.len() / 2]
        .par_iter()
        .map_init(
            || (Vec::new(), Vec::new()),
            |(one, other), &division| {
                trials.performances(division, performance, one);
                trials.performances(!division & ((1 << blocks) - 1), performance, other);
                [logit(one, other), logit(other, one)]
            },
        )
        .collect();
    let logits = || pairs.iter().map(|pair| pair[0]).chain(pairs.iter().rev().map(|pair| pair[1]));
    let undefined = logits().filter(Option::is_none).count();
    let logits: Vec<f64> = logits().flatten().collect();
    let probability = mean(
        &logits.iter().map(|&logit| if logit <= 0.0 { 1.0 } else { 0.0 }).collect::<Vec<f64>>(),
    )?;
    Some(BacktestOverfitting { probability, logits, undefined })
}

/// The logit of a division, by what each trial performs in the half that chooses and in the other;
/// NaN where that is undefined.
fn logit(chosen_by: &[f64], other: &[f64]) -> Option<f64> {
    let both = || {
        chosen_by
            .iter()
            .zip(other)
            .map(|(a, b)| (*a, *b))
            .filter(|(a, b)| !a.is_nan() && !b.is_nan())
    };
    let count = both().count();
    (count >= 2).then_some(())?;
    let best = both().map(|(a, _)| a).fold(f64::NEG_INFINITY, f64::max);
    let of_best: Vec<f64> = both().filter(|(a, _)| *a == best).map(|(_, b)| b).collect();
    let ranks = ranks(of_best, both().map(|(_, b)| b));
    let times: f64 = ranks.iter().map(|(_, times)| times).sum();
    let rank = ranks.iter().map(|(rank, times)| rank * times).sum::<f64>() / times;
    Some((rank / (count as f64 + 1.0 - rank)).ln())
}

/// More different values than these are found in a sorted list; to sort costs about as much as to
/// go through it so often.
const MOST_PASSES: usize = 12;

/// The rank among `all` (1 the lowest) of each different one of some values, with how many of them
/// it is the rank of: trials that do the same are one case, however many there are.
fn ranks(mut values: Vec<f64>, all: impl Iterator<Item = f64> + Clone) -> Vec<(f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    // `==` and not the order's own equality: -0 and 0 are a tie.
    let different: Vec<(f64, f64)> =
        values.chunk_by(|a, b| a == b).map(|tied| (tied[0], tied.len() as f64)).collect();
    let rank = |below: usize, equal: usize| below as f64 + (equal as f64 + 1.0) / 2.0;
    if different.len() <= MOST_PASSES {
        let of = |value: f64| {
            rank(
                all.clone().filter(|x| *x < value).count(),
                all.clone().filter(|x| *x == value).count(),
            )
        };
        return different.into_iter().map(|(value, times)| (of(value), times)).collect();
    }
    let mut sorted: Vec<f64> = all.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let of = |value: f64| {
        let below = sorted.partition_point(|x| *x < value);
        rank(below, sorted[below..].partition_point(|x| *x == value))
    };
    different.into_iter().map(|(value, times)| (of(value), times)).collect()
}

/// Trials as the moments of their blocks: a half's follow from them (Chan, Golub & LeVeque 1983)
/// without its observations. Trials lie side by side, so that all are taken through a division
/// together.
struct Trials {
    /// Observations of a block.
    length: f64,
    /// By trial: what of a deviation is rounding.
    rounding: Vec<f64>,
    /// By block and trial: the mean.
    means: Vec<Vec<f64>>,
    /// By block and trial: Σ(x − mean)².
    squares: Vec<Vec<f64>>,
}

impl Trials {
    /// `None` when a moment is too large for a number.
    fn of(returns: &Panel, blocks: usize) -> Option<Self> {
        let (height, length) = (returns.height(), returns.length() / blocks);
        let empty = || vec![Vec::with_capacity(height); blocks];
        let mut trials = Self {
            length: length as f64,
            rounding: Vec::with_capacity(height),
            means: empty(),
            squares: empty(),
        };
        for row in returns.rows() {
            let kept = &row[row.len() % blocks..];
            trials.rounding.push(
                8.0 * f64::EPSILON * kept.iter().fold(0.0, |largest: f64, x| largest.max(x.abs())),
            );
            for (place, block) in kept.chunks_exact(length).enumerate() {
                // About the first value, so that the mean of a constant is exact.
                let mean =
                    block[0] + block.iter().map(|x| x - block[0]).sum::<f64>() / length as f64;
                let squares = block.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
                (mean.is_finite() && squares.is_finite()).then_some(())?;
                trials.means[place].push(mean);
                trials.squares[place].push(squares);
            }
        }
        Some(trials)
    }

    /// What each trial performs on the blocks whose bits are set in `half`; NaN where that is
    /// undefined: a constant has no Sharpe ratio.
    fn performances(&self, half: u32, performance: Performance, into: &mut Vec<f64>) {
        let Self { length, rounding, means, squares } = self;
        let count = f64::from(half.count_ones());
        let chosen = || (0..means.len()).filter(|block| half >> block & 1 == 1);
        into.clear();
        into.resize(rounding.len(), 0.0);
        for block in chosen() {
            into.iter_mut().zip(&means[block]).for_each(|(sum, mean)| *sum += mean);
        }
        into.iter_mut().for_each(|sum| *sum /= count);
        if performance == Performance::Mean {
            return;
        }
        let mut deviations = vec![0.0; into.len()];
        for block in chosen() {
            let moments = means[block].iter().zip(&squares[block]);
            for ((sum, mean), (of_block, squares)) in deviations.iter_mut().zip(&*into).zip(moments)
            {
                *sum += squares + length * (of_block - mean) * (of_block - mean);
            }
        }
        for ((mean, squares), rounding) in into.iter_mut().zip(&deviations).zip(rounding) {
            let deviation = (squares / (length * count - 1.0)).sqrt();
            *mean = if deviation > *rounding { *mean / deviation } else { f64::NAN };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(rows: &[&[f64]]) -> Panel {
        Panel::new(rows).unwrap()
    }

    #[test]
    fn a_trial_that_is_always_best_is_no_overfitting() {
        let rows: Vec<Vec<f64>> = (0..5)
            .map(|row| (0..48).map(|t| f64::from(row) + f64::from(t * t % 7) / 10.0).collect())
            .collect();
        let result =
            backtest_overfitting(&Panel::new(&rows).unwrap(), Performance::Mean, 6).unwrap();
        assert_eq!((result.probability, result.undefined), (0.0, 0));
        assert_eq!(result.logits, vec![5.0_f64.ln(); 20]);
    }

    #[test]
    fn the_best_of_one_half_that_is_worst_in_the_other_is() {
        // Each trial earns in one block alone: chosen for it, it earns nothing on the others.
        let result = backtest_overfitting(
            &panel(&[&[9.0, 9.0, 0.0, 0.0], &[0.0, 0.0, 8.0, 8.0]]),
            Performance::Mean,
            2,
        )
        .unwrap();
        assert_eq!(result.probability, 1.0);
        assert_eq!(result.logits, vec![0.5_f64.ln(); 2]);
    }

    #[test]
    fn ties_share_ranks() {
        let same = [1.0, 2.0, 1.5, 3.0];
        let result =
            backtest_overfitting(&panel(&[&same, &same, &same]), Performance::Sharpe, 2).unwrap();
        assert_eq!(result.logits, [0.0, 0.0]);
        // Two are best in the first half, at ranks 1 and 3 of the second: 2 on average.
        let result = backtest_overfitting(
            &panel(&[&[5.0, 5.0, 0.0, 0.0], &[5.0, 5.0, 2.0, 2.0], &[1.0, 1.0, 1.0, 1.0]]),
            Performance::Mean,
            2,
        );
        assert_eq!(result.unwrap().logits[0], 0.0);
    }

    #[test]
    fn trials_that_do_the_same_are_one_case_and_many_different_ones_are_ranked_alike() {
        // Comparing each with each would make 10,000 equal trials 10,000 times as costly as one.
        let equal = ranks(vec![2.0; 10_000], [1.0, 2.0, 2.0, 3.0].into_iter());
        assert_eq!(equal, [(2.5, 10_000.0)]);
        let all: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 50)).chain([-0.0]).collect();
        let one_by_one: Vec<(f64, f64)> =
            (0..50).flat_map(|value| ranks(vec![f64::from(value)], all.iter().copied())).collect();
        assert_eq!(ranks((0..50).map(f64::from).collect(), all.iter().copied()), one_by_one);
        assert_eq!(one_by_one[..2], [(2.0, 1.0), (4.5, 1.0)]);
    }

    #[test]
    fn a_trial_without_sharpe_ratio_is_left_out() {
        let (a, b) = ([1.0, 2.0, 1.5, 3.0, 0.1, 0.2], [2.0, 1.0, 3.0, 1.5, 0.2, 0.3]);
        let idle = [0.1; 6];
        let without = backtest_overfitting(&panel(&[&a, &b]), Performance::Sharpe, 2);
        assert_eq!(backtest_overfitting(&panel(&[&a, &idle, &b]), Performance::Sharpe, 2), without);
        assert_eq!(backtest_overfitting(&panel(&[&a, &idle]), Performance::Sharpe, 2), None);
    }

    #[test]
    fn the_first_observations_are_left_out() {
        let (a, b) = ([1.0, 2.0, 1.5, 3.0], [2.0, 1.0, 3.0, 1.5]);
        let with = |first: f64, row: [f64; 4]| [vec![first], row.to_vec()].concat();
        let longer = panel(&[&with(1e6, a), &with(-1e6, b)]);
        let shorter = backtest_overfitting(&panel(&[&a, &b]), Performance::Mean, 4);
        assert_eq!(backtest_overfitting(&longer, Performance::Mean, 4), shorter);
    }

    #[test]
    fn undefined_is_none() {
        let rows = panel(&[&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]]);
        for blocks in [0, 1, 3, 6, 22] {
            assert_eq!(backtest_overfitting(&rows, Performance::Mean, blocks), None, "{blocks}");
        }
        assert_eq!(
            backtest_overfitting(&panel(&[&[1.0, 2.0, 3.0, 4.0]]), Performance::Mean, 2),
            None
        );
        assert_eq!(
            backtest_overfitting(&panel(&[&[1.0, 2.0], &[2.0, 1.0]]), Performance::Mean, 2),
            None
        );
    }
}
