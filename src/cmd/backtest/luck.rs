//! What luck has to do with it: how sure a Sharpe ratio is, how high the best of so many would be
//! by chance, and whether choosing by the past chooses for the future.
//!
//! Sharpe ratios are of session returns, as in the statistics but not annualised, with raw
//! kurtosis. The number of trials is that of the ledger (every trial ever tried on these times,
//! whether or not it is still there), never less than the trials that are traded here. Divisions of
//! time and the effective number of trials are of bar returns, over the bars that all runs have;
//! runs on different data have none in common, whatever their timestamps.

use serde::Serialize;
use std::collections::{HashMap, HashSet};

use super::gather::{Job, Span};
use evidence::backtest::{Ledger, START_EQUITY, stat};
use evidence::compare::Spread;
use evidence::{
    BlockLength, Bootstrap, Panel, Performance, TrackRecord, backtest_overfitting, deflated_sharpe,
    effective_trials, expected_maximum, probabilistic_sharpe,
};
use experiment::metric::Split;
use experiment::seed::SeedStream;
use experiment::trial::TrialId;
use runs::store::{Ledger as TrialLedger, Tried, Tries, TriesCounter};

/// Stretches of time that are divided into halves, where there are bars enough.
const BLOCKS: usize = 16;

/// Bars in a stretch, at least.
const LEAST_BARS: usize = 20;

const RESAMPLES: usize = 1_000;

/// How sure one run's Sharpe ratio is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct RunLuck {
    /// Mean over standard deviation of session returns, not annualised.
    pub sharpe_per_session: Option<f64>,
    /// Sessions.
    pub observations: usize,
    /// Of session returns.
    pub skewness: Option<f64>,
    /// Of session returns, raw: 3 for a normal sample.
    pub kurtosis: Option<f64>,
    /// Probability that the true Sharpe ratio is above 0 (Bailey & López de Prado 2012).
    pub probabilistic_sharpe: Option<f64>,
    /// Probability that it is above what the best of all trials would reach by luck (Bailey & López
    /// de Prado 2014).
    pub deflated_sharpe: Option<f64>,
    /// Trials ever tried on these times, by the ledger, and which of them this one is.
    pub tries: Option<Tries>,
    /// Why something is undefined.
    pub undefined: Option<String>,
}

/// What luck has to do with all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Luck {
    /// Trials that were ever tried on these times.
    #[serde(flatten)]
    pub searched: Searched,
    /// Runs like those here that so many trials come to, which is what the deflated Sharpe ratio
    /// counts: fewer than trials where folds are traded as one stretch.
    pub strategies: usize,
    /// Independent trials among the runs here whose best would stand out as far as theirs does by
    /// luck.
    pub effective_trials: Option<f64>,
    /// Standard deviation of their Sharpe ratios, per session.
    pub sharpe_deviation: Option<f64>,
    /// What the best of so many would reach by luck, per session.
    pub expected_maximum: Option<f64>,
    /// Probability of backtest overfitting.
    pub overfitting: Option<Overfitting>,
    /// Why there is none.
    pub undefined: Option<String>,
}

/// All trials that were tried, and those that are traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Searched {
    /// Trials that were ever tried on these times.
    pub trials: usize,
    /// Those of the runs here.
    pub traded: usize,
    /// Whether the ledger told of those that are not here; else it is the number of those here.
    pub by_ledger: bool,
    /// Lines of the ledger that could not be read.
    pub damaged_lines: usize,
}

/// The probability of backtest overfitting (Bailey, Borwein, López de Prado & Zhu 2017).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Overfitting {
    /// Share of divisions in which the best of one half is at or below the median of the other.
    pub probability: f64,
    /// Divisions of time into halves.
    pub divisions: usize,
    /// Stretches that are divided.
    pub blocks: usize,
    /// Bars in a stretch.
    pub block_bars: usize,
}

/// What luck needs to know of one run's account.
#[derive(Debug)]
pub(super) struct Account {
    /// Where it was traded.
    pub span: Span,
    /// Fingerprint of what it was traded on.
    data: String,
    /// The trial, or those of its folds, and what each was tried on, where that was recorded.
    trials: Vec<(TrialId, Option<Tried>)>,
    /// Of its sessions, or why there is none.
    record: Result<TrackRecord, String>,
    /// At each bar's close, of one that trades and is not ruined.
    equity: Option<Vec<f64>>,
}

impl Account {
    /// Of a job's ledger.
    pub(super) fn of(job: Job, ledger: Ledger) -> Self {
        let record = track_record(&job, &ledger);
        let is_sound = ledger.ruined.is_none() && !ledger.fills.is_empty();
        let Job { span, data, trials, .. } = job;
        Self { span, data, trials, record, equity: is_sound.then_some(ledger.equity) }
    }

