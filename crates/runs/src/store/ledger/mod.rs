//! `runs/ledger/`: every trial that was ever tried, and on what.
//!
//! The best of many tries is lucky, whether or not the others were deleted since: so this is no
//! cache, and nothing removes a line.
//!
//! * **One writer a file.** A process appends to `<host>-<boot>-<slot>.jsonl` while it holds that
//!   file's lock; where it is held, the next slot is taken. Several machines may share the folder.
//!   `runs/ledger.jsonl`, to which all processes appended before, stays a part of the union that is
//!   read.
//! * **Durable.** A line is on the disk, and so is its file's name, before the append returns.
//! * **A line is never needed twice.** A result tells what its line tells: anyone who writes adds
//!   what the union lacks of the results that are there ([`read_ledger`]), and the same trial
//!   written down twice counts once.
//! * **Openings.** Another line tells that a trial's test windows were opened: what is said by them
//!   counts those that were looked at.
//! * **Checked.** A line ends with a checksum of itself. A torn last line is being written, or its
//!   writer was killed, and is ignored; a line that is damaged otherwise is counted in
//!   [`super::Ledger::damage`], and anyone who says how many were tried says that too.

mod append;
mod entry;
mod union;

pub(super) use append::{Told, record};
pub use union::{read_ledger, seen_ledger};
