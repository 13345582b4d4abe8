//! Does any of many forecasts beat the benchmark, counting how many were tried?

use super::Panel;
use super::bootstrap::{Bootstrap, Resamples, long_run_variance};
use super::sample::{finite, mean, varies};
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
    /// P-value as if every row were exactly as good as the benchmark: an upper bound, White's
    /// (2000) reality check, studentised.
    pub upper: f64,
    /// The expected block length that was used, in observations.
    pub block_length: f64,
    /// Rows that differ from the benchmark by a constant, mostly 0: left out, for nothing can be
    /// studentised.
    pub left_out: usize,
}

/// The test for superior predictive ability (Hansen 2005). Null: no row has a smaller expected loss
/// than the benchmark.
///
/// * `benchmark`: `[n]`, losses of the benchmark in time order.
/// * `losses`: `[rows][n]`, losses of the alternatives at the same moments, in the same unit.
///
/// With dₖ = benchmark − row k and ω̂ₖ² its long-run variance under the stationary bootstrap, the
/// statistic is max(0, maxₖ √n d̄ₖ/ω̂ₖ), and a p-value the share of resamples whose statistic is at
/// least as large (so 1 when no row beats the benchmark). Before that the resampled means are
/// centred: at d̄ₖ (upper), at d̄ₖ unless √n d̄ₖ < −ω̂ₖ√(2 ln ln n) (consistent), or at max(0, d̄ₖ)
/// (lower).
///
/// `None` when the lengths differ, for n below 3, a loss that is not finite, no row that varies
/// against the benchmark, no resamples, or an undefined block length.
#[must_use]
pub fn superior_predictive_ability(
    benchmark: &[f64],
    losses: &Panel,
    bootstrap: &Bootstrap<'_>,
) -> Option<SuperiorPredictiveAbility> {
    let mut test = RowByRow::new(benchmark, losses, bootstrap)?;
    let studentised = test.add(losses)?;
    let varying: Vec<(usize, f64)> =
        studentised.iter().enumerate().filter_map(|(row, t)| Some((row, (*t)?))).collect();
    let &(best, largest) = varying.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
    let statistic = largest.max(0.0);
    let RowByRow { block_length, .. } = test;
    let [lower, consistent, upper] = test.p(statistic);
    Some(SuperiorPredictiveAbility {
        statistic,
        best,
        lower,
        consistent,
        upper,
        block_length,
        left_out: losses.height() - varying.len(),
    })
}

/// [`superior_predictive_ability`] over rows that come one after the other: between them only the
/// largest statistic of each resample is kept, so memory does not grow with their number.
#[derive(Debug)]
pub struct RowByRow {
    benchmark: Vec<f64>,
    /// The expected block length, in observations.
    block_length: f64,
    resamples: Resamples,
    /// `[3][resamples]`: the largest statistic so far, centred as for the lower, the consistent and
    /// the upper p-value.
    largest: [Vec<f64>; 3],
}

impl RowByRow {
    /// Against a benchmark's losses, `[n]`. An automatic block length is that of the differentials
    /// of `sample`, rows like those to come.
    ///
    /// `None` as for [`superior_predictive_ability`], of `sample`.
    #[must_use]
    pub fn new(benchmark: &[f64], sample: &Panel, bootstrap: &Bootstrap<'_>) -> Option<Self> {
        let n = sample.length();
        (benchmark.len() == n && n >= 3).then_some(())?;
        let differentials: Vec<Vec<f64>> =
            differentials(benchmark, sample).into_iter().filter(|row| varies(row)).collect();
        let block_length = bootstrap.block_length.resolve(&differentials)?;
        let resamples = Resamples::new(n, block_length, bootstrap)?;
        let largest = [(); 3].map(|()| vec![0.0; resamples.count()]);
        Some(Self { benchmark: benchmark.to_vec(), block_length, resamples, largest })
    }

    /// Takes rows of losses, `[rows][n]`, and gives the studentised mean differential of each:
    /// `None` of a row that does not vary against the benchmark, which is left out.
    ///
    /// `None`, and nothing is taken, for rows of another length, a loss that is not finite, or a
    /// differential too large for a number.
    pub fn add(&mut self, losses: &Panel) -> Option<Vec<Option<f64>>> {
        let n = self.benchmark.len();
        (losses.length() == n).then_some(())?;
        let (kept, rows): (Vec<usize>, Vec<Vec<f64>>) = differentials(&self.benchmark, losses)
            .into_iter()
            .enumerate()
            .filter(|(_, row)| varies(row))
            .unzip();
        let mut found = vec![None; losses.height()];
        if rows.is_empty() {
            return Some(found);
        }
        let rows = Panel::new(&rows).ok()?;
        let root = (n as f64).sqrt();
        let means = rows.means()?;
        let deviation = |row: usize| {
            let centred: Vec<f64> = rows.row(row).iter().map(|d| d - means[row]).collect();
            long_run_variance(&centred, self.block_length).sqrt()
        };
        let deviations: Vec<f64> = (0..kept.len()).into_par_iter().map(deviation).collect();
        (mean(&deviations).is_some() && deviations.iter().all(|&deviation| deviation > 0.0))
            .then_some(())?;
        let errors = self.resamples.mean_errors(&rows)?;
        let threshold = -(2.0 * (n as f64).ln().ln()).sqrt();
        for (row, errors) in errors.chunks_exact(self.resamples.count()).enumerate() {
            let (scale, studentised) =
                (root / deviations[row], root * means[row] / deviations[row]);
            finite(studentised)?;
            let consistent = if studentised < threshold { studentised } else { 0.0 };
            for (largest, shift) in
                self.largest.iter_mut().zip([studentised.min(0.0), consistent, 0.0])
            {
                largest
                    .iter_mut()
                    .zip(errors)
                    .for_each(|(largest, error)| *largest = largest.max(scale * error + shift));
            }
            found[kept[row]] = Some(studentised);
        }
        Some(found)
    }

