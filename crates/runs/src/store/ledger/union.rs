//! Reading: the union of all files, and what it lacks of the results that are there.

use crate::files;
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{append, entry};
use crate::store::{FileError, Ledger, LedgerEntry, Tried, VERSION, list_sweeps, result_file};
use experiment::trial::TrialId;

/// Reads `root`'s ledger and writes down what it lacks of the results under `root`, stamped with
/// `at` (RFC 3339, UTC). Where it cannot be written to, it is read all the same.
///
/// # Errors
/// When `root` cannot be listed or a file cannot be read.
pub fn read_ledger(root: &Path, at: &str) -> Result<Ledger, FileError> {
    let (mut ledger, lacking) = with_lacking(root, at)?;
    if !lacking.is_empty() {
        // Another store's owner may look at it, too: what cannot be written down is counted now and
        // found again.
        drop(append::append(root, &lacking));
        ledger.entries.extend(lacking);
    }
    Ok(ledger)
}

/// As [`read_ledger`], but writes nothing: what the ledger lacks is counted, without a time.
///
/// # Errors
/// As [`read_ledger`].
pub fn seen_ledger(root: &Path) -> Result<Ledger, FileError> {
    let (mut ledger, lacking) = with_lacking(root, "")?;
    ledger.entries.extend(lacking);
    Ok(ledger)
}

/// Where the files lie.
pub(super) fn folder_in(root: &Path) -> PathBuf {
    root.join("ledger")
}

/// The union, and the entries of the results that it lacks.
fn with_lacking(root: &Path, at: &str) -> Result<(Ledger, Vec<LedgerEntry>), FileError> {
    let ledger = union(root)?;
    let known: HashSet<&str> = ledger.entries.iter().map(|entry| entry.trial.0.as_str()).collect();
    let mut seen = HashSet::new();
    let lacking = results(root, &known)?
        .into_iter()
        .filter(|(_, trial, _)| seen.insert(trial.clone()))
        .map(|(sweep, trial, tried)| LedgerEntry {
            v: VERSION,
            at: at.to_owned(),
            sweep,
            trial,
            tried,
            opened: false,
        })
        .collect();
    Ok((ledger, lacking))
}

/// What stands in the files, in the order of its times, each trial once.
fn union(root: &Path) -> Result<Ledger, FileError> {
    let folder = folder_in(root);
    files::check_link(&folder)?;
    let mut names = files::names_in(&folder)?;
    names.retain(|name| name.ends_with(".jsonl"));
    names.sort_unstable();
    let former = ("ledger.jsonl".to_owned(), root.join("ledger.jsonl"));
    let files = std::iter::once(former)
        .chain(names.into_iter().map(|name| (format!("ledger/{name}"), folder.join(name))));
    let mut ledger = Ledger::default();
    for (name, path) in files {
        take(&mut ledger, &name, &files::read_if_there(&path)?.unwrap_or_default());
    }
    for entries in [&mut ledger.entries, &mut ledger.openings] {
        entries.sort_by(|a, b| a.at.cmp(&b.at));
        let mut known: HashSet<(TrialId, Tried)> = HashSet::with_capacity(entries.len());
        entries.retain(|entry| known.insert((entry.trial.clone(), entry.tried.clone())));
    }
    Ok(ledger)
}

fn take(ledger: &mut Ledger, name: &str, bytes: &[u8]) {
    // A torn last line is being written, or its writer was killed: its result tells the same.
    let whole =
        bytes.split_inclusive(|byte| *byte == b'\n').map_while(|line| line.strip_suffix(b"\n"));
    let lines: Vec<(usize, &[u8])> =
        (1..).zip(whole).filter(|(_, line)| !line.is_empty()).collect();
    let parsed: Vec<(usize, Result<LedgerEntry, String>)> =
        lines.into_par_iter().map(|(number, line)| (number, entry::parse(line))).collect();
    for (number, entry) in parsed {
        match entry {
            Ok(entry) if entry.opened => ledger.openings.push(entry),
            Ok(entry) => ledger.entries.push(entry),
            Err(why) => ledger.damage.push(format!("{name}: line {number} {why}")),
        }
    }
}

