//! One step of the optimizer in one pass over each lane's row, lanes on threads.

use super::simd::{InstructionSet, Kernel, Vector, run};
use super::threads::on_threads;
use crate::OptimizerKind;
use crate::op::LaneNumbers;

/// Rows `[K, P]`.
pub(super) struct Rows<T> {
    pub(super) weights: T,
    pub(super) first: T,
    /// None for an optimizer without second moments.
    pub(super) second: Option<T>,
}

/// Weights that are updated on one thread: waking another costs more.
const ALONE: usize = 1 << 16;

/// See [`crate::op::update`], whose arithmetic this is, in the same order.
pub(super) fn update(
    set: InstructionSet,
    kind: OptimizerKind,
    lanes: &[LaneNumbers],
    rows: &mut Rows<Vec<f32>>,
    gradients: &[f32],
) {
    let columns = (gradients.len() / lanes.len().max(1)).max(1);
    let mut second = rows.second.as_mut().map(|second| second.chunks_mut(columns));
    let weights = rows.weights.chunks_mut(columns).zip(rows.first.chunks_mut(columns));
    let tasks = weights.zip(gradients.chunks(columns)).zip(lanes).map(
        |(((weights, first), gradients), lane)| {
            let rows = Rows { weights, first, second: second.as_mut().and_then(Iterator::next) };
            Step { kind, lane, rows, gradients }
        },
    );
    if gradients.len() <= ALONE {
        tasks.for_each(|step| run(set, step));
    } else {
        on_threads(tasks.collect(), || (), |(), step| run(set, step));
    }
}

/// A lane's step. The loops are made of vectors by the compiler, for the instruction set that they
/// are run on.
struct Step<'a> {
    kind: OptimizerKind,
    lane: &'a LaneNumbers,
    rows: Rows<&'a mut [f32]>,
    gradients: &'a [f32],
}

impl Kernel for Step<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { kind, lane, rows: Rows { weights, first, second }, gradients } = self;
        match (kind, second) {
            (OptimizerKind::Sgd, _) | (_, None) => sgd(lane, weights, first, gradients),
            (OptimizerKind::Adam, Some(second)) => adam(lane, weights, first, second, gradients),
            (OptimizerKind::AdamW, Some(second)) => adam_w(lane, weights, first, second, gradients),
        }
    }
}

#[inline(always)]
fn adam(
    lane: &LaneNumbers,
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradients: &[f32],
) {
    let clip = clip(lane, gradients);
    for (((w, m), v), &g) in weights.iter_mut().zip(first).zip(second).zip(gradients) {
        let g = g * clip + *w * lane.decay;
        *w -= moved(lane, m, v, g);
    }
}

#[inline(always)]
fn adam_w(
    lane: &LaneNumbers,
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradients: &[f32],
) {
    let clip = clip(lane, gradients);
    for (((w, m), v), &g) in weights.iter_mut().zip(first).zip(second).zip(gradients) {
        *w *= lane.shrinkage;
        *w -= moved(lane, m, v, g * clip);
    }
}

/// Moves Adam's moments; how far the weight goes.
#[inline(always)]
fn moved(lane: &LaneNumbers, m: &mut f32, v: &mut f32, g: f32) -> f32 {
    let LaneNumbers {
        beta1,
        beta1_rest,
        beta2,
        beta2_rest,
        corrected_rate,
        root_scale,
        epsilon,
        ..
    } = *lane;
    *m = *m * beta1 + g * beta1_rest;
    *v = *v * beta2 + g * g * beta2_rest;
    *m * corrected_rate / (v.sqrt() * root_scale + epsilon)
}

#[inline(always)]
fn sgd(lane: &LaneNumbers, weights: &mut [f32], velocity: &mut [f32], gradients: &[f32]) {
    let LaneNumbers { decay, momentum, rate, .. } = *lane;
    let clip = clip(lane, gradients);
    for ((w, m), &g) in weights.iter_mut().zip(velocity).zip(gradients) {
        *m = *m * momentum + (g * clip + *w * decay);
        *w -= *m * rate;
    }
}

/// What a lane's gradient is multiplied with.
#[inline(always)]
fn clip(lane: &LaneNumbers, gradients: &[f32]) -> f32 {
    match lane.clip_norm {
        None => 1.0,
        Some(limit) => {
            // Eight sums, so that the loop is vectorised; in f64, so that long rows lose nothing.
            let mut sums = [0.0_f64; 8];
            for gradients in gradients.chunks(8) {
                for (sum, &gradient) in sums.iter_mut().zip(gradients) {
                    *sum += f64::from(gradient) * f64::from(gradient);
                }
            }
            let norm = sums.iter().sum::<f64>().sqrt() as f32;
            let factor = limit / (norm + 1e-6);
            // Not `min`, which would make 1 of NaN.
            if factor > 1.0 { 1.0 } else { factor }
        }
    }
}
