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
    /// ln(r / (N + 1 − r)) with r the rank (1 the worst) in the other half of the best of the one, for each division that has one.
    pub logits: Vec<f64>,
    /// Divisions without a choice: fewer than two trials had a performance in both halves.
    pub undefined: usize,
}

/// The probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado & Zhu 2017).
///
/// * `returns`: `[rows][n]`, what each trial earns at the same moments, more is better (for losses, give them negated), in one unit.
/// * `blocks`: into how many equal stretches of time, even, 2 to 20; 16 gives 12,870 divisions into halves. The first n mod `blocks`
///   observations are left out.
///
/// For each choice of half of the blocks, the trial that is best on them is ranked on the others. Equal performances share the mean of
/// their ranks, and when several are best, the mean of their ranks counts. A trial without performance in either half (a Sharpe ratio of
/// a constant) is left out of that division. Blocks do not keep what reaches across their borders: they should be long against the
/// dependence.
///
/// `None` for fewer than two rows, `blocks` other than said, halves of fewer than two observations, or no division with a choice.
#[must_use]
pub fn backtest_overfitting(returns: &Panel, performance: Performance, blocks: usize) -> Option<BacktestOverfitting> {
    let length = returns.length().checked_div(blocks)?;
    (returns.height() >= 2 && blocks.is_multiple_of(2) && (2..=20).contains(&blocks) && blocks / 2 * length >= 2).then_some(())?;
    let trials: Vec<Trial> = returns.rows().map(|row| Trial::new(row, blocks)).collect::<Option<_>>()?;
    let divisions: Vec<u32> = (0..1_u32 << blocks).filter(|division| division.count_ones() as usize == blocks / 2).collect();
    let logits: Vec<Option<f64>> = divisions
        .par_iter()
        .map(|&division| logit(&trials, division, blocks, |trial, half| trial.performance(half, length, performance)))
        .collect();
    let undefined = logits.iter().filter(|logit| logit.is_none()).count();
    let logits: Vec<f64> = logits.into_iter().flatten().collect();
    let probability = mean(&logits.iter().map(|&logit| if logit <= 0.0 { 1.0 } else { 0.0 }).collect::<Vec<f64>>())?;
    Some(BacktestOverfitting { probability, logits, undefined })
}

/// The logit of one division: bit b of `division` puts block b into the half that chooses.
fn logit(trials: &[Trial], division: u32, blocks: usize, performance: impl Fn(&Trial, u32) -> Option<f64>) -> Option<f64> {
    let other = !division & ((1 << blocks) - 1);
    let both = |trial: &Trial| Some((performance(trial, division)?, performance(trial, other)?));
    let performances: Vec<(f64, f64)> = trials.iter().filter_map(both).collect();
    (performances.len() >= 2).then_some(())?;
    let best = performances.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    let rank = |of: f64| {
        let below = performances.iter().filter(|p| p.1 < of).count() as f64;
        let equal = performances.iter().filter(|p| p.1 == of).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    let ranks: Vec<f64> = performances.iter().filter(|p| p.0 == best).map(|p| rank(p.1)).collect();
    let rank = mean(&ranks)?;
    Some((rank / (performances.len() as f64 + 1.0 - rank)).ln())
}

/// A trial as the moments of its blocks: a half's follow from them (Chan, Golub & LeVeque 1983) without its observations.
struct Trial {
    /// What of a deviation is rounding.
    rounding: f64,
    /// Per block: the mean, and Σ(x − mean)².
    blocks: Vec<(f64, f64)>,
}

impl Trial {
    /// `None` when the moments are too large for a number.
    fn new(row: &[f64], blocks: usize) -> Option<Self> {
        let kept = &row[row.len() % blocks..];
        let moments = |block: &[f64]| {
            // About the first value, so that the mean of a constant is exact.
            let mean = block[0] + block.iter().map(|x| x - block[0]).sum::<f64>() / block.len() as f64;
            (mean, block.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>())
        };
        let rounding = 8.0 * f64::EPSILON * kept.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let blocks: Vec<(f64, f64)> = kept.chunks_exact(row.len() / blocks).map(moments).collect();
        blocks.iter().all(|(mean, squares)| mean.is_finite() && squares.is_finite()).then_some(Self { rounding, blocks })
    }

    /// On the blocks whose bits are set in `half`, of `length` observations each. A constant has no Sharpe ratio.
    fn performance(&self, half: u32, length: usize, performance: Performance) -> Option<f64> {
        let chosen = || self.blocks.iter().enumerate().filter(|(block, _)| half >> block & 1 == 1).map(|(_, moments)| moments);
        let mean = chosen().map(|(mean, _)| mean).sum::<f64>() / f64::from(half.count_ones());
        match performance {
            Performance::Mean => Some(mean),
            Performance::Sharpe => {
                let length = length as f64;
                let squares: f64 =
                    chosen().map(|(of_block, squares)| squares + length * (of_block - mean) * (of_block - mean)).sum();
                let deviation = (squares / (length * f64::from(half.count_ones()) - 1.0)).sqrt();
                (deviation > self.rounding).then(|| mean / deviation)
            }
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
        let rows: Vec<Vec<f64>> =
            (0..5).map(|row| (0..48).map(|t| f64::from(row) + f64::from(t * t % 7) / 10.0).collect()).collect();
        let result = backtest_overfitting(&Panel::new(&rows).unwrap(), Performance::Mean, 6).unwrap();
        assert_eq!((result.probability, result.undefined), (0.0, 0));
        assert_eq!(result.logits, vec![5.0_f64.ln(); 20]);
    }

    #[test]
    fn the_best_of_one_half_that_is_worst_in_the_other_is() {
        // Each trial earns in one block alone: chosen for it, it earns nothing on the others.
        let result = backtest_overfitting(&panel(&[&[9.0, 9.0, 0.0, 0.0], &[0.0, 0.0, 8.0, 8.0]]), Performance::Mean, 2).unwrap();
        assert_eq!(result.probability, 1.0);
        assert_eq!(result.logits, vec![0.5_f64.ln(); 2]);
    }

    #[test]
    fn ties_share_ranks() {
        let same = [1.0, 2.0, 1.5, 3.0];
        let result = backtest_overfitting(&panel(&[&same, &same, &same]), Performance::Sharpe, 2).unwrap();
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
        assert_eq!(backtest_overfitting(&panel(&[&[1.0, 2.0, 3.0, 4.0]]), Performance::Mean, 2), None);
        assert_eq!(backtest_overfitting(&panel(&[&[1.0, 2.0], &[2.0, 1.0]]), Performance::Mean, 2), None);
    }
}
