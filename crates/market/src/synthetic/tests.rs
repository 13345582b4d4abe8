use super::*;

fn clean(signal: Signal, beta2: f64) -> Synthetic {
    Synthetic {
        bars: 200_000,
        session: 240,
        signal,
        beta2,
        sd_bp: 6.0,
        volatility: Volatility::Constant,
        nu: None,
        seed: 7,
    }
}

fn lively() -> Synthetic {
    Synthetic {
        volatility: Volatility::Stochastic,
        nu: Some(6.0),
        ..clean(Signal::Reversal, 0.0025)
    }
}

fn log_returns(bars: &Bars) -> Vec<f64> {
    bars.close.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
}

fn mean(values: impl Iterator<Item = f64>, n: usize) -> f64 {
    values.sum::<f64>() / n as f64
}

/// 1 − mean squared error / mean square, of forecasts for returns of mean 0.
fn r_squared(returns: &[f64], forecasts: &[f64]) -> f64 {
    let error: f64 = returns.iter().zip(forecasts).map(|(r, f)| (r - f) * (r - f)).sum();
    1.0 - error / returns.iter().map(|r| r * r).sum::<f64>()
}

/// In-sample R² of the best linear forecast from the return `lag` bars before.
fn linear_r_squared(returns: &[f64], lag: usize) -> f64 {
    let product: f64 = returns.iter().zip(&returns[lag..]).map(|(a, b)| a * b).sum();
    let square: f64 = returns.iter().map(|r| r * r).sum();
    (product / square).powi(2)
}

#[test]
fn the_oracle_explains_the_share_that_was_asked_for() {
    for signal in [Signal::Reversal, Signal::Nonlinear] {
        for beta2 in [0.005, 0.05, 0.3] {
            let bars = generate(&clean(signal, beta2));
            let returns = log_returns(&bars);
            let oracle = r_squared(&returns, &bars.truth.as_ref().unwrap().mu);
            let sd = 2.0 * (beta2 / returns.len() as f64).sqrt();
            assert!(
                (oracle - beta2).abs() < 4.0 * sd,
                "{signal:?}: {oracle} is not {beta2} ± {sd}"
            );
        }
    }
}

#[test]
fn a_linear_model_finds_the_reversal_and_not_the_nonlinear_signal() {
    let linear = |signal| linear_r_squared(&log_returns(&generate(&clean(signal, 0.05))), 1);
    // The correlation of a normal with its sign is √(2/π).
    assert!(
        (linear(Signal::Reversal) - 0.05 * 2.0 / std::f64::consts::PI).abs()
            < 4.0 * 2.0 * (0.032_f64 / 2e5).sqrt()
    );
    // Of nothing, R² is χ²(1) / n.
    assert!(linear(Signal::Nonlinear) < 16.0 / 2e5);
    let returns = log_returns(&generate(&clean(Signal::Nonlinear, 0.05)));
    assert!((2..6).all(|lag| linear_r_squared(&returns, lag) < 16.0 / 2e5));
}

#[test]
fn without_a_signal_the_true_mean_is_zero() {
    for settings in [clean(Signal::Nonlinear, 0.0), Synthetic { beta2: 0.0, ..lively() }] {
        assert!(generate(&settings).truth.unwrap().mu.iter().all(|mu| *mu == 0.0));
    }
}

#[test]
fn the_truth_is_about_the_next_return() {
    let bars =
        generate(&Synthetic { bars: 50_000, nu: Some(5.0), ..clean(Signal::Nonlinear, 0.2) });
    let returns = log_returns(&bars);
    let truth = bars.truth.unwrap();
    assert_eq!((truth.mu.len(), truth.sigma.len()), (50_000, 50_000));
    let shifted = r_squared(&returns[1..], &truth.mu);
    assert!(shifted < 0.0, "aligned with the return before: {shifted}");
    let standard =
        returns.iter().zip(&truth.mu).zip(&truth.sigma).map(|((r, mu), sigma)| (r - mu) / sigma);
    let variance = mean(standard.map(|z| z * z), returns.len());
    assert!((variance - 1.0).abs() < 0.05, "{variance}");
}

