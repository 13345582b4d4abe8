//! What is opened, and by whom it may be written: modes of new files, what only looks like a file,
//! links of other users.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use super::FileError;
use super::error::Unfit;

/// Longest file that is read as a whole without a bound of its own, bytes.
const MAX_FILE: u64 = 1 << 30;

/// The mode of [`new_file`] before the umask.
#[cfg(unix)]
pub(super) const FILE_MODE: u32 = 0o664;

/// Whether the last part of a path may be a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Yes: a user's own, to another disk.
    Follow,
    /// No: files that others may have made.
    Refuse,
}

/// Options for a new file, readable and writable as the umask says, but for others never writable:
/// who may write a run may forge it.
pub(crate) fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options
}

/// Makes a folder, as [`new_file`] a file.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o775);
    builder.create(path)
}

/// Opens a regular file to read it; a link is followed.
///
/// # Errors
/// When it is missing or not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true), Links::Follow).map(|(file, _)| file)
}

/// Opens a regular file; with its length. A pipe would be waited for, a device read for ever.
pub(crate) fn open_with(
    path: &Path,
    options: &mut OpenOptions,
    links: Links,
) -> io::Result<(File, u64)> {
    #[cfg(test)]
    counted::look();
    // Opening a device may do anything, so look first; the flags hold against someone who puts a
    // pipe or a link there in between. (Where links are followed, one look is saved.)
    if links == Links::Refuse
        && let Ok(metadata) = fs::symlink_metadata(path)
        && !metadata.is_file()
    {
        return Err(not_a_file(&metadata));
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        options,
        match links {
            Links::Follow => libc::O_NONBLOCK,
            Links::Refuse => libc::O_NONBLOCK | libc::O_NOFOLLOW,
        },
    );
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err(not_a_file(&metadata)) }
}

fn not_a_file(metadata: &Metadata) -> io::Error {
    Unfit(format!("it is {}, not a regular file", kind(metadata))).into()
}

fn kind(metadata: &Metadata) -> &'static str {
    match metadata.file_type() {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_file() => "a file",
        _ => "a pipe, a socket or a device",
    }
}

/// What a path leads to, if it leads anywhere.
pub(crate) fn look(path: &Path) -> Option<Metadata> {
    #[cfg(test)]
    counted::look();
    fs::metadata(path).ok()
}

/// All bytes of a regular file from where it stands.
pub(crate) fn read_rest(file: File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    read_measured(file, length, MAX_FILE)
}

/// All bytes of a regular file; a link is followed.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, MAX_FILE, Links::Follow)
}

/// All bytes of a regular file of at most `most` bytes, which is refused unread when it has more.
///
/// # Errors
/// When it is missing, larger, or not a regular file.
pub fn read_at_most(path: &Path, most: u64, links: Links) -> io::Result<Vec<u8>> {
    let (file, length) = open_with(path, OpenOptions::new().read(true), links)?;
    read_measured(file, length, most)
}

/// [`read_at_most`]; `None` when there is no such file.
///
/// # Errors
/// As [`read_at_most`], with the path.
pub fn bounded_if_there(
    path: &Path,
    most: u64,
    links: Links,
) -> Result<Option<Vec<u8>>, FileError> {
    match read_at_most(path, most, links) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io(path, "cannot be read", error)),
    }
}

/// All bytes of a regular file; `None` when there is none. A link is followed.
///
/// # Errors
/// When it cannot be read.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    bounded_if_there(path, MAX_FILE, Links::Follow)
}

/// A file of this length, from where it stands: with room for all of it (and for what shows its
/// end) it is read at once.
fn read_measured(file: File, length: u64, most: u64) -> io::Result<Vec<u8>> {
    if length <= most {
        let mut bytes = Vec::with_capacity(length as usize + 1);
        // It may grow while it is read.
        if file.take(most + 1).read_to_end(&mut bytes)? as u64 <= most {
            return Ok(bytes);
        }
    }
    Err(Unfit(format!("it is too large: such a file has at most {most} bytes")).into())
}

/// Names in a folder, without hidden ones, sorted; none when there is no such folder.
pub(crate) fn names_in(path: &Path) -> Result<Vec<String>, FileError> {
    let failed = |error: io::Error| FileError::io(path, "the folder cannot be listed", error);
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) {
            found.push(name.to_owned());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether there is a folder here. Anything else of the name (a link, a file) is an error.
pub(crate) fn is_folder(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(metadata) => {
            let kind = kind(&metadata);
            Err(FileError::damaged(path, format_args!("is {kind}, not a folder; it is refused")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io(path, "cannot be looked at", error)),
    }
}

/// Refuses a link that belongs to neither this user nor root: its maker could lead what is written
/// to any place of ours. (A link of our own, to another disk, is followed.)
///
/// # Errors
/// When it is one.
pub fn check_link(path: &Path) -> Result<(), FileError> {
    #[cfg(unix)]
    if let Ok(link) = fs::symlink_metadata(path)
        && link.file_type().is_symlink()
    {
        let owner = std::os::unix::fs::MetadataExt::uid(&link);
        if owner != 0 && owner != own_user() {
            return Err(FileError::at(
                path,
                format_args!(
                    "is a link that belongs to another user (uid {owner}): it is not followed; \
                     name the folder that it leads to"
                ),
            ));
        }
    }
    Ok(())
}

/// The effective user of this process: the owner of what it makes.
#[cfg(unix)]
#[must_use]
pub fn own_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Counts how often the file system is asked.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn look() {
        LOOKS.set(LOOKS.get() + 1);
    }

    /// What some work of this thread comes to, and how many files it opened or looked at.
    pub(crate) fn looks_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = LOOKS.get();
        let done = work();
        (done, LOOKS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_missing_file_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_err());
        assert_eq!(read(&folder.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(folder.path().join("file"), "text").unwrap();
        assert_eq!(read(&folder.path().join("file")).unwrap(), b"text");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_of_our_own_is_followed_and_a_device_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        check_link(&link).unwrap();
        check_link(folder.path()).unwrap();
        assert!(read(&link).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn a_file_longer_than_any_of_a_store_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("has at most"));
    }
}
