//! Forecasts of bars as they come.

use super::{Forecast, ForecastError, Forecaster, Outside, Window};
use market::{Bar, LocalClock, MarketError, StreamedWindow, WindowStream};

/// A model that is shown bars one at a time and forecasts after each: what
/// [`Forecaster::forecast_all`] gives of all bars so far has the same bits (on the CPU backends).
/// Work a bar and memory do not grow with the number of bars.
///
/// ```no_run
/// use std::io::stdin;
/// use kiln::forecast::{ForecastStream, Forecaster};
/// use kiln::market::BarLines;
/// use kiln::model::SavedModel;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = SavedModel::read("models/minute/versions/1".as_ref())?;
/// let forecaster = Forecaster::new(&model, &burn_lanes::open("flex".parse()?)?)?;
/// let mut stream = ForecastStream::new(&forecaster)?;
/// let seconds = forecaster.bar_seconds().unwrap_or(60);
/// for bar in BarLines::new("stdin".as_ref(), stdin().lock(), forecaster.data(), seconds)? {
///     if let Some(forecast) = stream.push(&bar?)? {
///         println!("{}", forecast.forecast);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct ForecastStream<'a> {
    forecaster: &'a Forecaster,
    windows: WindowStream,
    clock: Option<LocalClock>,
    outside: Vec<Outside>,
}

impl<'a> ForecastStream<'a> {
    /// Before the first bar.
    ///
    /// # Errors
    /// When the model does not know how long its bars are: a stream cannot tell a gap then.
    pub fn new(forecaster: &'a Forecaster) -> Result<Self, ForecastError> {
        let Some(bar_seconds) = forecaster.bar_seconds() else {
            let problem = "the model does not say how long its bars are, so no gap can be told; \
                forecast a file instead";
            return Err(ForecastError::BadInput(problem.to_owned()));
        };
        let windows = WindowStream::new(forecaster.data(), forecaster.scaling(), bar_seconds)
            .map_err(bad_input)?;
        Ok(Self { forecaster, windows, clock: forecaster.clock().cloned(), outside: Vec::new() })
    }

    /// Takes the next bar; a forecast when a window ends with it.
    ///
    /// # Errors
    /// As [`WindowStream::push`] and [`Forecaster::forecast`].
    pub fn push(&mut self, bar: &Bar) -> Result<Option<Forecast>, ForecastError> {
        self.outside.clear();
        let mut bar = *bar;
        if let Some(clock) = &mut self.clock {
            clock.set(&mut bar);
        }
        let Some(StreamedWindow { ts, features, persistence }) =
            self.windows.push(&bar).map_err(bad_input)?
        else {
            return Ok(None);
        };
        let window = Window {
            scaled: features.to_vec(),
            bar_start: Some(ts),
            persistence: Some(persistence).filter(|value| value.is_finite()),
        };
        self.outside = self.forecaster.outside(&window);
        Ok(self.forecaster.forecast(&[window])?.pop())
    }

    /// What of the last forecast's window lies outside what training saw.
    #[must_use]
    pub fn outside(&self) -> &[Outside] {
        &self.outside
    }
}

fn bad_input(error: MarketError) -> ForecastError {
    ForecastError::BadInput(error.to_string())
}
