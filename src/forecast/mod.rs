//! Forecasts of a saved model, for anyone who has bars: `kiln predict`, `kiln serve`, and other
//! programs.
//!
//! ```no_run
//! use kiln::forecast::Forecaster;
//! use kiln::market::{BarReader, BarRow, Bars};
//! use kiln::model::SavedModel;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = SavedModel::read("models/minute/versions/1".as_ref())?;
//! let forecaster = Forecaster::new(&model, &burn_lanes::open("flex".parse()?)?)?;
//! let bar_seconds = forecaster.bar_seconds().unwrap_or(60);
//! let mut reader = BarReader::new(&model.card.settings.data, bar_seconds)?;
//! let mut bars = Bars::with_capacity(bar_seconds, forecaster.needs());
//! for minute in 0..forecaster.needs() {
//!     let ts = (1_715_131_860 + 60 * minute).to_string();
//!     let row =
//!         BarRow { ts: &ts, open: 2.0, high: 4.0, low: 1.0, close: 3.0, volume: Some(5.0) };
//!     bars.push(reader.read(&row)?);
//! }
//! let forecasts = forecaster.forecast(&[forecaster.window_of_bars(bars)?])?;
//! println!("{}", forecasts[0].forecast); // in the target's unit
//! # Ok(())
//! # }
//! ```
//!
//! However a window comes to the network, alone, among others of a request, or with all of a file,
//! its forecast has the same bits (on the CPU backends).

mod forecaster;
mod stream;
#[cfg(test)]
mod tests;
mod warning;
mod window;

pub use forecaster::{Forecast, ForecastError, Forecaster};
pub use stream::ForecastStream;
pub use warning::{Outside, Warning};
pub use window::Window;
