//! Every metric of a run's forecasts over some windows, each with its interval.
//!
//! - mse, mae, rmse: errors in the target's unit; interval: bootstrap
//! - skill: 1 − mse / mse of the best baseline over the same windows; interval: bootstrap, that
//!   baseline held fixed
//! - mase: mae over the mean absolute error of persistence on the training windows, at the same
//!   horizon; interval: bootstrap
//! - r2: 1 − mse / mse of the training mean (of a price: the last close plus the mean training
//!   change); interval: bootstrap
//! - directional_accuracy: share of right signs of the change from persistence, where neither is 0;
//!   interval: Wilson's one bar ahead, else bootstrap
//! - ic, rank_ic: correlation of forecast and target (of a price: their changes) within a UTC day,
//!   mean over days; interval: bootstrap over days
//! - ic_ir, rank_ic_ir: that mean over its deviation over days, not annualised; interval: bootstrap
//!   over days
//! - qlike: Patton's loss of the variance exp(2·forecast), of a log volatility; interval: bootstrap
//!
//! "Bootstrap" is the stationary block bootstrap (Politis & Romano 1994) with the block length of
//! Politis & White (2004), at least the horizon, percentile intervals at 95 % of 1,000 resamples.
//! It holds the model fixed: it says how sure the number is on other stretches of the same market,
//! not what another seed or a refit would give. What is undefined is missing.

use std::collections::BTreeMap;

use crate::records::{Estimate, Forecasts, Scores};
use crate::{
    BlockLength, Bootstrap, Coefficients, GroupCoefficients, Panel, Proportion, StatisticOfMeans,
    bootstrap_interval, bootstrap_intervals_of_means, coefficients_by_group, optimal_block_length,
};
use experiment::metric::Quantity;
use experiment::seed::SeedStream;
use experiment::{Target, TargetKind};

/// Probability of the intervals.
const CONFIDENCE: f64 = 0.95;

const RESAMPLES: usize = 1_000;

/// Most blocks of a resample: of very many windows longer blocks cost less and lose nothing.
const MOST_BLOCKS: f64 = 5_000.0;

const DAY: i64 = 86_400_000_000_000;

/// Forecasts, and what they are measured by.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Of the windows, in time order.
    pub forecasts: &'a Forecasts,
    /// What persistence says of each window, in the target's unit.
    pub persistence: &'a [f64],
    /// Target and persistence of the training windows.
    pub training: &'a [(f64, f64)],
    /// What is forecast.
    pub target: &'a Target,
}

