//! What other programs say of the same samples (`scripts/evidence_fixtures.py`).
//!
//! What is not drawn agrees to 1e-8 of its size. What is drawn agrees in distribution: a p-value of
//! 10,000 resamples has a deviation of at most 0.005, the difference of two of at most 0.0071,
//! and 0.03 is four of those; the ends of intervals have their own bounds below.

use super::bootstrap::bootstrap;
use super::sample::{Moments, mean};
use super::*;
use serde_json::Value;

const RESAMPLES: usize = 10_000;

fn oracle(part: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("fixtures/oracle.json")).unwrap();
    all[part].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

#[track_caller]
fn same(found: Option<f64>, expected: &Value) {
    let (found, expected) = (found.unwrap(), number(expected));
    assert!(
        (found - expected).abs() <= 1e-8 * expected.abs().max(1e-6),
        "{found} and not {expected}"
    );
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} and not {expected} within {tolerance}");
}

#[test]
fn distributions() {
    let oracle = oracle("distributions");
    for (i, &z) in numbers(&oracle["z"]).iter().enumerate() {
        same(normal_cdf(z), &oracle["normal_cdf"][i]);
        for (j, &freedom) in numbers(&oracle["freedom"]).iter().enumerate() {
            same(student_t_cdf(z, freedom), &oracle["student_t_cdf"][j][i]);
        }
    }
    for (i, &p) in numbers(&oracle["p"]).iter().enumerate() {
        same(normal_quantile(p), &oracle["normal_quantile"][i]);
        for (j, &freedom) in numbers(&oracle["freedom"]).iter().enumerate() {
            same(student_t_quantile(p, freedom), &oracle["student_t_quantile"][j][i]);
        }
    }
}

#[test]
fn points_and_quantiles() {
    let oracle = oracle("points");
    let of = |name: &str| numbers(&oracle[name]);
    let (target, forecast, training) = (of("target"), of("forecast"), of("training"));
    same(mase(&target, &forecast, &training, 1), &oracle["mase"][0]);
    same(mase(&target, &forecast, &training, 5), &oracle["mase"][1]);
    same(
        out_of_sample_r2(&target, &forecast, Benchmark::TrainingMean(&training)),
        &oracle["r2_mean"],
    );
    same(
        out_of_sample_r2(&target, &forecast, Benchmark::Forecast(&vec![0.0; target.len()])),
        &oracle["r2_zero"],
    );
    let quantile: Vec<f64> = forecast.iter().map(|f| 0.2 - 0.3 * f).collect();
    for (i, level) in [0.1, 0.5, 0.9].into_iter().enumerate() {
        same(pinball_loss(&target, &quantile, level), &oracle["pinball"][i]);
    }
    let exp = |values: &[f64]| -> Vec<f64> { values.iter().map(|x| x.exp()).collect() };
    same(qlike(&exp(&target), &exp(&forecast)), &oracle["qlike"]);
    let residuals: Vec<f64> = target.iter().zip(&forecast).map(|(y, f)| y - f).collect();
    for (i, alpha) in [0.05, 0.1, 0.5].into_iter().enumerate() {
        same(conformal_half_width(&residuals, alpha), &oracle["conformal"][i]);
    }
    let moments = Moments::of(&target).unwrap();
    same(Some(moments.skewness), &oracle["skewness"]);
    same(Some(moments.kurtosis), &oracle["kurtosis"]);
}

#[test]
fn direction_and_information() {
    let oracle = oracle("points");
    let (target, forecast) = (numbers(&oracle["target"]), numbers(&oracle["forecast"]));
    let hits = directional_accuracy(&target, &forecast, 0.9).unwrap().hits;
    for (i, found) in
        [hits.successes as f64, hits.count as f64, hits.low, hits.high].into_iter().enumerate()
    {
        same(Some(found), &oracle["direction"][i]);
    }
    for case in rows(&oracle["wilson"]) {
        let found = Proportion::new(case[0] as usize, case[1] as usize, 0.95).unwrap();
        near(found.low, case[2], 1e-8);
        near(found.high, case[3], 1e-8);
    }
    let days: Vec<u64> = numbers(&oracle["days"]).into_iter().map(|day| day as u64).collect();
    let information = information_coefficients(&target, &forecast, &days).unwrap();
    for (name, found) in [("pearson", information.pearson), ("spearman", information.spearman)] {
        let found = found.unwrap();
        for (i, found) in [Some(found.mean), found.deviation, found.ratio].into_iter().enumerate() {
            same(found, &oracle[name][i]);
        }
    }
    assert_eq!(average_ranks(&forecast).unwrap(), numbers(&oracle["ranks"]));
}

#[test]
fn diebold_mariano_and_holm() {
    let oracle = oracle("diebold_mariano");
    let of = |name: &str| numbers(&oracle[name]);
    for case in oracle["cases"].as_array().unwrap() {
        let power = if case["power"] == 1 { Power::Absolute } else { Power::Squared };
        let differential =
            loss_differential(&of("target"), &of("first"), &of("second"), power).unwrap();
        let found = diebold_mariano(&differential, number(&case["horizon"]) as usize).unwrap();
        same(Some(found.statistic), &case["statistic"]);
        same(found.p(Alternative::TwoSided), &case["two_sided"]);
        same(found.p(Alternative::FirstBetter), &case["first_better"]);
        assert_eq!(found.kernel, Kernel::Rectangular);
    }
    let case = &oracle["bartlett"];
    let found = diebold_mariano(&numbers(&case["differential"]), number(&case["horizon"]) as usize)
        .unwrap();
    assert_eq!(found.kernel, Kernel::Bartlett);
    same(Some(found.statistic), &case["statistic"]);
    same(found.p(Alternative::TwoSided), &case["two_sided"]);
    let p: Vec<Option<f64>> = of("p").into_iter().map(Some).collect();
    for (i, found) in holm(&p).into_iter().enumerate() {
        same(found, &oracle["holm"][i]);
    }
}

