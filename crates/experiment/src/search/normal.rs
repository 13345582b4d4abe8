//! The normal distribution cut off at both ends, in logarithms: kernels near the edge of a range
//! lie far out on a tail, where probabilities round to 0 or 1.

use libm::{erfc, exp, log, log1p};
use std::f64::consts::{LN_2, PI, SQRT_2};

/// Logarithm of the density.
pub(super) fn log_density(x: f64) -> f64 {
    -0.5 * x * x - 0.5 * log(2.0 * PI)
}

/// Logarithm of the probability of at most `x`.
pub(super) fn log_below(x: f64) -> f64 {
    if x > 0.0 {
        // Where it is close to 1, what lies above is told more exactly.
        return log1p(-0.5 * erfc(x / SQRT_2));
    }
    if x > -20.0 {
        return log(0.5 * erfc(-x / SQRT_2));
    }
    // The asymptotic series of the tail (Abramowitz and Stegun 26.2.12): at −20 its eighth term is
    // below 1e-13 of the first.
    let inverse = 1.0 / (x * x);
    let mut series = 1.0;
    let mut term = 1.0;
    for i in 1..20 {
        let next = term * -f64::from(2 * i - 1) * inverse;
        if next.abs() >= f64::abs(term) || next.abs() < 1e-17 {
            break;
        }
        term = next;
        series += term;
    }
    log_density(x) - log(-x) + log(series)
}

/// Logarithm of the probability between `a` and `b`, `a < b`.
pub(super) fn log_between(a: f64, b: f64) -> f64 {
    if b <= 0.0 {
        minus(log_below(b), log_below(a))
    } else if a > 0.0 {
        minus(log_below(-a), log_below(-b))
    } else {
        log1p(-0.5 * erfc(-a / SQRT_2) - 0.5 * erfc(b / SQRT_2))
    }
}

/// Where between `a` and `b` the share `q` of the probability there lies below.
pub(super) fn quantile(q: f64, a: f64, b: f64) -> f64 {
    if a >= 0.0 {
        // The left tail is told more exactly than the right one.
        return -quantile(1.0 - q, -b, -a);
    }
    if q <= 0.0 {
        return a;
    }
    let wanted = plus(log_below(a), log(q) + log_between(a, b));
    // Newton's steps on a concave rising function, within bounds that close in on the root.
    let (mut low, mut high) = (a, b);
    let mut x = 0.5 * (a.max(-8.0) + b.min(8.0));
    x = x.clamp(a, b);
    for _ in 0..200 {
        let excess = log_below(x) - wanted;
        if excess > 0.0 {
            high = x
        } else {
            low = x
        }
        let step = excess * exp(log_below(x) - log_density(x));
        let next = if (low..=high).contains(&(x - step)) { x - step } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-14 * (1.0 + x.abs()) {
            return next;
        }
        x = next;
    }
    x
}

/// log(exp(a) + exp(b)).
pub(super) fn plus(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + log1p(exp(low - high)) }
}

/// log(exp(a) − exp(b)), `a ≥ b`.
fn minus(a: f64, b: f64) -> f64 {
    let fall = b - a;
    // Of two near each other expm1 keeps the digits, of two far apart log1p.
    if fall > -LN_2 { a + log(-libm::expm1(fall)) } else { a + log1p(-exp(fall)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values_far_and_near() {
        // mpmath, 50 digits: log(ncdf(x)).
        for (x, expected) in [
            (0.0, -LN_2),
            (1.0, -0.172_753_779_023_449_9),
            (-1.0, -1.841_021_645_009_263_5),
            (-10.0, -53.231_285_150_512_47),
            (-20.0, -203.917_155_371_097_26),
            (-40.0, -804.608_442_013_753_8),
            (8.0, -6.220_960_574_271_786e-16),
        ] {
            let found = log_below(x);
            assert!((found / expected - 1.0).abs() < 1e-13, "{x}: {found} is not {expected}");
        }
    }

    #[test]
    fn the_branches_meet() {
        for seam in [-20.0_f64, 0.0] {
            let (below, above) = (log_below(seam - 1e-9), log_below(seam + 1e-9));
            let slope = exp(log_density(seam) - log_below(seam));
            let off = (above - below - 2e-9 * slope).abs();
            assert!(off < 1e-12 * below.abs(), "{seam}: {off}");
        }
    }

    proptest! {
        #[test]
        fn a_quantile_is_where_its_share_lies_below(
            q in 1e-9_f64..1.0, a in -100.0_f64..100.0, width in 1e-3_f64..200.0,
        ) {
            let b = a + width;
            let x = quantile(q, a, b);
            prop_assert!((a..=b).contains(&x), "{x}");
            // Where nearly all lies within a rounding of one end, no share can be told.
            if x > a && x < b {
                let share = exp(log_between(a, x) - log_between(a, b));
                prop_assert!((share - q).abs() < 1e-9, "{share} at {x}");
            }
        }

        #[test]
        fn parts_add_up(a in -60.0_f64..60.0, first in 1e-3_f64..50.0, second in 1e-3_f64..50.0) {
            let (middle, end) = (a + first, a + first + second);
            let sum = plus(log_between(a, middle), log_between(middle, end));
            let whole = log_between(a, end);
            prop_assert!((sum - whole).abs() < 1e-10 * whole.abs().max(1.0), "{sum} and {whole}");
        }
    }
}
