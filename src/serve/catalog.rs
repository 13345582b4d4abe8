//! What the server asks of the world behind it: which models there are, and what a model can do.
//! The real one is the registry; tests serve models that sleep, panic and lie.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::bars::SentBars;
use crate::forecast::{Forecast, ForecastError, Outside, Warning, Window};
use runs::model::ColumnProfile;

/// Models that can be served.
pub trait Catalog: Send + Sync + 'static {
    /// Differs from the last one whenever there is something new.
    ///
    /// # Errors
    /// When it cannot be told.
    fn generation(&self) -> Result<String, String>;

    /// Every model.
    ///
    /// # Errors
    /// When they cannot be listed; one model that is damaged says so in its own entry.
    fn list(&self) -> Result<Vec<Entry>, String>;

    /// Loads a version; it can forecast when this returns.
    ///
    /// # Errors
    /// When it is not what it should be.
    fn load(&self, name: &str, version: u32) -> Result<Box<dyn Model>, String>;
}

/// A model as the catalog lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Of the model.
    pub name: String,
    /// Of it, in order.
    pub versions: Vec<u32>,
    /// Where aliases point.
    pub aliases: BTreeMap<String, u32>,
    /// Why it cannot be read, if so.
    pub problem: Option<String>,
}

/// A version that is loaded. It is asked for windows by many threads, and for forecasts by one.
pub trait Model: Send + Sync + 'static {
    /// What it tells of itself.
    fn card(&self) -> &Card;

    /// The last window of these bars.
    ///
    /// # Errors
    /// When the bars is not valid or are too few: in words for who sent them.
    fn window_of_bars(&self, bars: &SentBars) -> Result<Window, String>;

    /// The last window of the bars of a CSV text, in the columns of the model's own data.
    ///
    /// # Errors
    /// As [`Self::window_of_bars`], with the line.
    fn window_of_csv(&self, text: &[u8]) -> Result<Window, String>;

    /// The window that these rows of features are, unscaled.
    ///
    /// # Errors
    /// When they are not as many as a window has, or a value is not finite once scaled: in words
    /// for who sent them.
    fn window_of_features(&self, rows: &[Vec<f64>]) -> Result<Window, String>;

    /// One forecast a window. Its bits depend on the window alone.
    ///
    /// # Errors
    /// When the device fails, or what the model gives is not a number.
    fn forecast(&self, windows: &[Window]) -> Result<Vec<Forecast>, ForecastError>;

    /// The features of a window that lie outside what training saw.
    fn outside(&self, window: &Window) -> Vec<Outside>;

    /// The interval of a coverage around a forecast, lower and upper end.
    ///
    /// # Errors
    /// When the model has none of this coverage: says which there are.
    fn interval(&self, coverage: f64, forecast: &Forecast) -> Result<[f64; 2], String>;
}

/// What a model tells of itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Card {
    /// Names of the columns of a row of features, in their order.
    pub features: Vec<String>,
    /// Rows in a window.
    pub window: usize,
    /// Least number of bars in a request: the warm-up of the features, and a window.
    pub needs_bars: usize,
    /// Length of a bar, seconds.
    pub bar_seconds: Option<u32>,
    /// What is forecast.
    pub target: TargetCard,
    /// Zone of the local clock that its features go by, and of timestamps without an offset where
    /// the model's own data had a zone set; null where it is not known.
    pub zone: Option<String>,
    /// What a timestamp of a bar marks: `start` or `end`.
    pub bar_label: String,
    /// Coverages of the intervals that it can give.
    pub coverages: Vec<f64>,
    /// When it was saved.
    pub saved_at: String,
    /// Where its weights come from.
    #[schema(value_type = Object)]
    pub source: serde_json::Value,
    /// What it was worth on validation and test windows, with intervals.
    #[schema(value_type = Object)]
    pub metrics: serde_json::Value,
    /// What chance says of the sweep that it comes from.
    #[schema(value_type = Object)]
    pub verdict: serde_json::Value,
    /// What is said beside each of its forecasts.
    pub warnings: Vec<Warning>,
    /// What its inputs looked like in training; shown by its drift.
    #[serde(skip)]
    pub profile: Option<Vec<ColumnProfile>>,
}

/// What is forecast.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TargetCard {
    /// `price`, `log_return` or `log_volatility`.
    pub kind: String,
    /// Unit of forecasts, quantiles and intervals.
    pub unit: String,
    /// Bars ahead.
    pub horizon: usize,
}
