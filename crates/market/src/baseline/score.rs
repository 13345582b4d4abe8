//! All baselines over given windows, and the errors of a forecast.

use super::{har, linear, naive};
use crate::Prepared;
use evidence::records::Baseline;
use experiment::{Data, TargetKind};

/// What a forecast without a network says of some windows, in the target's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineForecast {
    /// As tables show it.
    pub name: &'static str,
    /// One for each window.
    pub forecast: Vec<f64>,
}

/// Baselines of the windows that end at `ends`:
///
/// * `persistence`: nothing changes ([`Prepared::persistence`]);
/// * `drift`: persistence plus the mean step of the training windows;
/// * `seasonal`: what followed the same minute of the local clock on the last day that has it;
/// * `linear`: persistence plus a ridge regression on the window's scaled features and persistence,
///   its ridge chosen by the last fifth of the training windows; a window of more than 2,000
///   numbers is cut to its last rows;
/// * `har`, for a log volatility: the regression of Corsi (2009) on the realised volatility of the
///   last 5, 30 and 240 bars, with a curve of the time of day; at times of day that training has
///   not seen, one on the realised volatility alone.
///
/// One that cannot be fitted is missing.
#[must_use]
pub fn baseline_forecasts(data: &Data, prepared: &Prepared, ends: &[u32]) -> Vec<BaselineForecast> {
    let mut made = vec![
        ("persistence", Some(ends.iter().map(|&t| prepared.persistence[t as usize]).collect())),
        ("drift", naive::drift(prepared, ends)),
        ("seasonal", Some(naive::seasonal(data.target.kind, data.target.horizon, prepared, ends))),
        ("linear", linear::fit(data, prepared).map(|linear| linear.forecast(prepared, ends))),
    ];
    if data.target.kind == TargetKind::LogVolatility {
        made.push(("har", har::fit(data, prepared).map(|har| har.forecast(ends))));
    }
    made.into_iter()
        .filter_map(|(name, forecast)| Some(BaselineForecast { name, forecast: forecast? }))
        .collect()
}

/// The errors of baselines over those of the windows that end at `ends` that have a finite target;
/// one whose forecast is not finite is missing, all are when no window is left.
#[must_use]
pub fn baselines(
    prepared: &Prepared,
    ends: &[u32],
    forecasts: &[BaselineForecast],
) -> Vec<Baseline> {
    let target: Vec<f64> = ends.iter().map(|&t| prepared.target[t as usize]).collect();
    let score = |BaselineForecast { name, forecast }: &BaselineForecast| {
        let ForecastErrors { mse, mae, rmse } = forecast_errors(&target, forecast)?;
        Some(Baseline { name: (*name).to_owned(), mse, mae, rmse })
    };
    forecasts.iter().filter_map(score).collect()
}

/// 1 − mse / mse of persistence of `linear` over the validation windows; `None` when it cannot be
/// fitted or persistence makes no error.
pub(crate) fn linear_skill(data: &Data, prepared: &Prepared) -> Option<f64> {
    let ends = scored(prepared, &prepared.series.valid);
    let target: Vec<f64> = ends.iter().map(|&t| prepared.target[t as usize]).collect();
    let naive: Vec<f64> = ends.iter().map(|&t| prepared.persistence[t as usize]).collect();
    let linear = forecast_errors(&target, &linear::fit(data, prepared)?.forecast(prepared, &ends))?;
    let naive = forecast_errors(&target, &naive)?.mse;
    (naive > 0.0).then(|| 1.0 - linear.mse / naive)
}

/// Windows that can be fitted to or scored: target and persistence are known.
pub(super) fn scored(prepared: &Prepared, ends: &[u32]) -> Vec<u32> {
    let known = |&t: &u32| {
        prepared.target[t as usize].is_finite() && prepared.persistence[t as usize].is_finite()
    };
    ends.iter().copied().filter(known).collect()
}

/// How far forecasts lie from their targets, in the target's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastErrors {
    /// Mean squared error, in the unit squared.
    pub mse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Root of `mse`.
    pub rmse: f64,
}

/// Errors of `forecast` for `target`, over the pairs whose target is finite; `None` when there is
/// no such pair or a forecast for one is not finite.
#[must_use]
pub fn forecast_errors(target: &[f64], forecast: &[f64]) -> Option<ForecastErrors> {
    let (mut count, mut squares, mut distances) = (0_usize, 0.0, 0.0);
    for (target, forecast) in target.iter().zip(forecast).filter(|(target, _)| target.is_finite()) {
        let error = forecast - target;
        count += 1;
        squares += error * error;
        distances += error.abs();
    }
    let mse = squares / count as f64;
    mse.is_finite().then(|| ForecastErrors { mse, mae: distances / count as f64, rmse: mse.sqrt() })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{prepared, settings};
    use super::*;

    fn scored_baselines(data: &Data, prepared: &Prepared, ends: &[u32]) -> Vec<Baseline> {
        baselines(prepared, ends, &baseline_forecasts(data, prepared, ends))
    }

    #[test]
    fn persistence_is_scored_by_hand() {
        let mut prepared = prepared(20, 1);
        prepared.target[10..14].copy_from_slice(&[3.0, f64::NAN, 5.0, -2.0]);
        prepared.persistence[10..14].copy_from_slice(&[1.0, 1.0, 4.0, -2.5]);
        let baselines =
            scored_baselines(&settings(TargetKind::Price, 2), &prepared, &[10, 11, 12, 13]);
        let persistence = &baselines[0];
        assert_eq!(persistence.name, "persistence");
        assert!((persistence.mse - (4.0 + 1.0 + 0.25) / 3.0).abs() < 1e-15);
        assert!((persistence.mae - 3.5 / 3.0).abs() < 1e-15);
        assert!((persistence.rmse - 1.75_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn baselines_come_in_order_and_har_for_volatility_alone() {
        let prepared = prepared(400, 2);
        let names = |kind| -> Vec<String> {
            scored_baselines(&settings(kind, 3), &prepared, &[390, 395])
                .into_iter()
                .map(|baseline| baseline.name)
                .collect()
        };
        assert_eq!(names(TargetKind::Price), ["persistence", "drift", "seasonal", "linear"]);
        assert_eq!(names(TargetKind::LogReturn), ["persistence", "drift", "seasonal", "linear"]);
        assert_eq!(
            names(TargetKind::LogVolatility),
            ["persistence", "drift", "seasonal", "linear", "har"]
        );
    }

    #[test]
    fn without_windows_nothing_is_defined() {
        let mut prepared = prepared(50, 1);
        let settings = settings(TargetKind::LogVolatility, 2);
        assert!(scored_baselines(&settings, &prepared, &[]).is_empty());
        prepared.series.train.clear();
        let names: Vec<String> = scored_baselines(&settings, &prepared, &[40])
            .into_iter()
            .map(|baseline| baseline.name)
            .collect();
        assert_eq!(names, ["persistence", "seasonal"]);
    }

    #[test]
    fn errors_of_nothing_are_undefined() {
        assert_eq!(forecast_errors(&[], &[]), None);
        assert_eq!(forecast_errors(&[f64::NAN], &[1.0]), None);
        assert_eq!(forecast_errors(&[1.0], &[f64::NAN]), None);
        assert_eq!(
            forecast_errors(&[1.0, f64::NAN], &[3.0, 9.0]),
            Some(ForecastErrors { mse: 4.0, mae: 2.0, rmse: 2.0 })
        );
    }
}
