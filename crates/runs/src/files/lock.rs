//! Locks against a second writer, never against a reader.

use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use super::open::{Links, new_file, open_with};
use super::{FileError, process};

/// Between two tries of a lock that someone holds.
const PAUSE: Duration = Duration::from_millis(25);

/// Held until it is dropped; released by the system when its holder dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Whether a lock is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Not at all: it is held for hours.
    None,
    /// For five seconds: it is held for milliseconds.
    Short,
}

impl Patience {
    fn tries(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Short => 200,
        }
    }
}

/// Who holds a lock, as its file tells it.
#[derive(Serialize, Deserialize)]
struct Holder {
    host: String,
    pid: u32,
    since: String,
}

/// Locks `folder`, in which `what` is done, from `since` (RFC 3339, UTC) on. Advisory and local:
/// what keeps results safe, on file systems without locks too, is that they are published by link
/// and their folders made with create-new.
///
/// # Errors
/// [`super::ErrorKind::Held`] when another process holds it: says who.
pub(crate) fn lock(
    folder: &Path,
    what: &str,
    since: &str,
    links: Links,
    patience: Patience,
) -> Result<Lock, FileError> {
    let path = folder.join(".lock");
    let failed = |error: io::Error| FileError::io(&path, "cannot be locked", error);
    let mut options = new_file();
    options.read(true).write(true).create(true).truncate(false);
    let (mut file, _) = open_with(&path, &mut options, links).map_err(failed)?;
    let mut tries = 1;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if tries < patience.tries() => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(held(folder, what, &mut file)),
            // Some cluster file systems are mounted without locks; results stay safe there.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => break,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        tries += 1;
    }
    let holder = Holder {
        host: process::machine().host.clone(),
        pid: std::process::id(),
        since: since.to_owned(),
    };
    let line = serde_json::to_string(&holder).map_err(|error| failed(error.into()))? + "\n";
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(line.as_bytes()))
        .map_err(failed)?;
    Ok(Lock { _file: file })
}

fn held(folder: &Path, what: &str, file: &mut File) -> FileError {
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
    FileError::held(folder, format_args!("{what} by {who}; wait for it or end it"))
}

#[cfg(test)]
mod tests {
    use super::super::ErrorKind;
    use super::*;

    const FIRST: &str = "2026-01-02T03:04:05Z";
    const SECOND: &str = "2027-01-01T00:00:00Z";

    fn sweep(folder: &Path, since: &str, patience: Patience) -> Result<Lock, FileError> {
        lock(folder, "the sweep is being run", since, Links::Follow, patience)
    }

    #[test]
    fn a_second_lock_is_refused_with_the_holder_and_a_released_one_can_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let first = sweep(folder.path(), FIRST, Patience::None).unwrap();
        let error = sweep(folder.path(), SECOND, Patience::None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Held);
        let said = error.to_string();
        assert!(
            said.contains(&format!("process {}", std::process::id())) && said.contains(FIRST),
            "{said}"
        );
        drop(first);
        sweep(folder.path(), SECOND, Patience::None).unwrap();
        assert!(std::fs::read_to_string(folder.path().join(".lock")).unwrap().contains(SECOND));
    }

    #[test]
    fn one_that_waits_gets_the_lock_when_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let first = sweep(folder.path(), FIRST, Patience::None).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| sweep(folder.path(), SECOND, Patience::Short).unwrap());
            drop(first);
            waiting.join().unwrap();
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_locks_place_is_not_followed_where_links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("mine");
        std::fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join(".lock")).unwrap();
        let error = lock(folder.path(), "", FIRST, Links::Refuse, Patience::None).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
    }
}
