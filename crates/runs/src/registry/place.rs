//! Folders and files under `models/`, opened without trust: no symbolic link is followed, no pipe
//! is waited for, no size is valid.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use super::RegistryError;

/// Whether there is a folder here. Anything else of the name (a link, a file) is refused.
pub(super) fn is_folder(path: &Path) -> Result<bool, RegistryError> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(true),
        Ok(meta) => Err(RegistryError::damaged(
            path,
            format_args!("is {}, not a folder; it is refused", kind(&meta)),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(RegistryError::io(path, format_args!("cannot be looked at: {error}"))),
    }
}

/// The bytes of a regular file of at most `most` bytes; `None` when there is none.
pub(super) fn read_if_there(path: &Path, most: u64) -> Result<Option<Vec<u8>>, RegistryError> {
    let failed =
        |error: io::Error| RegistryError::io(path, format_args!("cannot be read: {error}"));
    let Some(file) = opened(path, OpenOptions::new().read(true))? else { return Ok(None) };
    let length = file.metadata().map_err(failed)?.len();
    let too_long = || {
        RegistryError::damaged(
            path,
            format_args!("has more than {most} bytes; it is refused unread"),
        )
    };
    if length > most {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most { Err(too_long()) } else { Ok(Some(bytes)) }
}

/// Opens a regular file; `None` when there is none and `options` do not make it.
pub(super) fn opened(
    path: &Path,
    options: &mut OpenOptions,
) -> Result<Option<File>, RegistryError> {
    // A pipe's opening waits for its other end, and a device's may do anything: so look first. The
    // flags hold against anyone who puts one there in between.
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(not_a_file(path, &meta)),
        _ => {}
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(RegistryError::io(path, format_args!("cannot be opened: {error}")));
        }
    };
    let meta = file
        .metadata()
        .map_err(|error| RegistryError::io(path, format_args!("cannot be looked at: {error}")))?;
    if meta.is_file() { Ok(Some(file)) } else { Err(not_a_file(path, &meta)) }
}

/// Names in a folder that are legal for `is_legal`, sorted; none when there is no such folder.
pub(super) fn names_in(
    path: &Path,
    is_legal: impl Fn(&str) -> bool,
) -> Result<Vec<String>, RegistryError> {
    let failed = |error: io::Error| {
        RegistryError::io(path, format_args!("the folder cannot be listed: {error}"))
    };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Some(name) =
            entry.map_err(failed)?.file_name().to_str().filter(|name| is_legal(name))
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn not_a_file(path: &Path, meta: &fs::Metadata) -> RegistryError {
    RegistryError::damaged(
        path,
        format_args!("is {}, not a file; it is refused unread", kind(meta)),
    )
}

fn kind(meta: &fs::Metadata) -> &'static str {
    match meta.file_type() {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_file() => "a file",
        _ => "a pipe, a socket or a device",
    }
}
