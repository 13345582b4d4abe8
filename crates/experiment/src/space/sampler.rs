//! Samplers: who chooses the next assignment.

use rand_chacha::rand_core::Rng;

use super::{Assignment, Grid, Parameter, Space};
use crate::seed;

/// Proposes assignments as a pure function of the space, the seed and the index, so that resuming
/// and reordering change nothing.
pub trait Sampler {
    /// How many assignments there are, without making any; `None` past 2^128 (or where there is no
    /// end to them: a continuum in a grid).
    fn count(&self, space: &Space) -> Option<u128>;

    /// The `index`-th assignment; `None` past the end.
    fn propose(&self, space: &Space, index: u128) -> Option<Assignment>;

    /// The first `limit` assignments, in order. The same as proposing each; a sampler that prepares
    /// something does it once.
    fn propose_up_to(&self, space: &Space, limit: usize) -> Vec<Assignment> {
        (0..limit as u128).map_while(|index| self.propose(space, index)).collect()
    }
}

/// Every combination, the last parameter fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridSampler;

/// Independent draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomSampler {
    /// How many assignments.
    pub trials: usize,
    /// Of the draws.
    pub seed: u64,
}

/// Assignments as written.
#[derive(Clone, Debug, PartialEq)]
pub struct ListSampler {
    /// As they are listed.
    pub assignments: Vec<Assignment>,
}

impl Sampler for GridSampler {
    fn count(&self, space: &Space) -> Option<u128> {
        Grid::new(space)?.count()
    }

    /// Prepares the grid each time; for many, see [`Sampler::propose_up_to`] or [`Grid`].
    fn propose(&self, space: &Space, index: u128) -> Option<Assignment> {
        Grid::new(space)?.get(index)
    }

    fn propose_up_to(&self, space: &Space, limit: usize) -> Vec<Assignment> {
        let Some(grid) = Grid::new(space) else { return Vec::new() };
        (0..limit as u128).map_while(|index| grid.get(index)).collect()
    }
}

impl Sampler for RandomSampler {
    fn count(&self, _space: &Space) -> Option<u128> {
        Some(self.trials as u128)
    }

    /// Each parameter (or zip group) has a generator of its own: another one more or less changes
    /// no draw of the others.
    fn propose(&self, space: &Space, index: u128) -> Option<Assignment> {
        let index = within(self.trials, index)?;
        assign(space, |parameter| {
            let purpose = match &parameter.zip {
                Some(group) => format!("random zip {group}"),
                None => format!("random {}", parameter.key),
            };
            share(self.seed, &purpose, index)
        })
    }
}

/// The index of a draw, when there are so many.
pub(super) fn within(trials: usize, index: u128) -> Option<u64> {
    u64::try_from(index).ok().filter(|_| index < trials as u128)
}

/// The assignment at a share, in [0, 1), of each parameter's domain; what is inactive is left out.
pub(super) fn assign(
    space: &Space,
    mut share: impl FnMut(&Parameter) -> f64,
) -> Option<Assignment> {
    let mut assignment = Assignment::new();
    for parameter in &space.parameters {
        let share = share(parameter);
        if parameter.is_active(&assignment) {
            assignment.insert(parameter.key.clone(), parameter.domain.at(share)?);
        }
    }
    Some(assignment)
}

impl Sampler for ListSampler {
    fn count(&self, _space: &Space) -> Option<u128> {
        Some(self.assignments.len() as u128)
    }

    fn propose(&self, _space: &Space, index: u128) -> Option<Assignment> {
        self.assignments.get(usize::try_from(index).ok()?).cloned()
    }
}

/// Uniform in [0, 1), in steps of 2^-53.
fn share(seed: u64, purpose: &str, index: u64) -> f64 {
    (seed::generator(seed, purpose, index).next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
