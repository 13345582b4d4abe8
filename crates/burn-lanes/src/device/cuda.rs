//! CUDA devices, asked for before Burn is: its CUDA runtime unwraps what it needs and does not
//! find.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cudarc::driver::CudaContext;
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys::CUdevice_attribute::{
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
};
use cudarc::nvrtc::{CompileError, CompileOptions, compile_ptx_with_opts};

use super::DeviceInfo;
use crate::DeviceSpec;

/// The CUDA devices, or why there are none. Asked once a process.
pub(super) fn probe() -> Result<Vec<DeviceInfo>, String> {
    static FOUND: OnceLock<Result<Vec<DeviceInfo>, String>> = OnceLock::new();
    // A driver older than a function that is asked for makes the binding panic.
    FOUND
        .get_or_init(|| {
            catch_unwind(ask).unwrap_or_else(|_| {
                Err("the CUDA driver lacks a needed function: update it".to_owned())
            })
        })
        .clone()
}

fn ask() -> Result<Vec<DeviceInfo>, String> {
    if !libraries().driver {
        return Err("no CUDA driver was found (libcuda is not on the loader's path): install \
            NVIDIA's driver"
            .to_owned());
    }
    result::init().map_err(|error| refused("does not start", error))?;
    let count = result::device::get_count()
        .map_err(|error| refused("does not count its devices", error))?;
    if count == 0 {
        return Err("the CUDA driver has no device (is CUDA_VISIBLE_DEVICES empty?)".to_owned());
    }
    let toolkit = toolkit();
    let mut checked: Vec<(String, Option<String>)> = Vec::new();
    let mut describe = |index: i32| {
        let asked = result::device::get(index).and_then(|device| {
            Ok((result::device::get_name(device)?, memory(device)?, architecture(device)?))
        });
        let (name, memory, problem) = match asked {
            Ok((name, memory, architecture)) => {
                if !checked.iter().any(|(known, _)| *known == architecture) {
                    let problem = toolkit
                        .clone()
                        .and_then(|folder| compiler_problem(&folder, &architecture))
                        .err();
                    checked.push((architecture.clone(), problem));
                }
                let problem = checked
                    .iter()
                    .find(|(known, _)| *known == architecture)
                    .and_then(|(_, problem)| problem.clone());
                (name, Some(memory), problem)
            }
            Err(error) => {
                ("unknown".to_owned(), None, Some(refused("does not describe the device", error)))
            }
        };
        let spec = DeviceSpec::Cuda(index.unsigned_abs() as usize);
        DeviceInfo { spec, name, memory, software: false, integrated: false, problem }
    };
    Ok((0..count).map(&mut describe).collect())
}

/// What a device has free, bytes; opens it.
pub(super) fn free_memory(index: usize) -> Option<u64> {
    let (free, _) = CudaContext::new(index).and_then(|context| context.mem_get_info()).ok()?;
    Some(free as u64)
}

/// What gives the libraries that are missing, to whom has no toolkit.
const WHEELS: &str =
    "install the CUDA toolkit, or the PyPI wheels nvidia-cuda-nvrtc and nvidia-cuda-runtime";

/// The toolkit's folder, or what of it is missing: kernels are compiled when they are first
/// launched, by NVRTC, and include `cuda_runtime.h`.
fn toolkit() -> Result<PathBuf, String> {
    if !libraries().compiler {
        return Err(format!(
            "NVRTC was not found (libnvrtc is not on the loader's path): {WHEELS}, and set \
                LD_LIBRARY_PATH"
        ));
    }
    let folder = toolkit_folder().ok_or(format!(
        "the CUDA toolkit was not found: {WHEELS}, and set CUDA_PATH to its folder"
    ))?;
    let header = folder.join("include/cuda_runtime.h");
    if !header.exists() {
        return Err(format!(
            "{} is missing: {WHEELS}, and set CUDA_PATH to the folder above include",
            header.display()
        ));
    }
    let (compiler, driver) = versions().map_err(|error| {
        format!("the CUDA driver and NVRTC do not tell their versions ({error})")
    })?;
    too_new(compiler, driver).map_or(Ok(folder), Err)
}

/// What is wrong with a compiler newer than the driver: what it makes cannot be loaded.
fn too_new(compiler: (i32, i32), driver: (i32, i32)) -> Option<String> {
    let ((major, minor), (most, least)) = (compiler, driver);
    (compiler > driver).then(|| {
        format!(
            "NVRTC {major}.{minor} is newer than the driver, which takes CUDA {most}.{least}: \
                update the driver, or put an NVRTC of {most}.{least} or older first on the \
                loader's path (LD_LIBRARY_PATH)"
        )
    })
}

