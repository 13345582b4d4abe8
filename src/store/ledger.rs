//! `runs/ledger.jsonl`: every trial that was ever tried, and on what.
//!
//! The best of many tries is lucky, whether or not the others were deleted since: so this file is no cache. It is appended to, one
//! write(2) a line; a torn last line is not counted; nothing removes a line. What it lacks (it was deleted, or a kill came between a
//! result and its line) is added from the results that are still there when it is read.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::names_in;
use super::{StoreError, Tried, access, list_sweeps, manifest, publish, result_file};
use crate::metric::Split;
use crate::trial::TrialId;

/// One line: a trial that came to validation forecasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Version of the format, 1.
    pub v: u32,
    /// When it was written down, RFC 3339 in UTC.
    pub at: String,
    /// The sweep that it was tried in.
    pub sweep: String,
    /// The trial.
    pub trial: TrialId,
    /// What it was tried on.
    #[serde(flatten)]
    pub tried: Tried,
}

/// Every trial that was ever tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// In the order in which they were written down.
    pub entries: Vec<LedgerEntry>,
    /// Lines that could not be read, and why.
    pub damage: Vec<String>,
}

/// How often the same was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tries {
    /// Trials that were ever tried on the same data and target over a time that overlaps.
    pub trials: usize,
    /// Which of them a trial is, from 1, in the order in which they were written down.
    pub number: Option<usize>,
}

impl Ledger {
    /// Reads `root`'s ledger and adds what it lacks of the results under `root`, stamped with `at` (RFC 3339, UTC). Where the file
    /// cannot be written to, it is read all the same.
    ///
    /// # Errors
    /// When `root` cannot be listed or the file cannot be read.
    pub fn read(root: &Path, at: &str) -> Result<Self, StoreError> {
        let path = path_in(root);
        let mut ledger = parse(&publish::read_if_there(&path)?.unwrap_or_default());
        let known: HashSet<(&TrialId, &Tried)> = ledger.entries.iter().map(|entry| (&entry.trial, &entry.tried)).collect();
        let lacking: Vec<LedgerEntry> = results(root)?
            .into_iter()
            .filter(|(_, trial, tried)| !known.contains(&(trial, tried)))
            .map(|(sweep, trial, tried)| LedgerEntry { v: super::VERSION, at: at.to_owned(), sweep, trial, tried })
            .collect();
        // Another store's owner may look at it, too: what cannot be written down is counted now and found again.
        drop(lacking.iter().try_for_each(|entry| append(root, entry)));
        ledger.entries.extend(lacking);
        Ok(ledger)
    }

    /// How often was tried what `trial` was: the same data and target, over a time of `split` that overlaps. A trial counts once, in
    /// however many sweeps it was; other seeds, settings and folds are other trials.
    #[must_use]
    pub fn tries(&self, trial: &TrialId, tried: &Tried, split: Split) -> Tries {
        let mut seen = HashSet::new();
        let mut number = None;
        for entry in self.entries.iter().filter(|entry| entry.tried.is_like(tried, split)) {
            if seen.insert(&entry.trial) && entry.trial == *trial {
                number = Some(seen.len());
            }
        }
        Tries { trials: seen.len(), number }
    }
}

impl Tried {
    fn span(&self, split: Split) -> Option<(i64, i64)> {
        match split {
            Split::Test => self.test,
            Split::Train | Split::Valid => self.valid,
        }
    }

    /// Whether both are about the same data and target, at times of a split that overlap.
    pub(super) fn is_like(&self, other: &Self, split: Split) -> bool {
        let overlap = |a: (i64, i64), b: (i64, i64)| a.0 <= b.1 && b.0 <= a.1;
        self.data == other.data
            && self.target == other.target
            && self.span(split).zip(other.span(split)).is_some_and(|(a, b)| overlap(a, b))
    }
}

/// Writes a trial down.
pub(super) fn record(run: &Path, at: String, trial: &TrialId, tried: &Tried) -> Result<(), StoreError> {
    let sweep = run.parent().and_then(Path::parent);
    let (Some(root), Some(name)) = (sweep.and_then(Path::parent), sweep.and_then(Path::file_name)) else { return Ok(()) };
    let sweep = name.to_string_lossy().into_owned();
    append(root, &LedgerEntry { v: super::VERSION, at, sweep, trial: trial.clone(), tried: tried.clone() })
}

fn path_in(root: &Path) -> PathBuf {
    root.join("ledger.jsonl")
}

fn append(root: &Path, entry: &LedgerEntry) -> Result<(), StoreError> {
    let path = path_in(root);
    let failed = |error: io::Error| StoreError::io(&path, "the trial cannot be written down", &error);
    let mut line = serde_json::to_vec(entry).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    // A line that a kill left torn must not swallow this one.
    if ends_torn(&path).map_err(failed)? {
        line.insert(0, b'\n');
    }
    access::new_file().create(true).append(true).open(&path).and_then(|mut file| file.write_all(&line)).map_err(failed)
}

fn ends_torn(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = match access::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn parse(bytes: &[u8]) -> Ledger {
    let mut ledger = Ledger::default();
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // A torn last line is being written, or its writer was killed: its result tells the same.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        if line.is_empty() {
            continue;
        }
        let entry = serde_json::from_slice::<LedgerEntry>(line).map_err(|error| format!("is damaged: {error}"));
        match entry.and_then(|entry| manifest::check_version(entry.v).map(|()| entry)) {
            Ok(entry) => ledger.entries.push(entry),
            Err(why) => ledger.damage.push(format!("ledger.jsonl: line {} {why}", i + 1)),
        }
    }
    ledger
}

