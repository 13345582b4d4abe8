//! Falls of equity below its highest value so far.

use serde::Serialize;

/// A drawdown lasts from its peak until equity is as high again, or to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Drawdowns {
    /// Largest fall, as a share of the peak before it; 0 where equity never fell.
    pub max_drawdown: f64,
    /// Mean over the drawdowns of the largest fall in each; `None` where there is none.
    pub mean_drawdown: Option<f64>,
    /// Of the longest one.
    pub max_drawdown_seconds: Option<f64>,
    /// Mean.
    pub mean_drawdown_seconds: Option<f64>,
}

/// Drawdowns of equity at bars with these times (nanoseconds, ascending).
#[must_use]
pub fn drawdowns(ts: &[i64], equity: &[f64]) -> Drawdowns {
    let Some((&first, last_ts)) = equity.first().zip(ts.last()) else {
        return Drawdowns::default();
    };
    let mut found: Vec<(f64, i64)> = Vec::new();
    let (mut peak, mut peak_ts, mut deepest) = (first, ts[0], 0.0_f64);
    for (&now, &ts) in equity.iter().zip(ts) {
        if now >= peak {
            if deepest > 0.0 {
                found.push((deepest, ts - peak_ts));
            }
            (peak, peak_ts, deepest) = (now, ts, 0.0);
        } else {
            deepest = deepest.max(1.0 - now / peak);
        }
    }
    if deepest > 0.0 {
        found.push((deepest, last_ts - peak_ts));
    }
    let count = found.len() as f64;
    let mean = |sum: f64| (count > 0.0).then(|| sum / count);
    Drawdowns {
        max_drawdown: found.iter().map(|(depth, _)| *depth).fold(0.0, f64::max),
        mean_drawdown: mean(found.iter().map(|(depth, _)| depth).sum()),
        max_drawdown_seconds: found.iter().map(|(_, length)| *length as f64 / 1e9).reduce(f64::max),
        mean_drawdown_seconds: mean(found.iter().map(|(_, length)| *length as f64 / 1e9).sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn each_lasts_from_its_peak_to_where_it_is_made_good_and_the_last_to_the_end() {
        let ts: Vec<i64> =
            [0, 10, 20, 30, 50, 60, 70].iter().map(|second| second * SECOND).collect();
        let found = drawdowns(&ts, &[100.0, 110.0, 99.0, 104.5, 110.0, 120.0, 117.0]);
        assert!((found.max_drawdown - 0.1).abs() < 1e-15);
        assert!((found.mean_drawdown.unwrap() - (0.1 + 0.025) / 2.0).abs() < 1e-15);
        assert_eq!(
            (found.max_drawdown_seconds, found.mean_drawdown_seconds),
            (Some(40.0), Some(25.0))
        );
    }

    #[test]
    fn equity_that_never_falls_has_none() {
        let found = drawdowns(&[0, SECOND], &[1.0, 1.0]);
        assert_eq!(found, Drawdowns::default());
        assert_eq!(drawdowns(&[], &[]), Drawdowns::default());
    }
}
