//! The linear head and the loss.
//!
//! A cube owns a lane; sums run in a fixed order: each thread's windows, then a tree over the
//! threads.

use cubecl::prelude::*;

use super::math::Four;
use super::net::Batch;
use super::part::Part;
use crate::Loss;
use crate::loss::Objective;

/// Threads of a cube.
pub(crate) const THREADS: usize = 256;
/// Loss, squared error, absolute error.
pub(crate) const SUMS: usize = 3;

/// Where the last hidden states are, in vectors: `[K, groups, H]` with distances.
#[derive(CubeType, CubeLaunch)]
pub(crate) struct Last {
    pub(crate) start: u32,
    pub(crate) lane: u32,
    pub(crate) group: u32,
}

/// Forecasts, `[K, B, Q]`. Cubes: lanes; threads: 256.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn forecasts(
    states: &Array<Four>,
    weights: &Array<f32>, // [K, P]
    forecasts: &mut Array<f32>,
    batch: &Batch,
    last: &Last,
) {
    let lane = CUBE_POS_X as usize;
    let of_pack = lane + batch.first_lane as usize;
    let (windows, outputs) = (batch.windows as usize, batch.forecasts as usize);
    let mut group = UNIT_POS as usize;
    while group < batch.groups as usize {
        for output in 0..outputs {
            let values =
                forecast(states, weights, state(last, lane, group), batch, of_pack, output);
            #[unroll]
            for r in 0..4usize {
                if 4 * group + r < windows {
                    forecasts[(of_pack * windows + 4 * group + r) * outputs + output] = values[r];
                }
            }
        }
        group += THREADS;
    }
}

/// Sums over the windows, `[K, 3]`. Cubes: lanes; threads: 256.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn sums(
    states: &Array<Four>,
    weights: &Array<f32>, // [K, P]
    target: &Array<f32>,  // [rows]
    ends: &Array<i32>,    // [K or 1, N]
    sums: &mut Array<f32>,
    batch: &Batch,
    last: &Last,
    #[comptime] objective: Objective,
) {
    let lane = CUBE_POS_X as usize;
    let of_pack = lane + batch.first_lane as usize;
    let mut own = Array::<Four>::new(SUMS);
    #[unroll]
    for n in 0..SUMS {
        own[n] = Four::new(0.0);
    }
    let mut group = UNIT_POS as usize;
    while group < batch.groups as usize {
        #[unroll]
        for output in 0..comptime!(objective.outputs()) {
            let forecast =
                forecast(states, weights, state(last, lane, group), batch, of_pack, output);
            add_losses(
                &mut own,
                errors(forecast, target, ends, batch, of_pack, group),
                comptime!(objective.part(output)),
            );
        }
        group += THREADS;
    }
    let shared = summed(&own);
    if UNIT_POS == 0 {
        #[unroll]
        for n in 0..SUMS {
            sums[of_pack * SUMS + n] = shared[n * THREADS];
        }
    }
}

/// Sums, mean losses `[K]`, the gradients of the mean losses by the head's outputs (into the
/// activations) and by the head's weights. Cubes: lanes; threads: 256.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(crate) fn losses(
    weights: &Array<f32>, // [K, P]
    target: &Array<f32>,  // [rows]
    ends: &Array<i32>,    // [K or 1, N]
    saved: &mut Array<Four>,
    sums: &mut Array<f32>,
    losses: &mut Array<f32>,
    gradients: &mut Array<f32>, // [K, P]
    batch: &Batch,
    last: &Last,
    #[comptime] objective: Objective,
) {
    let lane = CUBE_POS_X as usize;
    let of_pack = lane + batch.first_lane as usize;
    let (hidden, groups) = (batch.hidden as usize, batch.groups as usize);
    let windows = f32::cast_from(batch.windows);
    let of_errors = batch.lane_start(lane) + batch.errors();
    let mut own = Array::<Four>::new(SUMS);
    #[unroll]
    for n in 0..SUMS {
        own[n] = Four::new(0.0);
    }
    let mut group = UNIT_POS as usize;
    while group < groups {
        #[unroll]
        for output in 0..comptime!(objective.outputs()) {
            let forecast =
                forecast(saved, weights, state(last, lane, group), batch, of_pack, output);
            let errors = errors(forecast, target, ends, batch, of_pack, group);
            add_losses(&mut own, errors, comptime!(objective.part(output)));
            let gradients = error_gradients(errors, comptime!(objective.part(output)));
            saved[of_errors + output * groups + group] =
                existing(gradients, batch, group) / Four::new(windows);
        }
        group += THREADS;
    }
    // The errors are read below by threads that did not write them.
    sync_storage();
    let shared = summed(&own);
    if UNIT_POS == 0 {
        losses[of_pack] = shared[0] / windows;
        #[unroll]
        for n in 0..SUMS {
            sums[of_pack * SUMS + n] = shared[n * THREADS];
        }
    }
    let of_weights = batch.forecasts as usize * hidden;
    let mut weight = UNIT_POS as usize;
    while weight < of_weights + batch.forecasts as usize {
        let is_bias = weight >= of_weights;
        let output = select(is_bias, weight - of_weights, weight / hidden);
        let mut sum = Four::new(0.0);
        for group in 0..groups {
            let mut state_or_one = Four::new(1.0);
            if !is_bias {
                state_or_one = saved[state(last, lane, group) + weight % hidden];
            }
            sum += state_or_one * saved[of_errors + output * groups + group];
        }
        gradients[of_pack * batch.parameters() + batch.head() + weight] = across(sum);
        weight += THREADS;
    }
}

