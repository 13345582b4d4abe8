//! The one door to randomness: every generator is derived from a seed and a purpose, never from the
//! clock or the system.
//!
//! (Initial weights, shuffles and dropout masks are drawn in `burn-lanes`, by the same rule.)

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A generator for one purpose. Equal arguments give equal streams, on every machine; different
/// purposes or indices give independent ones, so that trial 7's proposal does not depend on whether
/// trial 6 was ever proposed.
#[must_use]
pub fn generator(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key("kiln 2026-11 seed by purpose");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&index.to_le_bytes());
    hasher.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// The generators of one purpose under one seed, numbered: what a function takes that draws many
/// times, in any order or in parallel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedStream<'a> {
    /// The seed.
    pub seed: u64,
    /// What is drawn, as in [`generator`].
    pub purpose: &'a str,
}

impl SeedStream<'_> {
    /// The generator of the draw numbered `index`.
    #[must_use]
    pub fn generator(self, index: u64) -> ChaCha8Rng {
        generator(self.seed, self.purpose, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::Rng;

    #[test]
    fn purposes_and_indices_are_independent() {
        let draw = |seed, purpose, index| generator(seed, purpose, index).next_u64();
        assert_eq!(draw(1, "random", 3), draw(1, "random", 3));
        assert_ne!(draw(1, "random", 3), draw(1, "random", 4));
        assert_ne!(draw(1, "random", 3), draw(1, "synthetic", 3));
        assert_ne!(draw(1, "random", 3), draw(2, "random", 3));
    }
}
