//! The kernels against the reference, on whatever adapter wgpu finds (Mesa's llvmpipe will do) and
//! on CUDA (the stand-in in `tests/cuda_standin` will do), and their generated source.

/// Makes tests of functions over a GPU's runtime and its type of truth values: one for wgpu and one
/// for CUDA, skipped where there is none.
macro_rules! on_each_gpu {
    ($($test:ident),+ $(,)?) => {
        #[cfg(feature = "wgpu")]
        mod wgpu {
            $(#[test]
            fn $test() {
                if crate::op::cube::tests::is_there("wgpu") {
                    super::$test::<cubecl::wgpu::WgpuRuntime, u32>();
                }
            })+
        }

        #[cfg(feature = "cuda")]
        mod cuda {
            $(#[test]
            fn $test() {
                if crate::op::cube::tests::is_there("cuda") {
                    super::$test::<cubecl::cuda::CudaRuntime, u8>();
                }
            })+
        }
    };
}

mod agreement;
#[cfg(feature = "cuda")]
mod barriers;
mod bits;
mod definitions;
mod launches;
mod optimizer;
mod sources;

use burn::backend::Flex;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime};

use crate::op::testing::Case;
use crate::op::{Gradient, LstmBackend, primitive, reference, tensor};

type Gpu<R, BT> = CubeBackend<R, f32, i32, BT>;

/// Whether there is a device of a backend to test on; says so where there is none.
fn is_there(backend: &str) -> bool {
    let found = crate::devices();
    let mut problems = found
        .iter()
        .filter(|info| info.spec.to_string().starts_with(backend))
        .map(|info| &info.problem);
    let usable = problems.clone().any(Option::is_none);
    if let (false, Some(problem)) = (usable, problems.find_map(Option::as_ref)) {
        crate::skip::skip(backend, problem);
    }
    usable
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

/// Losses, sums, and the weights' gradient.
fn listed<B: Backend>(gradient: Gradient<B>) -> [Vec<f32>; 3] {
    let Gradient { losses, sums, weights } = gradient;
    [values(tensor::<B, 1>(losses)), values(tensor::<B, 2>(sums)), values(tensor::<B, 2>(weights))]
}

/// What the kernels give.
fn ours<R: CubeRuntime, BT: BoolElement>(case: &Case) -> [Vec<f32>; 3] {
    listed(Gpu::<R, BT>::gradient(
        &case.batch::<Gpu<R, BT>>(),
        primitive(case.weights::<Gpu<R, BT>>()),
    ))
}

/// What the reference gives.
fn theirs(case: &Case) -> [Vec<f32>; 3] {
    listed(reference::gradient(&case.batch::<Flex>(), primitive(case.weights::<Flex>())))
}