/// Sweep, trial and what it was tried on of every result under `root`, by name. A damaged result is told elsewhere.
fn results(root: &Path) -> Result<Vec<(String, TrialId, Tried)>, StoreError> {
    let mut runs: Vec<(String, PathBuf)> = Vec::new();
    for sweep in list_sweeps(root)? {
        let name = sweep.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut ids = names_in(&sweep.join("trials"))?;
        ids.sort_unstable();
        runs.extend(ids.into_iter().map(|id| (name.clone(), sweep.join("trials").join(id))));
    }
    let of_run = |(sweep, run): (String, PathBuf)| {
        let tried = result_file::read(&run).ok()??.tried?;
        Some((sweep, TrialId(run.file_name()?.to_string_lossy().into_owned()), tried))
    };
    Ok(runs.into_par_iter().filter_map(of_run).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing;
    use super::*;
    use crate::store::RunResult;

    const AT: &str = testing::AT;

    fn tried(valid: (i64, i64), test: Option<(i64, i64)>) -> Tried {
        Tried { valid: Some(valid), test, ..testing::result(1).tried.unwrap() }
    }

    fn id(name: &str) -> TrialId {
        TrialId(name.into())
    }

    /// A run's folder with a result.
    fn run(root: &Path, sweep: &str, trial: &str, tried: &Tried) -> PathBuf {
        let run = root.join(sweep).join("trials").join(trial);
        fs::create_dir_all(&run).unwrap();
        result_file::publish(&run, &RunResult { tried: Some(tried.clone()), ..testing::result(1) }).unwrap();
        run
    }

    #[test]
    fn a_deleted_sweep_still_counts_and_a_deleted_ledger_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let here = tried((1, 9), Some((20, 29)));
        for (sweep, trial) in [("a", "t1"), ("a", "t2"), ("b", "t3")] {
            record(&run(root, sweep, trial, &here), AT.into(), &id(trial), &here).unwrap();
        }
        fs::remove_dir_all(root.join("a")).unwrap();
        let ledger = Ledger::read(root, AT).unwrap();
        assert_eq!(ledger.entries.len(), 3);
        assert_eq!(ledger.tries(&id("t3"), &here, Split::Test), Tries { trials: 3, number: Some(3) });
        fs::remove_file(path_in(root)).unwrap();
        assert_eq!(Ledger::read(root, AT).unwrap().entries.len(), 1, "what is left is known again");
        assert_eq!(parse(&fs::read(path_in(root)).unwrap()).entries[0].trial, id("t3"));
        assert_eq!(Ledger::read(root, AT).unwrap().entries.len(), 1, "and not twice");
    }

    #[test]
    fn the_same_data_target_and_overlapping_time_count_and_nothing_else() {
        let entry = |trial: &str, sweep: &str, tried: Tried| LedgerEntry {
            v: 1,
            at: AT.into(),
            sweep: sweep.into(),
            trial: id(trial),
            tried,
        };
        let mine = tried((10, 20), Some((30, 40)));
        let mut other_data = mine.clone();
        other_data.data = "other".into();
        let mut other_target = mine.clone();
        other_target.target.horizon = 5;
        let entries = vec![
            entry("first", "a", tried((5, 12), Some((25, 30)))),
            entry("mine", "a", mine.clone()),
            entry("mine", "b", mine.clone()),
            entry("later", "b", tried((41, 50), Some((60, 70)))),
            entry("untested", "b", tried((10, 20), None)),
            entry("data", "b", other_data),
            entry("target", "b", other_target),
        ];
        let ledger = Ledger { entries, damage: vec![] };
        assert_eq!(ledger.tries(&id("mine"), &mine, Split::Test), Tries { trials: 2, number: Some(2) });
        assert_eq!(ledger.tries(&id("mine"), &mine, Split::Valid), Tries { trials: 3, number: Some(2) });
        assert_eq!(ledger.tries(&id("new"), &mine, Split::Test), Tries { trials: 2, number: None });
    }

    #[test]
    fn a_torn_line_is_left_out_and_swallows_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let here = tried((1, 9), None);
        let run = root.join("a").join("trials").join("t1");
        record(&run, AT.into(), &id("t1"), &here).unwrap();
        let whole = fs::read(path_in(root)).unwrap();
        for length in 1..whole.len() {
            fs::write(path_in(root), &whole[..length]).unwrap();
            assert!(parse(&fs::read(path_in(root)).unwrap()).entries.is_empty());
            record(&run, AT.into(), &id("t2"), &here).unwrap();
            let ledger = parse(&fs::read(path_in(root)).unwrap());
            let trials: Vec<&str> = ledger.entries.iter().map(|entry| entry.trial.0.as_str()).collect();
            // Cut between the line and its end, the first line is whole again.
            let expected: &[&str] = if length == whole.len() - 1 { &["t1", "t2"] } else { &["t2"] };
            assert_eq!(trials, expected, "{length}");
            assert_eq!(ledger.damage.len(), usize::from(length < whole.len() - 1));
        }
    }

    #[test]
    fn a_line_of_a_later_format_is_told() {
        let ledger = parse(b"{\"v\": 9}\n");
        assert!(ledger.entries.is_empty() && ledger.damage[0].contains("line 1"));
    }
}
