//! The forecast quantity and its naive forecast, by row.

use std::ops::Range;

use experiment::{Target, TargetKind};

/// Target of the window that ends at each row, and what persistence says there; NaN where
/// undefined.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TargetColumns {
    /// In the target's unit.
    pub target: Vec<f64>,
    /// In the target's unit.
    pub persistence: Vec<f64>,
}

/// Computes both for the closes of `runs`; nothing crosses from one run into another.
///
/// * `price`: close[t+h]; persistence: close[t].
/// * `log_return`: ln(close[t+h] / close[t]); persistence: 0.
/// * `log_volatility`: ln √(r²[t+1] + … + r²[t+h]) of the one-bar log returns r; persistence: the
///   same of r[t-h+1] … r[t]. A stretch in which the price never moved has no log volatility: NaN,
///   so no window ends there.
pub(super) fn target_columns(
    target: &Target,
    close: &[f64],
    runs: &[Range<usize>],
) -> TargetColumns {
    let horizon = target.horizon;
    let mut columns = TargetColumns {
        target: vec![f64::NAN; close.len()],
        persistence: vec![f64::NAN; close.len()],
    };
    for run in runs {
        let last = run.end.saturating_sub(horizon).max(run.start);
        match target.kind {
            TargetKind::Price => {
                columns.persistence[run.clone()].copy_from_slice(&close[run.clone()]);
                columns.target[run.start..last]
                    .copy_from_slice(&close[run.end.min(run.start + horizon)..run.end]);
            }
            TargetKind::LogReturn => {
                columns.persistence[run.clone()].fill(0.0);
                for row in run.start..last {
                    columns.target[row] = (close[row + horizon] / close[row]).ln();
                }
            }
            TargetKind::LogVolatility => {
                // volatility[i]: over the `horizon` returns that end at row run.start + horizon +
                // i.
                let volatility = log_volatility(&close[run.clone()], horizon);
                columns.target[run.start..last].copy_from_slice(&volatility);
                columns.persistence[run.end - volatility.len()..run.end]
                    .copy_from_slice(&volatility);
            }
        }
    }
    columns
}

/// ln √(sum of `n` squared log returns) for each `n + 1` consecutive closes, in order. Each sum is
/// taken afresh, in order, so that a value does not depend on what came before its own closes.
fn log_volatility(close: &[f64], n: usize) -> Vec<f64> {
    let squares: Vec<f64> =
        close.windows(2).map(|pair| squared_log_return(pair[0], pair[1])).collect();
    squares.windows(n).map(|squares| log_volatility_of(squares.iter().copied())).collect()
}

pub(super) fn squared_log_return(before: f64, close: f64) -> f64 {
    (close / before).ln().powi(2)
}

/// ln √(sum of squared log returns); NaN where nothing moved.
pub(super) fn log_volatility_of(squares: impl Iterator<Item = f64>) -> f64 {
    let sum: f64 = squares.sum();
    if sum > 0.0 { 0.5 * sum.ln() } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(
        kind: TargetKind,
        horizon: usize,
        close: &[f64],
        runs: &[Range<usize>],
    ) -> TargetColumns {
        target_columns(&Target { horizon, kind }, close, runs)
    }

    /// NaN as None, so that columns compare.
    fn defined(column: &[f64]) -> Vec<Option<f64>> {
        column.iter().map(|&x| x.is_finite().then_some((x * 1e9).round() / 1e9)).collect()
    }

    #[test]
    fn a_price_target_is_the_close_ahead_within_the_run() {
        let found = columns(TargetKind::Price, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0..4, 4..6]);
        assert_eq!(defined(&found.target), [Some(3.0), Some(4.0), None, None, None, None]);
        assert_eq!(found.persistence, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn a_run_shorter_than_the_horizon_has_no_target() {
        for kind in [TargetKind::Price, TargetKind::LogReturn, TargetKind::LogVolatility] {
            let found = columns(kind, 5, &[1.0, 2.0, 3.0], &[0..1, 1..3]);
            assert_eq!(defined(&found.target), [None; 3]);
        }
    }

    #[test]
    fn a_log_return_looks_ahead_and_its_persistence_is_zero() {
        let e = std::f64::consts::E;
        let found = columns(TargetKind::LogReturn, 1, &[1.0, e, e * e, 1.0], &[0..3, 3..4]);
        assert_eq!(defined(&found.target), [Some(1.0), Some(1.0), None, None]);
        assert_eq!(found.persistence, [0.0; 4]);
    }

    #[test]
    fn log_volatility_pairs_the_next_bars_with_the_last_bars() {
        let close: Vec<f64> = [0.0_f64, 3.0, 7.0, 7.0, 7.0, 10.0].iter().map(|x| x.exp()).collect();
        let found = columns(TargetKind::LogVolatility, 2, &close, std::slice::from_ref(&(0..6)));
        let five = Some((5.0_f64.ln() * 1e9).round() / 1e9);
        let four = Some((4.0_f64.ln() * 1e9).round() / 1e9);
        let three = Some((3.0_f64.ln() * 1e9).round() / 1e9);
        assert_eq!(defined(&found.target), [five, four, None, three, None, None]);
        assert_eq!(defined(&found.persistence), [None, None, five, four, None, three]);
    }
}
