//! Forecasts without a network, over the same windows: what a model has to beat to be worth
//! anything.
//!
//! All are fitted on the training windows alone and scored in the target's own unit.

mod har;
mod linear;
mod naive;
mod ridge;
mod score;
#[cfg(test)]
mod testing;

pub(crate) use score::linear_skill;
pub use score::{BaselineForecast, ForecastErrors, baseline_forecasts, baselines, forecast_errors};
