//! Writes files so that a kill or a power cut leaves all of a file or none of it.
//!
//! Bytes go to a temporary file in the same folder, then to the disk, and only then under their
//! name; the folder is synced too, or the name itself may be lost. link(2) gives a name that must
//! not replace anything (it is atomic on NFS as well); rename(2) a name that must.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tempfile::NamedTempFile;

use super::{FileError, leftovers, open, process};

/// Gives `bytes` the name `path` unless it is taken; `false` when it is. Never replaces; durable
/// when it returns.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    let file = durable(path, bytes).map_err(|error| unwritten(path, bytes, error))?;
    let won = link(file.path(), path).map_err(|error| unwritten(path, bytes, error))?;
    file.close().map_err(|error| unwritten(path, bytes, error))?;
    sync_folder(folder_of(path))?;
    Ok(won)
}

/// [`publish`] for many files, without waiting for the disk: a file system is shared, and a sync of
/// it waits for what others write. What a power cut takes of them, or leaves empty, anyone who made
/// them makes anew.
pub(crate) fn publish_all_fleeting(files: &[(PathBuf, String)]) -> Result<Vec<bool>, FileError> {
    let publish = |(path, bytes): &(PathBuf, String)| {
        let failed = |error: io::Error| unwritten(path, bytes.as_bytes(), error);
        let file = temporary(path, bytes.as_bytes()).map_err(failed)?;
        let won = link(file.path(), path).map_err(failed)?;
        file.close().map_err(failed)?;
        Ok(won)
    };
    files.par_iter().map(publish).collect()
}

/// Gives `bytes` the name `path` whether or not it is taken: readers see the old file or the new
/// one. Durable when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let file = durable(path, bytes).map_err(|error| unwritten(path, bytes, error))?;
    file.persist(path).map_err(|error| unwritten(path, bytes, error.error))?;
    sync_folder(folder_of(path))
}

/// As [`replace`], but not durable: for what is worthless after a power cut.
pub(crate) fn replace_fleeting(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let file = temporary(path, bytes).map_err(|error| unwritten(path, bytes, error))?;
    file.persist(path).map_err(|error| unwritten(path, bytes, error.error))?;
    Ok(())
}

/// Gives a damaged file another name, `NAME.damaged` (or `NAME.damaged.2`, …), which is told:
/// nothing is thrown away.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, FileError> {
    let failed = |error: io::Error| FileError::io(path, "cannot be set aside", error);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut aside = path.with_file_name(format!("{name}.damaged"));
    let mut number = 2_u32;
    while let Err(error) = fs::hard_link(path, &aside) {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(failed(error));
        }
        aside = path.with_file_name(format!("{name}.damaged.{number}"));
        number += 1;
    }
    fs::remove_file(path).map_err(failed)?;
    sync_folder(folder_of(path))?;
    Ok(aside)
}

/// Makes a folder whose parent exists; `false` when it is there already. Durable when it returns.
pub fn make_folder(path: &Path) -> Result<bool, FileError> {
    match open::make_dir(path) {
        Ok(()) => sync_folder(folder_of(path)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(FileError::io(path, "the folder cannot be made", error)),
    }
}

/// Gives a file another name; `false` when that is taken.
fn link(file: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(file, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Brings the bytes of a file to the disk that was written without waiting for it.
pub(crate) fn sync_file(path: &Path) -> Result<(), FileError> {
    #[cfg(test)]
    counted::sync();
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| FileError::io(path, "the file cannot be brought to the disk", error))
}

/// Brings the names in a folder to the disk.
pub fn sync_folder(path: &Path) -> Result<(), FileError> {
    #[cfg(test)]
    counted::sync();
    // Other systems do not open folders as files.
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| {
            FileError::io(path, "the folder cannot be brought to the disk", error)
        })?;
    }
    Ok(())
}

fn durable(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let file = temporary(path, bytes)?;
    #[cfg(test)]
    counted::sync();
    file.as_file().sync_all()?;
    Ok(file)
}

fn temporary(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    // Whose it is, so that it can be removed once that process is gone.
    let prefix = format!("{}{}-", leftovers::PREFIX, process::owner());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Temporary files are private by default; what is published is as readable as any new file (the
    // umask decides).
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(open::FILE_MODE));
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn unwritten(path: &Path, bytes: &[u8], error: io::Error) -> FileError {
    FileError::io(path, format_args!("{} bytes cannot be written", bytes.len()), error)
}

/// Counts what the disk is asked for.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    thread_local! {
        static SYNCS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn sync() {
        SYNCS.set(SYNCS.get() + 1);
    }

    /// The syncs of some work, which is done by one thread.
    pub(crate) fn syncs_of(work: impl FnOnce() + Send) -> usize {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            SYNCS.set(0);
            work();
            SYNCS.get()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_never_replaces_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        assert!(publish(&path, b"first").unwrap());
        assert!(!publish(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_six_publishers_at_once_exactly_one_wins_and_its_bytes_stay() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("result.json");
            let start = std::sync::Barrier::new(6);
            let winners: Vec<usize> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..6)
                    .map(|i| {
                        let (path, start) = (&path, &start);
                        scope.spawn(move || {
                            start.wait();
                            publish(path, format!("thread {i}").as_bytes()).unwrap().then_some(i)
                        })
                    })
                    .collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(winners.len(), 1);
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("thread {}", winners[0]));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_published_file_is_as_readable_as_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (plain, published) = (folder.path().join("plain"), folder.path().join("published"));
        open::new_file().write(true).create_new(true).open(&plain).unwrap();
        publish(&published, b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&published));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let error = publish(&folder.path().join("gone/result.json"), b"x").unwrap_err().to_string();
        assert!(error.contains("gone/result.json") && error.contains("1 bytes"), "{error}");
    }
}
