//! Who chooses what is tried next and what is ended early, from what has been tried: pure functions
//! of the space, the seed and the history. Knows nothing of trials on a disk or of time.
//!
//! Logarithms and exponentials are libm's, not the platform's: the same history gives the same
//! proposal on every machine.

mod normal;
mod parzen;
mod prune;
mod rounds;
mod tpe;

pub use parzen::{Axis, Parzen};
pub use prune::{Judgement, Pruner};
pub use rounds::{Decision, Plan, Report, Search, Tried};
pub use tpe::{Observation, Outcome, propose, split};
