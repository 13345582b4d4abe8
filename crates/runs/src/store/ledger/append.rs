//! Writing lines down: durably, one process a file.

use crate::files;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::entry;
use super::union::folder_in;
use crate::store::LedgerEntry;
use crate::store::{FileError, Tried};
use experiment::trial::TrialId;

/// Files of one machine that may be appended to at once; a process that finds them all taken gives
/// up.
const MOST_SLOTS: usize = 256;

/// What is written down of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Told {
    /// It ended.
    Tried,
    /// Its test windows were opened.
    Opened,
}

/// Writes a trial down, whose run lies in `run`.
pub(in crate::store) fn record(
    run: &Path,
    at: String,
    trial: &TrialId,
    tried: &Tried,
    told: Told,
) -> Result<(), FileError> {
    let sweep = run.parent().and_then(Path::parent);
    let (Some(root), Some(name)) = (sweep.and_then(Path::parent), sweep.and_then(Path::file_name))
    else {
        return Ok(());
    };
    let sweep = name.to_string_lossy().into_owned();
    let entry = LedgerEntry {
        v: crate::store::VERSION,
        at,
        sweep,
        trial: trial.clone(),
        tried: tried.clone(),
        opened: told == Told::Opened,
    };
    append(root, std::slice::from_ref(&entry))
}

/// Appends the lines of some entries to a file of this machine's; they are on the disk when it
/// returns.
pub(super) fn append(root: &Path, entries: &[LedgerEntry]) -> Result<(), FileError> {
    let folder = folder_in(root);
    files::check_link(&folder)?;
    files::make_folder(&folder)?;
    let (path, mut file) = writable(&folder)?;
    let failed = |error: io::Error| FileError::io(&path, "the trial cannot be written down", error);
    let mut lines = Vec::new();
    for entry in entries {
        lines.extend(entry::line(entry).map_err(|error| failed(error.into()))?);
    }
    let length = mend(&mut file).map_err(failed)?;
    if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_all()) {
        // Half a line would only be found by the next writer.
        drop(file.set_len(length));
        return Err(failed(error));
    }
    if length == 0 { files::sync_folder(&folder) } else { Ok(()) }
}

/// The first file of this machine's that no other process holds, locked until it is closed.
fn writable(folder: &Path) -> Result<(PathBuf, File), FileError> {
    for slot in 0..MOST_SLOTS {
        let path = folder.join(format!("{}-{slot}.jsonl", writer()));
        let file = match open(&path) {
            Ok(file) => file,
            // Another user's: he has his own slots.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && path.exists() => {
                continue;
            }
            Err(error) => return Err(FileError::io(&path, "cannot be opened", error)),
        };
        match file.try_lock() {
            Ok(()) => return Ok((path, file)),
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems are mounted without locks: there the process has a file for
            // itself.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                let path = folder.join(format!("{}-p{}.jsonl", writer(), std::process::id()));
                let own =
                    open(&path).map_err(|error| FileError::io(&path, "cannot be opened", error))?;
                return Ok((path, own));
            }
            Err(TryLockError::Error(error)) => {
                return Err(FileError::io(&path, "cannot be locked", error));
            }
        }
    }
    Err(FileError::at(
        folder,
        format_args!("all {MOST_SLOTS} files of this machine are being written to"),
    ))
}

fn open(path: &Path) -> io::Result<File> {
    let file = files::new_file().read(true).append(true).create(true).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// This machine since it was started: no other one has the name, not even one that is called the
/// same.
fn writer() -> String {
    let machine = files::process::machine();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let host: String = machine.host.chars().take(60).map(plain).collect();
    let boot: String = machine.boot_id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    format!("{host}-{boot}")
}

/// Ends a last line that a kill left torn: one that is whole but for its end gets it, another one
/// goes, as its result tells the same. Gives the file's length after that.
fn mend(file: &mut File) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == *b"\n" {
        return Ok(length);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    if entry::parse(&bytes[whole..]).is_ok() {
        file.write_all(b"\n")?;
        return Ok(length + 1);
    }
    file.set_len(whole as u64)?;
    Ok(whole as u64)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::testing::{AT, entry, tried};
    use crate::store::{Ledger, seen_ledger};

    fn files(root: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder_in(root)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    fn trials(root: &Path) -> Vec<String> {
        seen_ledger(root).unwrap().entries.into_iter().map(|entry| entry.trial.0).collect()
    }

    #[test]
    fn a_torn_line_goes_with_the_next_one_and_swallows_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        append(root, &[entry("t1", "a", tried((1, 9), None))]).unwrap();
        let path = files(root).remove(0);
        let whole = fs::read(&path).unwrap();
        for length in 1..whole.len() {
            // A program that another test starts holds copies of this process's locks for a moment:
            // then the line goes to another file.
            for tries in 1.. {
                assert!(tries < 100, "the slot never came free");
                fs::write(&path, &whole[..length]).unwrap();
                assert_eq!(seen_ledger(root).unwrap(), Ledger::default(), "{length}");
                append(root, &[entry("t2", "a", tried((1, 9), None))]).unwrap();
                let others: Vec<PathBuf> =
                    files(root).into_iter().filter(|file| *file != path).collect();
                if others.is_empty() {
                    break;
                }
                others.iter().for_each(|file| fs::remove_file(file).unwrap());
            }
            let expected: &[&str] = if length == whole.len() - 1 { &["t1", "t2"] } else { &["t2"] };
            assert_eq!(trials(root), expected, "{length}");
            assert!(seen_ledger(root).unwrap().damage.is_empty(), "{length}");
        }
        assert_eq!(files(root), [path]);
    }

    #[test]
    fn a_file_that_another_process_writes_to_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        append(root, &[entry("t1", "a", tried((1, 9), None))]).unwrap();
        let held = File::open(&files(root)[0]).unwrap();
        held.lock().unwrap();
        append(root, &[entry("t2", "a", tried((1, 9), None))]).unwrap();
        assert_eq!(files(root).len(), 2);
        drop(held);
        append(root, &[entry("t3", "a", tried((1, 9), None))]).unwrap();
        assert_eq!(files(root).len(), 2, "a slot is used again");
        let mut found = trials(root);
        found.sort();
        assert_eq!(found, ["t1", "t2", "t3"]);
    }

    #[test]
    fn writers_at_once_lose_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for line in 0..20 {
                        let run = root.join("a").join("trials").join("t");
                        record(
                            &run,
                            AT.into(),
                            &TrialId(format!("{thread}-{line}")),
                            &tried((1, 9), None),
                            Told::Tried,
                        )
                        .unwrap();
                    }
                });
            }
        });
        let ledger = seen_ledger(root).unwrap();
        assert_eq!((ledger.entries.len(), ledger.damage), (160, vec![]));
        assert_eq!(ledger.entries[0].sweep, "a");
    }
}
