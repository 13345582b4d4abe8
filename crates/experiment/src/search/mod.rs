//! Who chooses what is tried next, from what has been tried: pure functions of the space, the seed
//! and the history. Knows nothing of trials on a disk or of time.
//!
//! Logarithms and exponentials are libm's, not the platform's: the same history gives the same
//! proposal on every machine.

mod normal;
mod parzen;
mod tpe;

pub use parzen::{Axis, Parzen};
pub use tpe::{Observation, Outcome, propose, split};
