//! GPU backends: CubeCL kernels, one source for CUDA and wgpu, in place of the composed operations.
//!
//! A training step is nine launches, for networks that fit (see [`plan::Schedule`]) and at any
//! number of lanes whose activations fit one buffer: the layers forward, the head with the loss,
//! the transposed matrices, the layers backward, the weights' gradients, two around them by Burn's
//! autodiff, and two of the optimizer. Nothing is read back. Windows are gathered from the resident
//! series by the kernels that read them.
//!
//! Sums are made in an order that depends on the shape of the batch alone, without atomics: a lane
//! has the same bits at any number of lanes.

mod kernels;
mod launch;
mod pass;
mod plan;
mod update;

use burn::tensor::Tensor;
use burn::tensor::backend::{Backend, ExecutionError};
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime};

use self::kernels::forward::Keep;
use self::kernels::head::{LastLaunch, SUMS};
use self::pass::Pass;
use self::plan::Schedule;
use super::{Gradient, LaneNumbers, LstmBackend, UpdateRows};
use crate::data::Batch;
use crate::device::watch;
use crate::loss::Objective;
use crate::{DeviceFailure, DeviceFailureKind, OptimizerKind};

impl<R: CubeRuntime, BT: BoolElement> LstmBackend for CubeBackend<R, f32, i32, BT> {
    fn forecasts(batch: &Batch<Self>, weights: CubeTensor<R>) -> CubeTensor<R> {
        forecasts(&Pass::evaluation(batch, weights))
    }

    fn sums(batch: &Batch<Self>, weights: CubeTensor<R>) -> CubeTensor<R> {
        sums(&Pass::evaluation(batch, weights), &Objective::of(&batch.shape))
    }

    fn gradient(batch: &Batch<Self>, weights: CubeTensor<R>) -> Gradient<Self> {
        let [losses, sums, weights] =
            gradient(&Pass::training(batch, weights), &Objective::of(&batch.shape));
        Gradient { losses, sums, weights }
    }

    fn update(
        kind: OptimizerKind,
        lanes: &[LaneNumbers],
        rows: UpdateRows<Self>,
        gradients: CubeTensor<R>,
    ) -> UpdateRows<Self> {
        update::update(kind, lanes, rows, gradients)
    }

    /// By slices: Burn's kernel for `select` reads past the end of the positions wherever there are
    /// more columns than positions. It drops what it reads there, but past the last buffer of a
    /// device's memory is an illegal access.
    fn select_rows(rows: Tensor<Self, 2>, positions: &[usize]) -> Tensor<Self, 2> {
        let runs = positions.chunk_by(|position, next| position + 1 == *next);
        let slices: Vec<Tensor<Self, 2>> =
            runs.map(|run| rows.clone().slice(run[0]..run[0] + run.len())).collect();
        Tensor::cat(slices, 0)
    }

    fn checked<T>(
        device: &Self::Device,
        read: Result<T, ExecutionError>,
    ) -> Result<T, DeviceFailure> {
        let value = watch::checked(read)?;
        // On wgpu a read tells nothing of launches that failed, a synchronisation does.
        watch::checked(Self::sync(device))?;
        Ok(value)
    }

    fn noted(device: &Self::Device) -> Result<(), DeviceFailure> {
        match watch::failure() {
            None => Ok(()),
            // The launches' own errors may say more.
            Some(failure) if failure.is_vague() => watch::checked(Self::sync(device)),
            Some(failure) => Err(failure.clone()),
        }
    }

    fn health(device: &Self::Device, number: usize) -> Result<(), DeviceFailure> {
        // Whole numbers and halves, exact in every arithmetic; the number keeps an old answer in
        // memory from passing for this one.
        let asked = (number % (1 << 20)) as f32;
        let answer = Tensor::<Self, 1>::from_floats([asked, asked + 0.5], device) * 2.0;
        let answer =
            Self::checked(device, answer.try_into_data())?.to_vec::<f32>().unwrap_or_default();
        let expected = [2.0 * asked, 2.0 * asked + 1.0];
        if answer == expected {
            return Ok(());
        }
        let message = format!(
            "it answers {answer:?} where {expected:?} is right: its launches do nothing, or its \
                memory is damaged"
        );
        Err(watch::note(DeviceFailure { kind: DeviceFailureKind::Other, message }))
    }
}

fn forecasts<R: CubeRuntime>(pass: &Pass<R>) -> CubeTensor<R> {
    let forecasts = pass.empty([pass.lanes, pass.windows * pass.net.forecasts]); // [K, B, Q]
    evaluate(pass, |lanes, states, last| launch::forecasts(pass, lanes, states, last, &forecasts));
    forecasts
}

fn sums<R: CubeRuntime>(pass: &Pass<R>, objective: &Objective) -> CubeTensor<R> {
    let sums = pass.empty([pass.lanes, SUMS]);
    evaluate(pass, |lanes, states, last| launch::sums(pass, lanes, states, last, &sums, objective));
    sums
}

/// Runs the layers forward and hands the last hidden states on.
fn evaluate<R: CubeRuntime>(
    pass: &Pass<R>,
    mut head: impl FnMut(&std::ops::Range<usize>, &CubeTensor<R>, LastLaunch<R>),
) {
    match pass.schedule() {
        Schedule::Whole { forward, .. } => {
            let (launches, states) = pass.launches(pass.groups() * pass.net.hidden);
            for lanes in launches {
                launch::forward_whole(pass, &lanes, forward, &states, Keep::Last);
                head(&lanes, &states, launch::last_alone(pass));
            }
        }
        Schedule::Steps => {
            let (launches, saved) = pass.launches(pass.lane_vectors());
            for lanes in launches {
                launch::forward(pass, &lanes, &saved);
                head(&lanes, &saved, launch::last_of_all(pass));
            }
        }
    }
}

/// Losses `[K]`, sums `[K, 3]`, and the weights' gradients `[K, P]`.
fn gradient<R: CubeRuntime>(pass: &Pass<R>, objective: &Objective) -> [CubeTensor<R>; 3] {
    let hidden = pass.net.hidden;
    let (losses, sums) = (pass.empty([pass.lanes]), pass.empty([pass.lanes, SUMS]));
    let gradients = pass.empty([pass.lanes, pass.parameters]);
    let (launches, saved) = pass.launches(pass.lane_vectors());
    let most = launches.first().map_or(0, std::ops::Range::len);
    let transposed = pass.empty([most, pass.net.transposed(), 4 * hidden, hidden]);
    for lanes in launches {
        launch::forward(pass, &lanes, &saved);
        launch::losses(pass, &lanes, &saved, [&sums, &losses, &gradients], objective);
        launch::transpose(pass, &lanes, &transposed);
        launch::backward(pass, &lanes, &transposed, &saved);
        launch::products(pass, &lanes, &saved, &gradients);
    }
    [losses, sums, gradients]
}

#[cfg(test)]
mod tests;
