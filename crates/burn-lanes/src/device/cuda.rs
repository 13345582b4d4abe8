//! CUDA devices, asked for before Burn is: its CUDA runtime unwraps what it needs and does not find.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cudarc::driver::result::{self, DriverError};

use super::{DeviceInfo, DeviceSpec};

/// The CUDA devices, or why there are none. Asked once a process.
pub(super) fn probe() -> Result<Vec<DeviceInfo>, String> {
    static FOUND: OnceLock<Result<Vec<DeviceInfo>, String>> = OnceLock::new();
    // A driver older than a function that is asked for makes the binding panic.
    FOUND
        .get_or_init(|| catch_unwind(ask).unwrap_or_else(|_| Err("the CUDA driver lacks a needed function: update it".to_owned())))
        .clone()
}

fn ask() -> Result<Vec<DeviceInfo>, String> {
    if !libraries().driver {
        return Err("no CUDA driver was found (libcuda is not on the loader's path)".to_owned());
    }
    result::init().map_err(|error| refused("does not start", error))?;
    let count = result::device::get_count().map_err(|error| refused("does not count its devices", error))?;
    if count == 0 {
        return Err("the CUDA driver has no device (is CUDA_VISIBLE_DEVICES empty?)".to_owned());
    }
    let problem = toolkit_problem();
    Ok((0..count).map(|index| describe(index, problem.clone())).collect())
}

fn describe(index: i32, problem: Option<String>) -> DeviceInfo {
    let spec = DeviceSpec::Cuda(index.unsigned_abs() as usize);
    let asked = result::device::get(index).and_then(|device| Ok((result::device::get_name(device)?, memory(device)?)));
    match asked {
        Ok((name, memory)) => DeviceInfo { spec, name, memory: Some(memory), software: false, problem },
        Err(error) => {
            let problem = Some(refused("does not describe the device", error));
            DeviceInfo { spec, name: "unknown".to_owned(), memory: None, software: false, problem }
        }
    }
}

/// What of the toolkit is missing: kernels are compiled when they are first launched, by NVRTC, and include `cuda_runtime.h`.
fn toolkit_problem() -> Option<String> {
    if !libraries().compiler {
        return Some("NVRTC was not found (libnvrtc is not on the loader's path): install the CUDA toolkit".to_owned());
    }
    match toolkit() {
        None => Some("the CUDA toolkit was not found: install it, or set CUDA_PATH to its folder".to_owned()),
        Some(folder) if !folder.join("include/cuda_runtime.h").exists() => {
            let file = folder.join("include/cuda_runtime.h");
            Some(format!("{} is missing: install the CUDA toolkit's headers, or set CUDA_PATH to its folder", file.display()))
        }
        Some(_) => None,
    }
}

/// Where CubeCL 0.10 looks for the toolkit (`cubecl_cuda::install`, which panics where there is none).
fn toolkit() -> Option<PathBuf> {
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

#[expect(unsafe_code, reason = "the binding has no safe way to ask: everything else in it panics without the library")]
fn libraries() -> Libraries {
    // SAFETY: loads the library by its well-known name and closes it; running its initialisers is what every CUDA program does.
    unsafe { Libraries { driver: cudarc::driver::sys::is_culib_present(), compiler: cudarc::nvrtc::sys::is_culib_present() } }
}

#[expect(unsafe_code, reason = "the binding has no safe way to ask for the memory without opening a context")]
fn memory(device: cudarc::driver::sys::CUdevice) -> Result<u64, DriverError> {
    // SAFETY: `device` comes from `cuDeviceGet`.
    unsafe { result::device::total_mem(device) }.map(|bytes| bytes as u64)
}