/// All metrics of a sample. `None` without windows, when lengths differ, or when a target or a
/// forecast is not finite.
#[must_use]
pub fn scores(sample: &Sample<'_>) -> Option<Scores> {
    let Forecasts { ts, target, forecast, baselines, .. } = sample.forecasts;
    let n = ts.len();
    let all = [target, forecast].into_iter().flatten().chain(sample.persistence);
    (n > 0
        && sample.persistence.len() == n
        && all.clone().count() == 3 * n
        && all.clone().all(|x| x.is_finite()))
    .then_some(())?;

    let mut means = Means { rows: Vec::new(), statistics: Vec::new() };
    let errors: Vec<f64> =
        forecast.iter().zip(target).map(|(forecast, target)| forecast - target).collect();
    let squares: Vec<f64> = errors.iter().map(|error| error * error).collect();
    let square = means.row(squares.clone());
    let distance = means.row(errors.iter().map(|error| error.abs()).collect());
    means.add(Quantity::Mse, move |means| Some(means[square]));
    means.add(Quantity::Rmse, move |means| Some(means[square].sqrt()));
    means.add(Quantity::Mae, move |means| Some(means[distance]));
    if let Some(scale) =
        mean(sample.training.iter().map(|(target, persistence)| (target - persistence).abs()))
    {
        means.add(Quantity::Mase, move |means| ratio(means[distance], scale));
    }
    let against = |benchmark: &[f64]| -> Vec<f64> {
        benchmark.iter().zip(target).map(|(b, y)| (b - y).powi(2)).collect()
    };
    let total = |row: &Vec<f64>| row.iter().sum::<f64>();
    let rivals = baselines
        .iter()
        .map(|(_, forecast)| against(forecast))
        .filter(|row| row.len() == n && total(row).is_finite());
    let best = rivals.min_by(|a, b| total(a).total_cmp(&total(b)));
    let differential = best.as_ref().map(|best| {
        squares.iter().zip(best).map(|(ours, theirs)| ours - theirs).collect::<Vec<_>>()
    });
    if let Some(best) = best {
        let best = means.row(best);
        means.add(Quantity::Skill, move |means| Some(1.0 - ratio(means[square], means[best])?));
    }
    if let Some(benchmark) = training_mean(sample) {
        let benchmark = means.row(against(&benchmark));
        means.add(Quantity::R2, move |means| Some(1.0 - ratio(means[square], means[benchmark])?));
    }
    if sample.target.kind == TargetKind::LogVolatility {
        // ln(proxy / forecast) of the variances.
        let apart = |error: &f64| (-2.0 * error).exp() + 2.0 * error - 1.0;
        let qlike = means.row(errors.iter().map(apart).collect());
        means.add(Quantity::Qlike, move |means| Some(means[qlike]));
    }
    let change = |level: &[f64]| -> Vec<f64> {
        level.iter().zip(sample.persistence).map(|(x, before)| x - before).collect()
    };
    let (moved, foreseen) = (change(target), change(forecast));
    let told = |(y, f): (&f64, &f64)| if *y == 0.0 || *f == 0.0 { 0.0 } else { 1.0 };
    let counted: Vec<f64> = moved.iter().zip(&foreseen).map(told).collect();
    let hits: Vec<f64> =
        moved.iter().zip(&foreseen).map(|(y, f)| if y * f > 0.0 { 1.0 } else { 0.0 }).collect();
    let wilson = Proportion::new(
        hits.iter().sum::<f64>() as usize,
        counted.iter().sum::<f64>() as usize,
        CONFIDENCE,
    );
    let (hit, count) = (means.row(hits), means.row(counted));
    means.add(Quantity::DirectionalAccuracy, move |means| ratio(means[hit], means[count]));

    let lengths: Vec<f64> = [Some(squares), differential]
        .iter()
        .flatten()
        .filter_map(|row| optimal_block_length(row))
        .collect();
    let block_length = mean(lengths.into_iter())
        .map(|length| length.max(sample.target.horizon as f64).max(n as f64 / MOST_BLOCKS));
    let mut estimates = means.estimates(block_length);
    if let (1, Some(accuracy), Some(wilson)) =
        (sample.target.horizon, estimates.get_mut(&Quantity::DirectionalAccuracy), wilson)
    {
        (accuracy.low, accuracy.high) = (Some(wilson.low), Some(wilson.high));
    }
    let days: Vec<i64> = ts.iter().map(|ts| ts.div_euclid(DAY)).collect();
    let (y, f) = if sample.target.kind == TargetKind::LogVolatility {
        (target, forecast)
    } else {
        (&moved, &foreseen)
    };
    let by_day = coefficients_by_group(y, f, &days).unwrap_or_default();
    let GroupCoefficients { pearson, spearman, undefined: _ } = &by_day;
    estimates.extend(information(pearson, Quantity::Ic, Quantity::IcIr));
    estimates.extend(information(spearman, Quantity::RankIc, Quantity::RankIcIr));
    Some(Scores { confidence: CONFIDENCE, block_length, days: pearson.len(), estimates })
}

