//! Dropout's masks, drawn where they are needed: [`crate::random::Dropout`] in the kernels.

use cubecl::prelude::*;

use super::math::Four;
use crate::random::{PHILOX, PHILOX_ROUNDS};

/// Numbers of a lane in the table of masks: the key, the steps' low and high word, the threshold
/// and the bits of the scale.
pub(crate) const NUMBERS: usize = 6;

/// As `#[cube]` takes them.
const FACTORS: [u32; 2] = PHILOX[0];
const INCREMENTS: [u32; 2] = PHILOX[1];
const ROUNDS: u32 = PHILOX_ROUNDS as u32;

/// What the outputs of a unit are multiplied with in four windows at a step; `index` is `(t·⌈B/4⌉ +
/// b/4)·H + j`.
#[cube]
pub(crate) fn factors(masks: &Array<u32>, lane: usize, layer: usize, index: usize) -> Four {
    let at = lane * NUMBERS;
    let mut key0 = masks[at];
    let mut key1 = masks[at + 1];
    let mut word0 = index as u32;
    let mut word1 = layer as u32;
    let mut word2 = masks[at + 2];
    let mut word3 = masks[at + 3];
    for _ in 0..ROUNDS {
        let high0 = word0.mul_hi(FACTORS[0]);
        let high1 = word2.mul_hi(FACTORS[1]);
        let low0 = word0 * FACTORS[0];
        let low1 = word2 * FACTORS[1];
        word0 = high1 ^ word1 ^ key0;
        word1 = low1;
        word2 = high0 ^ word3 ^ key1;
        word3 = low0;
        key0 += INCREMENTS[0];
        key1 += INCREMENTS[1];
    }
    let threshold = masks[at + 4];
    let scale = f32::reinterpret(masks[at + 5]);
    let mut factors = Four::new(0.0);
    factors[0] = select(word0 <= threshold, scale, 0.0);
    factors[1] = select(word1 <= threshold, scale, 0.0);
    factors[2] = select(word2 <= threshold, scale, 0.0);
    factors[3] = select(word3 <= threshold, scale, 0.0);
    factors
}
