//! Quasi-random points: a Sobol sequence, Owen-scrambled by the seed.

use rand_chacha::rand_core::Rng;

use super::sampler::{assign, within};
use super::{Assignment, Sampler, Space};
use crate::seed;

/// The first points of a Sobol sequence (Sobol 1967) with Owen's scrambling (1995; by hashing,
/// Burley 2020): any 2^k of them lie more evenly than independent draws, in every projection on
/// few parameters, so that fewer trials leave no gap.
///
/// Each parameter, or group of parameters that move together, is a dimension, in the order of the
/// file. An inactive parameter uses its dimension up, so that the others stay as even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SobolSampler {
    /// How many assignments.
    pub trials: usize,
    /// Of the scrambling.
    pub seed: u64,
}

/// Points after which the sequence is scrambled anew: its tables are for so many.
const BLOCK: u64 = 1 << 16;
/// Dimensions of the tables; further ones are scrambled by themselves.
const DIMENSIONS: u32 = sobol_burley::NUM_DIMENSIONS;

impl Sampler for SobolSampler {
    fn count(&self, _space: &Space) -> Option<u128> {
        Some(self.trials as u128)
    }

    fn propose(&self, space: &Space, index: u128) -> Option<Assignment> {
        let index = within(self.trials, index)?;
        // The group that a dimension is of, where it is of one.
        let mut dimensions: Vec<Option<&str>> = Vec::new();
        let dimension_of = space.parameters.iter().map(|parameter| {
            let group = parameter.zip.as_deref();
            let known = group.and_then(|_| dimensions.iter().position(|other| *other == group));
            known.unwrap_or_else(|| {
                dimensions.push(group);
                dimensions.len() - 1
            })
        });
        let mut dimension_of = dimension_of.collect::<Vec<_>>().into_iter();
        assign(space, |_| {
            let dimension = dimension_of.next().unwrap_or_default();
            coordinate(self.seed, index, dimension as u32)
        })
    }
}

/// Coordinate of a point, in [0, 1) in steps of 2^-24.
pub(crate) fn coordinate(seed: u64, index: u64, dimension: u32) -> f64 {
    let part = (index / BLOCK) << 32 | u64::from(dimension / DIMENSIONS);
    let scramble = seed::generator(seed, "sobol", part).next_u32();
    let point = (index % BLOCK) as u32;
    f64::from(sobol_burley::sample(point, dimension % DIMENSIONS, scramble))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Condition, Domain, Parameter, Value};
    use proptest::prelude::*;

    fn parameter(key: &str, domain: Domain) -> Parameter {
        Parameter { key: key.into(), domain, zip: None, when: None }
    }

    fn unit() -> Domain {
        Domain::Float { low: 0.0, high: 1.0, step: None, log: false, points: None }
    }

    fn ints(values: &[i64]) -> Domain {
        Domain::Choice(values.iter().map(|value| Value::Int(*value)).collect())
    }

    proptest! {
        /// What makes it a Sobol sequence, scrambled or not: of each aligned stretch of 2^k points
        /// every dimension has one in each of the 2^k equal parts of its range.
        #[test]
        fn every_stretch_of_a_power_of_two_fills_each_dimension_evenly(
            seed in any::<u64>(), k in 0_u32..9, stretch in 0_u64..4, dimension in 0_u32..600,
        ) {
            let n = 1_u64 << k;
            let mut parts: Vec<u64> = (stretch * n..(stretch + 1) * n)
                .map(|index| (coordinate(seed, index, dimension) * n as f64) as u64)
                .collect();
            parts.sort_unstable();
            prop_assert_eq!(parts, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_square_is_filled_more_evenly_than_by_chance() {
        let sampler = SobolSampler { trials: 64, seed: 3 };
        let space = Space { parameters: vec![parameter("a", unit()), parameter("b", unit())] };
        let mut cells = vec![0; 64];
        for assignment in sampler.propose_up_to(&space, 64) {
            let place = |key: &str| match assignment[key] {
                Value::Float(x) => (x * 8.0) as usize,
                _ => unreachable!(),
            };
            cells[8 * place("a") + place("b")] += 1;
        }
        // Of independent draws 64 / e = 24 cells would be empty.
        assert!(cells.iter().all(|&count| count == 1), "{cells:?}");
        assert_eq!(sampler.propose(&space, 64), None);
    }

    #[test]
    fn a_choice_of_two_is_taken_in_turn_as_often_as_the_other() {
        let sampler = SobolSampler { trials: 32, seed: 9 };
        let space = Space { parameters: vec![parameter("a", ints(&[1, 2]))] };
        let drawn = sampler.propose_up_to(&space, 32);
        assert_eq!(drawn.iter().filter(|assignment| assignment["a"] == Value::Int(1)).count(), 16);
    }

    #[test]
    fn a_group_is_one_dimension_and_what_is_inactive_moves_no_other() {
        let zipped =
            |key: &str| Parameter { zip: Some("g".into()), ..parameter(key, ints(&[1, 2, 3])) };
        let of = |value: i64| Parameter {
            when: Some(Condition { key: "a".into(), values: vec![Value::Int(value)] }),
            ..parameter("momentum", unit())
        };
        let space = |value| Space {
            parameters: vec![zipped("a"), of(value), zipped("b"), parameter("c", unit())],
        };
        let sampler = SobolSampler { trials: 40, seed: 1 };
        for index in 0..40 {
            let (often, never) = (
                sampler.propose(&space(2), index).unwrap(),
                sampler.propose(&space(7), index).unwrap(),
            );
            assert_eq!(often["a"], often["b"]);
            assert_eq!((&often["a"], &often["c"]), (&never["a"], &never["c"]));
            assert_eq!(often.contains_key("momentum"), often["a"] == Value::Int(2));
        }
    }

    #[test]
    fn other_seeds_are_other_points_and_equal_ones_the_same() {
        let space = Space { parameters: vec![parameter("a", unit())] };
        let at = |seed| SobolSampler { trials: 8, seed }.propose_up_to(&space, 8);
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }
}
