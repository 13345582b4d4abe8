//! What of a store is opened and by whom it may be written: modes of new files, files that are
//! none, links of other users.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use super::StoreError;

/// Longest file that is read as a whole, bytes.
const MAX_FILE: u64 = 1 << 30;

/// Options for a new file, readable and writable as the umask says, but for others never writable:
/// who may write a run may forge it.
pub(super) fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options
}

/// The mode of [`new_file`] before the umask.
#[cfg(unix)]
pub(super) const FILE_MODE: u32 = 0o664;

/// Makes a folder, as [`new_file`] a file.
pub(super) fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o775);
    builder.create(path)
}

/// Opens a regular file: a pipe would be waited for, a device read for ever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    open_measured(path).map(|(file, _)| file)
}

/// [`open`], with the file's length.
fn open_measured(path: &Path) -> io::Result<(File, u64)> {
    #[cfg(test)]
    counted::look();
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// What a path leads to, if it leads anywhere.
pub(super) fn look(path: &Path) -> Option<fs::Metadata> {
    #[cfg(test)]
    counted::look();
    fs::metadata(path).ok()
}

/// All bytes of a regular file from where it stands.
pub(super) fn read_rest(file: File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    read_measured(file, length)
}

/// All bytes of a regular file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (file, length) = open_measured(path)?;
    read_measured(file, length)
}

/// A file of this length, from where it stands: with room for all of it (and for what shows its
/// end) it is read at once.
fn read_measured(file: File, length: u64) -> io::Result<Vec<u8>> {
    if length <= MAX_FILE {
        let mut bytes = Vec::with_capacity(length as usize + 1);
        if file.take(MAX_FILE + 1).read_to_end(&mut bytes)? as u64 <= MAX_FILE {
            return Ok(bytes);
        }
    }
    Err(io::Error::other(format!("it is longer than {MAX_FILE} bytes")))
}

/// Refuses a link that belongs to neither this user nor root: its maker could lead what is
/// written to any place of ours. (A link of our own, to another disk, is followed.)
pub(super) fn check_link(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    if let Ok(link) = fs::symlink_metadata(path)
        && link.file_type().is_symlink()
    {
        let owner = std::os::unix::fs::MetadataExt::uid(&link);
        if owner != 0 && Some(owner) != own_user() {
            return Err(StoreError::at(
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
fn own_user() -> Option<u32> {
    static USER: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    *USER.get_or_init(|| {
        let made = tempfile::tempfile().and_then(|file| file.metadata()).ok()?;
        Some(std::os::unix::fs::MetadataExt::uid(&made))
    })
}

/// Counts how often the file system is asked.
#[cfg(test)]
pub(super) mod counted {
    use std::cell::Cell;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn look() {
        LOOKS.set(LOOKS.get() + 1);
    }

    /// What some work of this thread comes to, and how many files it opened or looked at.
    pub fn looks_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
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
        assert!(read(&path).unwrap_err().to_string().contains("longer than"));
    }
}
