//! Stretches → report: what each came to, and what stands beside them. Each is read, traded and let
//! go before the next, on all cores: what stays of it are its statistics, and its equity where luck
//! is to be weighed.

use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;

use super::gather::{Gathered, Job, Span, Stretch};
use super::luck::{Account, Luck, RunLuck, luck};
use evidence::backtest::{
    Calendar, Frontier, Gap, Ledger, Order, Statistics, TradedBars, buy_and_hold, frontier, ledger,
    orders, statistics, weights,
};
use experiment::metric::Split;
use experiment::{Backtest, Costs, Target};
use runs::store::Ledger as TrialLedger;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `valid` or `test`.
    pub split: &'static str,
    /// By net return, the highest first.
    pub runs: Vec<Traded>,
    /// One for each time and costs that runs were traded over.
    pub buy_and_hold: Vec<Held>,
    /// The forecast that nothing changes: it trades nothing.
    pub persistence: Option<Statistics>,
    /// What luck has to do with it.
    pub luck: Luck,
    /// Runs that cannot be traded, and why.
    pub skipped: Vec<(String, String)>,
}

/// A run's forecasts, traded.
#[derive(Debug, Serialize)]
pub(super) struct Traded {
    pub sweep: String,
    pub run: String,
    /// The bars were generated: what is earned on them is no evidence about any market.
    pub synthetic: bool,
    pub target: Target,
    /// How it was traded.
    pub backtest: Backtest,
    /// Start of the first bar, UTC.
    pub start: String,
    /// Start of the last bar, UTC.
    pub end: String,
    /// Of all bars of the source.
    pub calendar: Calendar,
    /// Costs of one side at the mean price, basis points.
    pub side_bps: f64,
    pub statistics: Statistics,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontier: Option<Frontier>,
    /// How sure its Sharpe ratio is.
    pub luck: RunLuck,
    /// How often the run's test split was opened.
    pub test_openings: usize,
    /// Which of the stretches it is of.
    #[serde(skip)]
    pub stretch: usize,
}

/// Buy and hold over the bars of some runs.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    /// Over whose bars and at whose costs.
    pub runs: Vec<String>,
    pub statistics: Statistics,
}

/// Rows and columns of the frontier, basis points, as given; empty for those that fit.
#[derive(Clone, Debug, Default)]
pub(super) struct Axes {
    pub thresholds: Vec<f64>,
    pub costs: Vec<f64>,
}

/// What is told of luck.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chance<'a> {
    /// All, with the trials that the ledger knows.
    Weighed(&'a TrialLedger),
    /// Nothing.
    LeftOut,
}

