//! What a sweep's forecasts came to when traded, for its report.

use super::super::selection::Selected;
use super::super::{Failure, TradedSplit, TradingArgs};
use super::gather::{Gathered, Job, gather};
use super::header::{costs_in_words, rule_in_words, verdict};
use super::report::{Axes, Traded, report};
use crate::backtest::{START_EQUITY, buy_and_hold, ledger, sheet};
use crate::metric::Split;
use crate::report::{TradedRun, Trading};
use crate::store;

/// Trades the validation forecasts as the experiment says; `None` where it does not, the reason where nothing can be traded.
pub(in crate::cmd) fn trading(selected: &Selected) -> Option<Result<Trading, String>> {
    let asked = selected.manifests.iter().any(|manifest| manifest.backtest.is_some())
        || selected.runs.iter().any(|run| run.trial.backtest.is_some());
    asked.then(|| match gather(selected, TradedSplit::Valid, &TradingArgs::default(), None) {
        Ok(gathered) => Ok(traded(&gathered)),
        Err(Failure::BadInput(reason)) => Err(reason),
        Err(Failure::Bug(error)) => Err(error.to_string()),
        Err(Failure::OutputClosed) => Err("the output was closed".to_owned()),
    })
}

fn traded(gathered: &Gathered) -> Trading {
    // The page shows no deflated Sharpe ratio, which is what counts former trials.
    let report = report(gathered, Split::Valid, &Axes::default(), &store::Ledger::default());
    let job_of = |traded: &Traded| gathered.jobs.iter().find(|job| job.sweep == traded.sweep && job.run == traded.run);
    let mut words = Vec::new();
    if let Some(first) = report.runs.first() {
        if first.synthetic {
            words.push("the bars are synthetic: what is earned on them is no evidence about any market".to_owned());
        }
        words.push(format!("rule: {}", rule_in_words(first)));
        words.push(format!("costs of one side: {}", costs_in_words(first)));
        if report.runs.iter().any(|run| run.backtest != first.backtest) {
            words.push("rules or costs differ between the runs; these are the first one's".to_owned());
        }
        words.push(
            "decided at a bar's close, filled at the next bar's open, over the validation forecasts, which chose the epoch"
                .to_owned(),
        );
    }
    let held = report.runs.first().and_then(job_of).and_then(held);
    let verdict = report.runs.first().map_or_else(String::new, |best| verdict(&report, best));
    let runs = report.runs.iter().filter_map(|traded| Some(account(traded, job_of(traded)?))).collect();
    Trading { words, verdict, runs, held, skipped: report.skipped }
}

fn account(traded: &Traded, job: &Job) -> TradedRun {
    TradedRun {
        run: traded.run.clone(),
        sheet: traded.sheet.clone(),
        ts: job.tape.ts.clone(),
        equity: traded.ledger.equity.clone(),
        frontier: Some(traded.frontier.clone()),
        side_bps: traded.side_bps,
    }
}

/// Buy and hold over the bars of a job, at its costs.
fn held(job: &Job) -> Option<TradedRun> {
    let Job { tape, calendar, backtest, .. } = job;
    let orders = buy_and_hold(tape);
    let ledger = ledger(tape, &orders, &backtest.costs);
    let side_bps = backtest.costs.side_bps(tape.close.iter().sum::<f64>() / tape.len() as f64);
    let sheet = sheet(tape, calendar, &orders, &ledger)?;
    debug_assert!((sheet.net_return - (ledger.equity.last()? / START_EQUITY - 1.0)).abs() < 1e-9);
    Some(TradedRun { run: "buy & hold".to_owned(), sheet, ts: tape.ts.clone(), equity: ledger.equity, frontier: None, side_bps })
}
