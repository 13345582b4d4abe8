//! The series on the device, and batches of their windows by their numbers: a window is never
//! copied out of a series on the host.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::random::Dropout;
use crate::{Series, Shape, random};

/// Series of equal columns that lie on a device, one below the other.
#[derive(Clone, Debug)]
pub(crate) struct Resident<B: Backend> {
    /// `[rows, F]`.
    pub(crate) features: Tensor<B, 2>,
    /// `[rows]`.
    pub(crate) target: Tensor<B, 1>,
}

impl<B: Backend> Resident<B> {
    /// Uploads series, of which there is at least one.
    pub(crate) fn new(series: &[&Series], device: &B::Device) -> Self {
        let (rows, columns) = (
            series.iter().map(|series| series.rows()).sum(),
            series.first().map_or(0, |series| series.columns),
        );
        let mut features = Vec::with_capacity(rows * columns);
        let mut target = Vec::with_capacity(rows);
        for series in series {
            features.extend_from_slice(&series.features);
            // NaN marks rows without a target; none of them is gathered, but a zero is safe on
            // devices with fast-math too.
            target.extend(
                series.target.iter().map(|&value| if value.is_finite() { value } else { 0.0 }),
            );
        }
        Self {
            features: Tensor::from_data(TensorData::new(features, [rows, columns]), device),
            target: Tensor::from_data(TensorData::new(target, [rows]), device),
        }
    }
}

/// The last rows of windows where their series lies below `above` other rows.
pub(crate) fn moved(ends: &[u32], above: usize) -> Vec<u32> {
    ends.iter().map(|&end| end + above as u32).collect()
}

/// Last rows of windows: lists of equal length, one for each lane or one that all lanes see. Kept
/// on the host, and on the device once somebody asks for them there.
#[derive(Debug)]
pub(crate) struct Ends<B: Backend> {
    lists: Vec<Vec<u32>>,
    device: B::Device,
    tensor: OnceLock<Tensor<B, 2, Int>>,
}

impl<B: Backend> Ends<B> {
    /// These lists.
    pub(crate) fn new(lists: Vec<Vec<u32>>, device: &B::Device) -> Arc<Self> {
        Arc::new(Self { lists, device: device.clone(), tensor: OnceLock::new() })
    }

    /// On the device: `[K, N]` or `[1, N]`.
    pub(crate) fn tensor(&self) -> Tensor<B, 2, Int> {
        let upload = || {
            let count = self.lists.first().map_or(0, Vec::len);
            let values: Vec<i32> = self.lists.iter().flatten().map(|&end| end as i32).collect();
            Tensor::from_data(TensorData::new(values, [self.lists.len(), count]), &self.device)
        };
        self.tensor.get_or_init(upload).clone()
    }
}

/// Some of the windows of each list.
#[derive(Clone, Debug)]
pub(crate) struct Windows<B: Backend> {
    pub(crate) ends: Arc<Ends<B>>,
    pub(crate) range: Range<usize>,
}

impl<B: Backend> Windows<B> {
    /// Windows of a lane.
    pub(crate) fn count(&self) -> usize {
        self.range.len()
    }

    /// Whether all lanes see the same windows.
    pub(crate) fn are_shared(&self) -> bool {
        self.ends.lists.len() == 1
    }

    /// Last rows of a lane's windows.
    pub(crate) fn of_lane(&self, lane: usize) -> &[u32] {
        let list = if self.are_shared() { 0 } else { lane };
        &self.ends.lists[list][self.range.clone()]
    }
}

/// Some windows of each lane, and all that a pass over them needs beside the weights.
#[derive(Clone, Debug)]
pub(crate) struct Batch<B: Backend> {
    /// Of the models; its batch is the size of a full one.
    pub(crate) shape: Shape,
    pub(crate) lanes: usize,
    pub(crate) series: Arc<Resident<B>>,
    pub(crate) windows: Windows<B>,
    /// One for each lane; empty when no lane drops anything.
    pub(crate) dropout: Vec<Dropout>,
}

/// Windows copied out on the device.
#[derive(Clone, Debug)]
pub(crate) struct Gathered<B: Backend> {
    /// `[T, K, B, F]`.
    pub(crate) inputs: Tensor<B, 4>,
    /// `[K, B]`.
    pub(crate) targets: Tensor<B, 2>,
}

impl<B: Backend> Batch<B> {
    /// The windows' values, for those who cannot gather them where they are used.
    pub(crate) fn gather(&self) -> Gathered<B> {
        let Resident { features, target } = &*self.series;
        let (time, columns) = (self.shape.window, self.shape.features);
        let Range { start, end } = self.windows.range;
        let ends = self.windows.ends.tensor();
        let lists = ends.dims()[0];
        let ends = ends.slice([0..lists, start..end]); // [K or 1, B]
        let windows = end - start;
        let offsets: Vec<i32> = (0..time).map(|t| t as i32 - (time as i32 - 1)).collect();
        let offsets: Tensor<B, 3, Int> =
            Tensor::from_data(TensorData::new(offsets, [time, 1, 1]), &features.device());
        let rows = ends.clone().unsqueeze_dim::<3>(0) + offsets; // [T, K or 1, B]
        let inputs = features.clone().select(0, rows.reshape([time * lists * windows]));
        Gathered {
            inputs: inputs
                .reshape([time, lists, windows, columns])
                .expand([time, self.lanes, windows, columns]),
            targets: target
                .clone()
                .select(0, ends.reshape([lists * windows]))
                .reshape([lists, windows])
                .expand([self.lanes, windows]),
        }
    }
}

/// The training windows in the order of a lane's epoch, counted from 0.
pub(crate) fn epoch_order(train: &[u32], seed: u64, epoch: usize) -> Vec<u32> {
    random::permutation(seed, epoch as u64, train.len())
        .into_iter()
        .map(|index| train[index as usize])
        .collect()
}