/// Sweep, trial and what it was tried on of every result under `root` whose trial is not known, by
/// name. A damaged result is told elsewhere.
fn results(root: &Path, known: &HashSet<&str>) -> Result<Vec<(String, TrialId, Tried)>, FileError> {
    let mut runs: Vec<(String, PathBuf)> = Vec::new();
    for sweep in list_sweeps(root)? {
        let name =
            sweep.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let trials = sweep.join("trials");
        let mut ids = files::names_in(&trials)?;
        ids.retain(|id| !known.contains(id.as_str()));
        ids.sort_unstable();
        runs.extend(ids.into_iter().map(|id| (name.clone(), trials.join(id))));
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

    use super::*;
    use crate::store::testing::{self, AT, entry, tried};
    use crate::store::{RunResult, Tries};
    use experiment::metric::Split;

    fn id(name: &str) -> TrialId {
        TrialId(name.into())
    }

    /// A run's folder with a result.
    fn run(root: &Path, sweep: &str, trial: &str, tried: &Tried) -> PathBuf {
        let run = root.join(sweep).join("trials").join(trial);
        fs::create_dir_all(&run).unwrap();
        result_file::publish(&run, &RunResult { tried: Some(tried.clone()), ..testing::result(1) })
            .unwrap();
        run
    }

    fn lines(root: &Path) -> usize {
        let files = fs::read_dir(folder_in(root)).into_iter().flatten();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap().lines().count()).sum()
    }

    #[test]
    fn a_deleted_sweep_still_counts_and_a_deleted_ledger_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let here = tried((1, 9), Some((20, 29)));
        for (sweep, trial) in [("a", "t1"), ("a", "t2"), ("b", "t3")] {
            append::record(
                &run(root, sweep, trial, &here),
                AT.into(),
                &id(trial),
                &here,
                append::Told::Tried,
            )
            .unwrap();
        }
        fs::remove_dir_all(root.join("a")).unwrap();
        let ledger = read_ledger(root, AT).unwrap();
        assert_eq!(ledger.entries.len(), 3);
        assert_eq!(
            ledger.tries(&id("t3"), &here, Split::Test),
            Tries { trials: 3, number: Some(3), damaged_lines: 0 }
        );
        fs::remove_dir_all(folder_in(root)).unwrap();
        assert_eq!(seen_ledger(root).unwrap().entries.len(), 1, "what is left is known again");
        assert_eq!(lines(root), 0, "and not written down by who looks");
        assert_eq!(read_ledger(root, AT).unwrap().entries[0].trial, id("t3"));
        assert_eq!(
            (read_ledger(root, AT).unwrap().entries.len(), lines(root)),
            (1, 1),
            "and not twice"
        );
    }

    /// Each line in turn is lost, torn, or replaced by another's end: the number of trials is the
    /// same.
    #[test]
    fn no_line_is_needed_while_its_result_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let here = tried((1, 9), None);
        for trial in ["t1", "t2", "t3"] {
            append::record(
                &run(root, "a", trial, &here),
                AT.into(),
                &id(trial),
                &here,
                append::Told::Tried,
            )
            .unwrap();
        }
        let path = fs::read_dir(folder_in(root)).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read_to_string(&path).unwrap();
        for lost in 0..3 {
            let without: String = whole
                .lines()
                .enumerate()
                .filter(|(place, _)| *place != lost)
                .map(|(_, line)| format!("{line}\n"))
                .collect();
            for text in [without, whole.replacen("fingerprint", "fingerprinT", lost + 1)] {
                fs::write(&path, text).unwrap();
                let ledger = read_ledger(root, AT).unwrap();
                assert_eq!(ledger.tries(&id("t2"), &here, Split::Valid).trials, 3, "{ledger:?}");
                assert_eq!(
                    seen_ledger(root).unwrap().tries(&id("t2"), &here, Split::Valid).trials,
                    3
                );
            }
        }
    }

    #[test]
    fn the_former_file_and_those_of_other_machines_are_one_ledger_in_the_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let here = tried((1, 9), None);
        let at = |trial: &str, at: &str| LedgerEntry {
            at: at.into(),
            ..entry(trial, "a", here.clone())
        };
        let plain = |entry: &LedgerEntry| serde_json::to_string(entry).unwrap() + "\n";
        fs::write(
            root.join("ledger.jsonl"),
            plain(&at("t1", "2026-01-01T00:00:00Z")) + &plain(&at("t3", "2026-01-03T00:00:00Z")),
        )
        .unwrap();
        fs::create_dir(folder_in(root)).unwrap();
        let other = [at("t2", "2026-01-02T00:00:00Z"), at("t3", "2026-01-04T00:00:00Z")];
        let other: Vec<u8> = other.iter().flat_map(|entry| entry::line(entry).unwrap()).collect();
        fs::write(folder_in(root).join("other-0f-0.jsonl"), other).unwrap();
        append::append(root, &[at("t4", "2026-01-05T00:00:00Z")]).unwrap();
        let trials: Vec<String> =
            seen_ledger(root).unwrap().entries.into_iter().map(|entry| entry.trial.0).collect();
        assert_eq!(trials, ["t1", "t2", "t3", "t4"]);
        assert!(list_sweeps(root).unwrap().is_empty(), "the ledger is not a sweep");
    }

    #[test]
    fn openings_are_lines_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let here = tried((1, 9), Some((20, 29)));
        let run = run(root, "a", "t1", &here);
        for told in [append::Told::Opened, append::Told::Opened] {
            append::record(&run, AT.into(), &id("t1"), &here, told).unwrap();
        }
        let ledger = read_ledger(root, AT).unwrap();
        assert_eq!(
            (ledger.entries.len(), ledger.openings.len(), lines(root)),
            (1, 1, 3),
            "the trial itself was written down, too"
        );
        assert_eq!(ledger.opened(&[&here].into()), [&id("t1")].into());
        assert!(ledger.opened(&[&tried((1, 9), Some((30, 31)))].into()).is_empty());
    }

    #[test]
    fn damaged_lines_are_counted_and_a_torn_last_one_is_not() {
        let mut ledger = Ledger::default();
        let whole = entry::line(&entry("t1", "a", tried((1, 9), None))).unwrap();
        let text = [&whole[..], b"{\"v\": 9}\n", b"\0\0\0\n", &whole[..30]].concat();
        take(&mut ledger, "ledger/x.jsonl", &text);
        assert_eq!((ledger.entries.len(), ledger.damage.len()), (1, 2));
        assert!(ledger.damage[0].starts_with("ledger/x.jsonl: line 2 "), "{:?}", ledger.damage);
        assert_eq!(ledger.tries(&id("t1"), &tried((1, 9), None), Split::Valid).damaged_lines, 2);
    }
}
