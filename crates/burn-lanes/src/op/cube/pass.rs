//! What the launches of a pass over a batch share: the operands on the device, the network's sizes,
//! and the lanes of a launch.

use std::ops::Range;

use burn::tensor::{DType, Shape as Dims, TensorMetadata};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime};
use cubecl::client::ComputeClient;
use cubecl::prelude::{AddressType, ArrayArg, ComptimeOptionArgs};

use super::kernels::mask;
use super::kernels::net::{BatchLaunch, Net, Outputs};
use super::plan::{Limits, Schedule, VECTOR};
use crate::data::{Batch, Resident};
use crate::model::parameters;
use crate::op::primitive;
use crate::random::Dropout;

/// Operands and sizes.
pub(super) struct Pass<R: CubeRuntime> {
    pub(super) client: ComputeClient<R>,
    device: R::Device,
    pub(super) net: Net,
    pub(super) lanes: usize,
    pub(super) parameters: usize,
    pub(super) time: usize,
    pub(super) windows: usize,
    pub(super) weights: CubeTensor<R>,  // [K, P]
    pub(super) features: CubeTensor<R>, // [rows, F], rows some distance apart
    pub(super) target: CubeTensor<R>,   // [rows]
    pub(super) ends: CubeTensor<R>,     // [K or 1, N], rows some distance apart
    masks: Option<CubeTensor<R>>,       // [K, 6]
    start: usize,
    limits: Limits,
}

impl<R: CubeRuntime> Pass<R> {
    /// A pass without dropout.
    pub(super) fn evaluation<BT: BoolElement>(
        batch: &Batch<CubeBackend<R, f32, i32, BT>>,
        weights: CubeTensor<R>,
    ) -> Self {
        let Batch { shape, lanes, series, windows, dropout: _ } = batch;
        let Resident { features, target } = &**series;
        let weights = into_contiguous(weights);
        assert_eq!(
            weights.shape(),
            Dims::from([*lanes, parameters(shape)]),
            "weights of other lanes or another shape"
        );
        let ends = rows(windows.ends.tensor().into_primitive());
        let [lists, listed] = ends.shape().dims();
        assert!(
            (lists == 1 || lists == *lanes) && windows.range.end <= listed,
            "windows of other lanes, or not among the listed"
        );
        let forecasts = shape.head.outputs();
        let net = Net {
            features: shape.features,
            hidden: shape.hidden,
            layers: shape.layers,
            outputs: Outputs::Whole,
            forecasts,
        };
        Self {
            client: weights.client.clone(),
            device: weights.device.clone(),
            net,
            lanes: *lanes,
            parameters: parameters(shape),
            time: shape.window,
            windows: windows.count(),
            features: rows(primitive(features.clone())),
            target: into_contiguous(primitive(target.clone())),
            ends,
            masks: None,
            start: windows.range.start,
            limits: Limits::of(weights.client.properties()),
            weights,
        }
    }

    /// A pass with the batch's dropout.
    pub(super) fn training<BT: BoolElement>(
        batch: &Batch<CubeBackend<R, f32, i32, BT>>,
        weights: CubeTensor<R>,
    ) -> Self {
        let mut pass = Self::evaluation(batch, weights);
        if !batch.dropout.is_empty() && pass.net.layers > 1 {
            let table: Vec<u32> = batch.dropout.iter().flat_map(mask_numbers).collect();
            pass.net.outputs = Outputs::Dropped;
            pass.masks = Some(pass.upload(
                bytes(&table, u32::to_le_bytes),
                [batch.dropout.len(), mask::NUMBERS],
                DType::U32,
            ));
        }
        pass
    }

    /// The same within other limits.
    #[cfg(test)]
    pub(super) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Groups of four windows.
    pub(super) fn groups(&self) -> usize {
        self.windows.div_ceil(4)
    }

    /// How the layers run.
    pub(super) fn schedule(&self) -> Schedule {
        Schedule::new(&self.net, self.groups(), &self.limits)
    }

    /// Vectors of a lane's activations.
    pub(super) fn lane_vectors(&self) -> usize {
        self.net.lane(self.time, self.groups())
    }

