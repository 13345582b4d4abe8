//! The lock of a model: against a second writer, never against a reader.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use super::{RegistryError, place};
use crate::store::AttemptInfo;

/// Tries before a lock is given up; a change takes milliseconds.
const TRIES: u32 = 200;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(25);

/// Held for one change; released by the system when its holder dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Who holds a lock, as its file tells it.
#[derive(Serialize, Deserialize)]
struct Holder {
    host: String,
    pid: u32,
    since: String,
}

/// Locks a model's `folder` from `since` (RFC 3339, UTC) on; waits a few seconds for another writer
/// to end. Advisory and local: what keeps versions safe on file systems without locks is that their
/// folders are made with create-new.
pub(super) fn lock(folder: &Path, since: &str) -> Result<Lock, RegistryError> {
    let path = folder.join(".lock");
    let failed =
        |error: io::Error| RegistryError::io(&path, format_args!("cannot be locked: {error}"));
    let options = &mut OpenOptions::new();
    let file = place::opened(&path, options.read(true).write(true).create(true).truncate(false))?;
    let mut file = file.ok_or_else(|| RegistryError::io(&path, "the model's folder is gone"))?;
    let mut tries = 1;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if tries < TRIES => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(held(folder, &mut file)),
            // Some cluster file systems are mounted without locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => break,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        tries += 1;
    }
    let AttemptInfo { host, pid, .. } =
        AttemptInfo::of_this_process(String::new(), Vec::new(), String::new());
    let line = serde_json::to_string(&Holder { host, pid, since: since.to_owned() })
        .map_err(|error| failed(error.into()))?
        + "\n";
    file.set_len(0).and_then(|()| file.write_all(line.as_bytes())).map_err(failed)?;
    Ok(Lock { _file: file })
}

fn held(folder: &Path, file: &mut File) -> RegistryError {
    let mut text = String::new();
    let holder = file
        .take(1 << 12)
        .read_to_string(&mut text)
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |Holder { host, pid, since }| {
            format!("process {pid} on host {} since {}", text::clean(&host), text::clean(&since))
        },
    );
    RegistryError::Locked(format!(
        "{}: the model is being changed by {who}; wait for it or end it",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_waits_and_is_then_refused_with_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path(), "2026-01-02T03:04:05Z").unwrap();
        let error = lock(folder.path(), "2027-01-01T00:00:00Z").unwrap_err();
        let RegistryError::Locked(message) = error else { panic!("{error}") };
        assert!(
            message.contains(&format!("process {}", std::process::id()))
                && message.contains("2026-01-02"),
            "{message}"
        );
        std::thread::scope(|scope| {
            scope.spawn(|| lock(folder.path(), "2027-01-01T00:00:00Z").unwrap());
            drop(first);
        });
    }
}
