//! A share of successes with its interval.

use serde::{Deserialize, Serialize};

use super::distribution::normal_quantile;

/// `successes` of `count`, with Wilson's score interval (Wilson 1927), which stays inside 0 to 1
/// and holds for few and for extreme counts. It takes the cases for independent: those of
/// overlapping horizons are not, and their interval is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proportion {
    /// How many.
    pub successes: usize,
    /// Of how many; positive.
    pub count: usize,
    /// `successes` / `count`.
    pub share: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The interval's probability, such as 0.95.
    pub confidence: f64,
}

impl Proportion {
    /// `None` for `count` 0, more successes than cases, or unless 0 < `confidence` < 1.
    #[must_use]
    pub fn new(successes: usize, count: usize, confidence: f64) -> Option<Self> {
        (count > 0 && successes <= count && confidence > 0.0 && confidence < 1.0).then_some(())?;
        let z = normal_quantile(0.5 + confidence / 2.0)?;
        let n = count as f64;
        let share = successes as f64 / n;
        let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half =
            z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        // At 0 and 1 the ends are exact but for rounding.
        let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if successes == count { 1.0 } else { (centre + half).min(1.0) };
        Some(Self { successes, count, share, low, high, confidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact_and_nothing_is_undefined() {
        let (none, all) =
            (Proportion::new(0, 5, 0.95).unwrap(), Proportion::new(5, 5, 0.95).unwrap());
        assert_eq!((none.share, none.low, all.share, all.high), (0.0, 0.0, 1.0, 1.0));
        assert!((none.high - (1.0 - all.low)).abs() < 1e-15 && none.high > 0.4);
        assert_eq!(Proportion::new(0, 0, 0.95), None);
        assert_eq!(Proportion::new(6, 5, 0.95), None);
        for confidence in [0.0, 1.0, f64::NAN] {
            assert_eq!(Proportion::new(1, 5, confidence), None, "{confidence}");
        }
    }
}
