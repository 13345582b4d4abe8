//! Errors of point and quantile forecasts that say more than a mean square.
//!
//! Everywhere: a row whose target is not finite is left out; a forecast that is not finite where
//! the target is known makes the whole undefined; so do lengths that differ and a sample of
//! nothing.

use super::sample::{finite, known, mean};

/// Mean absolute scaled error (Hyndman & Koehler 2006): the mean absolute error over the mean
/// absolute error, on the training targets, of the forecast "as `season` steps before". Without
/// unit; below 1 beats that forecast on average.
///
/// * `target`, `forecast`: `[n]`, in one unit.
/// * `training`: `[m]`, the training targets in time order, in the same unit; steps with a target
///   that is not finite are left out.
/// * `season`: steps, 1 for the naive forecast.
///
/// `None` also when `season` is 0 or no step is left, or when the training targets do not change
/// (the scale is 0).
#[must_use]
pub fn mase(target: &[f64], forecast: &[f64], training: &[f64], season: usize) -> Option<f64> {
    let rows = known(target, [forecast])?;
    let earlier = training.iter().take(training.len().checked_sub(season).filter(|_| season > 0)?);
    let steps = training
        .iter()
        .skip(season)
        .zip(earlier)
        .map(|(now, then)| (now - then).abs())
        .filter(|step| step.is_finite());
    let scale = mean(&steps.collect::<Vec<_>>()).filter(|&scale| scale > 0.0)?;
    finite(rows.iter().map(|(y, [f])| (y - f).abs()).sum::<f64>() / rows.len() as f64 / scale)
}

