use super::*;
use crate::{
    Benchmark, directional_accuracy, information_coefficients, mase, out_of_sample_r2, qlike,
};
use experiment::metric::Quantity::{self, *};
use rand_chacha::rand_core::Rng;

fn noise(count: usize, index: u64) -> Vec<f64> {
    let mut generator = experiment::seed::generator(5, "score tests", index);
    (0..count).map(|_| (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5).collect()
}

const MINUTE: i64 = 60_000_000_000;

/// 20 days of 60 minutes.
fn forecasts(
    target: Vec<f64>,
    forecast: Vec<f64>,
    baselines: Vec<(String, Vec<f64>)>,
) -> Forecasts {
    let ts = (0..target.len() as i64).map(|row| row / 60 * DAY + row % 60 * MINUTE).collect();
    Forecasts { ts, target, forecast, baselines, quantiles: Vec::new() }
}

fn value(scores: &Scores, quantity: Quantity) -> f64 {
    scores.estimates[&quantity].value
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs().max(1.0)
}

fn returns() -> (Forecasts, Vec<f64>, Vec<(f64, f64)>) {
    let signal = noise(1_200, 1);
    let target: Vec<f64> =
        signal.iter().zip(noise(1_200, 2)).map(|(signal, noise)| 0.5 * signal + noise).collect();
    let baselines = vec![
        ("persistence".to_owned(), vec![0.0; 1_200]),
        ("seasonal".to_owned(), noise(1_200, 3)),
    ];
    let training = noise(3_000, 4).into_iter().map(|y| (y + 0.1, 0.0)).collect();
    (
        forecasts(target, signal.iter().map(|signal| 0.5 * signal).collect(), baselines),
        vec![0.0; 1_200],
        training,
    )
}

#[test]
fn the_metrics_of_returns_are_those_of_the_statistics() {
    let (forecasts, persistence, training) = returns();
    let target = Target { horizon: 1, kind: TargetKind::LogReturn };
    let sample = Sample {
        forecasts: &forecasts,
        persistence: &persistence,
        training: &training,
        target: &target,
    };
    let scores = scores(&sample).unwrap();
    let (y, f) = (&forecasts.target, &forecasts.forecast);
    let means: Vec<f64> = training.iter().map(|(target, _)| *target).collect();
    assert!(close(
        value(&scores, R2),
        out_of_sample_r2(y, f, Benchmark::TrainingMean(&means)).unwrap()
    ));
    assert!(close(
        value(&scores, Skill),
        out_of_sample_r2(y, f, Benchmark::Forecast(&persistence)).unwrap()
    ));
    let accuracy = directional_accuracy(y, f, 0.95).unwrap().hits;
    let Estimate { value: share, low, high } = scores.estimates[&DirectionalAccuracy];
    assert_eq!((share, low, high), (accuracy.share, Some(accuracy.low), Some(accuracy.high)));
    let days: Vec<i64> = forecasts.ts.iter().map(|ts| ts / DAY).collect();
    let information = information_coefficients(y, f, &days).unwrap();
    let (ic, ranks) = (information.pearson.unwrap(), information.spearman.unwrap());
    assert_eq!((value(&scores, Ic), value(&scores, IcIr)), (ic.mean, ic.ratio.unwrap()));
    assert_eq!(
        (value(&scores, RankIc), value(&scores, RankIcIr)),
        (ranks.mean, ranks.ratio.unwrap())
    );
    assert_eq!(scores.days, 20);
    assert!(!scores.estimates.contains_key(&Qlike));
    for (quantity, Estimate { value, low, high }) in &scores.estimates {
        assert!(
            low.unwrap() < *value && *value < high.unwrap(),
            "{quantity:?}: {low:?} {value} {high:?}"
        );
    }
    assert!(value(&scores, Skill) > 0.0 && scores.estimates[&Skill].low.unwrap() > 0.0);
}

#[test]
fn a_price_is_measured_by_its_changes_and_scaled_by_the_naive_error_at_the_horizon() {
    let mut price: Vec<f64> = noise(2_000, 1);
    for row in 1..price.len() {
        price[row] += price[row - 1] + if row == 1 { 100.0 } else { 0.0 };
    }
    let horizon = 5;
    let (training, rest) = price.split_at(800);
    let at = |prices: &[f64]| -> Vec<(f64, f64)> {
        prices.windows(horizon + 1).map(|w| (w[horizon], w[0])).collect()
    };
    let windows = at(rest);
    let persistence: Vec<f64> = windows.iter().map(|(_, last)| *last).collect();
    let target: Vec<f64> = windows.iter().map(|(target, _)| *target).collect();
    // Always up.
    let forecast: Vec<f64> = persistence.iter().map(|last| last + 0.01).collect();
    let forecasts = forecasts(target.clone(), forecast.clone(), vec![]);
    let kind = Target { horizon, kind: TargetKind::Price };
    let sample = Sample {
        forecasts: &forecasts,
        persistence: &persistence,
        training: &at(training),
        target: &kind,
    };
    let scores = scores(&sample).unwrap();
    assert!(close(value(&scores, Mase), mase(&target, &forecast, training, horizon).unwrap()));
    assert!(value(&scores, R2).abs() < 0.01, "of the level it would be 1: {}", value(&scores, R2));
    assert!(!scores.estimates.contains_key(&Skill), "without a baseline there is none");
    // Overlapping windows: wider than Wilson's.
    let Estimate { low, high, .. } = scores.estimates[&DirectionalAccuracy];
    let wilson = directional_accuracy(
        &change(&target, &persistence),
        &change(&forecast, &persistence),
        0.95,
    )
    .unwrap()
    .hits;
    assert!(high.unwrap() - low.unwrap() > 1.5 * (wilson.high - wilson.low));
    assert!(scores.block_length.unwrap() >= 5.0);
}

fn change(level: &[f64], before: &[f64]) -> Vec<f64> {
    level.iter().zip(before).map(|(x, before)| x - before).collect()
}

#[test]
fn a_log_volatility_has_the_qlike_of_its_variance() {
    let target: Vec<f64> = noise(600, 1).iter().map(|x| x - 7.0).collect();
    let forecast: Vec<f64> = target.iter().zip(noise(600, 2)).map(|(y, x)| y + 0.3 * x).collect();
    let variance = |logs: &[f64]| -> Vec<f64> { logs.iter().map(|x| (2.0 * x).exp()).collect() };
    let expected = qlike(&variance(&target), &variance(&forecast)).unwrap();
    let forecasts = forecasts(target, forecast, vec![]);
    let kind = Target { horizon: 1, kind: TargetKind::LogVolatility };
    let sample = Sample {
        forecasts: &forecasts,
        persistence: &[-7.0; 600],
        training: &[(-7.0, -7.1)],
        target: &kind,
    };
    assert!(close(value(&scores(&sample).unwrap(), Qlike), expected));
}

#[test]
fn few_windows_have_values_without_intervals_and_none_have_none() {
    let target = Target { horizon: 1, kind: TargetKind::LogReturn };
    let of = |forecasts: &Forecasts, persistence: &[f64]| {
        scores(&Sample {
            forecasts,
            persistence,
            training: &[(0.5, 0.0), (-0.5, 0.0)],
            target: &target,
        })
    };
    let few = forecasts(vec![1.0, -1.0, 2.0], vec![0.5, -0.5, -1.0], vec![]);
    let found = of(&few, &[0.0; 3]).unwrap();
    assert_eq!(found.estimates[&Mae], Estimate { value: 4.0 / 3.0, low: None, high: None });
    assert_eq!(value(&found, Mase), 4.0 / 3.0 / 0.5);
    assert_eq!(of(&forecasts(vec![], vec![], vec![]), &[]), None);
    assert_eq!(of(&few, &[0.0; 2]), None);
    assert_eq!(of(&forecasts(vec![1.0], vec![f64::NAN], vec![]), &[0.0]), None);
}

#[test]
fn scores_are_the_same_on_every_call() {
    let (forecasts, persistence, training) = returns();
    let target = Target { horizon: 3, kind: TargetKind::LogReturn };
    let sample = Sample {
        forecasts: &forecasts,
        persistence: &persistence,
        training: &training,
        target: &target,
    };
    assert_eq!(scores(&sample), scores(&sample));
}