    /// Of which nobody will ask how lucky it is.
    pub(super) fn unweighed(job: Job) -> Self {
        Self {
            span: job.span,
            data: job.data,
            trials: Vec::new(),
            record: Err("it was not asked for".to_owned()),
            equity: None,
        }
    }
}

/// How often was tried what an account's forecasts were, on the span of any of its folds.
fn tries(
    account: &Account,
    split: Split,
    ledger: &TrialLedger,
    counter: &mut TriesCounter<'_>,
) -> Option<Tries> {
    match &account.trials[..] {
        [(trial, tried)] => Some(counter.tries(trial, tried.as_ref()?)),
        folds => {
            let on: Option<HashSet<&Tried>> =
                folds.iter().map(|(_, tried)| tried.as_ref()).collect();
            let on = on.filter(|on| !on.is_empty())?;
            Some(Tries {
                trials: ledger.like(&on, split).len(),
                number: None,
                damaged_lines: ledger.damage.len(),
            })
        }
    }
}

/// All trials that were tried on what these accounts' forecasts were, and how many of them these
/// are.
fn searched(accounts: &[Account], split: Split, ledger: &TrialLedger) -> Searched {
    let own = || accounts.iter().flat_map(|account| &account.trials);
    let on: HashSet<&Tried> = own().filter_map(|(_, tried)| tried.as_ref()).collect();
    let here: HashSet<&TrialId> = own().map(|(trial, _)| trial).collect();
    let all: HashSet<&TrialId> =
        ledger.like(&on, split).into_iter().chain(here.iter().copied()).collect();
    Searched {
        trials: all.len(),
        traded: here.len(),
        by_ledger: own().all(|(_, tried)| tried.is_some()),
        damaged_lines: ledger.damage.len(),
    }
}

/// Of accounts, with what the ledger of trials says of them.
pub(super) fn luck(
    accounts: Vec<Account>,
    ledger: &TrialLedger,
    split: Split,
) -> (Luck, Vec<RunLuck>) {
    let mut counter = TriesCounter::new(ledger, split);
    let mut runs: Vec<RunLuck> = Vec::with_capacity(accounts.len());
    for account in &accounts {
        let record = &account.record;
        let undefined = record.as_ref().err().cloned();
        let record = record.as_ref().ok();
        runs.push(RunLuck {
            sharpe_per_session: record.map(|record| record.sharpe),
            observations: record.map_or(0, |record| record.observations),
            skewness: record.map(|record| record.skewness),
            kurtosis: record.map(|record| record.kurtosis),
            probabilistic_sharpe: record.and_then(|record| probabilistic_sharpe(record, 0.0)),
            tries: tries(account, split, ledger, &mut counter),
            undefined,
            ..RunLuck::default()
        });
    }
    let searched = searched(&accounts, split, ledger);
    let share = searched.trials as f64 / searched.traded.max(1) as f64;
    let strategies = (accounts.len() as f64 * share).ceil();
    let is_one_series = accounts.windows(2).all(|pair| pair[0].data == pair[1].data);
    let records = || accounts.iter().map(|account| account.record.as_ref().ok());
    let sharpes: Vec<f64> = records().flatten().map(|record| record.sharpe).collect();
    let variance =
        Spread::of(&sharpes).and_then(|spread| spread.sd).map(|deviation| deviation * deviation);
    let variance = variance.filter(|_| is_one_series);
    for (run, record) in runs.iter_mut().zip(records()) {
        let Some(record) = record else { continue };
        match variance {
            Some(variance) => run.deflated_sharpe = deflated_sharpe(record, variance, strategies),
            None if !is_one_series => run.undefined = Some(OTHER_DATA.to_owned()),
            None => run.undefined = Some(NEEDS_SEVERAL.to_owned()),
        }
    }
    let mut luck = Luck {
        searched,
        strategies: strategies as usize,
        sharpe_deviation: variance.map(f64::sqrt),
        expected_maximum: variance
            .zip(expected_maximum(strategies))
            .map(|(variance, most)| variance.sqrt() * most),
        ..Luck::default()
    };
    match panel(accounts) {
        Err(why) => luck.undefined = Some(why),
        Ok(panel) => {
            let stream = SeedStream { seed: 1, purpose: "effective trials" };
            luck.effective_trials = effective_trials(
                &panel,
                &Bootstrap { resamples: RESAMPLES, block_length: BlockLength::Automatic, stream },
            );
            match overfitting(&panel) {
                Ok(found) => luck.overfitting = Some(found),
                Err(why) => luck.undefined = Some(why),
            }
        }
    }
    (luck, runs)
}

const OTHER_DATA: &str = "the runs trade different series: backtest those of one at a time";

const NEEDS_SEVERAL: &str =
    "the deflated Sharpe ratio takes those of several trials: backtest the whole sweep";

