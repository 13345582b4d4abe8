//! Is the best trial worth anything? Statistics that say so, or that nobody can tell.
//!
//! Pure functions over slices: no files, no clock, no tensors, and no randomness but through a [`SeedStream`](crate::seed::SeedStream).
//! Undefined is `None`: an empty or constant sample, a forecast that is not finite, lengths that differ; each function says when.
//! What many trials did at the same moments is a [`Panel`].
//!
//!

mod bootstrap;
mod correlation;
mod diebold_mariano;
mod direction;
mod distribution;
mod holm;
mod information;
mod interval;
mod mcs;
mod panel;
mod point;
mod proportion;
mod sample;
mod spa;

pub use bootstrap::{BlockLength, Bootstrap, BootstrapInterval, bootstrap_interval, optimal_block_length};
pub use correlation::{average_ranks, pearson, spearman};
pub use diebold_mariano::{Alternative, DieboldMariano, Kernel, Power, diebold_mariano, loss_differential};
pub use direction::{DirectionalAccuracy, directional_accuracy};
pub use distribution::{normal_cdf, normal_quantile, student_t_cdf, student_t_quantile};
pub use holm::holm;
pub use information::{Coefficients, Information, information_coefficients};
pub use interval::{Coverage, conformal_half_width, coverage};
pub use mcs::{ModelConfidenceSet, SetStatistic, model_confidence_set};
pub use panel::{Panel, PanelError};
pub use point::{Benchmark, mase, out_of_sample_r2, pinball_loss, qlike};
pub use proportion::Proportion;
pub use spa::{SuperiorPredictiveAbility, superior_predictive_ability};
