//! Whether a sweep is over when the test split is looked at.

use super::Failure;
use experiment::event::End;
use runs::store::{
    EarlyOpening, RunFolder, RunRecord, RunState, SweepRecord, read_sweep_summaries,
};

/// Trials of a run's sweep that are planned and have neither a result nor failed for good; `None`
/// where there are none, or the run lies in no sweep.
pub(super) fn still_open(run: &RunFolder) -> Option<EarlyOpening> {
    let sweep = read_sweep_summaries(run.path.ancestors().nth(2)?).ok()?;
    let SweepRecord { manifest, runs, damaged, .. } = &sweep;
    let is_over = |id: &&String| {
        let of_run = |run: &&RunRecord| run.trial.id.0 == **id;
        // What cannot be read is told elsewhere; waiting for it would be of no use.
        runs.iter().find(of_run).is_some_and(|run| ended(run) || !run.damage.is_empty())
            || damaged.iter().any(|(damaged, _)| damaged == *id)
    };
    let open = manifest.trials.iter().filter(|id| !is_over(id)).count();
    (open > 0).then_some(EarlyOpening { open, trials: manifest.trials.len() })
}

fn ended(run: &RunRecord) -> bool {
    run.result.is_some() || matches!(run.progress.state, RunState::Ended(End::Failed { .. }))
}

/// Refuses to look before the end.
pub(super) fn refusal(run: &str, EarlyOpening { open, trials }: EarlyOpening) -> Failure {
    let verb = if open == 1 { "is" } else { "are" };
    Failure::BadInput(format!(
        "{run}: {open} of the {trials} trials of its sweep {verb} still open; the test split can \
            show once, to a search that is over, what the chosen trial is worth: anyone who has \
            seen it and goes on searching chooses by it. Finish the sweep first, or add --early: \
            the split is opened all the same, and the opening is recorded as one before the end"
    ))
}

/// Said beside what was seen.
pub(super) fn in_words(EarlyOpening { open, trials }: EarlyOpening) -> String {
    format!(
        "opened early: {open} of {trials} trials of the sweep were still open; what is chosen from \
            here on was chosen with the test split seen"
    )
}
