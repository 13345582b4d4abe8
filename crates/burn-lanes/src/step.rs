//! One step as Burn's `Learner` knows it: a batch in, gradients and sums out.

use burn::backend::Autodiff;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};

use crate::data::Batch;
use crate::model::LaneModel;
use crate::op::{LstmBackend, losses, primitive, tensor};

/// Sums over a batch's windows, `[K, 3]`: loss, and squared and absolute error of the point
/// forecast. They stay on the device.
#[derive(Clone, Debug)]
pub(crate) struct Sums<B: Backend>(pub(crate) Tensor<B, 2>);

impl<B: Backend> ItemLazy for Sums<B> {
    type ItemSync = Self;

    fn sync(self) -> Self {
        self
    }
}

impl<B: LstmBackend> TrainStep for LaneModel<Autodiff<B>> {
    type Input = Batch<B>;
    type Output = Sums<B>;

    /// The gradient of the lanes' mean losses' sum: lanes share no weight, so each gets exactly its
    /// own.
    fn step(&self, batch: Self::Input) -> TrainOutput<Self::Output> {
        let (losses, sums) = losses(&batch, self.weights.val());
        TrainOutput::new(self, losses.backward(), Sums(sums))
    }
}

impl<B: LstmBackend> InferenceStep for LaneModel<B> {
    type Input = Batch<B>;
    type Output = Sums<B>;

    fn step(&self, batch: Self::Input) -> Self::Output {
        Sums(tensor(B::sums(&batch, primitive(self.weights.val()))))
    }
}
