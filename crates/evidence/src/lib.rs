//! Is the best trial worth anything? Statistics that say so, or that nobody can tell.
//!
//! Pure functions over slices: no files, no clock, no tensors, and no randomness but through a
//! [`SeedStream`](experiment::seed::SeedStream). Undefined is `None`: an empty or constant sample,
//! a forecast that is not finite, lengths that differ; each function says when. What many trials
//! did at the same moments is a [`Panel`].
//!
//! - how far off are the forecasts, in a unit one can compare? [`mase`], [`out_of_sample_r2`],
//!   [`pinball_loss`], [`qlike`]
//! - do they know the direction, or the order? [`directional_accuracy`],
//!   [`information_coefficients`]
//! - do their intervals hold? [`coverage`], [`conformal_half_width`], [`conformal_quantile_margin`]
//! - do two forecasts differ? [`diebold_mariano`], and [`holm`] over several pairs
//! - how sure is any number? [`bootstrap_interval`], [`bootstrap_intervals_of_means`]
//! - does any of many beat the baseline? [`superior_predictive_ability`], of too many for memory
//!   [`RowByRow`]; [`widened`] over those that cannot be weighed
//! - which of many cannot be told from the best? [`model_confidence_set`]
//! - is the best Sharpe ratio more than luck? [`probabilistic_sharpe`], [`deflated_sharpe`] over
//!   [`effective_trials`]
//! - does choosing by the past choose for the future? [`backtest_overfitting`]
//!
//! What is judged are plain data ([`records`], which the store reads and writes), made into numbers
//! by [`score`] and [`calibration`], set side by side by [`compare`], and traded by [`backtest`].
//!
//! `fixtures/oracle.json` has what statsmodels, arch, SciPy and dieboldmariano say;
//! `scripts/evidence_fixtures.py` writes it.

pub mod backtest;
mod bootstrap;
pub mod calibration;
pub mod compare;
mod correlation;
mod diebold_mariano;
mod direction;
mod distribution;
mod effective_trials;
mod holm;
mod information;
mod interval;
mod mcs;
#[cfg(test)]
mod oracle;
mod panel;
mod pbo;
mod point;
mod proportion;
pub mod records;
mod sample;
pub mod score;
mod sharpe;
#[cfg(test)]
mod simulation;
mod spa;
mod widened;

pub use bootstrap::{
    BlockLength, Bootstrap, BootstrapInterval, StatisticOfMeans, bootstrap_interval,
    bootstrap_intervals_of_means, optimal_block_length,
};
pub use correlation::{average_ranks, pearson, spearman};
pub use diebold_mariano::{
    Alternative, DieboldMariano, Kernel, Power, diebold_mariano, loss_differential,
};
pub use direction::{DirectionalAccuracy, directional_accuracy};
pub use distribution::{normal_cdf, normal_quantile, student_t_cdf, student_t_quantile};
pub use effective_trials::{average_correlation_trials, effective_trials};
pub use holm::holm;
pub use information::{
    Coefficients, GroupCoefficients, Information, coefficients_by_group, information_coefficients,
};
pub use interval::{Coverage, conformal_half_width, conformal_quantile_margin, coverage};
pub use mcs::{ModelConfidenceSet, SetStatistic, model_confidence_set};
pub use panel::{Panel, PanelError};
pub use pbo::{BacktestOverfitting, Performance, backtest_overfitting};
pub use point::{Benchmark, mase, out_of_sample_r2, pinball_loss, qlike};
pub use proportion::Proportion;
pub use sharpe::{
    TrackRecord, deflated_sharpe, expected_maximum, minimum_track_record, probabilistic_sharpe,
};
pub use spa::{RowByRow, SuperiorPredictiveAbility, share_as_large, superior_predictive_ability};
pub use widened::widened;
