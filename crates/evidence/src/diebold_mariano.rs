//! Do two forecasts differ in accuracy?

use super::distribution::student_t_cdf;
use super::sample::{finite, known, mean, varies};

/// How the autocovariances of the loss differential are weighted in its variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// All lags below the horizon alike, as in the paper; may come out negative.
    Rectangular,
    /// Lag k by 1 − k/horizon (Newey & West 1987): what was used because the rectangular variance
    /// was not positive.
    Bartlett,
}

/// Which alternative a p-value speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// The two differ.
    TwoSided,
    /// The first has the smaller expected loss.
    FirstBetter,
    /// The second has.
    SecondBetter,
}

/// The loss whose differential is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// |error|.
    Absolute,
    /// error².
    Squared,
}

/// [`diebold_mariano`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DieboldMariano {
    /// The corrected statistic; negative when the first forecast has the smaller loss.
    pub statistic: f64,
    /// Mean of loss of first − loss of second, in the loss's unit.
    pub mean: f64,
    /// Observations.
    pub count: usize,
    /// The weights that gave the variance.
    pub kernel: Kernel,
}

impl DieboldMariano {
    /// The p-value, from Student's t with n − 1 degrees of freedom.
    #[must_use]
    pub fn p(&self, alternative: Alternative) -> Option<f64> {
        let cdf = |x| student_t_cdf(x, self.count as f64 - 1.0);
        match alternative {
            Alternative::TwoSided => Some((2.0 * cdf(-self.statistic.abs())?).min(1.0)),
            Alternative::FirstBetter => cdf(self.statistic),
            Alternative::SecondBetter => cdf(-self.statistic),
        }
    }
}

/// The test of Diebold & Mariano (1995) for equal accuracy, with the small-sample correction of
/// Harvey, Leybourne & Newbold (1997).
///
/// * `differential`: `[n]`, loss of the first forecast − loss of the second, in time order
///   ([`loss_differential`], or any other loss).
/// * `horizon`: steps ahead of both forecasts, in rows. A forecast that is optimal h steps ahead
///   has errors correlated over h − 1 lags, so the variance takes so many autocovariances.
///
/// When the rectangular variance is not positive the Bartlett one is used, and the result says so.
/// Two nested models, one of them estimated on little, make the statistic's distribution differ
/// from t (Clark & McCracken 2001).
///
/// `None` for a differential that is not finite or constant, `horizon` 0 or not below n, or no
/// positive variance under either kernel.
#[must_use]
pub fn diebold_mariano(differential: &[f64], horizon: usize) -> Option<DieboldMariano> {
    let count = differential.len();
    let mean = mean(differential)?;
    (horizon > 0 && horizon < count && varies(differential)).then_some(())?;
    let centred: Vec<f64> = differential.iter().map(|d| d - mean).collect();
    let (n, h) = (count as f64, horizon as f64);
    let covariance = |lag: usize| {
        centred[lag..].iter().zip(&centred).map(|(now, then)| now * then).sum::<f64>() / n
    };
    let covariances: Vec<f64> = (0..horizon).map(covariance).collect();
    let variance = |weight: &dyn Fn(f64) -> f64| {
        let lagged: f64 =
            covariances.iter().enumerate().skip(1).map(|(lag, c)| weight(lag as f64) * c).sum();
        (covariances[0] + 2.0 * lagged) / n
    };
    let (rectangular, bartlett) = (variance(&|_| 1.0), variance(&|lag| 1.0 - lag / h));
    // A sum that is 0 in exact arithmetic may come out at ± rounding.
    let least = 1e-12 * covariances[0] / n;
    let (kernel, variance) = match () {
        () if rectangular > least => (Kernel::Rectangular, rectangular),
        () if bartlett > least => (Kernel::Bartlett, bartlett),
        () => return None,
    };
    let correction = ((n + 1.0 - 2.0 * h + h * (h - 1.0) / n) / n).sqrt();
    let statistic = finite(correction * mean / variance.sqrt())?;
    Some(DieboldMariano { statistic, mean, count, kernel })
}

/// Loss of `first` − loss of `second` at each row, `[≤ n]`: rows whose target is not finite are
/// left out, and the rest stay in order.
///
/// `None` when lengths differ, no row is left, or a forecast is not finite where the target is
/// known.
#[must_use]
pub fn loss_differential(
    target: &[f64],
    first: &[f64],
    second: &[f64],
    power: Power,
) -> Option<Vec<f64>> {
    let loss = |error: f64| match power {
        Power::Absolute => error.abs(),
        Power::Squared => error * error,
    };
    Some(
        known(target, [first, second])?
            .iter()
            .map(|(y, [first, second])| loss(y - first) - loss(y - second))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_at_horizon_one() {
        // mean 1, autocovariance 5: the statistic is 1 / √(5/4) · √(3/4).
        let result = diebold_mariano(&[-2.0, 0.0, 2.0, 4.0], 1).unwrap();
        assert!((result.statistic - (4.0_f64 / 5.0 * 3.0 / 4.0).sqrt()).abs() < 1e-15);
        assert_eq!((result.mean, result.count, result.kernel), (1.0, 4, Kernel::Rectangular));
        let [two, first, second] =
            [Alternative::TwoSided, Alternative::FirstBetter, Alternative::SecondBetter]
                .map(|side| result.p(side).unwrap());
        assert!((first + second - 1.0).abs() < 1e-15 && (two - 2.0 * second).abs() < 1e-15);
    }

    #[test]
    fn a_negative_variance_falls_back_and_says_so() {
        let alternating: Vec<f64> = (0..20).map(|t| if t % 2 == 0 { 1.5 } else { -0.5 }).collect();
        assert_eq!(diebold_mariano(&alternating, 2).unwrap().kernel, Kernel::Bartlett);
        assert_eq!(diebold_mariano(&alternating, 1).unwrap().kernel, Kernel::Rectangular);
    }

    #[test]
    fn undefined_is_none() {
        assert_eq!(diebold_mariano(&[], 1), None);
        assert_eq!(diebold_mariano(&[1.0], 1), None);
        assert_eq!(diebold_mariano(&[0.0; 9], 1), None);
        assert_eq!(diebold_mariano(&[0.1; 9], 1), None);
        assert_eq!(diebold_mariano(&[1.0, 2.0, f64::NAN], 1), None);
        assert_eq!(diebold_mariano(&[1.0, 2.0, 4.0], 0), None);
        assert_eq!(diebold_mariano(&[1.0, 2.0, 4.0], 3), None);
        assert!(diebold_mariano(&[1.0, 2.0, 4.0], 2).is_some());
    }

    #[test]
    fn differentials_of_both_powers() {
        let (target, first, second) =
            ([1.0, f64::NAN, 0.0], [3.0, 0.0, 0.0], [0.0, f64::NAN, -3.0]);
        assert_eq!(
            loss_differential(&target, &first, &second, Power::Absolute),
            Some(vec![1.0, -3.0])
        );
        assert_eq!(
            loss_differential(&target, &first, &second, Power::Squared),
            Some(vec![3.0, -9.0])
        );
        assert_eq!(loss_differential(&target, &first, &second[..2], Power::Squared), None);
    }
}
