//! A saved model: one run's best weights, and a passport that says all there is to know to forecast
//! with them and to trust them.
//!
//! ```text
//! <folder>/weights.safetensors   the best epoch's weights, under the names of lane_types::Weight
//!          passport.json         [`Passport`]: settings, scaling, where it came from, what it was worth
//!          SHA256SUMS            the checksums of both, as `sha256sum -c` reads them; written last: without it there is no model
//! ```
//! A folder is complete in itself: forecasting needs neither the run nor the data. It is written
//! once and never changed.
//!
//! # What reading checks
//!
//! Nothing in a folder is believed. Files must be regular files (no link, no pipe) and small enough
//! before they are opened; the checksums must hold; the passport must be of a known version and
//! have no field that this version does not know; its settings are checked one by one and against
//! each other; the weights' names, types and shapes must be those of its network, whose size is
//! known before anything is read. Nothing is ever executed: the files are JSON and safetensors.

mod believe;
mod error;
mod file;
mod header;
mod passport;
mod profile;
mod run;
mod saved;
mod sums;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use error::ModelError;
pub use passport::{Interval, Metrics, Passport, Selection, Source, Verdict, WeightsFile};
pub use profile::{ColumnProfile, profile};
pub use saved::SavedModel;
pub use sums::digest;

/// Version of the folder's format that this program writes. Later ones are refused, never guessed
/// at.
pub const VERSION: u32 = 1;

/// Coverages of the intervals that a model carries.
pub const COVERAGES: [f64; 4] = [0.5, 0.8, 0.9, 0.95];
