//! The normal distribution and Student's t. A probability or a quantile that does not exist is
//! `None`.
//!
//! `statrs` has Φ and the incomplete beta function. Its Student's t (0.19) loses half of the digits
//! near 0, and its quantile all of them far out at one degree of freedom: so these are made of the
//! beta function here.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::checked_beta_reg;

/// Φ(x), the probability that a standard normal variable is at most `x`. `None` for NaN.
#[must_use]
pub fn normal_cdf(x: f64) -> Option<f64> {
    (!x.is_nan()).then(|| Normal::standard().cdf(x))
}

/// Φ⁻¹(p). `None` unless 0 < `p` < 1: the ends lie at infinity.
#[must_use]
pub fn normal_quantile(p: f64) -> Option<f64> {
    (p > 0.0 && p < 1.0).then(|| Normal::standard().inverse_cdf(p))
}

/// The probability that Student's t with `freedom` degrees of freedom is at most `x`. `None` for
/// NaN, or unless `freedom` is positive and finite.
#[must_use]
pub fn student_t_cdf(x: f64, freedom: f64) -> Option<f64> {
    (!x.is_nan() && freedom > 0.0 && freedom.is_finite()).then_some(())?;
    let square = x * x;
    // Each form keeps its digits where the probability it gives is small: between −x and x, and
    // beyond.
    if square < 1.0 {
        let within = checked_beta_reg(0.5, freedom / 2.0, square / (freedom + square)).ok()?;
        Some(0.5 + (0.5 * within).copysign(x))
    } else {
        let beyond = checked_beta_reg(freedom / 2.0, 0.5, freedom / (freedom + square)).ok()?;
        Some(if x < 0.0 { 0.5 * beyond } else { 1.0 - 0.5 * beyond })
    }
}

/// The quantile of Student's t with `freedom` degrees of freedom, by bisection. `None` unless 0 <
/// `p` < 1 and `freedom` is positive and finite, and for quantiles beyond 10¹⁵⁰.
#[must_use]
pub fn student_t_quantile(p: f64, freedom: f64) -> Option<f64> {
    (p > 0.0 && p < 1.0).then_some(())?;
    let tail = p.min(1.0 - p);
    let (mut low, mut high) = (-1.0, 0.0);
    while student_t_cdf(low, freedom)? > tail {
        (low, high) = (2.0 * low, low);
    }
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if student_t_cdf(middle, freedom)? < tail { low = middle } else { high = middle }
    }
    (high > -1e150).then_some(if p < 0.5 { high } else { -high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_nonsense_are_undefined() {
        assert_eq!(normal_cdf(f64::NAN), None);
        assert_eq!(
            (normal_cdf(f64::NEG_INFINITY), normal_cdf(f64::INFINITY)),
            (Some(0.0), Some(1.0))
        );
        assert_eq!(
            (student_t_cdf(f64::NEG_INFINITY, 3.0), student_t_cdf(f64::INFINITY, 3.0)),
            (Some(0.0), Some(1.0))
        );
        for p in [0.0, 1.0, -0.1, f64::NAN] {
            assert_eq!((normal_quantile(p), student_t_quantile(p, 3.0)), (None, None), "{p}");
        }
        for freedom in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                (student_t_cdf(1.0, freedom), student_t_quantile(0.3, freedom)),
                (None, None),
                "{freedom}"
            );
        }
        assert_eq!(student_t_quantile(1e-300, 0.01), None);
        assert!(student_t_quantile(0.5, 4.0).unwrap().abs() < 1e-15);
    }
}