    /// The lower, the consistent and the upper p-value of a statistic over the rows taken so far.
    #[must_use]
    pub fn p(&self, statistic: f64) -> [f64; 3] {
        self.largest.each_ref().map(|largest| share_as_large(largest, statistic))
    }

    /// The largest statistic of each resample, centred as for the consistent p-value, which is the
    /// [`share_as_large`] of them.
    #[must_use]
    pub fn into_largest(self) -> Vec<f64> {
        let [_, consistent, _] = self.largest;
        consistent
    }
}

/// The share of resamples whose largest statistic is at least this.
#[must_use]
pub fn share_as_large(largest: &[f64], statistic: f64) -> f64 {
    largest.iter().filter(|&&largest| largest >= statistic).count() as f64 / largest.len() as f64
}

fn differentials(benchmark: &[f64], losses: &Panel) -> Vec<Vec<f64>> {
    losses
        .rows()
        .map(|row| benchmark.iter().zip(row).map(|(benchmark, loss)| benchmark - loss).collect())
        .collect()
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
        let result =
            superior_predictive_ability(&benchmark, &worse, &bootstrap(500, 5.0, 1)).unwrap();
        assert_eq!((result.statistic, result.best), (0.0, 0));
        assert_eq!((result.lower, result.consistent, result.upper), (1.0, 1.0, 1.0));
        let better = Panel::new(&[wave(200, 0.7, 1.0), wave(200, 0.9, -1.0)]).unwrap();
        let result =
            superior_predictive_ability(&benchmark, &better, &bootstrap(500, 5.0, 1)).unwrap();
        assert_eq!(result.best, 1);
        assert!(
            result.lower <= result.consistent
                && result.consistent <= result.upper
                && result.upper < 0.01
        );
    }

    #[test]
    fn the_benchmark_among_the_rows_is_left_out() {
        let benchmark = wave(50, 1.3, 0.0);
        let shifted: Vec<f64> = benchmark.iter().map(|loss| loss + 1.0).collect();
        let rows = Panel::new(&[benchmark.clone(), wave(50, 0.7, 0.0), shifted.clone()]).unwrap();
        let result =
            superior_predictive_ability(&benchmark, &rows, &bootstrap(100, 2.0, 1)).unwrap();
        assert_eq!(result.best, 1);
        assert!(result.left_out >= 1);
        let same = Panel::new(std::slice::from_ref(&benchmark)).unwrap();
        assert_eq!(superior_predictive_ability(&benchmark, &same, &bootstrap(100, 2.0, 1)), None);
    }

    #[test]
    fn row_by_row_is_all_at_once() {
        let benchmark = wave(200, 1.3, 0.0);
        let rows: Vec<Vec<f64>> = (0..23)
            .map(|row| wave(200, 0.3 + 0.1 * f64::from(row), 0.02 * f64::from(row % 5 - 2)))
            .collect();
        let all = Panel::new(&rows).unwrap();
        let whole = superior_predictive_ability(&benchmark, &all, &bootstrap(300, 4.0, 1)).unwrap();
        for chunk in [1, 5, 23] {
            let mut test = RowByRow::new(&benchmark, &all, &bootstrap(300, 4.0, 1)).unwrap();
            let mut studentised = Vec::new();
            for rows in rows.chunks(chunk) {
                studentised.extend(test.add(&Panel::new(rows).unwrap()).unwrap());
            }
            let largest = studentised.iter().flatten().copied().fold(0.0, f64::max);
            assert_eq!(
                (largest, studentised[whole.best]),
                (whole.statistic, Some(largest)),
                "{chunk}"
            );
            assert_eq!(test.p(largest), [whole.lower, whole.consistent, whole.upper], "{chunk}");
            // A row picked by hand is tested among all of them: never a smaller p than the best
            // one's.
            let picked = studentised[3].unwrap().max(0.0);
            assert!(share_as_large(&test.into_largest(), picked) >= whole.consistent);
        }
    }

    #[test]
    fn undefined_is_none() {
        let rows = Panel::new(&[wave(50, 0.7, 0.0)]).unwrap();
        let benchmark = wave(50, 1.3, 0.0);
        assert_eq!(
            superior_predictive_ability(&benchmark[1..], &rows, &bootstrap(100, 2.0, 1)),
            None
        );
        assert_eq!(superior_predictive_ability(&benchmark, &rows, &bootstrap(0, 2.0, 1)), None);
        assert_eq!(superior_predictive_ability(&benchmark, &rows, &bootstrap(100, 0.0, 1)), None);
        assert_eq!(
            superior_predictive_ability(&[f64::NAN; 50], &rows, &bootstrap(100, 2.0, 1)),
            None
        );
        let short = Panel::new(&[[1.0, 2.0]]).unwrap();
        assert_eq!(superior_predictive_ability(&[2.0, 1.0], &short, &bootstrap(100, 2.0, 1)), None);
    }
}
