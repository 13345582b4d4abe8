//! Weighs a comparison within the search that its runs were chosen from, with what the store knows
//! of it.

use std::path::Path;

use super::selection::ForecastFiles;
use evidence::compare::{Comparison, Search, Stored, names};
use experiment::metric::Split;
use runs::store::{Ledger, RunFolder, RunRecord, SweepFolder, seen_ledger};

/// Weighs the ranked rows of some runs within the rest of their sweeps. The ledger is read, and
/// nothing is written to it; what takes long is kept in the folder of the first run's sweep.
pub(super) fn weigh(
    comparison: &mut Comparison,
    runs: &mut Vec<RunRecord>,
    rest: &mut Vec<RunRecord>,
    files: &ForecastFiles,
) {
    let Some(first) = runs.first() else { return };
    let ledger = first.folder.ancestors().nth(3).and_then(|root| seen_ledger(root).ok());
    weigh_by(comparison, runs, rest, ledger.as_ref(), files);
}

/// [`weigh`], by a ledger that was read already.
pub(super) fn weigh_by(
    comparison: &mut Comparison,
    runs: &mut Vec<RunRecord>,
    rest: &mut Vec<RunRecord>,
    ledger: Option<&Ledger>,
    files: &ForecastFiles,
) {
    let compared = runs.len();
    runs.append(rest);
    let folder =
        runs.first().and_then(|run| run.folder.ancestors().nth(2)).unwrap_or(Path::new("."));
    let (folder, of_sweeps) = (SweepFolder { path: folder.to_owned() }, of_sweeps(runs));
    let stamp = |run: &RunRecord, split: Split| {
        let attempt = run.result.as_ref().map_or(0, |result| result.attempt);
        let split = if split == Split::Test { "test" } else { "valid" };
        RunFolder { path: run.folder.clone() }.forecasts_stamp(attempt, split)
    };
    let kept = |name: &str| folder.cached(&format!("{name}{of_sweeps}"));
    let keep = |name: &str, bytes: &[u8]| {
        // What could not be read is told each time. Who may not write there computes it each time.
        if files.notes().is_empty() {
            drop(folder.cache(&format!("{name}{of_sweeps}"), bytes));
        }
    };
    let stored = Stored { stamp: &stamp, read: &kept, write: &keep };
    let read = |run: &RunRecord, split| files.read(run, split);
    comparison.weigh(&Search { runs, compared, ledger, read: &read, stored: Some(stored) });
    *rest = runs.split_off(compared);
}

/// What several sweeps' names are in the name of what is kept of them together; nothing of one
/// sweep.
fn of_sweeps(runs: &[RunRecord]) -> String {
    let mut sweeps: Vec<String> = runs.iter().map(|run| names(run).0).collect();
    sweeps.sort_unstable();
    sweeps.dedup();
    if sweeps.len() < 2 {
        String::new()
    } else {
        format!("-{}", &blake3::hash(sweeps.join("/").as_bytes()).to_hex()[..8])
    }
}
