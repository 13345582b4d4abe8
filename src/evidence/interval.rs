//! Forecast intervals: how wide they must be, and whether they hold.

use super::proportion::Proportion;
use super::sample::known;

/// [`coverage`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// Rows whose target lies in its interval, ends included.
    pub covered: Proportion,
    /// Mean of high − low, in the target's unit; an interval with high below low counts as it is.
    pub mean_width: f64,
}

/// How often the target lies in its forecast interval, ends included. An interval with `high` below `low` covers nothing.
///
/// * `target`, `low`, `high`: `[n]`, in one unit. Rows whose target is not finite are left out.
/// * `confidence`: of Wilson's interval for the share, not the interval's own nominal level.
///
/// `None` when no row is left, an end is not finite where the target is known, lengths differ, or `confidence` is not inside 0 to 1.
#[must_use]
pub fn coverage(target: &[f64], low: &[f64], high: &[f64], confidence: f64) -> Option<Coverage> {
    let rows = known(target, [low, high])?;
    let inside = rows.iter().filter(|(y, [low, high])| low <= y && y <= high).count();
    let mean_width = super::sample::finite(rows.iter().map(|(_, [low, high])| high - low).sum::<f64>() / rows.len() as f64)?;
    Some(Coverage { covered: Proportion::new(inside, rows.len(), confidence)?, mean_width })
}

/// Half the width of a split-conformal interval (Vovk, Gammerman & Shafer 2005; Lei et al. 2018): the ⌈(n + 1)(1 − `alpha`)⌉-th
/// smallest absolute residual of `n` calibration rows that the model was not fitted on. Forecast ± this covers a new target with
/// probability at least 1 − `alpha`, if it is exchangeable with the calibration rows; a market that changes is not.
///
/// * `residuals`: `[n]`, target − forecast, in the target's unit; the result has the same.
///
/// `None` for a residual that is not finite, unless 0 < `alpha` < 1, and when `n` is too small for `alpha`: the interval would be
/// unbounded (`alpha` 0.1 needs 9 rows).
#[must_use]
pub fn conformal_half_width(residuals: &[f64], alpha: f64) -> Option<f64> {
    (alpha > 0.0 && alpha < 1.0 && residuals.iter().all(|x| x.is_finite())).then_some(())?;
    // Less a hair, lest 10 × (1 − 0.1) is the tenth for being 9.000000000000002.
    let rank = ((residuals.len() + 1) as f64 * (1.0 - alpha) * (1.0 - 1e-12)).ceil() as usize;
    let mut sizes: Vec<f64> = residuals.iter().map(|x| x.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_inside() {
        let coverage = coverage(&[1.0, 2.0, 3.0, f64::NAN], &[1.0, 0.0, 4.0, 0.0], &[2.0, 2.0, 2.0, 1.0], 0.9).unwrap();
        assert_eq!((coverage.covered.successes, coverage.covered.count), (2, 3));
        assert_eq!(coverage.mean_width, 1.0 / 3.0);
    }

    #[test]
    fn coverage_of_nothing_is_undefined() {
        assert_eq!(coverage(&[], &[], &[], 0.9), None);
        assert_eq!(coverage(&[1.0], &[f64::NEG_INFINITY], &[2.0], 0.9), None);
        assert_eq!(coverage(&[1.0], &[0.0], &[2.0], 0.0), None);
    }

    #[test]
    fn conformal_ranks_are_exact() {
        let residuals: Vec<f64> = (1..=99).map(|x| if x % 2 == 0 { f64::from(x) } else { -f64::from(x) }).collect();
        assert_eq!(conformal_half_width(&residuals, 0.1), Some(90.0));
        assert_eq!(conformal_half_width(&residuals, 0.05), Some(95.0));
        assert_eq!(conformal_half_width(&residuals, 0.015), Some(99.0));
        assert_eq!(conformal_half_width(&residuals, 0.005), None);
        assert_eq!(conformal_half_width(&residuals[..9], 0.1), Some(9.0));
        assert_eq!(conformal_half_width(&residuals[..8], 0.1), None);
        assert_eq!(conformal_half_width(&[2.0, 2.0, 2.0], 0.5), Some(2.0));
        assert_eq!(conformal_half_width(&[2.0, f64::NAN, 2.0], 0.5), None);
        assert_eq!(conformal_half_width(&[2.0], 0.0), None);
    }
}
