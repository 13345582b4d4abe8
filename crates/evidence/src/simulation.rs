//! Do the tests err as often as they say, and see what is there? Short simulations with fixed
//! seeds; a bound is about four deviations of the share it bounds.

use super::*;
use experiment::seed::{SeedStream, generator};
use rand_chacha::rand_core::Rng;

/// Standard normal numbers, by Box & Muller.
fn normal(purpose: &str, index: u64, count: usize) -> Vec<f64> {
    let mut stream = generator(1, purpose, index);
    let mut uniform = || ((stream.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    (0..count)
        .map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos())
        .collect()
}

/// `[rows][n]` of independent standard normal numbers.
fn noise(purpose: &str, index: u64, rows: usize, n: usize) -> Vec<Vec<f64>> {
    normal(purpose, index, rows * n).chunks(n).map(<[f64]>::to_vec).collect()
}

fn settings(index: u64) -> Bootstrap<'static> {
    let stream = SeedStream { seed: index, purpose: "simulation" };
    Bootstrap { resamples: 200, block_length: BlockLength::Fixed(2.0), stream }
}

fn share(count: u64, happens: impl Fn(u64) -> bool) -> f64 {
    (0..count).filter(|&index| happens(index)).count() as f64 / count as f64
}

#[test]
fn diebold_mariano_rejects_equals_as_often_as_it_says() {
    // Forecasts two steps ahead: the differential is a moving average of order 1.
    let p = |index, mean: f64| {
        let shocks = normal("dm", index, 61);
        let differential: Vec<f64> =
            shocks.windows(2).map(|pair| mean + pair[1] + 0.5 * pair[0]).collect();
        diebold_mariano(&differential, 2).unwrap().p(Alternative::TwoSided).unwrap()
    };
    let size = share(2_000, |index| p(index, 0.0) <= 0.05);
    assert!((size - 0.05).abs() < 0.025, "{size}");
    let power = share(500, |index| p(index, 0.7) <= 0.05);
    assert!(power > 0.85, "{power}");
}

#[test]
fn the_model_confidence_set_keeps_the_best_and_drops_the_bad() {
    for statistic in [SetStatistic::Max, SetStatistic::Range] {
        let set = |index| {
            let mut losses = noise("mcs", index, 6, 120);
            losses[5].iter_mut().for_each(|loss| *loss += 0.8);
            model_confidence_set(&Panel::new(&losses).unwrap(), statistic, &settings(index))
                .unwrap()
                .members(0.1)
        };
        let (all, bad) = (
            share(200, |index| set(index).starts_with(&[0, 1, 2, 3, 4])),
            share(200, |index| set(index).contains(&5)),
        );
        assert!(all > 0.81, "{statistic:?}: all of the best in {all}");
        assert!(bad < 0.02, "{statistic:?}: the bad one in {bad}");
    }
}

#[test]
fn superior_predictive_ability_is_uniform_when_all_are_equal() {
    let p = |index, edge: f64| {
        let mut losses = noise("spa", index, 8, 150);
        let benchmark = losses.remove(0);
        losses[3].iter_mut().for_each(|loss| *loss -= edge);
        superior_predictive_ability(&benchmark, &Panel::new(&losses).unwrap(), &settings(index))
            .unwrap()
            .consistent
    };
    for level in [0.05, 0.2, 0.5, 0.8] {
        let found = share(400, |index| p(index, 0.0) <= level);
        let deviation = f64::sqrt(level * (1.0 - level) / 400.0);
        assert!((found - level).abs() < 4.0 * deviation + 0.02, "{level}: {found}");
    }
    let power = share(200, |index| p(index, 0.5) <= 0.05);
    assert!(power > 0.85, "{power}");
}

#[test]
fn noise_is_overfitted_half_of_the_time_and_skill_is_not() {
    let probability = |index, edge: f64| {
        let mut returns = noise("pbo", index, 20, 160);
        returns[7].iter_mut().for_each(|x| *x += edge);
        backtest_overfitting(&Panel::new(&returns).unwrap(), Performance::Sharpe, 8)
            .unwrap()
            .probability
    };
    let mean = |edge| (0..100).map(|index| probability(index, edge)).sum::<f64>() / 100.0;
    let (of_noise, of_skill) = (mean(0.0), mean(0.6));
    assert!((of_noise - 0.5).abs() < 0.1, "{of_noise}");
    assert!(of_skill < 0.01, "{of_skill}");
}

/// The bar that the effective number of trials sets against the mean height of the best of them,
/// for trials that are independent, that share a common part, and that come in groups.
#[test]
fn effective_trials_set_the_bar_where_luck_reaches() {
    let (rows, n) = (60, 200);
    for (name, common, group) in
        [("independent", 0.0, 0.0), ("common", 0.9, 0.0), ("groups", 0.0, 0.9), ("both", 0.5, 0.4)]
    {
        let (mut best, mut bar, mut trials) = (0.0, 0.0, 0.0);
        for index in 0..100 {
            let parts = noise(name, index, rows + 7, n);
            let own = f64::sqrt(1.0 - common - group);
            let value = |row: usize, t: usize| {
                own * parts[row][t]
                    + f64::sqrt(common) * parts[rows][t]
                    + f64::sqrt(group) * parts[rows + 1 + row % 6][t]
            };
            let returns: Vec<Vec<f64>> =
                (0..rows).map(|row| (0..n).map(|t| value(row, t)).collect()).collect();
            let ratios: Vec<f64> =
                returns.iter().map(|row| TrackRecord::of(row).unwrap().sharpe).collect();
            let mean = ratios.iter().sum::<f64>() / rows as f64;
            let variance =
                ratios.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (rows as f64 - 1.0);
            let bootstrap = Bootstrap { block_length: BlockLength::Fixed(1.0), ..settings(index) };
            let effective = effective_trials(&Panel::new(&returns).unwrap(), &bootstrap).unwrap();
            best += ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max) - mean;
            bar += variance.sqrt() * expected_maximum(effective).unwrap();
            trials += effective / 100.0;
        }
        assert!((bar / best - 1.0).abs() < 0.1, "{name}: {trials} trials, bar {bar}, best {best}");
    }
}

#[test]
fn the_deflated_sharpe_ratio_crowns_no_luck() {
    let crowned = |index, edge: f64| {
        let mut returns = noise("dsr", index, 50, 250);
        returns[0].iter_mut().for_each(|x| *x += edge);
        let records: Vec<TrackRecord> =
            returns.iter().map(|row| TrackRecord::of(row).unwrap()).collect();
        let mean = records.iter().map(|record| record.sharpe).sum::<f64>() / 50.0;
        let variance =
            records.iter().map(|record| (record.sharpe - mean).powi(2)).sum::<f64>() / 49.0;
        let best = records.iter().max_by(|a, b| a.sharpe.total_cmp(&b.sharpe)).unwrap();
        deflated_sharpe(best, variance, 50.0).unwrap() > 0.95
    };
    assert!(share(300, |index| crowned(index, 0.0)) < 0.05);
    assert!(share(100, |index| crowned(index, 0.4)) > 0.9);
}
