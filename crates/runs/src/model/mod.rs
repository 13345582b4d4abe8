//! A saved model: one run's best weights, and a model card that says all there is to know to
//! forecast with them and to trust them.
//!
//! ```text
//! <folder>/weights.safetensors   the best epoch's weights, under the names of lane_types::Weight
//!          model_card.json       [`ModelCard`]: settings, scaling, where it came from, its worth
//!          SHA256SUMS            the checksums of both, as `sha256sum -c` reads them; written
//!                                last: without it there is no model
//! ```
//! A folder is complete in itself: forecasting needs neither the run nor the data. It is written
//! once and never changed.
//!
//! # What reading checks
//!
//! Nothing in a folder is trusted. Files must be regular files (no link, no pipe) and small enough
//! before they are opened; the checksums must hold; the model card must be of a known version and
//! have no field that this version does not know; its settings are checked one by one and against
//! each other; the weights' names, types and shapes must be those of its network, whose size is
//! known before anything is read. Nothing is ever executed: the files are JSON and safetensors.

mod card;
mod error;
mod header;
mod profile;
mod run;
mod saved;
mod sums;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod validate;

pub use card::{Interval, Metrics, ModelCard, Selection, Source, Verdict, WeightsFile};
pub use error::ModelError;
pub use profile::{ColumnProfile, profile};
pub use saved::SavedModel;
pub use sums::digest;

/// Version of the folder's format that this program writes. Later ones are refused, never guessed
/// at.
pub const VERSION: u32 = 1;

/// Coverages of the intervals that a model carries.
pub const COVERAGES: [f64; 4] = [0.5, 0.8, 0.9, 0.95];
