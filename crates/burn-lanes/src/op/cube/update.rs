//! The optimizer's launches: partial sums of squares where a lane clips its gradient, and the step.
#![expect(
    unsafe_code,
    reason = "kernels are launched unchecked; why that is sound is said in `kernels`"
)]

use burn::tensor::{DType, Shape, TensorMetadata};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime};
use cubecl::prelude::{ArrayArg, CubeCount, CubeDim};

use super::kernels::update::{self as kernels, Clipping, Decay, NUMBERS, OWN, RowsLaunch, THREADS};
use super::pass::{argument, bytes, index_width};
use crate::OptimizerKind;
use crate::op::{LaneNumbers, UpdateRows};

/// Weights whose squares one cube adds up, at least; and the most cubes of a lane, since each of a
/// step's threads adds up their sums.
const PART: usize = 4096;
const MOST_PARTS: usize = 64;

/// See [`crate::op::LstmBackend::update`]. The new weights take the place of the gradients, and the
/// moments their own, where nobody else holds them.
pub(super) fn update<R: CubeRuntime, BT: BoolElement>(
    kind: OptimizerKind,
    lanes: &[LaneNumbers],
    rows: UpdateRows<CubeBackend<R, f32, i32, BT>>,
    gradients: CubeTensor<R>,
) -> UpdateRows<CubeBackend<R, f32, i32, BT>> {
    let gradients = into_contiguous(if gradients.can_mut() { gradients } else { gradients.copy() });
    let [weights, first] = [rows.weights, rows.first].map(into_contiguous);
    let second = rows.second.map(into_contiguous);
    let dims = gradients.shape();
    for rows in [Some(&weights), Some(&first), second.as_ref()].into_iter().flatten() {
        assert_eq!(rows.shape(), dims, "rows of another shape than the gradients");
    }
    assert_eq!(dims[0], lanes.len(), "numbers of other lanes");
    let clipping = if lanes.iter().any(|lane| lane.clip_norm.is_some()) {
        Clipping::Some
    } else {
        Clipping::None
    };
    let parts = match clipping {
        Clipping::Some => dims[1].div_ceil(PART).min(MOST_PARTS),
        Clipping::None => 0,
    };
    let step = Step {
        table: table(lanes, parts, &gradients),
        clipping,
        lanes: lanes.len(),
        columns: dims[1],
        parts,
    };
    if clipping == Clipping::Some {
        squares(&step, &gradients);
    }
    match (kind, second) {
        (OptimizerKind::Adam, Some(second)) => {
            let (first, second) = adam(&step, Decay::Coupled, &weights, first, second, &gradients);
            UpdateRows { weights: gradients, first, second: Some(second) }
        }
        (OptimizerKind::AdamW, Some(second)) => {
            let (first, second) =
                adam(&step, Decay::Decoupled, &weights, first, second, &gradients);
            UpdateRows { weights: gradients, first, second: Some(second) }
        }
        (OptimizerKind::Sgd, second) | (_, second @ None) => {
            let first = sgd(&step, &weights, first, &gradients);
            UpdateRows { weights: gradients, first, second }
        }
    }
}

/// What the launches of a step share.
struct Step<R: CubeRuntime> {
    /// The lanes' numbers, and room for their partial sums of squares: `[K, 12 + parts]`.
    table: CubeTensor<R>,
    clipping: Clipping,
    lanes: usize,
    columns: usize,
    parts: usize,
}

impl<R: CubeRuntime> Step<R> {
    fn rows(&self) -> RowsLaunch<R> {
        RowsLaunch::new(self.columns as u32, self.parts as u32)
    }

    fn cubes(&self) -> CubeCount {
        CubeCount::Static(self.columns.div_ceil(THREADS * OWN) as u32, self.lanes as u32, 1)
    }
}

const CUBE: CubeDim = CubeDim { x: THREADS as u32, y: 1, z: 1 };

