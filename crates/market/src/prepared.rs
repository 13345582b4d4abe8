//! What the producer hands to the trainer.

use lane_types::{Head, Series};
use serde::{Deserialize, Serialize};

use super::bars::Truth;
use super::baseline::BaselineForecast;
use super::clock;
use super::inputs::StampForm;
use super::problem::MarketError;
use super::scaling::Scaling;
use super::window::rows_of;
use super::zone::offset;
use evidence::records::{Forecasts, Scores, WindowCounts};
use evidence::score::{self, Sample};
use experiment::Target;
use experiment::feature::Feature;

/// A series ready for training, with everything needed to bring forecasts back to the target's
/// unit.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// For `burn_lanes::train`.
    pub series: Series,
    /// Last rows of the test windows; opened by `evaluate` alone.
    pub test: Vec<u32>,
    /// Start of each row's bar, nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Offset of local time from UTC at each row, seconds east.
    pub offset_seconds: Vec<i32>,
    /// Target of the window that ends at each row, in its own unit; NaN where there is none.
    pub target: Vec<f64>,
    /// What persistence says at each row, in the target's unit: the last close, 0 for a log return,
    /// the last realised log volatility over as many bars as the horizon (NaN where it is
    /// undefined; such rows end no window of a split).
    pub persistence: Vec<f64>,
    /// Fitted on the training rows; kept with the run.
    pub scaling: Scaling,
    /// Share of the day of each row's last instant, for the HAR baseline.
    pub time_of_day: Vec<f64>,
    /// Log returns by row, for the HAR baseline (NaN at the first).
    pub log_return: Vec<f64>,
    /// True mean and sigma of the next return by row, for synthetic series.
    pub truth: Option<Truth>,
    /// What the loader understood and warns of.
    pub report: DataReport,
}

impl Prepared {
    /// What a model and the baselines forecast of the windows that end at `ends`, as the store
    /// keeps it. `scaled` are the model's own. Quantiles are put in order where they cross (see
    /// [`rearranged`]). The point forecast is the output for 0.5 as it is: it is the one whose
    /// errors the trainer reports, so that a metric is the same number live and of what is kept.
    #[must_use]
    pub fn forecasts(
        &self,
        ends: &[u32],
        scaled: &[f32],
        head: &Head,
        baselines: &[BaselineForecast],
    ) -> Forecasts {
        let unscaled = |value: f32| self.scaling.target.unscale(f64::from(value));
        let (forecast, quantiles) = match head {
            Head::Point => (scaled.iter().copied().map(unscaled).collect(), Vec::new()),
            Head::Quantile { levels } => {
                let ordered = rearranged(scaled, levels.count());
                let output = |output: usize| {
                    ordered
                        .iter()
                        .skip(output)
                        .step_by(levels.count())
                        .copied()
                        .map(unscaled)
                        .collect()
                };
                let quantiles = levels
                    .values()
                    .enumerate()
                    .map(|(number, level)| (level, output(number)))
                    .collect();
                let median = scaled
                    .iter()
                    .skip(levels.median())
                    .step_by(levels.count())
                    .copied()
                    .map(unscaled);
                (median.collect(), quantiles)
            }
        };
        Forecasts {
            ts: ends.iter().map(|&row| self.ts[row as usize]).collect(),
            target: ends.iter().map(|&row| self.target[row as usize]).collect(),
            forecast,
            baselines: baselines
                .iter()
                .map(|baseline| (baseline.name.to_owned(), baseline.forecast.clone()))
                .collect(),
            quantiles,
        }
    }

    /// The rows that the training windows cover, ascending, each once.
    #[must_use]
    pub fn training_rows(&self, window: usize) -> Vec<usize> {
        self.rows_of(&self.series.train, window)
    }

    /// The rows that the windows which end at `ends` (ascending) cover, ascending, each once.
    #[must_use]
    pub fn rows_of(&self, ends: &[u32], window: usize) -> Vec<usize> {
        rows_of(ends, window).collect()
    }

    /// Every metric of forecasts of the windows that end at `ends`; `None` when one is not finite.
    #[must_use]
    pub fn scores(&self, ends: &[u32], forecasts: &Forecasts, target: &Target) -> Option<Scores> {
        let persistence: Vec<f64> =
            ends.iter().map(|&row| self.persistence[row as usize]).collect();
        let of_row = |&row: &u32| (self.target[row as usize], self.persistence[row as usize]);
        let training: Vec<(f64, f64)> = self.series.train.iter().map(of_row).collect();
        score::scores(&Sample { forecasts, persistence: &persistence, training: &training, target })
    }
}

