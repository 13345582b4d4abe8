//! The model confidence set: which trials cannot be told from the best.

mod range;
mod set;
mod single;

pub use set::{ModelConfidenceSet, SetStatistic, model_confidence_set};
