//! Samplers: who chooses the next assignment.

use super::{Assignment, Space};

/// Proposes assignments as a pure function of the space, the seed and the index, so that resuming and reordering change nothing.
pub trait Sampler {
    /// How many assignments there are, without making any; `None` past 2^128.
    fn count(&self, space: &Space) -> Option<u128>;

    /// The `index`-th assignment; `None` past the end.
    fn propose(&self, space: &Space, index: u128) -> Option<Assignment>;
}

/// Every combination, the last parameter fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridSampler;

/// Independent draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomSampler {
    pub trials: usize,
    pub seed: u64,
}

/// Assignments as written.
#[derive(Clone, Debug, PartialEq)]
pub struct ListSampler {
    pub assignments: Vec<Assignment>,
}
