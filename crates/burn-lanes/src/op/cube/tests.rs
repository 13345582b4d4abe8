//! The kernels against the reference, on whatever adapter wgpu finds (Mesa's llvmpipe will do), and their generated source.

#[cfg(feature = "wgpu")]
mod agreement;
#[cfg(feature = "wgpu")]
mod bits;
mod definitions;
#[cfg(feature = "wgpu")]
mod launches;
#[cfg(feature = "wgpu")]
mod optimizer;
mod sources;

#[cfg(feature = "wgpu")]
use burn::backend::{Flex, Wgpu};
#[cfg(feature = "wgpu")]
use burn::tensor::Tensor;
#[cfg(feature = "wgpu")]
use burn::tensor::backend::Backend;

#[cfg(feature = "wgpu")]
use crate::DeviceSpec;
#[cfg(feature = "wgpu")]
use crate::op::testing::Case;
#[cfg(feature = "wgpu")]
use crate::op::{Gradient, LstmBackend, primitive, reference, tensor};

/// Says so where there is no adapter to test on.
#[cfg(feature = "wgpu")]
fn has_adapter() -> bool {
    let found = crate::devices();
    let mut problems = found.iter().filter(|info| matches!(info.spec, DeviceSpec::Wgpu(_))).map(|info| &info.problem);
    let usable = problems.clone().any(Option::is_none);
    if let (false, Some(problem)) = (usable, problems.find_map(Option::as_ref)) {
        eprintln!("skipped wgpu: {problem}");
    }
    usable
}

#[cfg(feature = "wgpu")]
fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

/// Losses, sums, and the weights' gradient.
#[cfg(feature = "wgpu")]
fn listed<B: Backend>(gradient: Gradient<B>) -> [Vec<f32>; 3] {
    let Gradient { losses, sums, weights } = gradient;
    [values(tensor::<B, 1>(losses)), values(tensor::<B, 2>(sums)), values(tensor::<B, 2>(weights))]
}

/// What the kernels give.
#[cfg(feature = "wgpu")]
fn ours(case: &Case) -> [Vec<f32>; 3] {
    listed(Wgpu::gradient(&case.batch::<Wgpu>(), primitive(case.weights::<Wgpu>())))
}

/// What the reference gives.
#[cfg(feature = "wgpu")]
fn theirs(case: &Case) -> [Vec<f32>; 3] {
    listed(reference::gradient(&case.batch::<Flex>(), primitive(case.weights::<Flex>())))
}
