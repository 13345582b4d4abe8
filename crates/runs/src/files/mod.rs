//! The one way to open, lock and write files: everything under `runs/` and `models/` goes through
//! it, and what comes from elsewhere and may be anything.
//!
//! * `open`: regular files alone, of a bounded size, links followed or refused; owners and modes.
//! * `publish`: a file appears whole or not at all, and never replaces unless that is asked for.
//! * `lock`: against a second writer, never against a reader.
//! * `process`, `leftovers`: which process wrote a file, and what a killed one left behind.

mod error;
mod leftovers;
mod lock;
mod open;
pub(crate) mod process;
mod publish;

pub use error::{ErrorKind, FileError};
pub use leftovers::{remove_leftovers, remove_leftovers_beside_sweeps};
pub use lock::Lock;
#[cfg(unix)]
pub use open::own_user;
pub use open::{Links, bounded_if_there, check_link, open, read_at_most, read_if_there};
pub use process::Liveness;
pub use publish::{make_folder, publish, replace, sync_folder};

pub(crate) use lock::{Patience, lock};
#[cfg(test)]
pub(crate) use open::counted as looks;
pub(crate) use open::{is_folder, look, make_dir, names_in, new_file, open_with, read, read_rest};
#[cfg(test)]
pub(crate) use publish::counted as syncs;
pub(crate) use publish::{publish_all_fleeting, replace_fleeting, set_aside, sync_file};