fn track_record(job: &Job, ledger: &Ledger) -> Result<TrackRecord, String> {
    if ledger.ruined.is_some() {
        return Err("it loses everything".to_owned());
    }
    if ledger.fills.is_empty() {
        return Err("it trades nothing".to_owned());
    }
    let ends: Vec<f64> = job.traded.day_ends().iter().map(|&bar| ledger.equity[bar]).collect();
    let returns = stat::day_returns(START_EQUITY, &ends);
    if returns.len() < 2 {
        return Err("one session has no Sharpe ratio".to_owned());
    }
    TrackRecord::of(&returns).ok_or_else(|| "its session returns do not vary".to_owned())
}

/// Bar returns of the runs that trade and are not ruined, over the bars that all of them have.
fn panel(accounts: Vec<Account>) -> Result<Panel, String> {
    if accounts.windows(2).any(|pair| pair[0].data != pair[1].data) {
        return Err(OTHER_DATA.to_owned());
    }
    let sound: Vec<(Span, Vec<f64>)> =
        accounts.into_iter().filter_map(|account| Some((account.span, account.equity?))).collect();
    let [(first, _), _, ..] = &sound[..] else {
        return Err("it takes at least two runs that trade".to_owned());
    };
    // Most of them trade over one stretch: it is looked at once.
    let spans: HashMap<_, &Span> = sound.iter().map(|(span, _)| (span.key(), span)).collect();
    let mut common: HashMap<i64, usize> = first.ts().iter().map(|ts| (*ts, 0)).collect();
    for span in spans.values() {
        span.ts().iter().for_each(|ts| {
            if let Some(count) = common.get_mut(ts) {
                *count += 1;
            }
        });
    }
    let all = spans.len();
    common.retain(|_, count| *count == all);
    let row = |(span, equity): (Span, Vec<f64>)| -> Vec<f64> {
        let returns = stat::day_returns(START_EQUITY, &equity);
        span.ts()
            .iter()
            .zip(returns)
            .filter(|(ts, _)| common.contains_key(ts))
            .map(|(_, r)| r)
            .collect()
    };
    Panel::of_equal(common.len(), sound.into_iter().map(row))
        .map_err(|_| "the runs have no bars in common".to_owned())
}

fn overfitting(panel: &Panel) -> Result<Overfitting, String> {
    let bars = panel.length();
    let blocks = (bars / LEAST_BARS / 2 * 2).min(BLOCKS);
    if blocks < 2 {
        return Err(format!("{bars} bars are too few to divide: it takes {}", 2 * LEAST_BARS));
    }
    let found = backtest_overfitting(panel, Performance::Sharpe, blocks);
    let found =
        found.ok_or_else(|| "too few runs trade in both halves of any division".to_owned())?;
    Ok(Overfitting {
        probability: found.probability,
        divisions: found.logits.len(),
        blocks,
        block_bars: bars / blocks,
    })
}

impl Luck {
    /// In sentences, of so many runs: several.
    pub(super) fn sentences(&self, runs: usize) -> Vec<String> {
        let Self {
            searched,
            strategies,
            effective_trials,
            expected_maximum,
            overfitting,
            undefined,
            ..
        } = self;
        let Searched { trials, traded, by_ledger, damaged_lines } = searched;
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let counted = if *by_ledger {
            let damaged = match damaged_lines {
                0 => String::new(),
                1 => "; a line of it is damaged: there may have been one more".to_owned(),
                lines => {
                    format!("; {lines} lines of it are damaged: there may have been so many more")
                }
            };
            format!("{trials} trials were tried on this span (ledger{damaged})")
        } else {
            format!(
                "{trials} trials are known of this span: these, some of them recorded before there \
                    was a ledger"
            )
        };
        let alike = effective_trials.map_or_else(String::new, |count| {
            format!("; by their returns the {runs} here are as good as {count:.1} independent ones")
        });
        let bar = expected_maximum.map_or_else(String::new, |most| {
            format!(
                "; the best of {strategies} worthless ones would reach a Sharpe ratio of about \
                    {most:.3} a session, which DSR asks for"
            )
        });
        let mut sentences = vec![format!("{counted}{alike}{bar}")];
        match (overfitting, undefined) {
            (Some(Overfitting { probability, divisions, blocks, block_bars }), _) => {
                let so = match probability {
                    0.5.. => "choosing by the past is no better than drawing lots here",
                    0.1..0.5 => "choosing by the past says little about the future here",
                    _ => "choosing by the past holds in the other half here",
                };
                let over = if traded < trials {
                    format!(" over the {runs} here, not all {trials} trials")
                } else {
                    String::new()
                };
                sentences.push(format!(
                    "the best by the Sharpe ratio of one half of the time is at or below the \
                        median in the other half in {} of {divisions} divisions (PBO{over}, \
                        {blocks} blocks of {block_bars} bars): {so}",
                    percent(*probability)
                ));
            }
            (None, Some(why)) => {
                sentences.push(format!("probability of backtest overfitting: — ({why})"))
            }
            _ => {}
        }
        sentences
    }
}

#[cfg(test)]
mod tests;
