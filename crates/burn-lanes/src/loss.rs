//! Losses over a batch, summed for each lane.

use burn::tensor::{Tensor, backend::Backend};

use crate::Loss;

/// Columns of what [`sums`] gives.
pub(crate) const SUMS: usize = 3;

/// Loss of every window, `[K, B]`, from errors of the same shape.
pub(crate) fn window_losses<B: Backend>(loss: Loss, errors: Tensor<B, 2>) -> Tensor<B, 2> {
    match loss {
        Loss::Mse => errors.clone() * errors,
        Loss::Mae => errors.abs(),
        Loss::Huber => {
            let size = errors.abs();
            let quadratic = size.clone().clamp_max(1.0);
            (quadratic.clone() * quadratic.clone()) * 0.5 + (size - quadratic)
        }
    }
}

/// What [`window_losses`] changes by with each error, `[K, B]`.
pub(crate) fn error_gradients<B: Backend>(loss: Loss, errors: Tensor<B, 2>) -> Tensor<B, 2> {
    match loss {
        Loss::Mse => errors * 2.0,
        Loss::Mae => errors.sign(),
        Loss::Huber => errors.clamp(-1.0, 1.0),
    }
}

/// Sums over the windows of a batch, `[K, 3]`: loss, squared error, absolute error.
pub(crate) fn sums<B: Backend>(loss: Loss, errors: Tensor<B, 2>) -> Tensor<B, 2> {
    let squared = (errors.clone() * errors.clone()).sum_dim(1);
    let absolute = errors.clone().abs().sum_dim(1);
    let losses = match loss {
        Loss::Mse => squared.clone(),
        Loss::Mae => absolute.clone(),
        Loss::Huber => window_losses(loss, errors).sum_dim(1),
    };
    Tensor::cat(vec![losses, squared, absolute], 1)
}
