//! How long a block must be to keep the dependence.

use super::super::sample::{mean, varies};

/// The expected block length that minimises the error of the stationary bootstrap's variance of the
/// mean (Politis & White 2004, with the constant corrected by Patton, Politis & White 2009), in
/// observations, at least 1 and at most min(3√n, n/3) rounded up.
///
/// * `series`: `[n]`, in time order, any unit.
///
/// The lag after which autocorrelation is taken for noise is the first of five lags in a row whose
/// autocorrelation lies inside ±2√(log₁₀n / n), as in the authors' own program (their paper starts
/// counting one lag later).
///
/// `None` for a series that is constant, not finite, or shorter than 9.
#[must_use]
pub fn optimal_block_length(series: &[f64]) -> Option<f64> {
    const RUN: usize = 5;
    let mean = mean(series)?;
    let n = series.len() as f64;
    let most_lags = n.sqrt().ceil() as usize + RUN;
    (most_lags < series.len() && varies(series)).then_some(())?;
    let centred: Vec<f64> = series.iter().map(|x| x - mean).collect();
    let covariance = |lag: usize| {
        centred[lag..].iter().zip(&centred).map(|(now, then)| now * then).sum::<f64>() / n
    };
    let covariances: Vec<f64> = (0..=most_lags).map(covariance).collect();

    let noise = 2.0 * (n.log10() / n).sqrt() * covariances[0];
    let first_quiet = (1..=most_lags - RUN)
        .find(|&lag| covariances[lag..lag + RUN].iter().all(|c| c.abs() < noise));
    let bandwidth = first_quiet.map_or(most_lags, |lag| (2 * lag).min(most_lags));

    // The flat-top window: 1 up to half the bandwidth, then down to 0.
    let window = |lag: usize| (2.0 * (1.0 - lag as f64 / bandwidth as f64)).min(1.0);
    let sum = |power: i32| -> f64 {
        let term = |lag: usize| 2.0 * window(lag) * (lag as f64).powi(power) * covariances[lag];
        (1..=bandwidth).map(term).sum()
    };
    let (slope, spectrum) = (sum(1), covariances[0] + sum(0));
    let length = (slope * slope / (spectrum * spectrum) * n).cbrt();
    let most = (3.0 * n.sqrt()).min(n / 3.0).ceil();
    (!length.is_nan()).then(|| length.clamp(1.0, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_is_none() {
        assert_eq!(optimal_block_length(&[]), None);
        assert_eq!(optimal_block_length(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0]), None);
        assert_eq!(optimal_block_length(&[0.1; 100]), None);
        assert_eq!(optimal_block_length(&[f64::NAN; 100]), None);
    }

    #[test]
    fn dependence_makes_it_longer() {
        let slow: Vec<f64> = (0..400).map(|t| (f64::from(t) / 15.0).sin()).collect();
        let fast: Vec<f64> = (0..400).map(|t| f64::from(t * t * 7919 % 1009)).collect();
        let (long, short) =
            (optimal_block_length(&slow).unwrap(), optimal_block_length(&fast).unwrap());
        assert!(long > 3.0 * short, "{long} {short}");
    }
}
