//! Forecast → expected return → weight.

use experiment::{Limits, Rule, TargetKind};

/// A forecast that says nothing about where the price goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a log_volatility forecast says how far the price will move, not which way: it cannot be \
        traded by its sign (data.target.kind must be \"price\" or \"log_return\")"
)]
pub struct Untradable;

/// The return from each bar's close to the close `horizon` bars ahead that a forecast made at it
/// means; NaN where there is none.
///
/// # Errors
/// When the forecast is of a volatility.
pub fn expected_returns(
    kind: TargetKind,
    close: &[f64],
    forecast: &[f64],
) -> Result<Vec<f64>, Untradable> {
    match kind {
        TargetKind::Price => {
            Ok(forecast.iter().zip(close).map(|(forecast, close)| forecast / close - 1.0).collect())
        }
        TargetKind::LogReturn => Ok(forecast.iter().map(|forecast| forecast.exp_m1()).collect()),
        TargetKind::LogVolatility => Err(Untradable),
    }
}

/// The weight that a rule asks for at each bar's close; NaN where there is no forecast (or, for a
/// quantile, not enough of them yet): the position stays as it is.
#[must_use]
pub fn weights(rule: Rule, limits: Limits, expected: &[f64]) -> Vec<f64> {
    let by_sign = |expected: f64, threshold: f64| {
        if expected.is_nan() {
            f64::NAN
        } else if expected > threshold {
            limits.max_long
        } else if expected < -threshold {
            -limits.max_short
        } else {
            0.0
        }
    };
    match rule {
        Rule::Sign => expected.iter().map(|&expected| by_sign(expected, 0.0)).collect(),
        Rule::Threshold { threshold_bps } => {
            expected.iter().map(|&expected| by_sign(expected, threshold_bps * 1e-4)).collect()
        }
        Rule::Proportional { scale_bps } => expected
            .iter()
            .map(|&expected| {
                let part = (expected / (scale_bps * 1e-4)).clamp(-1.0, 1.0);
                if part < 0.0 { part * limits.max_short } else { part * limits.max_long }
            })
            .collect(),
        Rule::Quantile { share, lookback } => quantile_weights(share, lookback, limits, expected),
    }
}

/// Ranks each forecast among the last `lookback`, itself included: the past alone says what is
/// high. Of equal forecasts none is among the highest or lowest that would not be so with all of
/// them.
fn quantile_weights(share: f64, lookback: usize, limits: Limits, expected: &[f64]) -> Vec<f64> {
    let most = share * lookback as f64;
    let mut arrived: Vec<f64> = Vec::with_capacity(expected.len());
    let mut sorted: Vec<f64> = Vec::with_capacity(lookback + 1);
    expected
        .iter()
        .map(|&expected| {
            if expected.is_nan() {
                return f64::NAN;
            }
            if arrived.len() >= lookback {
                let oldest = arrived[arrived.len() - lookback];
                sorted.remove(sorted.partition_point(|value| *value < oldest));
            }
            arrived.push(expected);
            sorted.insert(sorted.partition_point(|value| *value < expected), expected);
            if arrived.len() < lookback {
                return f64::NAN;
            }
            let below = sorted.partition_point(|value| *value < expected);
            let not_above = sorted.partition_point(|value| *value <= expected);
            // Those that are as high or higher; those that are as low or lower.
            if (lookback - below) as f64 <= most {
                limits.max_long
            } else if not_above as f64 <= most {
                -limits.max_short
            } else {
                0.0
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Limits = Limits { max_long: 1.0, max_short: 0.5 };

    fn defined(weights: &[f64]) -> Vec<Option<f64>> {
        weights.iter().map(|weight| (!weight.is_nan()).then_some(*weight)).collect()
    }

    #[test]
    fn an_expected_return_is_relative_to_the_close_that_the_forecast_saw() {
        let price =
            expected_returns(TargetKind::Price, &[100.0, 200.0], &[101.0, f64::NAN]).unwrap();
        assert!((price[0] - 0.01).abs() < 1e-15 && price[1].is_nan());
        let log_return =
            expected_returns(TargetKind::LogReturn, &[100.0], &[1.01_f64.ln()]).unwrap();
        assert!((log_return[0] - 0.01).abs() < 1e-15);
        assert_eq!(expected_returns(TargetKind::LogVolatility, &[100.0], &[-7.0]), Err(Untradable));
    }

    #[test]
    fn sign_and_threshold_go_to_their_limits() {
        let expected = [0.0, 2e-4, -2e-4, 5e-4, f64::NAN];
        assert_eq!(
            defined(&weights(Rule::Sign, BOTH, &expected)),
            [Some(0.0), Some(1.0), Some(-0.5), Some(1.0), None]
        );
        let threshold = Rule::Threshold { threshold_bps: 2.0 };
        assert_eq!(
            defined(&weights(threshold, BOTH, &expected)),
            [Some(0.0), Some(0.0), Some(0.0), Some(1.0), None]
        );
    }

    #[test]
    fn a_proportional_position_ends_at_its_limits() {
        let found =
            weights(Rule::Proportional { scale_bps: 4.0 }, BOTH, &[1e-4, 9e-4, -2e-4, f64::NAN]);
        let want = [0.25, 1.0, -0.25];
        assert!(
            found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-12)
                && found[3].is_nan(),
            "{found:?}"
        );
    }

    #[test]
    fn a_quantile_is_of_the_last_forecasts_and_needs_all_of_them() {
        let rule = Rule::Quantile { share: 0.25, lookback: 4 };
        let found = weights(rule, BOTH, &[1.0, 2.0, f64::NAN, 3.0, 4.0, 0.0, 2.5, 2.5, 2.5, 2.5]);
        let want = [
            None,
            None,
            None,
            None,
            Some(1.0),
            Some(-0.5),
            Some(0.0),
            Some(0.0),
            Some(0.0),
            Some(0.0),
        ];
        assert_eq!(defined(&found), want);
    }

    #[test]
    fn a_quantile_does_not_look_ahead() {
        let expected: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101) - 50.0).collect();
        let rule = Rule::Quantile { share: 0.1, lookback: 30 };
        let whole = weights(rule, BOTH, &expected);
        for end in [31, 50, 199] {
            assert_eq!(defined(&weights(rule, BOTH, &expected[..end])), defined(&whole[..end]));
        }
    }
}