    /// The lanes, in launches whose buffers, of so many vectors a lane, fit the device; and a
    /// buffer for any of them.
    pub(super) fn launches(&self, vectors: usize) -> (Vec<Range<usize>>, CubeTensor<R>) {
        let most = self.limits.lanes(vectors).min(self.lanes);
        let ranges = (0..self.lanes)
            .step_by(most)
            .map(|first| first..self.lanes.min(first + most))
            .collect();
        (ranges, self.empty([most, vectors * VECTOR / size_of::<f32>()]))
    }

    /// Room for values.
    pub(super) fn empty(&self, dims: impl Into<Dims>) -> CubeTensor<R> {
        let dims = dims.into();
        let handle = self.client.empty(dims.num_elements() * size_of::<f32>());
        CubeTensor::new_contiguous(
            self.client.clone(),
            self.device.clone(),
            dims,
            handle,
            DType::F32,
        )
    }

    fn upload(&self, bytes: Vec<u8>, dims: impl Into<Dims>, kind: DType) -> CubeTensor<R> {
        let handle = self.client.create_from_slice(&bytes);
        CubeTensor::new_contiguous(
            self.client.clone(),
            self.device.clone(),
            dims.into(),
            handle,
            kind,
        )
    }

    /// The sizes, for a launch over lanes.
    pub(super) fn sizes(&self, lanes: &Range<usize>) -> BatchLaunch<R> {
        let stride = if self.ends.shape()[0] == 1 { 0 } else { self.ends.meta.strides()[0] };
        let net = &self.net;
        let numbers = [
            net.features,
            self.features.meta.strides()[0],
            net.hidden,
            net.layers,
            net.sections(),
            self.time,
            self.windows,
        ];
        let [features, feature_stride, hidden, layers, sections, time, windows] =
            numbers.map(|number| number as u32);
        let numbers = [self.groups(), self.start, stride, lanes.start, net.forecasts];
        let [groups, start, stride, first_lane, forecasts] = numbers.map(|number| number as u32);
        BatchLaunch::new(
            features,
            feature_stride,
            hidden,
            layers,
            sections,
            time,
            windows,
            groups,
            start,
            stride,
            first_lane,
            forecasts,
        )
    }

    /// The table of masks, where there is one.
    pub(super) fn masks(&self) -> ComptimeOptionArgs<cubecl::prelude::Array<u32>, R> {
        match &self.masks {
            Some(masks) => ComptimeOptionArgs::Some(argument(masks)),
            None => ComptimeOptionArgs::None,
        }
    }
}

/// The width of indices. With 64 bits, a compiler may add what is constant in an index to the
/// address, which with 32 it may not, for they might wrap around: the inner loop of CUDA's forward
/// pass has 160 instructions for 128 products then, and 208 otherwise. WGSL has 32 bits alone.
pub(super) fn index_width<R: CubeRuntime>(client: &ComputeClient<R>) -> AddressType {
    if client.properties().supports_address(AddressType::U64) {
        AddressType::U64
    } else {
        AddressType::U32
    }
}

/// A tensor as a kernel takes it.
pub(super) fn argument<R: CubeRuntime>(tensor: &CubeTensor<R>) -> ArrayArg<R> {
    tensor.clone().into_array_arg()
}

/// Numbers as a device has them.
pub(super) fn bytes<T: Copy, const N: usize>(numbers: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| to_bytes(*number)).collect()
}

/// A matrix whose rows are contiguous, though there may be space between them: CUDA's allocations
/// are pitched.
fn rows<R: CubeRuntime>(tensor: CubeTensor<R>) -> CubeTensor<R> {
    if tensor.meta.strides()[1] == 1 { tensor } else { into_contiguous(tensor) }
}

fn mask_numbers(dropout: &Dropout) -> [u32; mask::NUMBERS] {
    let Dropout { key: [key0, key1], steps, threshold, scale } = *dropout;
    [key0, key1, steps as u32, (steps >> 32) as u32, threshold, scale.to_bits()]
}
