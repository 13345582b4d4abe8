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

/// How often the target lies in its forecast interval, ends included. An interval with `high` below
/// `low` covers nothing.
///
/// * `target`, `low`, `high`: `[n]`, in one unit. Rows whose target is not finite are left out.
/// * `confidence`: of Wilson's interval for the share, not the interval's own nominal level.
///
/// `None` when no row is left, an end is not finite where the target is known, lengths differ, or
/// `confidence` is not inside 0 to 1.
#[must_use]
pub fn coverage(target: &[f64], low: &[f64], high: &[f64], confidence: f64) -> Option<Coverage> {
    let rows = known(target, [low, high])?;
    let inside = rows.iter().filter(|(y, [low, high])| low <= y && y <= high).count();
    let mean_width = super::sample::finite(
        rows.iter().map(|(_, [low, high])| high - low).sum::<f64>() / rows.len() as f64,
    )?;
    Some(Coverage { covered: Proportion::new(inside, rows.len(), confidence)?, mean_width })
}

/// Half the width of a split-conformal interval (Vovk, Gammerman & Shafer 2005; Lei et al. 2018):
/// the ⌈(n + 1)(1 − `alpha`)⌉-th smallest absolute residual of `n` calibration rows that the model
/// was not fitted on. Forecast ± this covers a new target with probability at least 1 − `alpha`, if
/// it is exchangeable with the calibration rows; a market that changes is not.
///
/// * `residuals`: `[n]`, target − forecast, in the target's unit; the result has the same.
///
/// `None` for a residual that is not finite, unless 0 < `alpha` < 1, and when `n` is too small for
/// `alpha`: the interval would be unbounded (`alpha` 0.1 needs 9 rows).
#[must_use]
pub fn conformal_half_width(residuals: &[f64], alpha: f64) -> Option<f64> {
    conformal_score(residuals.iter().map(|x| x.abs()).collect(), alpha)
}

/// How far an interval between two forecast quantiles is to be widened on both sides, or narrowed
/// where it is negative: conformalised quantile regression (Romano, Patterson & Candès 2019), the
/// ⌈(n + 1)(1 − `alpha`)⌉-th smallest of max(low − target, target − high) over `n` calibration
/// rows. What is said of [`conformal_half_width`] holds for its coverage too; unlike that interval,
/// it is as wide here and as narrow there as the quantiles say. An interval that is narrowed below
/// nothing is empty.
///
/// * `target`, `low`, `high`: `[n]`, in one unit, which the result has too. Rows whose target is
///   not finite are left out.
///
/// `None` for an end that is not finite where the target is known, lengths that differ, unless 0 <
/// `alpha` < 1, and when `n` is too small for `alpha`.
#[must_use]
pub fn conformal_quantile_margin(
    target: &[f64],
    low: &[f64],
    high: &[f64],
    alpha: f64,
) -> Option<f64> {
    let rows = known(target, [low, high])?;
    conformal_score(rows.iter().map(|(y, [low, high])| (low - y).max(y - high)).collect(), alpha)
}

/// The score that a new row exceeds with probability `alpha` at most.
fn conformal_score(mut scores: Vec<f64>, alpha: f64) -> Option<f64> {
    (alpha > 0.0 && alpha < 1.0 && scores.iter().all(|x| x.is_finite())).then_some(())?;
    // Less a hair, lest 10 × (1 − 0.1) is the tenth for being 9.000000000000002.
    let rank = ((scores.len() + 1) as f64 * (1.0 - alpha) * (1.0 - 1e-12)).ceil() as usize;
    scores.sort_unstable_by(f64::total_cmp);
    scores.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::Rng;

    #[test]
    fn ends_are_inside() {
        let coverage =
            coverage(&[1.0, 2.0, 3.0, f64::NAN], &[1.0, 0.0, 4.0, 0.0], &[2.0, 2.0, 2.0, 1.0], 0.9)
                .unwrap();
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
        let residuals: Vec<f64> =
            (1..=99).map(|x| if x % 2 == 0 { f64::from(x) } else { -f64::from(x) }).collect();
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

    #[test]
    fn conformal_margins_by_hand() {
        // Scores: 1 above, 0.5 inside on the nearer side, 2 below, 0 on the edge.
        let (target, low, high) = ([3.0, 0.5, -2.0, 1.0], [0.0; 4], [2.0, 1.0, 1.0, 1.0]);
        let margin = |alpha| conformal_quantile_margin(&target, &low, &high, alpha);
        assert_eq!(
            [margin(0.8), margin(0.6), margin(0.4), margin(0.2), margin(0.1)],
            [Some(-0.5), Some(0.0), Some(1.0), Some(2.0), None]
        );
        // With both ends at the same forecast it is the half width.
        let forecast = [1.0, 2.0, 3.0, 4.0];
        let residuals: Vec<f64> = target.iter().zip(forecast).map(|(y, f)| y - f).collect();
        assert_eq!(
            conformal_quantile_margin(&target, &forecast, &forecast, 0.3),
            conformal_half_width(&residuals, 0.3)
        );
        assert_eq!(
            conformal_quantile_margin(&[1.0, f64::NAN], &[0.0, 0.0], &[0.0, 0.0], 0.5),
            Some(1.0)
        );
        assert_eq!(conformal_quantile_margin(&[1.0], &[f64::NAN], &[0.0], 0.5), None);
        assert_eq!(conformal_quantile_margin(&[], &[], &[], 0.5), None);
    }

    #[test]
    fn conformal_intervals_cover_what_they_promise_on_exchangeable_rows() {
        // One draw in 2000 splits of 40 + 1 rows; the rank says exactly ⌈41·0.8⌉ / 41 = 33/41 of
        // them are covered.
        let noise = |index: u64| {
            f64::from(experiment::seed::generator(7, "conformal", index).next_u32())
                / f64::from(u32::MAX)
        };
        let covered = (0..2000_u64).filter(|split| {
            let rows: Vec<f64> = (0..41).map(|row| noise(split * 41 + row)).collect();
            let (low, high) = (vec![0.3; 40], vec![0.6; 40]);
            let margin = conformal_quantile_margin(&rows[..40], &low, &high, 0.2).unwrap();
            rows[40] >= 0.3 - margin && rows[40] <= 0.6 + margin
        });
        let share = covered.count() as f64 / 2000.0;
        assert!((share - 33.0 / 41.0).abs() < 0.035, "{share}");
    }
}
