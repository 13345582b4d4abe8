//! `runs/ledger/`: every trial that was ever tried, and on what.
//!
//! The best of many tries is lucky, whether or not the others were deleted since: so this is no cache, and nothing removes a line.
//!
//! * **One writer a file.** A process appends to `<host>-<boot>-<slot>.jsonl` while it holds that file's lock; where it is held, the next
//!   slot is taken. Several machines may share the folder. `runs/ledger.jsonl`, to which all processes appended before, stays a part of
//!   the union that is read.
//! * **Durable.** A line is on the disk, and so is its file's name, before the append returns.
//! * **A line is never needed twice.** A result tells what its line tells: whoever writes adds what the union lacks of the results that are
//!   there ([`Ledger::read`]), and the same trial written down twice counts once.
//! * **Openings.** Another line tells that a trial's test windows were opened: what is said by them counts those that were looked at.
//! * **Checked.** A line ends with a checksum of itself. A torn last line is being written, or its writer was killed, and is ignored; a line
//!   that is damaged otherwise is counted in [`Ledger::damage`], and whoever says how many were tried says that too.

mod append;
mod entry;
mod tries;
mod union;

pub use entry::LedgerEntry;
pub use tries::Tries;

pub(super) use append::{Told, record};

/// Every trial that was ever tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// In the order in which they were written down, each trial once.
    pub entries: Vec<LedgerEntry>,
    /// Trials whose test windows were opened, each once; those of before there was a line for it are known to their folders alone.
    pub openings: Vec<LedgerEntry>,
    /// Lines that could not be read, and why.
    pub damage: Vec<String>,
}
