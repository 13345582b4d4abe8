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

pub use column::heading;
pub use log::{Entry, Level};
pub use row::{Kind, Row};
pub use sweep::{Best, Sweep};
