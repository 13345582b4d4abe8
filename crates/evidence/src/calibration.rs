//! Intervals around forecasts: set on the validation windows, checked on the test windows.
//!
//! Split-conformal: a point forecast gets the same width on both sides everywhere (Lei et
//! al. 2018); between two quantiles the interval is widened, or narrowed, by the same amount
//! everywhere (Romano, Patterson & Candès 2019). Were a window to come exchangeable with the
//! validation windows, and had nothing been chosen on these, the interval would hold its target
//! with the nominal probability. Here validation chose the epoch (and anyone who compared runs
//! chose the run), windows overlap, and markets change: nothing is guaranteed. How often it did
//! hold on the test windows is measured ([`ConformalScore`]); that is what counts.

use serde::{Deserialize, Serialize};

use crate::records::Forecasts;
use crate::{Coverage, Proportion, conformal_quantile_margin, coverage, pinball_loss};

/// Probability of the intervals around shares of windows.
const CONFIDENCE: f64 = 0.95;

/// What quantile forecasts of a split are worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileScores {
    /// By level.
    pub levels: Vec<QuantileScore>,
    /// Mean of the levels' pinball losses, in the target's unit.
    pub pinball: f64,
    /// Between the lowest and the highest level, as they were forecast; `None` of one level.
    pub central: Option<IntervalScore>,
    /// Windows in which quantiles crossed, before they were put in order; `None` where only the
    /// ordered ones are known.
    pub crossed: Option<usize>,
}

/// One level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileScore {
    /// Of the quantile, in (0, 1).
    pub level: f64,
    /// Mean pinball loss, in the target's unit.
    pub pinball: f64,
    /// Targets that are not above the forecast: a share of `level`, if it is calibrated.
    pub below: Proportion,
}

/// Whether an interval holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalScore {
    /// The share of targets that it should hold.
    pub nominal: f64,
    /// Those that it does hold, ends included.
    pub covered: Proportion,
    /// In the target's unit.
    pub mean_width: f64,
}

/// A conformal interval, and whether it holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConformalScore {
    /// The half width and what it was made of.
    #[serde(flatten)]
    pub calibration: Calibration,
    /// How often it held.
    #[serde(flatten)]
    pub score: IntervalScore,
}

/// How wide an interval of a nominal coverage must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The levels between which it lies before it is widened; the point forecast twice where there
    /// are none.
    pub between: Option<[f64; 2]>,
    /// How far it is widened on both sides, in the target's unit; narrowed where negative, which
    /// quantiles alone can be.
    pub margin: f64,
    /// Validation windows that it was set on.
    pub calibrated_on: usize,
}

impl Calibration {
    /// For `coverage` (inside 0 to 1), on forecasts of the validation windows.
    ///
    /// # Errors
    /// When there is no finite interval: too few windows, or a forecast that is not a number.
    pub fn new(valid: &Forecasts, coverage: f64) -> Result<Self, String> {
        let between = ends(valid, coverage);
        let [low, high] = columns(valid, between);
        let known = valid.target.iter().filter(|target| target.is_finite()).count();
        let margin = conformal_quantile_margin(&valid.target, low, high, 1.0 - coverage);
        let margin = margin.ok_or_else(|| {
            format!(
                "{known} validation windows with a target and a forecast give no finite \
                interval of {} %",
                percent(coverage)
            )
        })?;
        Ok(Self { between, margin, calibrated_on: known })
    }

    /// Lower and upper ends, in the target's unit, around forecasts of the same run. Where
    /// quantiles were too wide the upper may lie below the lower: such an interval is empty.
    #[must_use]
    pub fn interval(&self, forecasts: &Forecasts) -> [Vec<f64>; 2] {
        let [low, high] = columns(forecasts, self.between);
        [
            low.iter().map(|low| low - self.margin).collect(),
            high.iter().map(|high| high + self.margin).collect(),
        ]
    }

    /// Whether the interval holds on other windows; `None` where a forecast is not a number.
    #[must_use]
    pub fn score(&self, nominal: f64, forecasts: &Forecasts) -> Option<ConformalScore> {
        let [low, high] = self.interval(forecasts);
        Some(ConformalScore {
            calibration: *self,
            score: interval_score(nominal, &forecasts.target, &low, &high)?,
        })
    }
}

/// What the quantiles are worth; `None` of a point head, and where a forecast is not a number.
#[must_use]
pub fn quantile_scores(forecasts: &Forecasts, crossed: Option<usize>) -> Option<QuantileScores> {
    let Forecasts { target, quantiles, .. } = forecasts;
    let of_level = |(level, forecast): &(f64, Vec<f64>)| {
        let known = target.iter().zip(forecast).filter(|(target, _)| target.is_finite());
        let below = known.clone().filter(|(target, forecast)| target <= forecast).count();
        let below = Proportion::new(below, known.count(), CONFIDENCE)?;
        Some(QuantileScore {
            level: *level,
            pinball: pinball_loss(target, forecast, *level)?,
            below,
        })
    };
    let levels = quantiles.iter().map(of_level).collect::<Option<Vec<_>>>()?;
    let ((low_level, low), (high_level, high)) = (quantiles.first()?, quantiles.last()?);
    let central = if quantiles.len() > 1 {
        Some(interval_score(high_level - low_level, target, low, high)?)
    } else {
        None
    };
    let pinball = levels.iter().map(|score| score.pinball).sum::<f64>() / levels.len() as f64;
    Some(QuantileScores { levels, pinball, central, crossed })
}

/// A share as per cent, without the rounding of binary fractions: 80, 99.5.
#[must_use]
pub fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

