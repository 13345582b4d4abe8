//! Trades the trials that the dashboard lays over each other, on a thread of its own: the bars are
//! to be read first.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use super::super::TradedSplit;
use super::gather::Sources;
use super::report::traded;
use crate::dashboard::{Equity, Trades};
use evidence::backtest::START_EQUITY;
use experiment::Backtest;
use experiment::trial::TrialId;
use runs::store::{SweepRecord, read_run};

/// Trades trials of a sweep as its file says; `None` where it does not. The thread ends with what
/// it returns.
pub(in crate::cmd) fn trader(sweep: &SweepRecord) -> Option<Trades> {
    let backtest = sweep.manifest.backtest?;
    let trials = sweep.folder.join("trials");
    let (ask, asked) = channel::<TrialId>();
    let (answer, answers) = channel();
    thread::spawn(move || {
        let mut sources = Sources::default();
        for trial in asked {
            let equity = equity(&trials.join(&trial.0), backtest, &mut sources);
            if answer.send((trial, equity)).is_err() {
                return;
            }
        }
    });
    Some(Trades { ask, answers })
}

fn equity(run: &Path, backtest: Backtest, sources: &mut Sources) -> Result<Equity, String> {
    let run = read_run(run).map_err(|error| error.to_string())?;
    let job = sources.stretch(vec![&run], backtest, TradedSplit::Valid).job()?;
    let (_, ledger) = traded(&job);
    let net = ledger.equity.iter().map(|equity| (equity / START_EQUITY - 1.0) * 100.0);
    Ok(job.traded.ts.iter().copied().zip(net).collect())
}
