//! What becomes of a pack whose worker is gone: it is trained again in halves, until the trial is
//! alone that takes its worker down. Only that trial has failed; the others were interrupted.

use std::path::PathBuf;

use super::Problem;
use experiment::event::{End, Event};
use experiment::trial::TrialId;
use runs::store::{AttemptInfo, FileError, RunFolder, SweepFolder};

/// A trial in a worker's hands.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    pub trial: TrialId,
    /// Its newest attempt when it was handed over: later ones are the worker's.
    before: Option<PathBuf>,
}

impl Handed {
    /// Before it is handed over. A run that cannot be looked at will be told by the worker.
    pub(super) fn new(folder: &SweepFolder, trial: TrialId) -> Self {
        let before = folder.run(&trial).and_then(|run| run.newest_attempt()).ok().flatten();
        Self { trial, before }
    }
}

/// Why a worker is gone, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death<'a> {
    /// Begins with [`experiment::event::WORKER_DIED`].
    pub reason: &'a str,
    /// RFC 3339, UTC.
    pub at: &'a str,
    pub device: &'a str,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody asked for it: a trial may have done it.
    Unknown,
    /// The sweep was stopping and did not wait for it.
    Stopping,
}

/// What is left of a pack.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Left {
    /// To be trained again.
    pub again: Vec<TrialId>,
    pub unrecorded: Vec<(TrialId, Problem)>,
}

/// Closes the logs of a pack whose worker is gone.
pub(super) fn close(folder: &SweepFolder, pack: Vec<Handed>, death: Death<'_>) -> Left {
    let mut left = Left::default();
    let lanes = pack.len();
    for Handed { trial, before } in pack {
        match folder.run(&trial).and_then(|run| close_one(&run, before, lanes, death)) {
            Ok(Closed::Over) => {}
            Ok(Closed::Again) => left.again.push(trial),
            Err(error) => left.unrecorded.push((trial, Problem::from(error).after(death.reason))),
        }
    }
    left
}

/// The ends of a lane of several that something ended which was not its own.
pub(super) fn interrupted(reason: &str, lanes: usize) -> Vec<Event> {
    let message =
        format!("{reason}; it was one of {lanes} in its pack, which goes on in smaller ones");
    vec![Event::Warning { message }, Event::Ended { end: End::Interrupted }]
}

/// Two packs of half as many; one trial stays alone.
pub(super) fn halves(mut trials: Vec<TrialId>) -> Vec<Vec<TrialId>> {
    let rest = trials.split_off(trials.len().div_ceil(2));
    [trials, rest].into_iter().filter(|half| !half.is_empty()).collect()
}

enum Closed {
    /// It has ended: finished before its worker was gone, or failed now.
    Over,
    Again,
}

fn close_one(
    run: &RunFolder,
    before: Option<PathBuf>,
    lanes: usize,
    death: Death<'_>,
) -> Result<Closed, FileError> {
    if run.result()?.is_some() {
        return Ok(Closed::Over);
    }
    let events = match (death.cause, lanes) {
        (Cause::Stopping, _) => {
            let message =
                format!("{}: the sweep was stopping and did not wait for it", death.reason);
            vec![Event::Warning { message }, Event::Ended { end: End::Interrupted }]
        }
        (Cause::Unknown, 1) => {
            vec![Event::Ended { end: End::Failed { reason: death.reason.to_owned() } }]
        }
        (Cause::Unknown, lanes) => interrupted(death.reason, lanes),
    };
    let again = if lanes > 1 { Closed::Again } else { Closed::Over };
    if run.newest_attempt()? == before {
        // The worker was gone before it began with this one.
        if lanes == 1 && death.cause == Cause::Unknown {
            let info = AttemptInfo::of_this_process(
                death.device.to_owned(),
                Vec::new(),
                death.at.to_owned(),
            );
            let mut attempt = run.start_attempt(&info)?;
            for event in events {
                attempt.append(death.at.to_owned(), event)?;
            }
        }
        return Ok(again);
    }
    match run.newest_end()? {
        Some(End::Interrupted) => Ok(again),
        Some(_) => Ok(Closed::Over),
        None => {
            run.close_lost(death.at, events)?;
            Ok(again)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<TrialId> {
        names.iter().map(|name| TrialId((*name).to_owned())).collect()
    }

    #[test]
    fn halving_ends_with_single_trials_and_loses_none() {
        assert_eq!(halves(ids(&["a", "b", "c"])), [ids(&["a", "b"]), ids(&["c"])]);
        assert_eq!(halves(ids(&["a"])), [ids(&["a"])]);
        assert!(halves(Vec::new()).is_empty());
    }
}