fn interval_score(
    nominal: f64,
    target: &[f64],
    low: &[f64],
    high: &[f64],
) -> Option<IntervalScore> {
    let Coverage { covered, mean_width } = coverage(target, low, high, CONFIDENCE)?;
    Some(IntervalScore { nominal, covered, mean_width })
}

/// The levels nearest to the ends of a central interval.
fn ends(forecasts: &Forecasts, coverage: f64) -> Option<[f64; 2]> {
    let nearest = |wanted: f64| {
        let levels = forecasts.quantiles.iter().map(|(level, _)| *level);
        levels.min_by(|a, b| (a - wanted).abs().total_cmp(&(b - wanted).abs()))
    };
    let low = nearest((1.0 - coverage) / 2.0)?.min(0.5);
    let high = nearest((1.0 + coverage) / 2.0)?.max(0.5);
    Some([low, high])
}

/// What an interval lies between before it is widened.
fn columns(forecasts: &Forecasts, between: Option<[f64; 2]>) -> [&[f64]; 2] {
    let column = |level: f64| {
        forecasts.quantiles.iter().find(|(known, _)| *known == level).map(|(_, values)| &values[..])
    };
    let ends = between.and_then(|[low, high]| Some([column(low)?, column(high)?]));
    ends.unwrap_or([&forecasts.forecast, &forecasts.forecast])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::Rng;

    /// A target whose spread is known to the forecasts: uniform within ±spread, quantiles too
    /// narrow by a factor.
    fn forecasts(index: u64, levels: &[f64], narrow: f64) -> Forecasts {
        let mut generator = experiment::seed::generator(1, "calibration tests", index);
        let mut uniform = || f64::from(generator.next_u32()) / f64::from(u32::MAX) - 0.5;
        let spreads: Vec<f64> = (0..2_000).map(|row| 1.0 + f64::from(row % 7)).collect();
        Forecasts {
            ts: (0..2_000).collect(),
            target: spreads.iter().map(|spread| 2.0 * spread * uniform()).collect(),
            forecast: vec![0.0; 2_000],
            quantiles: levels
                .iter()
                .map(|&level| {
                    (
                        level,
                        spreads
                            .iter()
                            .map(|spread| 2.0 * spread * (level - 0.5) * narrow)
                            .collect(),
                    )
                })
                .collect(),
            ..Forecasts::default()
        }
    }

    #[test]
    fn scores_are_those_of_the_quantiles_and_see_that_they_are_too_narrow() {
        let scores = quantile_scores(&forecasts(1, &[0.1, 0.5, 0.9], 1.0), Some(3)).unwrap();
        assert!(
            (scores.pinball - scores.levels.iter().map(|score| score.pinball).sum::<f64>() / 3.0)
                .abs()
                < 1e-12
        );
        for QuantileScore { level, below, .. } in &scores.levels {
            assert!(below.low < *level && *level < below.high, "{below:?}");
        }
        let central = scores.central.unwrap();
        assert!(
            (central.nominal - 0.8).abs() < 1e-12
                && central.covered.low < 0.8
                && 0.8 < central.covered.high
        );
        assert!((central.mean_width - 1.6 * 4.0).abs() < 0.1 && scores.crossed == Some(3));
        let narrow = quantile_scores(&forecasts(1, &[0.1, 0.5, 0.9], 0.5), None).unwrap();
        assert!(narrow.central.unwrap().covered.high < 0.5 && narrow.pinball > scores.pinball);
        assert_eq!(quantile_scores(&forecasts(1, &[], 1.0), None), None);
        assert_eq!(quantile_scores(&forecasts(1, &[0.5], 1.0), None).unwrap().central, None);
    }

    #[test]
    fn intervals_calibrated_on_validation_hold_on_test_for_both_heads() {
        for (levels, narrow) in [
            (&[][..], 1.0),
            (&[0.1, 0.5, 0.9], 1.0),
            (&[0.1, 0.5, 0.9], 0.3),
            (&[0.05, 0.5], 2.0),
            (&[0.5], 1.0),
        ] {
            let (valid, test) = (forecasts(1, levels, narrow), forecasts(2, levels, narrow));
            for coverage in [0.8, 0.9] {
                let calibration = Calibration::new(&valid, coverage).unwrap();
                let covered = calibration.score(coverage, &test).unwrap().score.covered;
                // Both halves are samples: 2000 windows each.
                assert!(
                    (covered.share - coverage).abs() < 0.03,
                    "{levels:?} {narrow} {coverage}: {covered:?}"
                );
            }
        }
    }

    #[test]
    fn quantiles_make_it_narrow_where_the_market_is_quiet_and_a_point_does_not() {
        let width = |levels: &[f64]| {
            let [low, high] = Calibration::new(&forecasts(1, levels, 0.8), 0.8)
                .unwrap()
                .interval(&forecasts(2, levels, 0.8));
            [0, 6].map(|row| high[row] - low[row])
        };
        let [quiet, wild] = width(&[0.1, 0.5, 0.9]);
        assert!(wild > 3.0 * quiet, "{quiet}, {wild}");
        let [quiet, wild] = width(&[]);
        assert_eq!(quiet, wild);
    }

    #[test]
    fn too_few_windows_have_no_interval() {
        let mut few = forecasts(1, &[], 1.0);
        few.target[4..].fill(f64::NAN);
        assert_eq!(Calibration::new(&few, 0.8).unwrap().calibrated_on, 4);
        let error = Calibration::new(&few, 0.81).unwrap_err();
        assert_eq!(
            error,
            "4 validation windows with a target and a forecast give no finite interval of 81 %"
        );
        assert!(Calibration::new(&Forecasts::default(), 0.8).is_err());
    }
}
