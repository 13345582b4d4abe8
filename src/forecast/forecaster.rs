//! A saved model on a device.

use burn_lanes::{Device, TrainError};
use lane_types::{Head, Series, Shape, Weights};

use super::Window;
use super::warning::{self, Outside, Warning};
use crate::sweep::{Trainer, trainer};
use evidence::calibration::Calibration;
use experiment::Data;
use market::{self, Bars, LocalClock, Prepared, Scaling, ValueRange, rearranged};
use runs::model::{Interval, SavedModel};
use runs::store::Forecasts;

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForecastError {
    /// What was given cannot be a window.
    #[error("{0}")]
    BadInput(String),
    /// The model gave something that is not a number.
    #[error("{0}")]
    Failed(String),
    /// The device failed. Nothing that it says from now on is a forecast: the process must end.
    #[error("{0}")]
    Device(String),
}

/// One forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Start of the window's last bar, nanoseconds since 1970 UTC; `None` of a window of features.
    pub bar_start: Option<i64>,
    /// In the target's unit; of a quantile head the median.
    pub forecast: f64,
    /// What persistence says, in the same unit; `None` where it is not defined.
    pub persistence: Option<f64>,
    /// Level and forecast, ascending; empty of a point head.
    pub quantiles: Vec<(f64, f64)>,
}

/// A saved model on a device.
pub struct Forecaster {
    trainer: Box<dyn Trainer + Send + Sync>,
    weights: Weights,
    shape: Shape,
    data: Data,
    scaling: Scaling,
    intervals: Vec<Interval>,
    bar_seconds: Option<u32>,
    warm_up: usize,
    clock: Option<LocalClock>,
    ranges: Vec<ValueRange>,
    warnings: Vec<Warning>,
}

impl Forecaster {
    /// Puts a model on a device.
    ///
    /// # Errors
    /// When its weights are not those of its network, or this machine does not know its zone.
    pub fn new(model: &SavedModel, device: &Device) -> Result<Self, ForecastError> {
        let SavedModel { card, weights } = model;
        let shape = card.shape();
        weights.check(&shape).map_err(ForecastError::BadInput)?;
        let bar_seconds = card.known_bar_seconds();
        let clock = card
            .zone()
            .map(LocalClock::new)
            .transpose()
            .map_err(|error| ForecastError::BadInput(error.to_string()))?;
        Ok(Self {
            trainer: trainer(device.clone()),
            weights: weights.clone(),
            shape,
            data: Data { bar_seconds, ..card.settings.data.clone() },
            scaling: card.scaling.clone(),
            intervals: card.intervals.clone(),
            bar_seconds,
            warm_up: card.warm_up(),
            clock,
            ranges: card.ranges(),
            warnings: warning::standing(card),
        })
    }

    /// The fewest bars that make a window: its rows, and those before in which a feature is not yet
    /// defined. (Averages that never forget, such as `ema_N`, depend on all bars before; the more
    /// there are, the less it matters where they begin.)
    #[must_use]
    pub fn needs(&self) -> usize {
        self.warm_up + self.data.window
    }

    /// Length of the bars, seconds, where the model knows it.
    #[must_use]
    pub fn bar_seconds(&self) -> Option<u32> {
        self.bar_seconds
    }

    /// Feature columns.
    #[must_use]
    pub fn features(&self) -> usize {
        self.data.features.len()
    }

    /// The window that ends with the last of these bars.
    ///
    /// # Errors
    /// When there are too few of them, or a gap lies within the window.
    pub fn window_of_bars(&self, bars: Bars) -> Result<Window, ForecastError> {
        let Prepared { series, ts, persistence, .. } = self.prepared(bars)?;
        let last = series.rows() - 1;
        if series.valid.last().is_none_or(|end| *end as usize != last) {
            let window = self.data.window;
            return Err(ForecastError::BadInput(format!(
                "a gap lies within the last {window} bars; a window is {window} bars one after the \
                    other"
            )));
        }
        let from = (last + 1 - self.data.window) * series.columns;
        Ok(Window {
            scaled: series.features[from..].to_vec(),
            bar_start: Some(ts[last]),
            persistence: Some(persistence[last]).filter(|value| value.is_finite()),
        })
    }

