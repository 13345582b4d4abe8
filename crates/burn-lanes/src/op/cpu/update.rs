//! One step of the optimizer in one pass over each lane's row, lanes on threads.

use super::layer::on_threads;
use crate::OptimizerKind;
use crate::op::LaneNumbers;

/// Rows `[K, P]`, from before a step and from after it.
pub(super) struct Rows<T> {
    pub(super) weights: T,
    pub(super) first: T,
    /// Empty for an optimizer without second moments.
    pub(super) second: T,
}

/// See [`crate::op::update`], whose arithmetic this is, in the same order.
pub(super) fn update(kind: OptimizerKind, lanes: &[LaneNumbers], before: &Rows<&[f32]>, gradients: &[f32]) -> Rows<Vec<f32>> {
    let mut after = Rows { weights: before.weights.to_vec(), first: before.first.to_vec(), second: before.second.to_vec() };
    let columns = (gradients.len() / lanes.len().max(1)).max(1);
    let rows = after.weights.chunks_mut(columns).zip(after.first.chunks_mut(columns));
    let rows = rows.zip(gradients.chunks(columns)).zip(lanes);
    if kind == OptimizerKind::Sgd || before.second.is_empty() {
        on_threads(rows.collect(), |(((weights, velocity), gradients), lane)| sgd(lane, weights, velocity, gradients));
    } else {
        on_threads(rows.zip(after.second.chunks_mut(columns)).collect(), |((((weights, first), gradients), lane), second)| {
            adam(kind, lane, weights, first, second, gradients);
        });
    }
    after
}

fn adam(kind: OptimizerKind, lane: &LaneNumbers, weights: &mut [f32], first: &mut [f32], second: &mut [f32], gradients: &[f32]) {
    let LaneNumbers { beta1, beta1_rest, beta2, beta2_rest, corrected_rate, root_scale, epsilon, .. } = *lane;
    let (shrinkage, decay) = if kind == OptimizerKind::AdamW { (lane.shrinkage, None) } else { (1.0, Some(lane.decay)) };
    let clip = clip(lane, gradients);
    for (((w, m), v), &g) in weights.iter_mut().zip(first).zip(second).zip(gradients) {
        *w *= shrinkage;
        let g = g * clip;
        let g = decay.map_or(g, |decay| g + *w * decay);
        *m = *m * beta1 + g * beta1_rest;
        *v = *v * beta2 + g * g * beta2_rest;
        *w -= *m * corrected_rate / (v.sqrt() * root_scale + epsilon);
    }
}

fn sgd(lane: &LaneNumbers, weights: &mut [f32], velocity: &mut [f32], gradients: &[f32]) {
    let LaneNumbers { decay, momentum, rate, .. } = *lane;
    let clip = clip(lane, gradients);
    for ((w, m), &g) in weights.iter_mut().zip(velocity).zip(gradients) {
        *m = *m * momentum + (g * clip + *w * decay);
        *w -= *m * rate;
    }
}

/// What a lane's gradient is multiplied with.
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
