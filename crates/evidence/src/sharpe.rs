//! Is a Sharpe ratio worth anything, given how long and how odd the record is, and how many were
//! tried?
//!
//! All Sharpe ratios here are per observation, not annualised, and kurtosis is raw: 3 for a normal
//! sample. (Feeding excess kurtosis into these formulas, as some libraries do, makes every record
//! look surer.) Observations are taken for independent.

use super::distribution::{normal_cdf, normal_quantile};
use super::sample::{Moments, finite};

/// What the tests need to know of a series of returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackRecord {
    /// Mean over standard deviation (divided by n − 1) of returns in excess of whatever is to be
    /// beaten, per observation.
    pub sharpe: f64,
    /// How many observations.
    pub observations: usize,
    /// Third standardised moment.
    pub skewness: f64,
    /// Fourth standardised moment, raw.
    pub kurtosis: f64,
}

impl TrackRecord {
    /// Of returns per observation, `[n]`, in any unit. `None` for fewer than two, one that is not
    /// finite, or constant ones.
    #[must_use]
    pub fn of(returns: &[f64]) -> Option<Self> {
        let moments = Moments::of(returns)?;
        let Moments { count, mean, squares: _, skewness, kurtosis } = moments;
        Some(Self {
            sharpe: finite(mean / moments.deviation())?,
            observations: count,
            skewness,
            kurtosis,
        })
    }

    /// n − 1 times the variance of the estimated Sharpe ratio (Mertens 2002): 1 − γ₃SR + (γ₄ − 1)/4
    /// SR². `None` unless positive, as it is for the moments of any sample.
    fn variance(&self) -> Option<f64> {
        let &Self { sharpe, observations: _, skewness, kurtosis } = self;
        finite(1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe)
            .filter(|&variance| variance > 0.0)
    }
}

/// The probabilistic Sharpe ratio (Bailey & López de Prado 2012): the probability, in the sense of
/// a one-sided test, that the true Sharpe ratio exceeds `benchmark`, per observation: Φ((SR −
/// SR*)√(n − 1) / √(1 − γ₃SR + (γ₄ − 1)/4 SR²)).
///
/// `None` for fewer than two observations or moments that no sample has.
#[must_use]
pub fn probabilistic_sharpe(record: &TrackRecord, benchmark: f64) -> Option<f64> {
    let freedom = record.observations.checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    normal_cdf(finite((record.sharpe - benchmark) * (freedom / record.variance()?).sqrt())?)
}

/// The minimum track record length (Bailey & López de Prado 2012): how many observations like these
/// it takes for [`probabilistic_sharpe`] against `benchmark` to reach `confidence`.
///
/// `None` unless the record's Sharpe ratio exceeds `benchmark` (no length will do) and 0.5 ≤
/// `confidence` < 1.
#[must_use]
pub fn minimum_track_record(record: &TrackRecord, benchmark: f64, confidence: f64) -> Option<f64> {
    (record.sharpe > benchmark && confidence >= 0.5).then_some(())?;
    finite(
        1.0 + record.variance()?
            * (normal_quantile(confidence)? / (record.sharpe - benchmark)).powi(2),
    )
}

