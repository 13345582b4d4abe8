//! The body of an answer.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::board::Loaded;
use super::catalog::TargetCard;
use super::refusal::Refusal;
use crate::forecast::{Forecast, Outside, Warning};

/// Forecasts, in the order in which they were asked. A number that is written here is read back bit
/// for bit by anyone who reads it as an f64.
#[derive(Serialize, ToSchema)]
pub(super) struct Answer {
    /// The model's name.
    pub model: String,
    /// The version that answered.
    pub version: u32,
    pub target: TargetCard,
    /// Share of the targets that the intervals are meant to hold; null where the model has none.
    pub coverage: Option<f64>,
    /// Why the forecasts deserve less trust than their intervals say; empty where nothing is known
    /// against them.
    pub warnings: Vec<WarningAnswer>,
    pub forecasts: Vec<ForecastAnswer>,
}

/// A warning.
#[derive(Serialize, ToSchema)]
pub(super) struct WarningAnswer {
    /// For programs: `outside_training`, `worse_than_baseline`, `unknown_zone`.
    code: &'static str,
    /// For people.
    message: String,
    /// The feature that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature: Option<String>,
    /// The place in `forecasts` that it is about, from 0; all of them where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<usize>,
}

impl WarningAnswer {
    fn new(Warning { code, message, feature }: Warning, forecast: Option<usize>) -> Self {
        Self { code, message, feature, forecast }
    }
}

/// One forecast. All values are in the target's unit.
#[derive(Serialize, ToSchema)]
pub(super) struct ForecastAnswer {
    /// Start of the window's last bar, UTC; null of a window of features.
    bar_start: Option<String>,
    /// Of a quantile model the median.
    forecast: f64,
    /// The forecast that nothing changes; null of a window of features.
    persistence: Option<f64>,
    /// The interval's lower end.
    lower: Option<f64>,
    /// The interval's upper end.
    upper: Option<f64>,
    /// Of a quantile model, by level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quantiles: Vec<Quantile>,
}

#[derive(Serialize, ToSchema)]
struct Quantile {
    level: f64,
    value: f64,
}

impl Answer {
    /// `outside`: by forecast, what of its window lies outside what training saw.
    pub(super) fn new(
        loaded: &Loaded,
        coverage: Option<f64>,
        forecasts: &[Forecast],
        outside: &[Vec<Outside>],
    ) -> Result<Self, Refusal> {
        let Loaded { name, version, model, .. } = loaded;
        let one = |forecast: &Forecast| {
            let interval = coverage.map(|coverage| model.interval(coverage, forecast)).transpose();
            let interval = interval.map_err(Refusal::invalid)?;
            let start = |ns: i64| {
                Timestamp::from_nanosecond(i128::from(ns)).ok().map(|start| start.to_string())
            };
            let Forecast { bar_start, forecast, persistence, quantiles } = forecast;
            Ok(ForecastAnswer {
                bar_start: bar_start.and_then(start),
                forecast: *forecast,
                persistence: persistence.filter(|value| value.is_finite()),
                lower: interval.map(|[lower, _]| lower),
                upper: interval.map(|[_, upper]| upper),
                quantiles: quantiles
                    .iter()
                    .map(|&(level, value)| Quantile { level, value })
                    .collect(),
            })
        };
        let of_model =
            model.card().warnings.iter().map(|warning| WarningAnswer::new(warning.clone(), None));
        let of_inputs = outside.iter().enumerate().flat_map(|(place, outside)| {
            outside.iter().map(move |outside| WarningAnswer::new(outside.warning(), Some(place)))
        });
        Ok(Self {
            warnings: of_model.chain(of_inputs).collect(),
            model: name.clone(),
            version: *version,
            target: model.card().target.clone(),
            coverage,
            forecasts: forecasts.iter().map(one).collect::<Result<_, Refusal>>()?,
        })
    }
}
