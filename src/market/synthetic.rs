//! Stand-in until the generator is merged.
use super::Bars;
use crate::spec::Synthetic;

/// A synthetic series.
#[must_use]
pub fn generate(_settings: &Synthetic) -> Bars {
    todo!()
}