/// What the training mean forecasts of every window: the mean target, or of a price the last close
/// plus the mean change.
fn training_mean(sample: &Sample<'_>) -> Option<Vec<f64>> {
    let Sample { persistence, training, target, .. } = sample;
    Some(match target.kind {
        TargetKind::Price => {
            let change = mean(training.iter().map(|(target, persistence)| target - persistence))?;
            persistence.iter().map(|last| last + change).collect()
        }
        TargetKind::LogReturn | TargetKind::LogVolatility => {
            vec![mean(training.iter().map(|(target, _)| *target))?; persistence.len()]
        }
    })
}

/// The mean of a coefficient over days, and its ratio.
fn information(
    by_day: &[f64],
    of_mean: Quantity,
    of_ratio: Quantity,
) -> BTreeMap<Quantity, Estimate> {
    let statistics: [(Quantity, fn(&[f64]) -> Option<f64>); 2] = [
        (of_mean, |days| Coefficients::of(days).map(|found| found.mean)),
        (of_ratio, |days| Coefficients::of(days).and_then(|found| found.ratio)),
    ];
    let panel = Panel::new(&[by_day]).ok();
    let mut estimates = BTreeMap::new();
    for (quantity, statistic) in statistics {
        let Some(value) = statistic(by_day) else { continue };
        let interval = panel.as_ref().and_then(|panel| {
            bootstrap_interval(
                panel,
                |rows| statistic(rows[0]),
                CONFIDENCE,
                &bootstrap(BlockLength::Automatic),
            )
        });
        let (low, high) = interval.map(|interval| (interval.low, interval.high)).unzip();
        estimates.insert(quantity, Estimate { value, low, high });
    }
    estimates
}

/// Rows by window, and the metrics that are functions of their means.
struct Means {
    rows: Vec<Vec<f64>>,
    statistics: Vec<(Quantity, Statistic)>,
}

type Statistic = Box<dyn Fn(&[f64]) -> Option<f64> + Sync>;

impl Means {
    fn row(&mut self, row: Vec<f64>) -> usize {
        self.rows.push(row);
        self.rows.len() - 1
    }

    fn add(
        &mut self,
        quantity: Quantity,
        statistic: impl Fn(&[f64]) -> Option<f64> + Sync + 'static,
    ) {
        self.statistics.push((quantity, Box::new(statistic)));
    }

    fn estimates(&self, block_length: Option<f64>) -> BTreeMap<Quantity, Estimate> {
        let Some(means) =
            self.rows.iter().map(|row| mean(row.iter().copied())).collect::<Option<Vec<f64>>>()
        else {
            return BTreeMap::new();
        };
        let statistics: Vec<StatisticOfMeans<'_>> =
            self.statistics.iter().map(|(_, statistic)| &**statistic as _).collect();
        let intervals =
            block_length.zip(Panel::new(&self.rows).ok()).and_then(|(length, panel)| {
                bootstrap_intervals_of_means(
                    &panel,
                    &statistics,
                    CONFIDENCE,
                    &bootstrap(BlockLength::Fixed(length)),
                )
            });
        let intervals = intervals.unwrap_or_else(|| vec![None; statistics.len()]);
        let estimate = |((quantity, statistic), interval): (&(Quantity, Statistic), Option<_>)| {
            let value = statistic(&means).filter(|value| value.is_finite())?;
            let ends =
                interval.map(|interval: crate::BootstrapInterval| (interval.low, interval.high));
            let (low, high) = ends.unzip();
            Some((*quantity, Estimate { value, low, high }))
        };
        self.statistics.iter().zip(intervals).filter_map(estimate).collect()
    }
}

fn bootstrap(block_length: BlockLength) -> Bootstrap<'static> {
    Bootstrap {
        resamples: RESAMPLES,
        block_length,
        stream: SeedStream { seed: 1, purpose: "metric intervals" },
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.sum::<f64>() / n;
    mean.is_finite().then_some(mean)
}

fn ratio(a: f64, b: f64) -> Option<f64> {
    (b > 0.0).then(|| a / b)
}

#[cfg(test)]
mod tests;
