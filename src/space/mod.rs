//! What may vary, and who chooses: domains, samplers. Knows nothing of TOML or of Burn.

mod domain;
mod sampler;
mod value;

pub use domain::{Condition, Domain, Parameter, Space};
pub use sampler::{GridSampler, ListSampler, RandomSampler, Sampler};
pub use value::{Assignment, Value};