    /// A window of features in their own units, row by row, the earliest first.
    ///
    /// # Errors
    /// When the rows are not as many as the window has, or one of them not as long as there are
    /// features, or a value is not a finite number (or is none after scaling to f32).
    pub fn window_of_features(&self, rows: &[Vec<f64>]) -> Result<Window, ForecastError> {
        let bad = |problem: String| Err(ForecastError::BadInput(problem));
        let (window, width) = (self.data.window, self.features());
        if rows.len() != window {
            return bad(format!("{} rows of features, the model takes {window}", rows.len()));
        }
        let mut scaled = Vec::with_capacity(window * width);
        for (number, row) in rows.iter().enumerate() {
            if row.len() != width {
                return bad(format!(
                    "row {number} has {} features, the model takes {width}",
                    row.len()
                ));
            }
            for ((value, scaler), feature) in
                row.iter().zip(&self.scaling.columns).zip(&self.data.features)
            {
                let x = scaler.scale(*value) as f32;
                if !x.is_finite() {
                    return bad(format!(
                        "row {number}: {feature} is {value:?}, which is not a number that the \
                            model can take"
                    ));
                }
                scaled.push(x);
            }
        }
        Ok(Window { scaled, bar_start: None, persistence: None })
    }

    /// One forecast a window. What else is asked for at once does not change its bits.
    ///
    /// # Errors
    /// When a window is not of this model, the device fails, or a forecast is not a finite number.
    pub fn forecast(&self, windows: &[Window]) -> Result<Vec<Forecast>, ForecastError> {
        let (length, columns) = (self.data.window, self.features());
        if let Some(odd) = windows.iter().find(|window| window.scaled.len() != length * columns) {
            let problem = format!(
                "a window of {} values, the model takes {length} × {columns}",
                odd.scaled.len()
            );
            return Err(ForecastError::BadInput(problem));
        }
        let ends: Vec<u32> =
            (1..=windows.len()).map(|number| (number * length - 1) as u32).collect();
        let series = Series {
            columns,
            features: windows.iter().flat_map(|window| window.scaled.iter().copied()).collect(),
            target: vec![f32::NAN; windows.len() * length],
            target_unit: self.scaling.target.unit,
            train: Vec::new(),
            valid: Vec::new(),
        };
        let scaled = self.scaled(&series, &ends)?;
        let outputs = self.shape.head.outputs();
        windows
            .iter()
            .zip(scaled.chunks_exact(outputs))
            .map(|(window, scaled)| self.validated(window, scaled))
            .collect()
    }

    /// Forecasts of every window of these bars, as the store keeps them, and what persistence says
    /// of each (NaN where undefined). Targets are known as far as the bars go.
    ///
    /// # Errors
    /// As [`Self::window_of_bars`] when there is no window at all, and as [`Self::forecast`].
    pub fn forecast_all(&self, bars: Bars) -> Result<(Forecasts, Vec<f64>), ForecastError> {
        let prepared = self.prepared(bars)?;
        self.forecast_prepared(&prepared, &prepared.series.valid)
    }

    /// The same of bars that were prepared with [`market::prepare_forecast`], of the windows that
    /// end at `ends`.
    ///
    /// # Errors
    /// As [`Self::forecast_all`].
    pub fn forecast_prepared(
        &self,
        prepared: &Prepared,
        ends: &[u32],
    ) -> Result<(Forecasts, Vec<f64>), ForecastError> {
        let scaled = self.scaled(&prepared.series, ends)?;
        let persistence = ends.iter().map(|&row| prepared.persistence[row as usize]).collect();
        Ok((prepared.forecasts(ends, &scaled, &self.shape.head, &[]), persistence))
    }

    /// What bars are read by: the model's own data settings, with its bars' length.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The fitted scalers.
    #[must_use]
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// The clock that its features go by, whatever way bars are written; `None` where the model
    /// does not know its zone: then bars have the offsets of their own timestamps.
    #[must_use]
    pub fn clock(&self) -> Option<&LocalClock> {
        self.clock.as_ref()
    }

    /// What is to be said beside every forecast: that a baseline was better, that the zone is
    /// unknown.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The features of a window that lie outside what training saw; none where the model does not
    /// know what that was.
    #[must_use]
    pub fn outside(&self, window: &Window) -> Vec<Outside> {
        warning::outside(
            &self.ranges,
            &self.scaling,
            window.scaled.chunks_exact(self.features().max(1)),
        )
    }

