//! What may vary, and who chooses: domains, samplers. Knows nothing of TOML or of Burn.
//!
//! A domain is a choice or a range ([`Domain`]); its points are reached by number, without making
//! them all. A [`Sampler`] is a pure function from an index to an [`Assignment`], so that a plan
//! can be resumed, reordered and counted before it is made.

mod domain;
mod grid;
mod points;
mod sampler;
pub(crate) mod sobol;
mod value;

pub use domain::{Condition, Domain, Parameter, Space};
pub use grid::Grid;
pub use sampler::{GridSampler, ListSampler, RandomSampler, Sampler};
pub use sobol::SobolSampler;
pub use value::{Assignment, Value};