/// The expected maximum of `trials` independent standard normal variables, as Bailey & López de
/// Prado (2014) approximate it: (1 − γ)Φ⁻¹(1 − 1/N) + γΦ⁻¹(1 − 1/(Ne)), γ the Euler–Mascheroni
/// constant; not below 0, which is what it is for one.
///
/// `None` unless 1 ≤ `trials` < 2⁵³.
#[must_use]
pub fn expected_maximum(trials: f64) -> Option<f64> {
    const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;
    (trials >= 1.0).then_some(())?;
    let second = normal_quantile(1.0 - 1.0 / (trials * std::f64::consts::E))?;
    // Φ⁻¹(0) is −∞.
    let first = if trials == 1.0 { return Some(0.0) } else { normal_quantile(1.0 - 1.0 / trials)? };
    Some(((1.0 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second).max(0.0))
}

/// The deflated Sharpe ratio (Bailey & López de Prado 2014): [`probabilistic_sharpe`] against the
/// Sharpe ratio that the best of `trials` worthless trials is expected to reach, √`variance` ·
/// [`expected_maximum`]. Above 0.95, say, the best is not just the luckiest.
///
/// * `variance`: of the Sharpe ratios of all trials, per observation.
/// * `trials`: how many independent ones: all that were ever tried, or
///   [`effective_trials`](super::effective_trials).
///
/// `None` as for both, or for a variance that is negative or not finite.
#[must_use]
pub fn deflated_sharpe(record: &TrackRecord, variance: f64, trials: f64) -> Option<f64> {
    let luck =
        finite(variance).filter(|&variance| variance >= 0.0)?.sqrt() * expected_maximum(trials)?;
    probabilistic_sharpe(record, luck)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numerical example of Bailey & López de Prado (2014): annualised Sharpe ratio 2.5 over
    /// 1,250 days of 250 a year, skewness −3, kurtosis 10, and trials whose annualised Sharpe
    /// ratios vary by 1/2.
    #[test]
    fn the_papers_example_of_deflation() {
        let record = TrackRecord {
            sharpe: 2.5 / 250_f64.sqrt(),
            observations: 1250,
            skewness: -3.0,
            kurtosis: 10.0,
        };
        let of = |trials| deflated_sharpe(&record, 0.5 / 250.0, trials).unwrap();
        assert!((of(100.0) - 0.9004).abs() < 5e-5, "{}", of(100.0));
        assert!((of(46.0) - 0.9505).abs() < 5e-5, "{}", of(46.0));
        let luck = (0.5 / 250.0_f64).sqrt() * expected_maximum(100.0).unwrap();
        assert!((luck - 0.1132).abs() < 5e-5, "{luck}");
    }

    /// Bailey & López de Prado (2012): years until an annualised Sharpe ratio of 2 is above 1 with
    /// 95 %, for normal returns.
    #[test]
    fn the_papers_examples_of_length() {
        for (a_year, years) in [(252.0_f64, 2.73), (52.0, 2.83), (12.0, 3.24)] {
            let record = TrackRecord {
                sharpe: 2.0 / a_year.sqrt(),
                observations: 1,
                skewness: 0.0,
                kurtosis: 3.0,
            };
            let length = minimum_track_record(&record, 1.0 / a_year.sqrt(), 0.95).unwrap();
            assert!((length / a_year - years).abs() < 0.005, "{}", length / a_year);
        }
    }

    #[test]
    fn a_record_of_the_minimum_length_reaches_the_confidence() {
        let record = TrackRecord { sharpe: 0.2, observations: 0, skewness: -0.7, kurtosis: 5.0 };
        let length = minimum_track_record(&record, 0.1, 0.9).unwrap();
        let p = |observations| {
            probabilistic_sharpe(&TrackRecord { observations, ..record }, 0.1).unwrap()
        };
        assert!(p(length.floor() as usize) < 0.9 && p(length.ceil() as usize) >= 0.9);
    }

    #[test]
    fn expected_maxima_of_the_formula() {
        for (trials, expected) in [
            (10.0, 1.575),
            (50.0, 2.276),
            (100.0, 2.531),
            (216.0, 2.791),
            (1e3, 3.255),
            (1e4, 3.861),
        ] {
            assert!((expected_maximum(trials).unwrap() - expected).abs() < 6e-4, "{trials}");
        }
        assert_eq!(expected_maximum(1.0), Some(0.0));
        assert_eq!(expected_maximum(1.1), Some(0.0));
        for trials in [0.0, 0.5, f64::NAN, f64::INFINITY] {
            assert_eq!(expected_maximum(trials), None, "{trials}");
        }
    }

    #[test]
    fn undefined_is_none() {
        assert_eq!(TrackRecord::of(&[0.1; 5]), None);
        assert_eq!(TrackRecord::of(&[0.1]), None);
        assert_eq!(TrackRecord::of(&[0.1, f64::NAN]), None);
        let record = TrackRecord::of(&[1.0, 2.0, 4.0]).unwrap();
        assert_eq!(minimum_track_record(&record, record.sharpe, 0.95), None);
        assert_eq!(minimum_track_record(&record, 0.0, 1.0), None);
        assert_eq!(probabilistic_sharpe(&TrackRecord { observations: 1, ..record }, 0.0), None);
        assert_eq!(
            probabilistic_sharpe(&TrackRecord { skewness: 9.0, kurtosis: 0.0, ..record }, 0.0),
            None
        );
        assert_eq!(probabilistic_sharpe(&record, f64::NAN), None);
        assert_eq!(deflated_sharpe(&record, -1.0, 10.0), None);
        assert_eq!(deflated_sharpe(&record, f64::NAN, 10.0), None);
        assert_eq!(deflated_sharpe(&record, 0.0, 10.0), probabilistic_sharpe(&record, 0.0));
    }
}
