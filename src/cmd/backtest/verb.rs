//! The verb.

use crate::cmd::{Json, RunsDir};
use std::io::Write;

use super::super::selection::{note, read_selected, write_json};
use super::super::{BacktestArgs, Failure, Outcome, TradedSplit, clock};
use super::book::write_book;
use super::frontier_table::write_frontier;
use super::gather::{gather, nothing_traded};
use super::header::{write_end, write_header};
use super::report::{Axes, Chance, Frontiers, report, traded};
use super::table::write_table;
use evidence::compare::names;
use experiment::metric::Split;
use runs::store::{read_ledger, read_sweep_summaries};

/// Trades the recorded forecasts of the runs that the selectors name.
///
/// # Errors
/// When a selector names nothing that can be traded, the costs are not known, or the output fails.
pub fn run(args: BacktestArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let BacktestArgs {
        selectors,
        split,
        data,
        trading,
        frontier_thresholds,
        frontier_costs,
        ledger,
        runs: RunsDir { runs },
        json: Json { json },
    } = args;
    let axes = Axes {
        thresholds: validated("--frontier-thresholds", frontier_thresholds)?,
        costs: validated("--frontier-costs", frontier_costs)?,
    };
    let selected = read_selected(&runs, &selectors, read_sweep_summaries)?;
    let gathered = gather(&selected, split, &trading, data.as_deref())?;
    // Those that are not traded are listed below the table, with the reason.
    for run in selected.runs.iter().filter(|run| run.result.is_some()) {
        let (sweep, id) = names(run);
        run.damage.iter().for_each(|why| note(&format!("{sweep}/{id} is damaged: {why}")));
    }
    let split = match split {
        TradedSplit::Valid => Split::Valid,
        TradedSplit::Test => Split::Test,
    };
    let trials = gathered
        .root
        .as_ref()
        .map(|root| read_ledger(root, &clock::now()))
        .transpose()?
        .unwrap_or_default();
    let frontiers = if json { Frontiers::All(&axes) } else { Frontiers::Single(&axes) };
    let report = report(&gathered, split, frontiers, Chance::Weighed(&trials));
    if report.runs.is_empty() {
        return Err(nothing_traded(&report.skipped));
    }
    if let Some(path) = &ledger {
        let [run] = &report.runs[..] else {
            return Err(Failure::BadInput(format!(
                "--ledger writes one run's account, but {} were named",
                report.runs.len()
            )));
        };
        // Traded again: of many runs nobody keeps what only one is asked for.
        let job = gathered.stretches[run.stretch].job().map_err(Failure::BadInput)?;
        write_book(path, &job, &traded(&job).1)?;
    }
    if json {
        write_json(out, &report)?;
        return Ok(Outcome::Done);
    }
    write_header(out, &report)?;
    write_table(out, &report)?;
    if let [traded] = &report.runs[..] {
        write_frontier(out, traded)?;
    }
    write_end(out, &report)?;
    Ok(Outcome::Done)
}

/// An axis of the frontier: numbers of 0 or more, ascending.
fn validated(argument: &str, mut numbers: Vec<f64>) -> Result<Vec<f64>, Failure> {
    if let Some(wrong) = numbers.iter().find(|number| !(0.0..=1e4).contains(*number)) {
        return Err(Failure::BadInput(format!(
            "error: {argument} takes basis points from 0 to 10000, not {wrong}"
        )));
    }
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    Ok(numbers)
}
