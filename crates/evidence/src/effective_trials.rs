//! Trials that do nearly the same are not so many tries.

use super::Panel;
use super::bootstrap::{Bootstrap, MeanErrors};
use super::sample::Moments;
use super::sharpe::expected_maximum;

/// Resamples whose means are held at once.
const AT_ONCE: usize = 128;

/// The number of independent trials whose best is expected to stand out as far as the best of
/// these: what [`deflated_sharpe`](super::deflated_sharpe) wants to know. Between 1 and the number
/// of rows.
///
/// * `returns`: `[rows][n]`, the returns of every trial (or what each gains on the baseline) at the
///   same moments. Not raw forecast errors, which share the target's noise and look alike whatever
///   the forecasts. Constant rows are left out.
///
/// Each row is brought to mean 0 and deviation 1, so that no trial is worth anything, and
/// resampled; from the resampled means come their expected maximum above the average and the
/// variance between trials, and the number for which [`expected_maximum`] gives the one from the
/// root of the other. (A thousand resamples tell it to about 5 %.)
///
/// Why not a formula. The expected maximum is scaled by the variance *between* trials, which what
/// all have in common does not raise. The participation ratio of the correlations' eigenvalues,
/// (Σλ)²/Σλ², counts that common part again: 100 trials correlated by 0.5 pass for 4, and the bar
/// is set at 41 % of what luck reaches. [`average_correlation_trials`] sets it at 90 % there, and
/// at 68 % for a correlation of 0.9. Both make luck look like skill; this one is within 7 %
/// (`simulation.rs`). All trials, however alike, are the cautious count: too high by a fifth for
/// ten groups correlated by 0.9.
///
/// `None` for fewer than two moments, no row that varies, no resamples, or an undefined block
/// length.
#[must_use]
pub fn effective_trials(returns: &Panel, bootstrap: &Bootstrap<'_>) -> Option<f64> {
    let standard = standardised(returns)?;
    let rows = standard.height();
    if rows == 1 {
        return Some(1.0);
    }
    let each: Vec<&[f64]> = standard.rows().collect();
    let length = bootstrap.block_length.resolve(&each)?;
    let errors = MeanErrors::new(&standard, length, bootstrap)?;
    let (mut heights, mut variances) = (0.0, 0.0);
    for first in (0..bootstrap.resamples).step_by(AT_ONCE) {
        let resamples = first..bootstrap.resamples.min(first + AT_ONCE);
        let count = resamples.len();
        let means = errors.of(resamples)?;
        // Row by row, as they lie, each resample summed in the order of the rows.
        let mut averages = vec![0.0; count];
        means
            .chunks_exact(count)
            .for_each(|row| averages.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        averages.iter_mut().for_each(|sum| *sum /= rows as f64);
        let mut most = vec![f64::NEG_INFINITY; count];
        let mut squares = vec![0.0; count];
        for row in means.chunks_exact(count) {
            for (((x, average), most), squares) in
                row.iter().zip(&averages).zip(&mut most).zip(&mut squares)
            {
                *most = most.max(x - average);
                *squares += (x - average) * (x - average);
            }
        }
        heights = most.iter().fold(heights, |sum, most| sum + most);
        variances =
            squares.iter().fold(variances, |sum, squares| sum + squares / (rows as f64 - 1.0));
    }
    let resamples = bootstrap.resamples as f64;
    let deviation = (variances / resamples).sqrt();
    // Equal rows: one trial. (The deviation of a mean that varies is about 1/√n.)
    if deviation < 1e-9 / (standard.length() as f64).sqrt() {
        return Some(1.0);
    }
    trials_of(heights / resamples / deviation, rows as f64)
}

/// The effective number of trials by their average correlation ρ̄ (Bailey & López de Prado 2014,
/// appendix): ρ̄ + (1 − ρ̄)N, between 1 and the number of rows. Without randomness, and what others
/// report; see [`effective_trials`] for where it is too small.
///
/// * `returns`: as there.
///
/// `None` for fewer than two moments or no row that varies.
#[must_use]
pub fn average_correlation_trials(returns: &Panel) -> Option<f64> {
    let standard = standardised(returns)?;
    let rows = standard.height() as f64;
    if rows == 1.0 {
        return Some(1.0);
    }
    // The sum over all pairs of correlations is the square of the sum of rows.
    let mut sum = vec![0.0; standard.length()];
    standard.rows().for_each(|row| sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
    let all = sum.iter().map(|x| x * x).sum::<f64>() / (standard.length() as f64 - 1.0);
    let average = (all - rows) / (rows * (rows - 1.0));
    Some((average + (1.0 - average) * rows).clamp(1.0, rows))
}

/// The rows that vary, with mean 0 and deviation 1.
fn standardised(returns: &Panel) -> Option<Panel> {
    let standard = |row: &[f64]| {
        let moments = Moments::of(row)?;
        let deviation = moments.deviation();
        Some(row.iter().map(move |x| (x - moments.mean) / deviation).collect::<Vec<f64>>())
    };
    Panel::of_equal(returns.length(), returns.rows().filter_map(standard)).ok()
}

/// The N from 1 to `most` with the given expected maximum, by bisection of its logarithm.
fn trials_of(maximum: f64, most: f64) -> Option<f64> {
    if expected_maximum(most)? <= maximum {
        return Some(most);
    }
    let (mut low, mut high) = (0.0, most.ln());
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if expected_maximum(f64::exp(middle))? < maximum { low = middle } else { high = middle }
    }
    Some(high.exp())
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap::bootstrap;
    use super::*;

    fn row(step: f64, n: usize) -> Vec<f64> {
        (0..n).map(|t| (t as f64 * step + 1.0).sin()).collect()
    }

    #[test]
    fn equal_rows_are_one_trial_whatever_their_scale() {
        let one = row(1.7, 100);
        let scaled: Vec<f64> = one.iter().map(|x| 3.0 * x + 1.0).collect();
        let panel = Panel::new(&[one.clone(), scaled, one, vec![0.0; 100]]).unwrap();
        assert_eq!(effective_trials(&panel, &bootstrap(200, 2.0, 1)), Some(1.0));
        assert!((average_correlation_trials(&panel).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_average_is_over_pairs() {
        let (a, b) = (row(1.7, 100), row(0.9, 100));
        let rho = super::super::correlation::pearson(&a, &b).unwrap();
        let panel = Panel::new(&[a, b]).unwrap();
        assert!(
            (average_correlation_trials(&panel).unwrap() - (rho + (1.0 - rho) * 2.0).min(2.0))
                .abs()
                < 1e-12
        );
    }

    #[test]
    fn the_inverse_is_one() {
        for trials in [2.0, 17.0, 999.0] {
            let found = trials_of(expected_maximum(trials).unwrap(), 1e4).unwrap();
            assert!((found / trials - 1.0).abs() < 1e-9, "{found}");
        }
        assert_eq!(trials_of(9.0, 50.0), Some(50.0));
    }

    #[test]
    fn undefined_is_none() {
        let flat = Panel::new(&[[0.1; 9]]).unwrap();
        assert_eq!(effective_trials(&flat, &bootstrap(100, 1.0, 1)), None);
        assert_eq!(average_correlation_trials(&flat), None);
        let single = Panel::new(&[row(1.0, 9), vec![0.0; 9]]).unwrap();
        assert_eq!(effective_trials(&single, &bootstrap(100, 1.0, 1)), Some(1.0));
        assert_eq!(average_correlation_trials(&single), Some(1.0));
        let two = Panel::new(&[row(1.0, 9), row(2.0, 9)]).unwrap();
        assert_eq!(effective_trials(&two, &bootstrap(0, 1.0, 1)), None);
    }
}
