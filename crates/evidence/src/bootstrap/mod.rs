//! The stationary block bootstrap: how a statistic of dependent observations varies, without a
//! model of the dependence.
//!
//! A resample strings together blocks of the series, each from a random place on, of geometric
//! length, wrapped at the end (Politis & Romano 1994). All rows of a [`Panel`](super::Panel) are
//! resampled at the same places, so what holds them together is kept. Resample `b` draws from the
//! stream's generator `b`: results do not depend on the number of threads.

mod block_length;
mod blocks;
mod interval;
mod mean_errors;
mod means;
mod settings;
mod variance;

pub use block_length::optimal_block_length;
pub use interval::{BootstrapInterval, bootstrap_interval};
pub use means::{StatisticOfMeans, bootstrap_intervals_of_means};
pub use settings::{BlockLength, Bootstrap};

pub(super) use mean_errors::{MeanErrors, Resamples, mean_errors};
#[cfg(test)]
pub(super) use settings::bootstrap;
pub(super) use variance::long_run_variance;
