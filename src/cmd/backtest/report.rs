//! Jobs → reports: what each came to, and what stands beside them.

use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashSet;

use super::gather::{Gathered, Job};
use super::luck::{Luck, RunLuck, Searched, luck};
use crate::backtest::{
    Calendar, Frontier, Gap, Ledger, Order, Sheet, Tape, buy_and_hold, frontier, ledger, orders, sheet, weights,
};
use crate::metric::Split;
use crate::spec::{Backtest, Costs, Target};
use crate::store::{Ledger as TrialLedger, Tried, Tries};
use crate::trial::TrialId;

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
    pub persistence: Option<Sheet>,
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
    pub sheet: Sheet,
    pub frontier: Frontier,
    /// How sure its Sharpe ratio is.
    pub luck: RunLuck,
    /// How often the run's test split was opened.
    pub test_openings: usize,
    #[serde(skip)]
    pub ledger: Ledger,
}

/// Buy and hold over the bars of some runs.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    /// Over whose bars and at whose costs.
    pub runs: Vec<String>,
    pub sheet: Sheet,
    #[serde(skip)]
    bars: (i64, i64, usize),
    #[serde(skip)]
    costs: Costs,
}

/// Rows and columns of the frontier, basis points, as given; empty for those that fit.
#[derive(Clone, Debug, Default)]
pub(super) struct Axes {
    pub thresholds: Vec<f64>,
    pub costs: Vec<f64>,
}

/// Trades every job.
pub(super) fn report(gathered: &Gathered, split: Split, axes: &Axes, trials: &TrialLedger) -> Report {
    let Gathered { jobs, skipped, root: _ } = gathered;
    let mut buy_and_hold: Vec<Held> = Vec::new();
    let mut runs: Vec<Traded> = Vec::new();
    let mut traded_jobs: Vec<&Job> = Vec::new();
    for job in jobs {
        let Some(traded) = trade(job, axes) else { continue };
        hold(job, &mut buy_and_hold);
        traded_jobs.push(job);
        runs.push(traded);
    }
    let tries = |job: &Job| tries(job, split, trials);
    let accounts: Vec<_> = traded_jobs.iter().zip(&runs).map(|(job, traded)| (*job, &traded.ledger, tries(job))).collect();
    let (luck, of_runs) = luck(&accounts, searched(&traded_jobs, split, trials));
    runs.iter_mut().zip(of_runs).for_each(|(run, of_run)| run.luck = of_run);
    runs.sort_by(|a, b| b.sheet.net_return.total_cmp(&a.sheet.net_return));
    let persistence = jobs.first().and_then(|job| persistence(&job.tape, &job.calendar, &job.backtest.costs));
    let split = if split == Split::Test { "test" } else { "valid" };
    Report { split, runs, buy_and_hold, persistence, luck, skipped: skipped.clone() }
}

/// How often was tried what a job was, on the span of any of its folds.
fn tries(job: &Job, split: Split, trials: &TrialLedger) -> Option<Tries> {
    match &job.trials[..] {
        [(trial, tried)] => Some(trials.tries(trial, tried.as_ref()?, split)),
        folds => {
            let on: Option<HashSet<&Tried>> = folds.iter().map(|(_, tried)| tried.as_ref()).collect();
            let all = trials.like(&on?, split);
            Some(Tries { trials: all.len(), number: None, damaged_lines: trials.damage.len() })
        }
    }
}

/// All trials that were tried on what these jobs were, and how many of them these are.
fn searched(jobs: &[&Job], split: Split, trials: &TrialLedger) -> Searched {
    let own = || jobs.iter().flat_map(|job| &job.trials);
    let on: HashSet<&Tried> = own().filter_map(|(_, tried)| tried.as_ref()).collect();
    let here: HashSet<&TrialId> = own().map(|(trial, _)| trial).collect();
    let all: HashSet<&TrialId> = trials.like(&on, split).into_iter().chain(here.iter().copied()).collect();
    Searched {
        trials: all.len(),
        traded: here.len(),
        by_ledger: own().all(|(_, tried)| tried.is_some()),
        damaged_lines: trials.damage.len(),
    }
}