#[test]
fn constant_volatility_has_the_asked_deviation_and_gaussian_tails() {
    let returns = log_returns(&generate(&clean(Signal::Nonlinear, 0.05)));
    let variance = mean(returns.iter().map(|r| r * r), returns.len());
    assert!((variance.sqrt() * 1e4 - 6.0).abs() < 4.0 * 6.0 / (2.0 * 2e5_f64).sqrt());
    let kurtosis = mean(returns.iter().map(|r| r.powi(4)), returns.len()) / (variance * variance);
    assert!((kurtosis - 3.0).abs() < 4.0 * (24.0 / 2e5_f64).sqrt(), "{kurtosis}");
}

#[test]
fn stochastic_volatility_is_true_to_life() {
    let bars = generate(&lively());
    let returns = log_returns(&bars);
    let within: Vec<f64> =
        returns.iter().enumerate().filter(|(t, _)| (t + 1) % 240 != 0).map(|(_, r)| *r).collect();
    let variance = mean(within.iter().map(|r| r * r), within.len());
    assert!((variance.sqrt() * 1e4 - 6.0).abs() < 1.0, "{}", variance.sqrt());
    let kurtosis = mean(within.iter().map(|r| r.powi(4)), within.len()) / (variance * variance);
    assert!(kurtosis > 6.0, "heavy tails: {kurtosis}");
    let absolute: Vec<f64> = within.iter().map(|r| r.abs()).collect();
    let centre = mean(absolute.iter().copied(), absolute.len());
    let centred: Vec<f64> = absolute.iter().map(|r| r - centre).collect();
    let clustering = |lag: usize| {
        let product: f64 = centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum();
        product / centred.iter().map(|r| r * r).sum::<f64>()
    };
    assert!(
        clustering(1) > 0.15 && clustering(60) > 0.05 && clustering(1) > clustering(60),
        "volatility clusters"
    );
    let night: Vec<f64> = returns.iter().skip(239).step_by(240).copied().collect();
    let night_variance = mean(night.iter().map(|r| r * r), night.len());
    let share = night_variance / (night_variance + 239.0 * variance);
    assert!((0.1..0.35).contains(&share), "share of the nights: {share}");
    assert!(
        bars.close.iter().all(|price| ((price * 5.0).round() - price * 5.0).abs() < 1e-9),
        "on the tick grid"
    );
}

#[test]
fn bars_are_whole() {
    for settings in [clean(Signal::Reversal, 0.05), lively()] {
        let bars = generate(&Synthetic { bars: 10_007, ..settings });
        for column in [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume] {
            assert_eq!(column.len(), 10_007);
            assert!(column.iter().all(|value| value.is_finite() && *value > 0.0));
        }
        for t in 0..10_007 {
            assert!(
                bars.high[t] >= bars.open[t].max(bars.close[t])
                    && bars.low[t] <= bars.open[t].min(bars.close[t])
            );
        }
        assert!(bars.volume.iter().all(|volume| volume.fract() == 0.0));
        assert_eq!(bars.ts.len(), 10_007);
        assert_eq!(bars.offset_seconds, vec![0; 10_007]);
        assert_eq!(bars.bar_seconds, 60);
    }
}

#[test]
fn sessions_start_on_weekdays_at_half_past_nine_and_never_touch() {
    for session in [1, 240, 870, 1440, 1441, 10_000] {
        let ts = timestamps(40_000, session);
        let mut sessions = 1;
        let starts = std::iter::once(ts[0]).chain(ts.windows(2).filter_map(|pair| {
            assert!(pair[1] > pair[0]);
            sessions += u32::from(pair[1] - pair[0] > 60_000_000_000);
            (pair[1] - pair[0] > 60_000_000_000).then_some(pair[1])
        }));
        for start in starts {
            let seconds = start / 1_000_000_000;
            assert_eq!(seconds % 86_400, 34_200, "09:30");
            // 1970-01-01 was a Thursday.
            assert!((seconds / 86_400 + 3) % 7 < 5, "a weekday");
        }
        assert_eq!(sessions, 40_000_u32.div_ceil(session as u32));
    }
}

#[test]
fn the_seed_alone_decides() {
    let settings = Synthetic { bars: 1_000, ..lively() };
    assert_eq!(generate(&settings), generate(&settings));
    assert_ne!(
        generate(&settings).close,
        generate(&Synthetic { seed: 8, ..settings.clone() }).close
    );
    // A longer series begins with the shorter one.
    let longer = generate(&Synthetic { bars: 1_500, ..settings.clone() });
    assert_eq!(longer.close[..1_000], generate(&settings).close);
}
