//! The lock of a sweep: against a second supervisor, never against a reader.

use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use super::{StoreError, access, process};

/// Held for the life of a supervisor; released by the system when it dies.
#[derive(Debug)]
pub struct SweepLock {
    _file: File,
}

/// Who holds a lock, as its file tells it.
#[derive(Serialize, Deserialize)]
struct Holder {
    host: String,
    pid: u32,
    since: String,
}

/// Locks `folder`. It is advisory and local: what keeps results safe is that they are published by
/// link.
pub(super) fn lock(folder: &Path, since: &str) -> Result<SweepLock, StoreError> {
    let path = folder.join(".lock");
    let failed = |error: io::Error| StoreError::io(&path, "cannot be locked", &error);
    let mut file = access::new_file()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(folder, &mut file)),
        // Some cluster file systems are mounted without locks; results stay safe there.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let holder = Holder {
        host: process::machine().host.clone(),
        pid: std::process::id(),
        since: since.to_owned(),
    };
    let line = serde_json::to_string(&holder).map_err(|error| failed(error.into()))? + "\n";
    file.set_len(0).and_then(|()| file.write_all(line.as_bytes())).map_err(failed)?;
    Ok(SweepLock { _file: file })
}

fn held(folder: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    let holder = file
        .read_to_string(&mut text)
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |Holder { host, pid, since }| format!("process {pid} on host {host} since {since}"),
    );
    StoreError::at(folder, format_args!("the sweep is being run by {who}; wait for it or end it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_with_the_holder_and_a_released_one_can_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path(), "2026-01-02T03:04:05Z").unwrap();
        let error = lock(folder.path(), "2027-01-01T00:00:00Z").unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id()))
                && error.contains("2026-01-02T03:04:05Z"),
            "{error}"
        );
        drop(first);
        lock(folder.path(), "2027-01-01T00:00:00Z").unwrap();
        assert!(std::fs::read_to_string(folder.path().join(".lock")).unwrap().contains("2027"));
    }
}