fn trade(job: &Job, axes: &Axes) -> Option<Traded> {
    let Job { sweep, run, is_synthetic, target, backtest, flat_before, tape, calendar, expected, openings, .. } = job;
    let (orders, ledger) = traded(job);
    let sheet = sheet(tape, calendar, &orders, &ledger)?;
    let side_bps = backtest.costs.side_bps(tape.close.iter().sum::<f64>() / tape.len() as f64);
    let axes = axes.or_fitting(expected, side_bps);
    Some(Traded {
        sweep: sweep.clone(),
        run: run.clone(),
        synthetic: *is_synthetic,
        target: target.clone(),
        backtest: *backtest,
        start: utc(sheet.start_ts),
        end: utc(sheet.end_ts),
        calendar: *calendar,
        side_bps,
        frontier: frontier(tape, calendar, expected, (backtest.limits, *flat_before), &axes.thresholds, &axes.costs),
        sheet,
        luck: RunLuck::default(),
        test_openings: *openings,
        ledger,
    })
}

/// What a job's rule orders, and what that comes to.
pub(super) fn traded(job: &Job) -> (Vec<Order>, Ledger) {
    let weights = weights(job.backtest.rule, job.backtest.limits, &job.expected);
    let orders = orders(&job.tape, &weights, job.flat_before);
    let ledger = ledger(&job.tape, &orders, &job.backtest.costs);
    (orders, ledger)
}

/// Adds a job to the buy and hold over the same bars at the same costs.
fn hold(job: &Job, held: &mut Vec<Held>) {
    let Job { tape, calendar, backtest, .. } = job;
    let bars = (tape.ts.first().copied().unwrap_or_default(), tape.ts.last().copied().unwrap_or_default(), tape.len());
    let name = format!("{}/{}", job.sweep, job.run);
    if let Some(same) = held.iter_mut().find(|held| held.bars == bars && held.costs == backtest.costs) {
        same.runs.push(name);
        return;
    }
    let orders = buy_and_hold(tape);
    if let Some(sheet) = sheet(tape, calendar, &orders, &ledger(tape, &orders, &backtest.costs)) {
        held.push(Held { runs: vec![name], sheet, bars, costs: backtest.costs });
    }
}

/// An expected return of 0 at every bar.
fn persistence(tape: &Tape, calendar: &Calendar, costs: &Costs) -> Option<Sheet> {
    let orders = orders(tape, &vec![0.0; tape.len()], Gap::None);
    sheet(tape, calendar, &orders, &ledger(tape, &orders, costs))
}

/// Shares of the forecasts that a threshold leaves out.
const LEFT_OUT: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];

impl Axes {
    /// As given; else thresholds that leave out known shares of the forecasts, and costs around the given one.
    fn or_fitting(&self, expected: &[f64], side_bps: f64) -> Self {
        let Self { thresholds, costs } = self;
        let thresholds = if thresholds.is_empty() { fitting_thresholds(expected) } else { thresholds.clone() };
        let unit = if side_bps > 0.0 { side_bps } else { 0.5 };
        let costs = if costs.is_empty() { [0.0, 0.5, 1.0, 2.0, 4.0].map(|times| times * unit).to_vec() } else { costs.clone() };
        Self { thresholds, costs }
    }
}

fn fitting_thresholds(expected: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> = expected.iter().filter(|expected| !expected.is_nan()).map(|expected| expected.abs() * 1e4).collect();
    sizes.sort_by(f64::total_cmp);
    let at = |share: f64| sizes.get((share * sizes.len() as f64) as usize).copied().map_or(0.0, two_digits);
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
mod tests {
    use super::*;

    #[test]
    fn thresholds_leave_out_known_shares_of_the_forecasts() {
        let expected: Vec<f64> = (0..=200).map(|i| f64::from(i - 100) * 1e-6).chain([f64::NAN]).collect();
        assert_eq!(fitting_thresholds(&expected), [0.0, 0.5, 0.75, 0.9, 0.95, 0.99]);
        assert_eq!(fitting_thresholds(&[0.0; 5]), [0.0]);
        assert_eq!(fitting_thresholds(&[f64::NAN]), [0.0]);
    }

    #[test]
    fn costs_are_around_the_given_one_unless_they_are_given() {
        assert_eq!(Axes::default().or_fitting(&[], 2.0).costs, [0.0, 1.0, 2.0, 4.0, 8.0]);
        assert_eq!(Axes { costs: vec![3.0], ..Axes::default() }.or_fitting(&[], 2.0).costs, [3.0]);
    }
}
