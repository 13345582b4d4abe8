//! Losses over a batch, summed for each lane.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use crate::{Head, Levels, Loss, Shape};

/// Columns of what [`sums`] gives.
pub(crate) const SUMS: usize = 3;

/// What a step makes small.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Objective {
    /// A loss of the forecast.
    Point(Loss),
    /// The mean of the quantiles' pinball losses.
    Quantiles(Levels),
}

impl Objective {
    /// Values of a forecast, Q.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::Point(_) => 1,
            Self::Quantiles(levels) => levels.count(),
        }
    }

    /// What the models of a shape are trained for.
    pub(crate) fn of(shape: &Shape) -> Self {
        match &shape.head {
            Head::Point => Self::Point(shape.loss),
            Head::Quantile { levels } => Self::Quantiles(levels.clone()),
        }
    }

    /// Which of them is the point forecast.
    pub(crate) fn point(&self) -> usize {
        match self {
            Self::Point(_) => 0,
            Self::Quantiles(levels) => levels.median(),
        }
    }
}

/// What a quantile's pinball loss has beside half of the absolute error, for each unit of the error
/// e = forecast − target: `max((1 − τ)·e, −τ·e) = |e| / 2 + (1/2 − τ)·e`.
pub(crate) fn tilt(level: f64) -> f64 {
    0.5 - level
}

/// Loss of every window, `[K, B]`, from errors `[K, B, Q]`.
pub(crate) fn window_losses<B: Backend>(
    objective: &Objective,
    errors: Tensor<B, 3>,
) -> Tensor<B, 2> {
    let [lanes, windows, _] = errors.dims();
    let losses = match objective {
        Objective::Point(Loss::Mse) => errors.clone() * errors,
        Objective::Point(Loss::Mae) => errors.abs(),
        Objective::Point(Loss::Huber) => {
            let size = errors.abs();
            let quadratic = size.clone().clamp_max(1.0);
            (quadratic.clone() * quadratic.clone()) * 0.5 + (size - quadratic)
        }
        Objective::Quantiles(levels) => {
            let tilts = tilts(levels, &errors.device());
            (errors.clone().abs() * 0.5 + errors * tilts).mean_dim(2)
        }
    };
    losses.reshape([lanes, windows])
}

/// What [`window_losses`] changes by with each error, `[K, B, Q]`. Of an absolute error of 0 it is
/// the mean of both sides.
pub(crate) fn error_gradients<B: Backend>(
    objective: &Objective,
    errors: Tensor<B, 3>,
) -> Tensor<B, 3> {
    match objective {
        Objective::Point(Loss::Mse) => errors * 2.0,
        Objective::Point(Loss::Mae) => errors.sign(),
        Objective::Point(Loss::Huber) => errors.clamp(-1.0, 1.0),
        Objective::Quantiles(levels) => {
            let tilts = tilts(levels, &errors.device());
            (errors.sign() * 0.5 + tilts) / levels.count() as f64
        }
    }
}

/// Sums over the windows of a batch, `[K, 3]`, from errors `[K, B, Q]`: loss, and squared and
/// absolute error of the point forecast.
pub(crate) fn sums<B: Backend>(objective: &Objective, errors: Tensor<B, 3>) -> Tensor<B, 2> {
    let [lanes, windows, _] = errors.dims();
    let point = errors
        .clone()
        .slice([0..lanes, 0..windows, objective.point()..objective.point() + 1])
        .reshape([lanes, windows]);
    let squared = (point.clone() * point.clone()).sum_dim(1);
    let absolute = point.abs().sum_dim(1);
    let losses = match objective {
        Objective::Point(Loss::Mse) => squared.clone(),
        Objective::Point(Loss::Mae) => absolute.clone(),
        Objective::Point(Loss::Huber) | Objective::Quantiles(_) => {
            window_losses(objective, errors).sum_dim(1)
        }
    };
    Tensor::cat(vec![losses, squared, absolute], 1)
}

/// `[1, 1, Q]`.
fn tilts<B: Backend>(levels: &Levels, device: &B::Device) -> Tensor<B, 3> {
    let tilts: Vec<f32> = levels.values().map(|level| tilt(level) as f32).collect();
    Tensor::from_data(TensorData::new(tilts, [1, 1, levels.count()]), device)
}