/// What a forecast's squares are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Benchmark<'a> {
    /// The mean of these training targets, the same for every row; those that are not finite are
    /// left out.
    TrainingMean(&'a [f64]),
    /// A forecast for every row: persistence, or the mean of all history until then, as in the
    /// paper.
    Forecast(&'a [f64]),
}

/// Out-of-sample R² (Campbell & Thompson 2008): 1 − Σ(y − forecast)² / Σ(y − benchmark)², over the
/// same rows. Without unit; above 0 beats the benchmark.
///
/// * `target`, `forecast`: `[n]`, in one unit.
///
/// `None` also when the benchmark has no error, or no finite training target is given.
#[must_use]
pub fn out_of_sample_r2(target: &[f64], forecast: &[f64], benchmark: Benchmark<'_>) -> Option<f64> {
    let given = match benchmark {
        Benchmark::Forecast(given) => given.to_vec(),
        Benchmark::TrainingMean(training) => {
            let training: Vec<f64> = training.iter().copied().filter(|y| y.is_finite()).collect();
            vec![mean(&training)?; target.len()]
        }
    };
    let rows = known(target, [forecast, &given])?;
    let squares = |which: usize| {
        rows.iter().map(|(y, forecasts)| (y - forecasts[which]).powi(2)).sum::<f64>()
    };
    let of_benchmark = squares(1);
    (of_benchmark > 0.0).then(|| finite(1.0 - squares(0) / of_benchmark)).flatten()
}

/// Mean quantile (pinball) loss (Koenker & Bassett 1978) of forecasts of the `level`-quantile:
/// `level`·(y − q) where the target lies above, (1 − `level`)·(q − y) below. In the target's unit;
/// at `level` 0.5 half the mean absolute error.
///
/// * `target`, `forecast`: `[n]`, in one unit.
///
/// `None` also unless 0 < `level` < 1.
#[must_use]
pub fn pinball_loss(target: &[f64], forecast: &[f64], level: f64) -> Option<f64> {
    (level > 0.0 && level < 1.0).then_some(())?;
    let rows = known(target, [forecast])?;
    let loss = |(y, [q]): &(f64, [f64; 1])| (level * (y - q)).max((level - 1.0) * (y - q));
    finite(rows.iter().map(loss).sum::<f64>() / rows.len() as f64)
}

/// Mean QLIKE loss of variance forecasts against a proxy such as realised variance, in the form of
/// Patton (2011) that is 0 for a perfect forecast: p/f − ln(p/f) − 1. Without unit. It ranks
/// forecasts by the true variance even though the proxy is noisy.
///
/// * `proxy`, `forecast`: `[n]`, variances (not volatilities) in one unit.
///
/// `None` also when a proxy or a forecast is not positive: leave out rows whose proxy is 0, whose
/// logarithm does not exist.
#[must_use]
pub fn qlike(proxy: &[f64], forecast: &[f64]) -> Option<f64> {
    let rows = known(proxy, [forecast])?;
    rows.iter().all(|(p, [f])| *p > 0.0 && *f > 0.0).then_some(())?;
    finite(rows.iter().map(|(p, [f])| p / f - (p / f).ln() - 1.0).sum::<f64>() / rows.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn mase_by_hand() {
        let training = [1.0, 3.0, 2.0, 6.0];
        assert_eq!(mase(&[5.0, 7.0], &[4.0, 9.0], &training, 1), Some(1.5 / (7.0 / 3.0)));
        assert_eq!(mase(&[5.0, 7.0], &[4.0, 9.0], &training, 2), Some(0.75));
        assert_eq!(mase(&[5.0, NAN], &[4.0, NAN], &[1.0, NAN, 2.0, 6.0], 1), Some(0.25));
        for season in [0, 4, 5] {
            assert_eq!(mase(&[5.0], &[4.0], &training, season), None, "season {season}");
        }
        assert_eq!(mase(&[5.0], &[4.0], &[2.0, 2.0, 2.0], 1), None);
        assert_eq!(mase(&[5.0], &[4.0], &[], 1), None);
        assert_eq!(mase(&[5.0], &[NAN], &training, 1), None);
        assert_eq!(mase(&[], &[], &training, 1), None);
    }

    #[test]
    fn r2_by_hand() {
        let (target, forecast) = ([1.0, 2.0, 3.0], [1.0, 2.0, 5.0]);
        assert_eq!(
            out_of_sample_r2(&target, &forecast, Benchmark::TrainingMean(&[0.0, NAN, 2.0])),
            Some(1.0 - 4.0 / 5.0)
        );
        assert_eq!(
            out_of_sample_r2(&target, &forecast, Benchmark::Forecast(&[0.0, 2.0, 3.0])),
            Some(-3.0)
        );
        assert_eq!(out_of_sample_r2(&target, &forecast, Benchmark::Forecast(&target)), None);
        assert_eq!(
            out_of_sample_r2(&target, &forecast, Benchmark::Forecast(&[0.0, NAN, 3.0])),
            None
        );
        assert_eq!(out_of_sample_r2(&target, &forecast, Benchmark::TrainingMean(&[])), None);
        assert_eq!(
            out_of_sample_r2(&target, &forecast[..2], Benchmark::TrainingMean(&[1.0])),
            None
        );
    }

    #[test]
    fn pinball_by_hand() {
        assert_eq!(pinball_loss(&[1.0, 4.0], &[3.0, 0.0], 0.25), Some((1.5 + 1.0) / 2.0));
        assert_eq!(pinball_loss(&[1.0, 4.0], &[3.0, 0.0], 0.5), Some(1.5));
        for level in [0.0, 1.0, NAN, -1.0] {
            assert_eq!(pinball_loss(&[1.0], &[1.0], level), None, "{level}");
        }
        assert_eq!(pinball_loss(&[1.0], &[NAN], 0.5), None);
    }

    #[test]
    fn qlike_by_hand() {
        assert!(
            (qlike(&[4.0, 4.0, NAN], &[4.0, 2.0, 1.0]).unwrap() - (1.0 - 2.0_f64.ln()) / 2.0).abs()
                < 1e-15
        );
        assert_eq!(qlike(&[0.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(qlike(&[1.0], &[0.0]), None);
        assert_eq!(qlike(&[1.0], &[-1.0]), None);
        assert_eq!(qlike(&[], &[]), None);
    }
}
