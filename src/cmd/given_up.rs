//! Trials that failed so often by themselves that a sweep does not try them again.

use std::io::{self, Write};

use experiment::event::End;
use runs::store::{RunRecord, RunState, SweepRecord};
use text::clean;

/// A trial that failed this often is given up. What ended it without being its fault (Ctrl-C, a
/// worker that another trial took down) is not a failure of it.
const MAX_FAILURES: u32 = 3;

/// Trials told by name.
const TOLD: usize = 10;

/// Whether what was given up is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    Failed,
}

/// Whether a trial is to be trained: it has no result yet, and is not given up.
pub(super) fn is_missing(run: Option<&RunRecord>, retry: Retry) -> bool {
    run.is_none_or(|run| run.result.is_none() && (retry == Retry::Failed || !is_given_up(run)))
}

/// What the current plan has given up.
pub(super) fn given_up(record: &SweepRecord) -> Vec<&RunRecord> {
    record.runs.iter().filter(|run| run.current && is_given_up(run)).collect()
}

/// Says what was given up, why, and what to do; nothing where nothing was.
pub(super) fn write(given_up: &[&RunRecord], out: &mut dyn Write) -> io::Result<()> {
    if given_up.is_empty() {
        return Ok(());
    }
    let (count, s) = (given_up.len(), if given_up.len() == 1 { "" } else { "s" });
    writeln!(
        out,
        "{count} trial{s} given up after {MAX_FAILURES} failures (--retry-failed tries again):"
    )?;
    for run in given_up.iter().take(TOLD) {
        let reason = match &run.progress.state {
            RunState::Ended(End::Failed { reason }) => clean(reason),
            _ => "its last attempt was not its own to end".into(),
        };
        writeln!(
            out,
            "  {}  failed {} times, at last: {reason}",
            clean(&run.trial.id.0),
            run.progress.failures
        )?;
    }
    match count.saturating_sub(TOLD) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more"),
    }
}

fn is_given_up(run: &RunRecord) -> bool {
    run.result.is_none() && run.progress.failures >= MAX_FAILURES
}
