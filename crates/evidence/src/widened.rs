//! A p-value over more trials than could be weighed.

/// The p-value of the best of `tried` trials, of which `weighed` gave it: 1 − (1 − p)^(tried /
/// weighed), as if the others were as many independent searches like the weighed one (Šidák 1967).
/// Trials that are alike make it too large, never too small.
///
/// A bootstrap of so many resamples cannot tell a p-value from one below 1 / (`resamples` + 1)
/// (Phipson & Smyth 2010), so it is widened from no less than that; with nothing to widen, it stays
/// as it is.
///
/// `None` for a `p` outside 0 to 1 and for no weighed trial.
#[must_use]
pub fn widened(p: f64, tried: usize, weighed: usize, resamples: usize) -> Option<f64> {
    ((0.0..=1.0).contains(&p) && weighed > 0).then_some(())?;
    if tried <= weighed {
        return Some(p);
    }
    let p = p.max(1.0 / (resamples as f64 + 1.0));
    // 1 − (1 − p)^k by logarithms: a small p must not drown in the 1.
    let power = tried as f64 / weighed as f64;
    Some(-(power * (-p).ln_1p()).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_trials_than_were_weighed_make_it_larger() {
        let near = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} {expected}")
        };
        near(widened(0.01, 40, 4, 1_000), 1.0 - 0.99_f64.powi(10));
        near(widened(0.2, 3, 2, 1_000), 1.0 - 0.8_f64.powf(1.5));
        near(widened(1.0, 3, 2, 1_000), 1.0);
        assert_eq!(widened(0.03, 4, 4, 1_000), Some(0.03));
        assert_eq!(widened(0.0, 4, 4, 1_000), Some(0.0));
    }

    #[test]
    fn none_of_the_resamples_is_not_never() {
        let found = widened(0.0, 5_000, 100, 1_000).unwrap();
        assert!((found - (1.0 - (1000.0_f64 / 1001.0).powi(50))).abs() < 1e-12, "{found}");
    }

    #[test]
    fn undefined_is_none() {
        assert_eq!(widened(-0.1, 2, 1, 10), None);
        assert_eq!(widened(f64::NAN, 2, 1, 10), None);
        assert_eq!(widened(0.5, 2, 0, 10), None);
    }
}
