//! What a sweep's forecasts came to when traded, for its report.

use super::super::selection::Selected;
use super::super::{Failure, TradedSplit, TradingArgs};
use super::gather::{Gathered, Job, gather, nothing_traded};
use super::header::{costs_in_words, rule_in_words, verdict};
use super::report::{Axes, Chance, Frontiers, Report, Traded, report};
use crate::report::{TradedAccount, TradedRun, Trading, drawn_accounts};
use evidence::backtest::{START_EQUITY, buy_and_hold, frontier, ledger, statistics};
use evidence::compare::Comparison;
use experiment::metric::Split;

/// Trades the validation forecasts as the experiment says; `None` where it does not, the reason
/// where nothing can be traded.
pub(in crate::cmd) fn trading(
    selected: &Selected,
    comparison: &Comparison,
) -> Option<Result<Trading, String>> {
    let asked = selected.manifests.iter().any(|manifest| manifest.backtest.is_some())
        || selected.runs.iter().any(|run| run.trial.backtest.is_some());
    asked.then(|| {
        let told = |failure: Failure| match failure {
            Failure::BadInput(reason) | Failure::Machine(reason) => reason,
            Failure::Bug(error) => error.to_string(),
            Failure::OutputClosed => "the output was closed".to_owned(),
        };
        let gathered =
            gather(selected, TradedSplit::Valid, &TradingArgs::default(), None).map_err(told)?;
        // The page shows no deflated Sharpe ratio, and the frontier of one run.
        let report = report(&gathered, Split::Valid, Frontiers::LeftOut, Chance::LeftOut);
        if report.runs.is_empty() {
            return Err(told(nothing_traded(&report.skipped)));
        }
        traded(&gathered, report, comparison)
    })
}

fn traded(
    gathered: &Gathered<'_>,
    report: Report,
    comparison: &Comparison,
) -> Result<Trading, String> {
    let mut words = Vec::new();
    if let Some(first) = report.runs.first() {
        if first.synthetic {
            words.push(
                "the bars are synthetic: what is earned on them is no evidence about any market"
                    .to_owned(),
            );
        }
        words.push(format!("rule: {}", rule_in_words(first)));
        words.push(format!("costs of one side: {}", costs_in_words(first)));
        if report.runs.iter().any(|run| run.backtest != first.backtest) {
            words.push(
                "rules or costs differ between the runs; these are the first one's".to_owned(),
            );
        }
        words.push(
            "decided at a bar's close, filled at the next bar's open, over the validation \
                forecasts, which chose the epoch"
                .to_owned(),
        );
    }
    let verdict = report.runs.first().map_or_else(String::new, |best| verdict(&report, best));
    let first = report.runs.first().map(|run| run.stretch);
    let held =
        first.map(|stretch| gathered.stretches[stretch].job()).transpose()?.as_ref().and_then(held);
    let stretches: Vec<usize> = report.runs.iter().map(|run| run.stretch).collect();
    let mut runs: Vec<TradedRun> = report.runs.into_iter().map(without_account).collect();
    for place in drawn_accounts(comparison, &runs) {
        // Traded again: of many runs nobody keeps what is drawn of four.
        let job = gathered.stretches[stretches[place]].job()?;
        runs[place].account = Some(account(&job, runs[place].side_bps));
    }
    Ok(Trading { words, verdict, runs, held, skipped: report.skipped })
}

fn without_account(traded: Traded) -> TradedRun {
    TradedRun {
        run: traded.run,
        statistics: traded.statistics,
        side_bps: traded.side_bps,
        account: None,
    }
}

fn account(job: &Job, side_bps: f64) -> TradedAccount {
    let Job { traded, expected, backtest, flat_before, span, .. } = job;
    let (_, ledger) = super::report::traded(job);
    let axes = Axes::default().or_fitting(expected, side_bps);
    let limits = (backtest.limits, *flat_before);
    let frontier =
        frontier(traded, &span.calendar(), expected, limits, &axes.thresholds, &axes.costs);
    TradedAccount { ts: traded.ts.clone(), equity: ledger.equity, frontier: Some(frontier) }
}

/// Buy and hold over the bars of a job, at its costs.
fn held(job: &Job) -> Option<TradedRun> {
    let Job { traded, span, backtest, .. } = job;
    let orders = buy_and_hold(traded);
    let ledger = ledger(traded, &orders, &backtest.costs);
    let side_bps = backtest.costs.side_bps(traded.close.iter().sum::<f64>() / traded.len() as f64);
    let statistics = statistics(traded, &span.calendar(), &orders, &ledger)?;
    debug_assert!(
        (statistics.net_return - (ledger.equity.last()? / START_EQUITY - 1.0)).abs() < 1e-9
    );
    let account = TradedAccount { ts: traded.ts.clone(), equity: ledger.equity, frontier: None };
    Some(TradedRun { run: "buy & hold".to_owned(), statistics, side_bps, account: Some(account) })
}