/// Compiles a kernel that does nothing, as CubeCL would: the compiler may lack its builtins, or not
/// know the device.
fn compiler_problem(toolkit: &Path, architecture: &str) -> Result<(), String> {
    let options = CompileOptions {
        include_paths: vec![toolkit.join("include").to_string_lossy().into_owned()],
        options: vec![format!("--gpu-architecture={architecture}")],
        ..CompileOptions::default()
    };
    let source = "#include <cuda_runtime.h>\nextern \"C\" __global__ void nothing() {}\n";
    match compile_ptx_with_opts(source, options) {
        Ok(_) => Ok(()),
        Err(CompileError::CompileError { log, nvrtc, .. }) => {
            let log = log.to_string_lossy();
            let line = log.lines().find(|line| line.contains("error")).unwrap_or_default().trim();
            let hint = if log.contains("builtins") {
                "libnvrtc-builtins belongs beside libnvrtc"
            } else {
                WHEELS
            };
            Err(format!("NVRTC does not compile for {architecture} ({nvrtc:?} {line}): {hint}"))
        }
        Err(error) => Err(format!("NVRTC does not work ({error:?}): {WHEELS}")),
    }
}

/// Where CubeCL 0.10 looks for the toolkit (`cubecl_cuda::install`, which panics where there is
/// none).
fn toolkit_folder() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CUDA_PATH") {
        return Some(path.into());
    }
    if cfg!(windows) {
        return Some("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/".into());
    }
    [("/usr/local/cuda", "/usr/local/cuda"), ("/opt/cuda", "/opt/cuda"), ("/usr/bin/nvcc", "/usr")]
        .into_iter()
        .find(|(sign, _)| Path::new(sign).exists())
        .map(|(_, folder)| folder.into())
}

fn refused(what: &str, DriverError(code): DriverError) -> String {
    format!("the CUDA driver {what} ({code:?})")
}

struct Libraries {
    driver: bool,
    compiler: bool,
}

#[expect(
    unsafe_code,
    reason = "the binding has no safe way to ask: everything else in it panics without the library"
)]
fn libraries() -> Libraries {
    // SAFETY: loads the library by its well-known name and closes it; running its initialisers is
    // what every CUDA program does.
    unsafe {
        Libraries {
            driver: cudarc::driver::sys::is_culib_present(),
            compiler: cudarc::nvrtc::sys::is_culib_present(),
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the binding has no safe way to ask for the memory without opening a context"
)]
fn memory(device: cudarc::driver::sys::CUdevice) -> Result<u64, DriverError> {
    // SAFETY: `device` comes from `cuDeviceGet`.
    unsafe { result::device::total_mem(device) }.map(|bytes| bytes as u64)
}

/// The version that NVRTC has and the newest that the driver takes: major and minor.
#[expect(unsafe_code, reason = "the binding has no safe way to ask for versions")]
fn versions() -> Result<((i32, i32), (i32, i32)), String> {
    let (mut major, mut minor, mut driver) = (0, 0, 0);
    // SAFETY: both functions write numbers where they are told to, and nothing else; both libraries
    // are there.
    let (compiler_told, driver_told) = unsafe {
        (
            cudarc::nvrtc::sys::nvrtcVersion(&mut major, &mut minor),
            cudarc::driver::sys::cuDriverGetVersion(&mut driver),
        )
    };
    compiler_told.result().map_err(|error| format!("{error:?}"))?;
    driver_told.result().map_err(|error| format!("{error:?}"))?;
    Ok(((major, minor), (driver / 1000, driver % 1000 / 10)))
}

/// As the compiler names a device's kind, in the form that CubeCL asks for.
#[expect(
    unsafe_code,
    reason = "the binding has no safe way to ask for attributes without opening a context"
)]
fn architecture(device: cudarc::driver::sys::CUdevice) -> Result<String, DriverError> {
    // SAFETY: `device` comes from `cuDeviceGet`.
    let number = |attribute| unsafe { result::device::get_attribute(device, attribute) };
    let version = 10 * number(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?
        + number(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    Ok(format!("sm_{version}{}", if version >= 90 { "a" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_newer_than_the_driver_is_told_with_both_versions() {
        assert_eq!(too_new((12, 8), (12, 8)), None);
        assert_eq!(too_new((11, 8), (12, 2)), None);
        let problem = too_new((13, 0), (12, 8)).unwrap();
        assert!(
            problem.starts_with(
                "NVRTC 13.0 is newer than the driver, which takes CUDA 12.8: update the driver"
            ),
            "{problem}"
        );
        assert!(too_new((12, 9), (12, 8)).is_some());
    }
}
