//! What is known of a sweep: the fold of its record and of every change since.
//!
//! Folding a record that was read at once and folding the same lines as they come give the same
//! [`Sweep`]; only the log, which is a memory of what was seen coming, starts from what the record
//! still tells.

mod column;
mod log;
mod pace;
mod row;
mod stall;
mod sweep;
mod wording;

pub(super) use column::heading;
pub(super) use log::{Entry, Level};
pub(super) use row::{Kind, Row};
pub(super) use sweep::{Best, Sweep};