    /// The same of all rows of the windows that end at `ends`, each row once; and by window the
    /// features that leave their range in it.
    #[must_use]
    pub fn outside_prepared(
        &self,
        prepared: &Prepared,
        ends: &[u32],
    ) -> (Vec<Outside>, Vec<Vec<String>>) {
        let Series { features, columns, .. } = &prepared.series;
        let row = |row: usize| &features[row * columns..(row + 1) * columns];
        let covered = prepared.rows_of(ends, self.data.window);
        let all =
            warning::outside(&self.ranges, &self.scaling, covered.iter().map(|&place| row(place)));
        if all.is_empty() {
            return (all, vec![Vec::new(); ends.len()]);
        }
        // By feature, the last row that lies outside, up to each row.
        let mut last: Vec<Option<usize>> = vec![None; self.ranges.len()];
        let mut seen = 0;
        let by_window = ends.iter().map(|&end| {
            let end = end as usize;
            for place in seen..=end {
                for ((range, value), last) in self.ranges.iter().zip(row(place)).zip(&mut last) {
                    if range.is_left_by(*value) {
                        *last = Some(place);
                    }
                }
            }
            seen = end + 1;
            let within =
                |last: &Option<usize>| last.is_some_and(|last| last + self.data.window > end);
            let names = self
                .ranges
                .iter()
                .zip(&last)
                .filter(|(_, last)| within(last))
                .map(|(range, _)| range.feature.clone());
            names.collect()
        });
        let by_window = by_window.collect();
        (all, by_window)
    }

    /// The interval of a coverage around a forecast; `None` where the model has none of it.
    #[must_use]
    pub fn interval(&self, coverage: f64, forecast: &Forecast) -> Option<[f64; 2]> {
        let Interval { calibration, .. } =
            self.intervals.iter().find(|interval| interval.coverage == coverage)?;
        Some(around(calibration, forecast))
    }

    fn prepared(&self, mut bars: Bars) -> Result<Prepared, ForecastError> {
        if let Some(clock) = &self.clock {
            clock.set_all(&mut bars);
        }
        market::prepare_bars(&self.data, bars, &self.scaling)
            .map_err(|error| ForecastError::BadInput(error.to_string()))
    }

    fn scaled(&self, series: &Series, ends: &[u32]) -> Result<Vec<f32>, ForecastError> {
        self.trainer.predict(series, &self.shape, &self.weights, ends).map_err(
            |error| match error {
                TrainError::Device(_) => ForecastError::Device(error.to_string()),
                _ => ForecastError::Failed(error.to_string()),
            },
        )
    }

    /// In the target's unit, quantiles in order, the output for 0.5 as it is (see
    /// [`Prepared::forecasts`]).
    fn validated(&self, window: &Window, scaled: &[f32]) -> Result<Forecast, ForecastError> {
        if let Some(value) = scaled.iter().find(|value| !value.is_finite()) {
            return Err(ForecastError::Failed(format!("the model's forecast is {value}")));
        }
        let unscaled = |value: f32| self.scaling.target.unscale(f64::from(value));
        let (forecast, quantiles) = match &self.shape.head {
            Head::Point => (unscaled(scaled[0]), Vec::new()),
            Head::Quantile { levels } => {
                let ordered: Vec<f64> =
                    rearranged(scaled, levels.count()).into_iter().map(unscaled).collect();
                (unscaled(scaled[levels.median()]), levels.values().zip(ordered).collect())
            }
        };
        // A scaler may be finite and yet too large for what it is applied to.
        match std::iter::once(forecast)
            .chain(quantiles.iter().map(|(_, value)| *value))
            .find(|value| !value.is_finite())
        {
            Some(value) => Err(ForecastError::Failed(format!(
                "the model's forecast is {value} in the target's unit"
            ))),
            None => Ok(Forecast {
                bar_start: window.bar_start,
                forecast,
                persistence: window.persistence,
                quantiles,
            }),
        }
    }
}

fn around(calibration: &Calibration, forecast: &Forecast) -> [f64; 2] {
    let level = |wanted: f64| {
        forecast.quantiles.iter().find(|(level, _)| *level == wanted).map(|(_, value)| *value)
    };
    let between = calibration.between.and_then(|[low, high]| Some([level(low)?, level(high)?]));
    let [low, high] = between.unwrap_or([forecast.forecast; 2]);
    [low - calibration.margin, high + calibration.margin]
}