fn table<R: CubeRuntime>(
    lanes: &[LaneNumbers],
    parts: usize,
    like: &CubeTensor<R>,
) -> CubeTensor<R> {
    let row = |lane: &LaneNumbers| numbers(lane).into_iter().chain(std::iter::repeat_n(0.0, parts));
    let values: Vec<f32> = lanes.iter().flat_map(row).collect();
    let handle = like.client.create_from_slice(&bytes(&values, f32::to_le_bytes));
    let dims = Shape::new([lanes.len(), NUMBERS + parts]);
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), dims, handle, DType::F32)
}

/// In the order of the table.
fn numbers(lane: &LaneNumbers) -> [f32; NUMBERS] {
    let LaneNumbers {
        clip_norm,
        rate,
        shrinkage,
        decay,
        momentum,
        beta1,
        beta1_rest,
        beta2,
        beta2_rest,
        corrected_rate,
        root_scale,
        epsilon,
    } = *lane;
    let limit = clip_norm.unwrap_or(0.0);
    [
        limit,
        rate,
        shrinkage,
        decay,
        momentum,
        beta1,
        beta1_rest,
        beta2,
        beta2_rest,
        corrected_rate,
        root_scale,
        epsilon,
    ]
}

fn squares<R: CubeRuntime>(step: &Step<R>, gradients: &CubeTensor<R>) {
    // SAFETY: see `kernels`.
    unsafe {
        kernels::squares::launch_unchecked(
            &gradients.client,
            CubeCount::Static(step.parts as u32, step.lanes as u32, 1),
            CUBE,
            index_width(&gradients.client),
            argument(gradients),
            argument(&step.table),
            step.rows(),
        );
    }
}

fn adam<R: CubeRuntime>(
    step: &Step<R>,
    decay: Decay,
    weights: &CubeTensor<R>,
    first: CubeTensor<R>,
    second: CubeTensor<R>,
    gradients: &CubeTensor<R>,
) -> (CubeTensor<R>, CubeTensor<R>) {
    let (first_before, second_before) = (argument(&first), argument(&second));
    let (first_argument, first) = after(first, 2);
    let (second_argument, second) = after(second, 3);
    // SAFETY: see `kernels`.
    unsafe {
        kernels::adam::launch_unchecked(
            &gradients.client,
            step.cubes(),
            CUBE,
            index_width(&gradients.client),
            argument(&step.table),
            argument(weights),
            first_before,
            second_before,
            argument(gradients),
            first_argument,
            second_argument,
            step.rows(),
            step.clipping,
            decay,
        );
    }
    (first, second)
}

fn sgd<R: CubeRuntime>(
    step: &Step<R>,
    weights: &CubeTensor<R>,
    velocity: CubeTensor<R>,
    gradients: &CubeTensor<R>,
) -> CubeTensor<R> {
    let velocity_before = argument(&velocity);
    let (velocity_argument, velocity) = after(velocity, 2);
    // SAFETY: see `kernels`.
    unsafe {
        kernels::sgd::launch_unchecked(
            &gradients.client,
            step.cubes(),
            CUBE,
            index_width(&gradients.client),
            argument(&step.table),
            argument(weights),
            velocity_before,
            argument(gradients),
            velocity_argument,
            step.rows(),
            step.clipping,
        );
    }
    velocity
}

/// Where what follows the kernel's n-th operand is written: in its place, or beside it where
/// somebody else holds it.
fn after<R: CubeRuntime>(tensor: CubeTensor<R>, position: usize) -> (ArrayArg<R>, CubeTensor<R>) {
    if tensor.can_mut() {
        return (
            ArrayArg::Alias { input_pos: position, length: [tensor.shape().num_elements()] },
            tensor,
        );
    }
    let handle = tensor.client.empty(tensor.shape().num_elements() * size_of::<f32>());
    let beside = CubeTensor::new_contiguous(
        tensor.client.clone(),
        tensor.device.clone(),
        tensor.shape(),
        handle,
        DType::F32,
    );
    (argument(&beside), beside)
}
