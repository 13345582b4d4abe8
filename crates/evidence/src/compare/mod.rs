//! Runs side by side: what differs in their settings first, then results with their spread, beside
//! the baselines.
//!
//! Runs of one assignment over repeats and folds are one row ([`Row`]), with the mean, the standard
//! deviation and the number of its runs. A row that lacks seeds says so, comes after those that
//! lack fewer, and is never crowned ([`Seeds`]). Every number is of the best epoch by validation
//! loss, never of the last one. A run without a finite number is listed after the ranking with its
//! state and reason, never left out and never ranked. Knows records, not where they come from.

mod assignment;
mod comparison;
mod differ;
mod fold;
mod group;
mod join;
mod leader;
mod print;
mod rank;
mod search;
mod seeds;
mod sentence;
mod sides;
mod significance;
mod stored;
mod value;
mod verdict;
mod weighing;

pub use assignment::assignment;
pub use comparison::{BaselineRow, Comparison, Interval, Row, Unranked, compare};
pub use differ::{Difference, DifferingValue};
pub use group::Spread;
pub use join::{Apart, Subject, Windows, apart, ranked_by};
pub use leader::{Candidate, Leader, leader};
pub use print::Intervals;
pub use print::{setting, short_names};
pub use search::{Read, Search};
pub use seeds::Seeds;
pub use sides::{BestPair, Side, SideSetting, Sides};
pub use significance::{Against, Significance, Tried};
pub use stored::Stored;
pub use value::{estimate, names, state, value};
