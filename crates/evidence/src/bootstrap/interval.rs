//! The interval of any statistic.

use super::super::Panel;
use super::super::sample::{Moments, finite, quantile};
use super::Bootstrap;
use super::blocks::{one, pick};
use rayon::prelude::*;

/// [`bootstrap_interval`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootstrapInterval {
    /// The statistic of the sample itself.
    pub estimate: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The interval's probability, such as 0.95.
    pub confidence: f64,
    /// The statistic's standard deviation over resamples; `None` when it is the same in all.
    pub standard_error: Option<f64>,
    /// The expected block length that was used, in observations.
    pub block_length: f64,
    /// Resamples in which the statistic was undefined, left out: at most one in twenty.
    pub undefined: usize,
}

/// The percentile interval (Efron 1979) of a statistic of one or several aligned series, by the
/// stationary bootstrap.
///
/// * `series`: the rows that the statistic takes, each `[n]`; they are resampled at the same
///   places.
/// * `statistic`: of such rows; in any unit, which is the interval's too. Called from several
///   threads.
/// * `confidence`: of the interval, such as 0.95.
///
/// The percentile interval is of first order: it does not correct for a biased or skewed statistic.
///
/// `None` when the statistic is undefined on the sample or on more than one resample in twenty,
/// unless 0 < `confidence` < 1, without resamples, or when the block length is undefined.
#[must_use]
pub fn bootstrap_interval<Statistic>(
    series: &Panel,
    statistic: Statistic,
    confidence: f64,
    bootstrap: &Bootstrap<'_>,
) -> Option<BootstrapInterval>
where
    Statistic: Fn(&[&[f64]]) -> Option<f64> + Sync,
{
    let &Bootstrap { resamples, block_length, stream } = bootstrap;
    let n = series.length();
    (confidence > 0.0 && confidence < 1.0 && resamples > 0 && u32::try_from(n).is_ok())
        .then_some(())?;
    let rows: Vec<&[f64]> = series.rows().collect();
    let block_length = block_length.resolve(&rows)?;
    let estimate = finite(statistic(&rows)?)?;
    let resampled = |picked: &mut Vec<Vec<f64>>, resample: usize| {
        let blocks = one(n, block_length, stream, resample as u64);
        rows.iter().zip(picked.iter_mut()).for_each(|(row, picked)| pick(row, &blocks, picked));
        let rows: Vec<&[f64]> = picked.iter().map(Vec::as_slice).collect();
        statistic(&rows).and_then(finite)
    };
    let values: Vec<Option<f64>> = (0..resamples)
        .into_par_iter()
        .map_init(|| vec![Vec::with_capacity(n); rows.len()], resampled)
        .collect();
    BootstrapInterval::of(estimate, values, confidence, block_length)
}

impl BootstrapInterval {
    /// From the statistic of the sample and of every resample; `None` when it is undefined on more
    /// than one resample in twenty.
    pub(super) fn of(
        estimate: f64,
        values: Vec<Option<f64>>,
        confidence: f64,
        block_length: f64,
    ) -> Option<Self> {
        let resamples = values.len();
        let mut values: Vec<f64> = values.into_iter().flatten().collect();
        let undefined = resamples - values.len();
        (undefined <= resamples / 20).then_some(())?;
        values.sort_unstable_by(f64::total_cmp);
        Some(Self {
            estimate,
            low: quantile(&values, (1.0 - confidence) / 2.0)?,
            high: quantile(&values, (1.0 + confidence) / 2.0)?,
            confidence,
            standard_error: Moments::of(&values).map(|moments| moments.deviation()),
            block_length,
            undefined,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::mean;
    use super::super::{BlockLength, bootstrap};
    use super::*;

    fn first_mean(rows: &[&[f64]]) -> Option<f64> {
        mean(rows[0])
    }

    #[test]
    fn aligned_rows_stay_aligned() {
        let row: Vec<f64> = (0..60).map(|t| f64::from(t * t % 17)).collect();
        let shifted: Vec<f64> = row.iter().map(|x| x + 2.0).collect();
        let panel = Panel::new(&[row, shifted]).unwrap();
        let difference =
            |rows: &[&[f64]]| rows[1].iter().zip(rows[0]).map(|(b, a)| b - a).reduce(f64::max);
        let interval =
            bootstrap_interval(&panel, difference, 0.9, &bootstrap(200, 5.0, 1)).unwrap();
        assert_eq!((interval.estimate, interval.low, interval.high), (2.0, 2.0, 2.0));
        assert_eq!(interval.standard_error, None);
    }

    #[test]
    fn undefined_resamples_are_counted_and_too_many_are_none() {
        let panel = Panel::new(&[(0..40).map(f64::from).collect::<Vec<_>>()]).unwrap();
        let above = |least: f64| move |rows: &[&[f64]]| mean(rows[0]).filter(|&mean| mean > least);
        let rare = bootstrap_interval(&panel, above(15.0), 0.9, &bootstrap(1_000, 1.0, 1)).unwrap();
        assert!(rare.undefined > 0 && rare.undefined <= 50, "{}", rare.undefined);
        assert_eq!(bootstrap_interval(&panel, above(18.0), 0.9, &bootstrap(1_000, 1.0, 1)), None);
        assert_eq!(bootstrap_interval(&panel, above(30.0), 0.9, &bootstrap(1_000, 1.0, 1)), None);
    }

    #[test]
    fn undefined_is_none() {
        let panel = Panel::new(&[[1.0, 2.0, 4.0]]).unwrap();
        assert_eq!(bootstrap_interval(&panel, first_mean, 1.0, &bootstrap(10, 1.0, 1)), None);
        assert_eq!(bootstrap_interval(&panel, first_mean, 0.9, &bootstrap(0, 1.0, 1)), None);
        assert_eq!(bootstrap_interval(&panel, first_mean, 0.9, &bootstrap(10, 0.0, 1)), None);
        let automatic = Bootstrap { block_length: BlockLength::Automatic, ..bootstrap(10, 1.0, 1) };
        assert_eq!(bootstrap_interval(&panel, first_mean, 0.9, &automatic), None);
        assert_eq!(
            bootstrap_interval(&panel, |_| Some(f64::NAN), 0.9, &bootstrap(10, 1.0, 1)),
            None
        );
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let panel =
            Panel::new(&[(0..50).map(|t| f64::from(t * t % 23)).collect::<Vec<_>>()]).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap_interval(&panel, first_mean, 0.9, &bootstrap(101, 3.0, 7)))
        };
        assert_eq!(on(1), on(3));
    }
}