/// The ends of a 90 % percentile interval of 10,000 resamples have a deviation of about
/// √(0.05·0.95/10,000)/density, 0.02 standard errors; two of them differ by 0.03, and 0.12 is four
/// of those.
#[test]
fn bootstrap_intervals() {
    let oracle = oracle("bootstrap");
    for (i, series) in rows(&oracle["series"]).iter().enumerate() {
        same(optimal_block_length(series), &oracle["optimal"][i]);
    }
    let (sample, other) = (numbers(&oracle["sample"]), numbers(&oracle["other"]));
    let settings = bootstrap(RESAMPLES, number(&oracle["length"]), 11);
    let sharpe = |rows: &[&[f64]]| TrackRecord::of(rows[0]).map(|record| record.sharpe);
    let one = bootstrap_interval(&Panel::new(&[&sample]).unwrap(), sharpe, 0.9, &settings).unwrap();
    let correlation = |rows: &[&[f64]]| pearson(rows[0], rows[1]);
    let two =
        bootstrap_interval(&Panel::new(&[&sample, &other]).unwrap(), correlation, 0.9, &settings)
            .unwrap();
    for (found, expected) in [(one, &oracle["sharpe"]), (two, &oracle["correlation"])] {
        let tolerance = 0.12 * found.standard_error.unwrap();
        near(found.low, number(&expected[0]), tolerance);
        near(found.high, number(&expected[1]), tolerance);
    }
}

#[test]
fn model_confidence_sets() {
    let oracle = oracle("comparisons");
    let losses = Panel::new(&rows(&oracle["losses"])).unwrap();
    for (name, statistic) in [("max", SetStatistic::Max), ("R", SetStatistic::Range)] {
        let set = model_confidence_set(
            &losses,
            statistic,
            &bootstrap(RESAMPLES, number(&oracle["length"]), 12),
        )
        .unwrap();
        let expected = &oracle["mcs"][name];
        for (found, expected) in set.p.iter().zip(numbers(&expected["p"])) {
            near(*found, expected, 0.03);
        }
        let order: Vec<f64> = set.eliminated.iter().map(|&row| row as f64).collect();
        assert_eq!(order, numbers(&expected["order"])[..order.len()], "{name}");
    }
}

#[test]
fn superior_predictive_abilities() {
    let oracle = oracle("comparisons");
    let losses = rows(&oracle["losses"]);
    for case in oracle["spa"].as_array().unwrap() {
        let benchmark = number(&case["benchmark"]) as usize;
        let rest: Vec<&Vec<f64>> =
            (0..losses.len()).filter(|&row| row != benchmark).map(|row| &losses[row]).collect();
        let settings = bootstrap(RESAMPLES, number(&oracle["length"]), 13);
        let found =
            superior_predictive_ability(&losses[benchmark], &Panel::new(&rest).unwrap(), &settings)
                .unwrap();
        same(Some(found.statistic), &case["statistic"]);
        for (found, expected) in
            [found.lower, found.consistent, found.upper].into_iter().zip(numbers(&case["p"]))
        {
            near(found, expected, 0.03);
        }
    }
}

#[test]
fn overfitting_and_effective_trials() {
    let oracle = oracle("overfitting");
    let returns = Panel::new(&rows(&oracle["returns"])).unwrap();
    for (name, performance) in [("mean", Performance::Mean), ("sharpe", Performance::Sharpe)] {
        let mut found =
            backtest_overfitting(&returns, performance, number(&oracle["blocks"]) as usize)
                .unwrap();
        same(Some(found.probability), &oracle[name]["probability"]);
        found.logits.sort_unstable_by(f64::total_cmp);
        for (found, expected) in found.logits.iter().zip(numbers(&oracle[name]["logits"])) {
            near(*found, expected, 1e-8);
        }
    }
    same(average_correlation_trials(&returns), &oracle["average_correlation_trials"]);
}

#[test]
fn sharpe_ratios() {
    let oracle = oracle("sharpe");
    let record = TrackRecord::of(&numbers(&oracle["returns"])).unwrap();
    for (i, &trials) in numbers(&oracle["trials"]).iter().enumerate() {
        same(expected_maximum(trials), &oracle["expected_maximum"][i]);
    }
    same(probabilistic_sharpe(&record, 0.0), &oracle["probabilistic"][0]);
    same(probabilistic_sharpe(&record, 0.05), &oracle["probabilistic"][1]);
    same(deflated_sharpe(&record, 0.003, 46.0), &oracle["deflated"]);
    same(minimum_track_record(&record, -0.2, 0.95), &oracle["minimum_length"]);
    assert!(mean(&numbers(&oracle["returns"])).unwrap() > 0.0);
}