/// Which runs get a frontier over threshold × cost.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frontiers<'a> {
    /// Each.
    All(&'a Axes),
    /// A run that is the only one.
    Single(&'a Axes),
    /// None.
    LeftOut,
}

/// Trades every stretch.
pub(super) fn report(
    gathered: &Gathered<'_>,
    split: Split,
    frontiers: Frontiers<'_>,
    chance: Chance<'_>,
) -> Report {
    let Gathered { stretches, skipped, root: _ } = gathered;
    let axes = match frontiers {
        Frontiers::All(axes) => Some(axes),
        Frontiers::Single(axes) if stretches.len() == 1 => Some(axes),
        Frontiers::Single(_) | Frontiers::LeftOut => None,
    };
    let outcomes: Vec<Result<(Traded, Account), String>> = stretches
        .par_iter()
        .enumerate()
        .map(|(place, stretch)| outcome(stretch, place, axes, chance))
        .collect();
    let (mut runs, mut accounts, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (stretch, outcome) in stretches.iter().zip(outcomes) {
        match outcome {
            Ok((traded, account)) => {
                runs.push(traded);
                accounts.push(account);
            }
            Err(reason) => failed.push((stretch.name(), reason)),
        }
    }
    let buy_and_hold = held(&runs, &accounts);
    let persistence = runs
        .first()
        .zip(accounts.first())
        .and_then(|(run, account)| persistence(&account.span, &run.backtest.costs));
    let mut of_all = Luck::default();
    if let Chance::Weighed(ledger) = chance {
        let (found, of_runs) = luck(accounts, ledger, split);
        of_all = found;
        runs.iter_mut().zip(of_runs).for_each(|(run, of_run)| run.luck = of_run);
    }
    runs.sort_by(|a, b| b.statistics.net_return.total_cmp(&a.statistics.net_return));
    let split = if split == Split::Test { "test" } else { "valid" };
    let skipped = failed.into_iter().chain(skipped.iter().cloned()).collect();
    Report { split, runs, buy_and_hold, persistence, luck: of_all, skipped }
}

fn outcome(
    stretch: &Stretch<'_>,
    place: usize,
    axes: Option<&Axes>,
    chance: Chance<'_>,
) -> Result<(Traded, Account), String> {
    let job = stretch.job()?;
    let (orders, ledger) = traded(&job);
    let Job {
        sweep,
        run,
        is_synthetic,
        target,
        backtest,
        flat_before,
        span,
        traded,
        expected,
        openings,
        ..
    } = &job;
    let calendar = span.calendar();
    let statistics =
        statistics(traded, &calendar, &orders, &ledger).ok_or("there are no bars to trade on")?;
    let side_bps = backtest.costs.side_bps(traded.close.iter().sum::<f64>() / traded.len() as f64);
    let frontier = axes.map(|axes| {
        let axes = axes.or_fitting(expected, side_bps);
        frontier(
            traded,
            &calendar,
            expected,
            (backtest.limits, *flat_before),
            &axes.thresholds,
            &axes.costs,
        )
    });
    let traded = Traded {
        sweep: sweep.clone(),
        run: run.clone(),
        synthetic: *is_synthetic,
        target: target.clone(),
        backtest: *backtest,
        start: utc(statistics.start_ts),
        end: utc(statistics.end_ts),
        calendar,
        side_bps,
        frontier,
        statistics,
        luck: RunLuck::default(),
        test_openings: *openings,
        stretch: place,
    };
    let account = match chance {
        Chance::Weighed(_) => Account::of(job, ledger),
        Chance::LeftOut => Account::unweighed(job),
    };
    Ok((traded, account))
}

/// What a job's rule orders, and what that comes to.
pub(super) fn traded(job: &Job) -> (Vec<Order>, Ledger) {
    let weights = weights(job.backtest.rule, job.backtest.limits, &job.expected);
    let orders = orders(&job.traded, &weights, job.flat_before);
    let ledger = ledger(&job.traded, &orders, &job.backtest.costs);
    (orders, ledger)
}

/// Buy and hold over the bars of the runs, once for all over the same bars at the same costs.
fn held(runs: &[Traded], accounts: &[Account]) -> Vec<Held> {
    let mut groups: Vec<(Costs, &Span, Vec<String>)> = Vec::new();
    let mut places: HashMap<(usize, Range<usize>), Vec<usize>> = HashMap::new();
    for (run, Account { span, .. }) in runs.iter().zip(accounts) {
        let same_bars = places.entry(span.key()).or_default();
        let name = format!("{}/{}", run.sweep, run.run);
        match same_bars.iter().find(|group| groups[**group].0 == run.backtest.costs) {
            Some(&group) => groups[group].2.push(name),
            None => {
                same_bars.push(groups.len());
                groups.push((run.backtest.costs, span, vec![name]));
            }
        }
    }
    let of_group = |(costs, span, runs): (Costs, &Span, Vec<String>)| {
        let traded = span.traded();
        let orders = buy_and_hold(&traded);
        let statistics =
            statistics(&traded, &span.calendar(), &orders, &ledger(&traded, &orders, &costs))?;
        Some(Held { runs, statistics })
    };
    groups.into_par_iter().filter_map(of_group).collect()
}

/// An expected return of 0 at every bar.
fn persistence(span: &Span, costs: &Costs) -> Option<Statistics> {
    let traded: TradedBars = span.traded();
    let orders = orders(&traded, &vec![0.0; traded.len()], Gap::None);
    statistics(&traded, &span.calendar(), &orders, &ledger(&traded, &orders, costs))
}

/// Shares of the forecasts that a threshold leaves out.
const LEFT_OUT: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];

impl Axes {
    /// As given; else thresholds that leave out known shares of the forecasts, and costs around the
    /// given one.
    pub(super) fn or_fitting(&self, expected: &[f64], side_bps: f64) -> Self {
        let Self { thresholds, costs } = self;
        let thresholds =
            if thresholds.is_empty() { fitting_thresholds(expected) } else { thresholds.clone() };
        let unit = if side_bps > 0.0 { side_bps } else { 0.5 };
        let costs = if costs.is_empty() {
            [0.0, 0.5, 1.0, 2.0, 4.0].map(|times| times * unit).to_vec()
        } else {
            costs.clone()
        };
        Self { thresholds, costs }
    }
}

fn fitting_thresholds(expected: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> = expected
        .iter()
        .filter(|expected| !expected.is_nan())
        .map(|expected| expected.abs() * 1e4)
        .collect();
    sizes.sort_by(f64::total_cmp);
    let at = |share: f64| {
        sizes.get((share * sizes.len() as f64) as usize).copied().map_or(0.0, two_digits)
    };
    let mut thresholds: Vec<f64> = std::iter::once(0.0).chain(LEFT_OUT.map(at)).collect();
    thresholds.dedup();
    thresholds
}

/// Rounded to two significant digits.
fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// RFC 3339.
pub(super) fn utc(ts: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ts)).map(|ts| ts.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
