//! What CubeCL makes of the kernels, for CUDA and for wgpu, without a device: one source of each
//! whole, of the others what matters.
//!
//! With `BURN_LANES_SOURCES=FOLDER` the sources are written there, to be compiled by NVRTC, which
//! needs no device either.

use std::fmt::Write;

use cubecl::Compiler;
use cubecl::prelude::*;

use super::super::plan::Limits;
use super::definitions::{Kernel, kernels, small};

/// A source whose declarations of variables, which come in no fixed order, are sorted.
fn in_order(source: &str) -> String {
    let declares =
        |line: &str| line.contains(" l_mut_") && line.ends_with(';') && !line.contains('=');
    let mut lines: Vec<&str> = source.lines().collect();
    for run in lines.chunk_by_mut(|line, next| declares(line) && declares(next)) {
        run.sort_unstable();
    }
    lines.join("\n")
}

/// Writes a source to the folder that was asked for.
fn keep_source(name: &str, ending: &str, source: &str) {
    if let Some(folder) = std::env::var_os("BURN_LANES_SOURCES") {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            std::path::Path::new(&folder).join(format!("{}.{ending}", name.replace(' ', "_"))),
            source,
        )
        .unwrap();
    }
}

#[cfg(feature = "wgpu")]
mod wgsl {
    use super::*;

    /// What adapters have at least.
    const LIMITS: Limits =
        Limits { threads: 256, layers: 64, shared: 32 << 10, buffer: 128 << 20, cubes: 65_535 };

    fn compiled(kernel: &Kernel) -> (String, usize) {
        let definition = (kernel.define)(AddressType::U32);
        let mode = ExecutionMode::Unchecked;
        let shader = cubecl::wgpu::WgslCompiler::default()
            .compile(definition, &Default::default(), mode, AddressType::U32.unsigned_type())
            .unwrap();
        (shader.to_string(), shader.shared_memory_bytes())
    }

    #[test]
    fn a_kernel_in_wgsl() {
        insta::assert_snapshot!(in_order(&compiled(&small()).0));
    }

    #[test]
    fn kernels_in_wgsl_keep_within_what_every_adapter_has() {
        let mut facts = String::new();
        for kernel in kernels(&LIMITS) {
            let (source, shared) = compiled(&kernel);
            keep_source(&kernel.name, "wgsl", &source);
            let buffers = source.matches("var<storage").count();
            let barriers = source.matches("Barrier()").count();
            writeln!(
                facts,
                "{}: {buffers} buffers, {shared} bytes shared, {barriers} barriers",
                kernel.name
            )
            .unwrap();
            assert!(buffers <= 8 && shared <= LIMITS.shared, "{facts}");
            for word in ["atomic", "subgroup", "enable", "f64", "u64", "i64", "(inf)"] {
                assert!(!source.contains(word), "{} has {word}", kernel.name);
            }
        }
        insta::assert_snapshot!(facts);
    }
}

#[cfg(feature = "cuda")]
pub(super) mod cuda {
    use super::*;

    type CudaCompiler = <cubecl::cuda::CudaRuntime as cubecl::Runtime>::Compiler;

    /// An H100's.
    pub(in super::super) const LIMITS: Limits =
        Limits { threads: 1024, layers: 64, shared: 227 << 10, buffer: 20 << 30, cubes: 65_535 };

    pub(in super::super) fn compiled(kernel: &Kernel) -> (String, usize) {
        let mut options = <CudaCompiler as Compiler>::CompilationOptions::default();
        // As CubeCL's CUDA runtime sets them.
        options.supports_features.fast_math = true;
        options.supports_features.grid_constants = true;
        let definition = (kernel.define)(AddressType::U64);
        let mode = ExecutionMode::Unchecked;
        let compiled = CudaCompiler::default()
            .compile(definition, &options, mode, AddressType::U64.unsigned_type())
            .unwrap();
        (compiled.to_string(), compiled.shared_memory_size())
    }

    #[test]
    fn a_kernel_in_cuda() {
        let (source, _) = compiled(&small());
        // The types before it come in no fixed order.
        let start = source.find("extern \"C\"").unwrap();
        insta::assert_snapshot!(in_order(&source[start..]));
    }

    #[test]
    fn kernels_in_cuda_keep_within_what_a_gpu_has() {
        let mut facts = String::new();
        for kernel in kernels(&LIMITS) {
            let (source, shared) = compiled(&kernel);
            keep_source(&kernel.name, "cu", &source);
            let signature =
                source.lines().find(|line| line.contains("buffer_0")).unwrap_or_default();
            let buffers = signature.matches("buffer_").count();
            let barriers = source.matches("__syncthreads()").count();
            writeln!(
                facts,
                "{}: {buffers} buffers, {shared} bytes shared, {barriers} barriers",
                kernel.name
            )
            .unwrap();
            assert!(buffers <= 7 && shared <= LIMITS.shared, "{facts}");
            for word in ["atomic", "__shfl", "cooperative_groups", "double", "wmma"] {
                assert!(!source.contains(word), "{} has {word}", kernel.name);
            }
        }
        insta::assert_snapshot!(facts);
    }
}