/// Forecast quantiles, so many for each window, ascending in each: the rearrangement of
/// Chernozhukov, Fernández-Val & Galichon (2010), which is never further from the true quantiles,
/// and has never a larger sum of pinball losses. A window with a value that is not a number stays
/// as it is.
#[must_use]
pub fn rearranged(forecasts: &[f32], quantiles: usize) -> Vec<f32> {
    let mut ordered = forecasts.to_vec();
    for window in ordered
        .chunks_exact_mut(quantiles)
        .filter(|window| !window.iter().any(|value| value.is_nan()))
    {
        window.sort_unstable_by(f32::total_cmp);
    }
    ordered
}

/// Windows in which one of so many quantiles lies below that of a lower level.
#[must_use]
pub fn crossed(forecasts: &[f32], quantiles: usize) -> usize {
    forecasts
        .chunks_exact(quantiles)
        .filter(|window| window.windows(2).any(|pair| pair[1] < pair[0]))
        .count()
}

/// What a data file turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// Bars used, after `rows`.
    pub bars: usize,
    /// First bar's start, RFC 3339 in the data's zone.
    pub first: String,
    /// Last bar's start, RFC 3339 in the data's zone.
    pub last: String,
    /// Bar length, seconds.
    pub bar_seconds: u32,
    /// Contiguous runs of bars.
    pub runs: usize,
    /// Windows in each split.
    pub windows: WindowCounts,
    /// From when to when the windows of each split end.
    #[serde(default)]
    pub spans: Spans,
    /// Warnings, each a sentence: OHLC violations, duplicates dropped, flat bars, suspected bad
    /// prints.
    pub warnings: Vec<String>,
    /// Zone of the local clock; `None` where it is not known, and each bar has the offset of its
    /// own timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How the timestamps are written; `None` of a synthetic series, and of bars that came one by
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<StampForm>,
}

impl DataReport {
    /// Refuses features that go by the local clock where its zone is not known.
    ///
    /// # Errors
    /// When it is not: says what to add to the experiment.
    pub fn check_zone(&self, features: &[Feature]) -> Result<(), MarketError> {
        if self.zone.is_some() {
            return Ok(());
        }
        // A file may begin with a timestamp of UTC and go on with others.
        let offsets =
            [&self.first, &self.last].map(|at| at.get(19..).and_then(offset).unwrap_or_default());
        let shown = offsets.into_iter().find(|offset| *offset != 0).unwrap_or_default();
        clock::check_known(features, shown).map_err(MarketError::new)
    }
}

/// From when to when the windows of each split end; `None` of a split without windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spans {
    /// Training windows.
    pub train: Option<Span>,
    /// Validation windows.
    pub valid: Option<Span>,
    /// Test windows.
    pub test: Option<Span>,
}

/// The last bars of the first and the last window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its start, RFC 3339 in the data's zone.
    pub first: String,
    /// Its start, RFC 3339 in the data's zone.
    pub last: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::pinball_loss;
    use proptest::prelude::*;

    #[test]
    fn crossing_windows_are_counted_and_put_in_order_and_no_other() {
        let forecasts = [1.0, 2.0, 2.0, 3.0, 2.0, 1.0, 1.0, f32::NAN, 0.0];
        assert_eq!(crossed(&forecasts, 3), 1);
        let ordered = rearranged(&forecasts, 3);
        assert_eq!(ordered[..6], [1.0, 2.0, 2.0, 1.0, 2.0, 3.0]);
        assert!(ordered[6] == 1.0 && ordered[7].is_nan() && ordered[8] == 0.0);
    }

    proptest! {
        #[test]
        fn rearranging_never_raises_the_sum_of_the_pinball_losses(
            forecasts in prop::collection::vec(-9.0_f32..9.0, 4),
            target in -9.0_f64..9.0,
        ) {
            let levels = [0.1, 0.3, 0.5, 0.95];
            let loss = |forecasts: &[f32]| -> f64 {
                let losses = forecasts
                    .iter()
                    .zip(levels)
                    .map(|(&forecast, level)| pinball_loss(&[target], &[forecast.into()], level));
                losses.map(Option::unwrap).sum()
            };
            let ordered = rearranged(&forecasts, 4);
            prop_assert_eq!(crossed(&ordered, 4), 0);
            prop_assert!(loss(&ordered) <= loss(&forecasts) + 1e-9);
        }
    }
}
