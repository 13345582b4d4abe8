//! Intervals of many statistics at once, where each is a function of means.

use super::super::Panel;
use super::super::sample::finite;
use super::{Bootstrap, BootstrapInterval, mean_errors};

/// A statistic of the means of a panel's rows, in the order of the rows.
pub type StatisticOfMeans<'a> = &'a (dyn Fn(&[f64]) -> Option<f64> + Sync);

/// What [`bootstrap_interval`](super::bootstrap_interval) says of each of several statistics that
/// depend on the rows' means alone: a mean error, its root, a ratio of two. All are taken from the
/// same resamples, and a resample costs as many additions as it has blocks.
///
/// * `series`: rows, each `[n]`.
/// * `confidence`: of the intervals, such as 0.95.
///
/// `None` unless 0 < `confidence` < 1, without resamples, or when the block length is undefined; a
/// single `None` as for [`bootstrap_interval`](super::bootstrap_interval).
#[must_use]
pub fn bootstrap_intervals_of_means(
    series: &Panel,
    statistics: &[StatisticOfMeans<'_>],
    confidence: f64,
    bootstrap: &Bootstrap<'_>,
) -> Option<Vec<Option<BootstrapInterval>>> {
    let resamples = bootstrap.resamples;
    (confidence > 0.0 && confidence < 1.0).then_some(())?;
    let rows: Vec<&[f64]> = series.rows().collect();
    let block_length = bootstrap.block_length.resolve(&rows)?;
    let means = series.means()?;
    let errors = mean_errors(series, block_length, bootstrap)?;
    let resampled: Vec<Vec<f64>> = (0..resamples)
        .map(|resample| {
            means
                .iter()
                .enumerate()
                .map(|(row, mean)| mean + errors[row * resamples + resample])
                .collect()
        })
        .collect();
    let interval = |statistic: &StatisticOfMeans<'_>| {
        let estimate = statistic(&means).and_then(finite)?;
        let values = resampled.iter().map(|means| statistic(means).and_then(finite)).collect();
        BootstrapInterval::of(estimate, values, confidence, block_length)
    };
    Some(statistics.iter().map(interval).collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::mean;
    use super::super::{bootstrap, bootstrap_interval};
    use super::*;

    fn panel() -> Panel {
        let row = |step: f64| -> Vec<f64> {
            (0..80).map(|t| 2.0 + (f64::from(t) * step).sin()).collect()
        };
        Panel::new(&[row(0.3), row(1.1)]).unwrap()
    }

    #[test]
    fn they_are_those_of_the_statistic_on_every_resample() {
        let ratio = |means: &[f64]| Some(1.0 - means[0] / means[1]);
        let root = |means: &[f64]| Some(means[0].sqrt());
        let settings = bootstrap(300, 4.0, 7);
        let fast =
            bootstrap_intervals_of_means(&panel(), &[&ratio, &root], 0.9, &settings).unwrap();
        let slow = [
            bootstrap_interval(
                &panel(),
                |rows| Some(1.0 - mean(rows[0])? / mean(rows[1])?),
                0.9,
                &settings,
            )
            .unwrap(),
            bootstrap_interval(&panel(), |rows| Some(mean(rows[0])?.sqrt()), 0.9, &settings)
                .unwrap(),
        ];
        for (fast, slow) in fast.into_iter().zip(slow) {
            let fast = fast.unwrap();
            for (fast, slow) in
                [(fast.estimate, slow.estimate), (fast.low, slow.low), (fast.high, slow.high)]
            {
                assert!((fast - slow).abs() < 1e-12, "{fast} {slow}");
            }
        }
    }

    #[test]
    fn one_that_is_undefined_hides_no_other() {
        let never = |_: &[f64]| None;
        let first = |means: &[f64]| Some(means[0]);
        let found =
            bootstrap_intervals_of_means(&panel(), &[&never, &first], 0.9, &bootstrap(50, 1.0, 1))
                .unwrap();
        assert!(found[0].is_none() && found[1].is_some());
        assert_eq!(
            bootstrap_intervals_of_means(&panel(), &[&first], 1.0, &bootstrap(50, 1.0, 1)),
            None
        );
        assert_eq!(
            bootstrap_intervals_of_means(&panel(), &[&first], 0.9, &bootstrap(0, 1.0, 1)),
            None
        );
    }
}
