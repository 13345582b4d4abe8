//! What every statistic here asks of a sample first: is it finite, does it vary, what are its
//! moments.

/// `x`, unless it is infinite or NaN.
pub(super) fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// The mean; `None` for no values or when one is not finite.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    finite(values.iter().sum::<f64>() / values.len() as f64)
}

/// Whether the values differ by more than rounding. A constant series has no correlation, no Sharpe
/// ratio and no test, though the rounding of its mean would give it one.
pub(super) fn varies(values: &[f64]) -> bool {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    high - low > 8.0 * f64::EPSILON * low.abs().max(high.abs())
}

/// The first four moments of a sample that varies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub count: usize,
    pub mean: f64,
    /// Σ (x − mean)².
    pub squares: f64,
    /// Third standardised moment, divided by n: 0 for a symmetric sample.
    pub skewness: f64,
    /// Fourth standardised moment, divided by n, raw: 3 for a normal sample.
    pub kurtosis: f64,
}

impl Moments {
    /// `None` for fewer than two values, one that is not finite, or values that do not vary.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mean = mean(values)?;
        varies(values).then_some(())?;
        let n = values.len() as f64;
        let sum = |power: i32| values.iter().map(|x| (x - mean).powi(power)).sum::<f64>();
        let squares = sum(2);
        let variance = squares / n;
        let (skewness, kurtosis) = (sum(3) / n / variance.powf(1.5), sum(4) / n / variance.powi(2));
        (skewness.is_finite() && kurtosis.is_finite() && variance > 0.0).then_some(Self {
            count: values.len(),
            mean,
            squares,
            skewness,
            kurtosis,
        })
    }

    /// The standard deviation, divided by n − 1.
    pub(crate) fn deviation(&self) -> f64 {
        (self.squares / (self.count as f64 - 1.0)).sqrt()
    }
}

/// The `level`-quantile of sorted values, with linear interpolation between them (Hyndman & Fan
/// 1996, type 7). `None` for no values.
pub(super) fn quantile(sorted: &[f64], level: f64) -> Option<f64> {
    let place = level * (sorted.len().checked_sub(1)?) as f64;
    let below = place.floor();
    let low = *sorted.get(below as usize)?;
    let high = *sorted.get(place.ceil() as usize)?;
    Some(low + (high - low) * (place - below))
}

/// The rows of `target` that are finite, each with the values of `others` beside it. A target that
/// is not known is left out; a forecast that is not finite where the target is known makes all
/// undefined, so that nobody gains by not forecasting. `None` also when the lengths differ or no
/// row is left.
pub(super) fn known<const N: usize>(
    target: &[f64],
    others: [&[f64]; N],
) -> Option<Vec<(f64, [f64; N])>> {
    others.iter().all(|other| other.len() == target.len()).then_some(())?;
    let mut rows = Vec::with_capacity(target.len());
    for (t, &target) in target.iter().enumerate().filter(|(_, target)| target.is_finite()) {
        let row = others.map(|other| other[t]);
        row.iter().all(|x| x.is_finite()).then_some(())?;
        rows.push((target, row));
    }
    (!rows.is_empty()).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_does_not_vary() {
        assert!(!varies(&[]));
        assert!(!varies(&[0.1]));
        assert!(!varies(&[0.0; 3]));
        assert!(!varies(&[0.1, 0.1, 0.1, 0.1 + 2e-17]));
        assert!(varies(&[0.1, 0.1 + 1e-12]));
        assert!(varies(&[0.0, 1e-300]));
    }

    #[test]
    fn moments_by_hand() {
        let moments = Moments::of(&[1.0, 2.0, 3.0, 6.0]).unwrap();
        assert_eq!((moments.count, moments.mean, moments.squares), (4, 3.0, 14.0));
        assert!((moments.skewness - (27.0 - 8.0 - 1.0) / 4.0 / 3.5_f64.powf(1.5)).abs() < 1e-15);
        assert!((moments.kurtosis - (81.0 + 16.0 + 1.0) / 4.0 / 3.5_f64.powi(2)).abs() < 1e-15);
        assert_eq!(Moments::of(&[1.0]), None);
        assert_eq!(Moments::of(&[]), None);
        assert_eq!(Moments::of(&[2.0, 2.0]), None);
        assert_eq!(Moments::of(&[1.0, f64::NAN]), None);
        assert_eq!(Moments::of(&[1e200, -1e200]), None);
    }

    #[test]
    fn quantiles_interpolate() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(quantile(&sorted, 0.0), Some(1.0));
        assert_eq!(quantile(&sorted, 0.5), Some(2.0));
        assert_eq!(quantile(&sorted, 0.75), Some(3.0));
        assert_eq!(quantile(&sorted, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn unknown_targets_are_left_out_and_unknown_forecasts_are_not() {
        assert_eq!(known(&[f64::NAN, 2.0], [&[9.0, 3.0]]), Some(vec![(2.0, [3.0])]));
        assert_eq!(known(&[1.0, 2.0], [&[9.0, f64::NAN]]), None);
        assert_eq!(known(&[1.0, 2.0], [&[9.0]]), None);
        assert_eq!(known(&[f64::NAN], [&[9.0]]), None);
        assert_eq!(known(&[], [&[]]), None);
    }
}
