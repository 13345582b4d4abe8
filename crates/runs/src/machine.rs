//! Whose fault an error is: the machine's (its disk, its memory), or what was asked of it.

use std::io::{self, ErrorKind};

/// Whether the machine failed: the disk is full, over its quota, read-only or broken, the memory or
/// the table of open files is full, a network's file system is gone. What is missing, in the way or
/// forbidden is for anyone who asked to mend.
#[must_use]
pub fn failed(error: &io::Error) -> bool {
    let numbers = [
        libc::EIO,
        libc::ENOMEM,
        libc::ENFILE,
        libc::EMFILE,
        libc::ENXIO,
        libc::ENODEV,
        libc::ESTALE,
        libc::EDQUOT,
        libc::ENOSPC,
        libc::EROFS,
    ];
    let kinds = [
        ErrorKind::StorageFull,
        ErrorKind::QuotaExceeded,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::OutOfMemory,
        ErrorKind::StaleNetworkFileHandle,
    ];
    let inner = || error.get_ref()?.source()?.downcast_ref::<io::Error>();
    error.raw_os_error().is_some_and(|number| numbers.contains(&number))
        || kinds.contains(&error.kind())
        // tempfile wraps the system's error to add the path.
        || inner().is_some_and(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_the_machines_fault_and_a_missing_file_is_not() {
        for number in [libc::ENOSPC, libc::EDQUOT, libc::EIO, libc::EROFS, libc::ENOMEM] {
            assert!(failed(&io::Error::from_raw_os_error(number)), "{number}");
        }
        assert!(
            failed(&io::Error::from(ErrorKind::StorageFull)),
            "as tempfile and others pass it on"
        );
        for number in [
            libc::ENOENT,
            libc::EACCES,
            libc::EPIPE,
            libc::EEXIST,
            libc::ENOTDIR,
            libc::ENAMETOOLONG,
        ] {
            assert!(!failed(&io::Error::from_raw_os_error(number)), "{number}");
        }
    }
}
