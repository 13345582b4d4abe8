//! How often a forecast has the sign right.

use super::proportion::Proportion;
use super::sample::known;

/// [`directional_accuracy`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DirectionalAccuracy {
    /// Right signs among the rows where both target and forecast have one.
    pub hits: Proportion,
    /// Rows left out because the target does not move: there was nothing to hit.
    pub flat_targets: usize,
    /// Rows left out because the forecast is exactly 0 where the target moves: it named no
    /// direction.
    pub flat_forecasts: usize,
}

/// The share of rows in which forecast and target have the same sign, with Wilson's interval.
///
/// * `target`, `forecast`: `[n]`, changes (returns, or price less the last known price), in any
///   units.
/// * `confidence`: of the interval, such as 0.95. It takes rows for independent, which overlapping
///   horizons are not.
///
/// Ties: a row in which either is exactly 0 is left out and counted in the result. A target that is
/// not finite leaves its row out too.
///
/// `None` when no row is left, a forecast is not finite where the target is known, lengths differ,
/// or `confidence` is not inside 0 to 1.
#[must_use]
pub fn directional_accuracy(
    target: &[f64],
    forecast: &[f64],
    confidence: f64,
) -> Option<DirectionalAccuracy> {
    let rows = known(target, [forecast])?;
    let flat_targets = rows.iter().filter(|(y, _)| *y == 0.0).count();
    let flat_forecasts = rows.iter().filter(|(y, [f])| *y != 0.0 && *f == 0.0).count();
    let right =
        rows.iter().filter(|(y, [f])| (*y > 0.0 && *f > 0.0) || (*y < 0.0 && *f < 0.0)).count();
    let hits = Proportion::new(right, rows.len() - flat_targets - flat_forecasts, confidence)?;
    Some(DirectionalAccuracy { hits, flat_targets, flat_forecasts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_left_out_and_counted() {
        let target = [1.0, -1.0, 2.0, 0.0, 3.0, f64::NAN, 0.0];
        let forecast = [0.5, 0.5, 1.0, 1.0, 0.0, f64::NAN, 0.0];
        let accuracy = directional_accuracy(&target, &forecast, 0.95).unwrap();
        assert_eq!((accuracy.hits.successes, accuracy.hits.count), (2, 3));
        assert_eq!((accuracy.flat_targets, accuracy.flat_forecasts), (2, 1));
        assert!(accuracy.hits.low < 2.0 / 3.0 && accuracy.hits.high > 2.0 / 3.0);
    }

    #[test]
    fn undefined_without_a_direction() {
        assert_eq!(directional_accuracy(&[1.0, -1.0], &[0.0, -0.0], 0.95), None);
        assert_eq!(directional_accuracy(&[1.0], &[f64::NAN], 0.95), None);
        assert_eq!(directional_accuracy(&[1.0], &[1.0, 2.0], 0.95), None);
        assert_eq!(directional_accuracy(&[], &[], 0.95), None);
        assert_eq!(directional_accuracy(&[1.0], &[1.0], 1.0), None);
    }
}
