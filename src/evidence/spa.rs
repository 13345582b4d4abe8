//! Does any of many forecasts beat the benchmark, counting how many were tried?

use super::Panel;
use super::bootstrap::{Bootstrap, long_run_variance, mean_errors};
use super::sample::{mean, varies};
use rayon::prelude::*;

/// [`superior_predictive_ability`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuperiorPredictiveAbility {
    /// The largest studentised mean differential, or 0 when no row beats the benchmark.
    pub statistic: f64,
    /// The row that has it.
    pub best: usize,
    /// P-value as if every row worse than the benchmark were known to be no better: a lower bound.
    pub lower: f64,
    /// P-value as if the clearly worse rows were: the test's own.
    pub consistent: f64,
    /// P-value as if every row were exactly as good as the benchmark: an upper bound, White's (2000) reality check, studentised.
    pub upper: f64,
    /// The expected block length that was used, in observations.
    pub block_length: f64,
    /// Rows that differ from the benchmark by a constant, mostly 0: left out, for nothing can be studentised.
    pub left_out: usize,
}

/// The test for superior predictive ability (Hansen 2005). Null: no row has a smaller expected loss than the benchmark.
///
/// * `benchmark`: `[n]`, losses of the benchmark in time order.
/// * `losses`: `[rows][n]`, losses of the alternatives at the same moments, in the same unit.
///
/// With dₖ = benchmark − row k and ω̂ₖ² its long-run variance under the stationary bootstrap, the statistic is max(0, maxₖ √n d̄ₖ/ω̂ₖ), and
/// a p-value the share of resamples whose statistic is at least as large (so 1 when no row beats the benchmark). Before that the
/// resampled means are centred: at d̄ₖ (upper), at d̄ₖ unless √n d̄ₖ < −ω̂ₖ√(2 ln ln n) (consistent), or at max(0, d̄ₖ) (lower).
///
/// `None` when the lengths differ, for n below 3, a loss that is not finite, no row that varies against the benchmark, no resamples, or an
/// undefined block length.
#[must_use]
pub fn superior_predictive_ability(
    benchmark: &[f64],
    losses: &Panel,
    bootstrap: &Bootstrap<'_>,
) -> Option<SuperiorPredictiveAbility> {
    let n = losses.length();
    (benchmark.len() == n && n >= 3).then_some(())?;
    let differential = |row: &[f64]| -> Vec<f64> { benchmark.iter().zip(row).map(|(benchmark, loss)| benchmark - loss).collect() };
    let (kept, differentials): (Vec<usize>, Vec<Vec<f64>>) =
        losses.rows().map(differential).enumerate().filter(|(_, differential)| varies(differential)).unzip();
    let block_length = bootstrap.block_length.resolve(&differentials)?;
    let differentials = Panel::new(&differentials).ok()?;

    let root = (n as f64).sqrt();
    let means = differentials.means()?;
    let deviation = |row: usize| {
        let centred: Vec<f64> = differentials.row(row).iter().map(|d| d - means[row]).collect();
        long_run_variance(&centred, block_length).sqrt()
    };
    let deviations: Vec<f64> = (0..kept.len()).into_par_iter().map(deviation).collect();
    (mean(&deviations).is_some() && deviations.iter().all(|&deviation| deviation > 0.0)).then_some(())?;
    let studentised: Vec<f64> = means.iter().zip(&deviations).map(|(mean, deviation)| root * mean / deviation).collect();
    let best = (0..kept.len()).max_by(|&a, &b| studentised[a].total_cmp(&studentised[b]).then(b.cmp(&a)))?;
    let statistic = studentised[best].max(0.0);

    let threshold = -(2.0 * (n as f64).ln().ln()).sqrt();
    let errors = mean_errors(&differentials, block_length, bootstrap)?;
    let p = |shift: &dyn Fn(f64) -> f64| {
        let mut largest = vec![0.0_f64; bootstrap.resamples];
        for (row, errors) in errors.chunks_exact(bootstrap.resamples).enumerate() {
            let (scale, shift) = (root / deviations[row], shift(studentised[row]));
            largest.iter_mut().zip(errors).for_each(|(largest, error)| *largest = largest.max(scale * error + shift));
        }
        largest.iter().filter(|&&largest| largest >= statistic).count() as f64 / bootstrap.resamples as f64
    };
    Some(SuperiorPredictiveAbility {
        statistic,
        best: kept[best],
        lower: p(&|studentised| studentised.min(0.0)),
        consistent: p(&|studentised| if studentised < threshold { studentised } else { 0.0 }),
        upper: p(&|_| 0.0),
        block_length,
        left_out: losses.height() - kept.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap::bootstrap;
    use super::*;

    fn wave(n: usize, step: f64, level: f64) -> Vec<f64> {
        (0..n).map(|t| level + (t as f64 * step).sin() + 0.1 * ((t * t) % 7) as f64).collect()
    }

    #[test]
    fn no_better_row_gives_one_and_a_clearly_better_one_nearly_zero() {
        let benchmark = wave(200, 1.3, 0.0);
        let worse = Panel::new(&[wave(200, 0.7, 1.0), wave(200, 0.9, 2.0)]).unwrap();
        let result = superior_predictive_ability(&benchmark, &worse, &bootstrap(500, 5.0, 1)).unwrap();
        assert_eq!((result.statistic, result.best), (0.0, 0));
        assert_eq!((result.lower, result.consistent, result.upper), (1.0, 1.0, 1.0));
        let better = Panel::new(&[wave(200, 0.7, 1.0), wave(200, 0.9, -1.0)]).unwrap();
        let result = superior_predictive_ability(&benchmark, &better, &bootstrap(500, 5.0, 1)).unwrap();
        assert_eq!(result.best, 1);
        assert!(result.lower <= result.consistent && result.consistent <= result.upper && result.upper < 0.01);
    }

    #[test]
    fn the_benchmark_among_the_rows_is_left_out() {
        let benchmark = wave(50, 1.3, 0.0);
        let shifted: Vec<f64> = benchmark.iter().map(|loss| loss + 1.0).collect();
        let rows = Panel::new(&[benchmark.clone(), wave(50, 0.7, 0.0), shifted.clone()]).unwrap();
        let result = superior_predictive_ability(&benchmark, &rows, &bootstrap(100, 2.0, 1)).unwrap();
        assert_eq!(result.best, 1);
        assert!(result.left_out >= 1);
        let same = Panel::new(std::slice::from_ref(&benchmark)).unwrap();
        assert_eq!(superior_predictive_ability(&benchmark, &same, &bootstrap(100, 2.0, 1)), None);
    }

    #[test]
    fn undefined_is_none() {
        let rows = Panel::new(&[wave(50, 0.7, 0.0)]).unwrap();
        let benchmark = wave(50, 1.3, 0.0);
        assert_eq!(superior_predictive_ability(&benchmark[1..], &rows, &bootstrap(100, 2.0, 1)), None);
        assert_eq!(superior_predictive_ability(&benchmark, &rows, &bootstrap(0, 2.0, 1)), None);
        assert_eq!(superior_predictive_ability(&benchmark, &rows, &bootstrap(100, 0.0, 1)), None);
        assert_eq!(superior_predictive_ability(&[f64::NAN; 50], &rows, &bootstrap(100, 2.0, 1)), None);
        let short = Panel::new(&[[1.0, 2.0]]).unwrap();
        assert_eq!(superior_predictive_ability(&[2.0, 1.0], &short, &bootstrap(100, 2.0, 1)), None);
    }
}
