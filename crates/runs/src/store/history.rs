//! The epochs of a run with the times at which they ended: what a fold of its events does not keep.

use std::collections::BTreeMap;
use std::path::Path;

use lane_types::EpochReport;

use super::RunProgress;
use super::scan::{Told, Walk};
use super::{FileError, result_file};
use experiment::event::Event;

/// When a run did what, by its log. Times are RFC 3339 in UTC, as they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Its first attempt began.
    pub started: Option<String>,
    /// Its newest attempt ended; none while it is open.
    pub ended: Option<String>,
    /// Each epoch and when it ended, ascending: those of [`RunProgress::epochs`].
    pub epochs: Vec<(String, EpochReport)>,
}

/// Reads the history of a run, of the attempts up to the one that won. What cannot be read of the
/// log is left out; it is told by [`super::read_run`].
///
/// # Errors
/// When `result.json` is damaged.
pub fn history(run: &Path) -> Result<History, FileError> {
    let result = result_file::read_with_covers(run)?;
    let (mut progress, mut times) = (RunProgress::default(), BTreeMap::new());
    let (mut started, mut ended) = (None, None);
    let mut take = |told| {
        let Told::Line(attempt, line) = told else { return };
        match &line.event {
            Event::Started { .. } => {
                ended = None;
                started.get_or_insert_with(|| line.at.clone());
            }
            Event::Epoch(report) => drop(times.insert(report.epoch, line.at.clone())),
            Event::Ended { .. } => ended = Some(line.at.clone()),
            Event::Checkpoint(_) | Event::Warning { .. } => {}
        }
        progress.fold(attempt, &line);
    };
    match result {
        Some((result, covers)) => {
            Walk::default().finish(run, result.attempt, covers.log.as_deref(), &mut take)
        }
        None => Walk::default().advance(run, &mut take),
    }
    let epochs = progress
        .epochs
        .into_iter()
        .filter_map(|report| Some((times.remove(&report.epoch)?, report)))
        .collect();
    Ok(History { started, ended, epochs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epochs_are_those_of_the_record_each_with_its_time() {
        let run = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/stores/v1/grid/trials/31d897f497c7");
        let history = history(&run).unwrap();
        let epochs: Vec<EpochReport> =
            history.epochs.iter().map(|(_, report)| report.clone()).collect();
        assert_eq!(epochs, super::super::read_run(&run).unwrap().progress.epochs);
        assert_eq!(epochs.iter().map(|report| report.epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(history.epochs.iter().all(|(at, _)| at == "2026-01-02T03:04:05Z"));
        assert_eq!(
            (history.started.as_deref(), history.ended.as_deref()),
            (Some("2026-01-02T03:04:05Z"), Some("2026-01-02T03:04:05Z"))
        );
    }

    #[test]
    fn a_running_run_has_not_ended() {
        let run = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/stores/v1/grid/trials/6ae5c693e4dd");
        let history = history(&run).unwrap();
        assert!(history.started.is_some() && history.ended.is_none() && history.epochs.len() == 1);
    }
}
