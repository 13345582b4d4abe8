//! The series on the device, and batches gathered from it by index.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::{Series, Shape, random};

/// A series that lies on a device.
#[derive(Clone, Debug)]
pub(crate) struct Resident<B: Backend> {
    features: Tensor<B, 2>,     // [rows, F]
    target: Tensor<B, 1>,       // [rows]
    offsets: Tensor<B, 3, Int>, // [T, 1, 1]: −(T−1) ..= 0
    window: usize,
}

/// The windows of one step: inputs `[T, K, B, F]` and targets `[K, B]`.
#[derive(Clone, Debug)]
pub(crate) struct Windows<B: Backend> {
    pub(crate) inputs: Tensor<B, 4>,
    pub(crate) targets: Tensor<B, 2>,
}

impl<B: Backend> Resident<B> {
    /// Uploads a series.
    pub(crate) fn new(series: &Series, shape: &Shape, device: &B::Device) -> Self {
        let window = shape.window;
        let features = TensorData::new(series.features.clone(), [series.rows(), series.columns]);
        // NaN marks rows without a target; none of them is gathered, but a zero is safe on devices with fast-math too.
        let target: Vec<f32> = series.target.iter().map(|&value| if value.is_finite() { value } else { 0.0 }).collect();
        let offsets: Vec<i32> = (0..window).map(|t| t as i32 - (window as i32 - 1)).collect();
        Self {
            features: Tensor::from_data(features, device),
            target: Tensor::from_data(TensorData::new(target, [series.rows()]), device),
            offsets: Tensor::from_data(TensorData::new(offsets, [window, 1, 1]), device),
            window,
        }
    }

    /// The windows that end at `ends`, `[K, B]`.
    pub(crate) fn gather(&self, ends: Tensor<B, 2, Int>) -> Windows<B> {
        let [lanes, batch] = ends.dims();
        let columns = self.features.dims()[1];
        let rows = ends.clone().unsqueeze_dim::<3>(0) + self.offsets.clone(); // [T, K, B]
        let inputs = self.features.clone().select(0, rows.reshape([self.window * lanes * batch]));
        Windows {
            inputs: inputs.reshape([self.window, lanes, batch, columns]),
            targets: self.target.clone().select(0, ends.reshape([lanes * batch])).reshape([lanes, batch]),
        }
    }

    /// The windows that end at `ends`, gathered once and seen by all `lanes`.
    pub(crate) fn gather_shared(&self, ends: &[u32], lanes: usize) -> Windows<B> {
        let batch = ends.len();
        let windows = self.gather(ends_tensor(&[ends.to_vec()], &self.features.device()));
        let [time, _, _, columns] = windows.inputs.dims();
        Windows { inputs: windows.inputs.expand([time, lanes, batch, columns]), targets: windows.targets.expand([lanes, batch]) }
    }
}

/// Last rows of windows, one list of equal length for each lane: `[K, N]`.
pub(crate) fn ends_tensor<B: Backend>(ends: &[Vec<u32>], device: &B::Device) -> Tensor<B, 2, Int> {
    let count = ends.first().map_or(0, Vec::len);
    let values: Vec<i32> = ends.iter().flatten().map(|&end| end as i32).collect();
    Tensor::from_data(TensorData::new(values, [ends.len(), count]), device)
}

/// The training windows in the order of a lane's epoch, counted from 0.
pub(crate) fn epoch_order(train: &[u32], seed: u64, epoch: usize) -> Vec<u32> {
    random::permutation(seed, epoch as u64, train.len()).into_iter().map(|index| train[index as usize]).collect()
}
