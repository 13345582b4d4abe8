//! Reading a file that may be anything: a link, a pipe that nobody writes to, a terabyte.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::ModelError;

/// The bytes of a regular file of at most `most` bytes.
///
/// # Errors
/// When it is missing, is not a regular file (links are not followed), or is larger.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    let failed = |error: std::io::Error| ModelError::io(path, "cannot be read", &error);
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ModelError::at(path, "is missing"));
        }
        Err(error) => return Err(failed(error)),
    };
    if !kind.is_file() {
        return Err(ModelError::at(path, "is not a regular file (links are not followed)"));
    }
    let too_large = |size: u64| {
        ModelError::at(path, format_args!("has {size} bytes or more, at most {most} are read"))
    };
    if kind.len() > most {
        return Err(too_large(kind.len()));
    }
    let mut bytes = Vec::with_capacity(kind.len() as usize);
    // It may have grown, or have been replaced, since it was looked at.
    let file = open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(ModelError::at(path, "is not a regular file"));
    }
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // A link that has taken the file's place is not followed, and a pipe is not waited for.
    File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}