/// Where a group's states start.
#[cube]
fn state(last: &Last, lane: usize, group: usize) -> usize {
    last.start as usize + lane * last.lane as usize + group * last.group as usize
}

/// An output's forecasts from the states that start there.
#[cube]
fn forecast(
    states: &Array<Four>,
    weights: &Array<f32>,
    at: usize,
    batch: &Batch,
    lane: usize,
    output: usize,
) -> Four {
    let head = lane * batch.parameters() + batch.head();
    let hidden = batch.hidden as usize;
    let mut sum = Four::new(0.0);
    for unit in 0..hidden {
        sum += states[at + unit] * Four::new(weights[head + output * hidden + unit]);
    }
    sum + Four::new(weights[head + batch.forecasts as usize * hidden + output])
}

/// How far forecasts are from their targets; 0 where there is no window.
#[cube]
fn errors(
    forecast: Four,
    target: &Array<f32>,
    ends: &Array<i32>,
    batch: &Batch,
    lane: usize,
    group: usize,
) -> Four {
    let mut errors = Four::new(0.0);
    #[unroll]
    for r in 0..4usize {
        errors[r] = forecast[r] - target[batch.end(ends, lane, 4 * group + r)];
    }
    existing(errors, batch, group)
}

/// The same; 0 where there is no window.
#[cube]
fn existing(values: Four, batch: &Batch, group: usize) -> Four {
    let mut existing = Four::new(0.0);
    #[unroll]
    for r in 0..4usize {
        existing[r] = select(4 * group + r < batch.windows as usize, values[r], 0.0);
    }
    existing
}

/// Adds loss, and squared and absolute error of the point forecast, as [`crate::loss`].
#[cube]
fn add_losses(sums: &mut Array<Four>, errors: Four, #[comptime] part: Part) {
    let squared = errors * errors;
    let absolute = errors.abs();
    if comptime!(part.is_point()) {
        sums[1] += squared;
        sums[2] += absolute;
    }
    match part {
        Part::Point(Loss::Mse) => sums[0] += squared,
        Part::Point(Loss::Mae) => sums[0] += absolute,
        Part::Point(Loss::Huber) => {
            let quadratic = limited(absolute);
            sums[0] += quadratic * quadratic * Four::new(0.5) + (absolute - quadratic);
        }
        Part::Quantile { tilt, count, .. } => {
            let tilt = Four::new(comptime!(f32::from_bits(tilt)));
            sums[0] += (absolute * Four::new(0.5) + errors * tilt)
                * Four::new(comptime!(1.0 / count as f32));
        }
    }
}

/// What a window's loss changes by with an output's error.
#[cube]
fn error_gradients(errors: Four, #[comptime] part: Part) -> Four {
    match part {
        Part::Point(Loss::Mse) => errors * Four::new(2.0),
        Part::Point(Loss::Mae) => sign(errors),
        Part::Point(Loss::Huber) => limited(errors),
        Part::Quantile { tilt, count, .. } => {
            let tilt = Four::new(comptime!(f32::from_bits(tilt)));
            (sign(errors) * Four::new(0.5) + tilt) * Four::new(comptime!(1.0 / count as f32))
        }
    }
}

/// 1 or −1; what is neither positive nor negative is as it was.
#[cube]
fn sign(x: Four) -> Four {
    let zero = Four::new(0.0);
    let negative = select_many(x.less_than(zero), Four::new(-1.0), x);
    select_many(x.greater_than(zero), Four::new(1.0), negative)
}

/// Within ±1; NaN stays NaN.
#[cube]
fn limited(x: Four) -> Four {
    let one = Four::new(1.0);
    let minus_one = Four::new(-1.0);
    let x = select_many(x.greater_than(one), one, x);
    select_many(x.less_than(minus_one), minus_one, x)
}

/// The sum of four values.
#[cube]
fn across(x: Four) -> f32 {
    (x[0] + x[1]) + (x[2] + x[3])
}

/// The threads' sums added up, the n-th at `n·THREADS`.
#[cube]
fn summed(own: &Array<Four>) -> SharedMemory<f32> {
    let mut shared = SharedMemory::<f32>::new(comptime!(SUMS * THREADS));
    let thread = UNIT_POS as usize;
    #[unroll]
    for n in 0..SUMS {
        shared[n * THREADS + thread] = across(own[n]);
    }
    sync_cube();
    #[unroll]
    for level in 1..=comptime!(THREADS.ilog2()) {
        let distance = comptime!(THREADS >> level);
        if thread < distance {
            #[unroll]
            for n in 0..SUMS {
                let sum = shared[n * THREADS + thread] + shared[n * THREADS + thread + distance];
                shared[n * THREADS + thread] = sum;
            }
        }
        sync_cube();
    }
    shared
}
