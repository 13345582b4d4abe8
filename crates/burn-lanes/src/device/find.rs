//! What there is, and which of it a name means.

use std::fmt;

use serde::Serialize;

use crate::op::InstructionSet;
use lane_types::DeviceSpec;

/// A device that was found usable: what [`crate::train`] takes. Displays as it is named (`cuda:0`,
/// `flex`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Concrete: never `Auto`, and a wgpu adapter by its number.
    pub(crate) spec: DeviceSpec,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}

impl Device {
    /// Whether it trains on the host's own cores.
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        matches!(self.spec, DeviceSpec::NdArray | DeviceSpec::Flex)
    }

    /// What computes: of the processor `portable`, `avx2` or `avx512`, of a GPU `cuda` or `wgpu`.
    /// The same trial has the same bits on every machine with the same instruction set, and on the
    /// same GPU and driver; elsewhere the last bits differ.
    #[must_use]
    pub fn arithmetic(&self) -> &'static str {
        match self.spec {
            DeviceSpec::Cuda(_) => "cuda",
            DeviceSpec::Wgpu(_) => "wgpu",
            // `Auto` is never a device's own.
            DeviceSpec::NdArray | DeviceSpec::Flex | DeviceSpec::Auto => {
                InstructionSet::chosen().name()
            }
        }
    }
}

/// What is known about a device, usable or not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// As it is named.
    pub spec: DeviceSpec,
    /// "NVIDIA H100 80GB HBM3", "llvmpipe (LLVM 15.0.6, 256 bits)", "2 cores"; empty where there is
    /// no device to name.
    pub name: String,
    /// Memory, bytes, where it is known: a GPU's all, the host's what is left.
    pub memory: Option<u64>,
    /// Whether the adapter is software (llvmpipe): never chosen by `auto`.
    pub software: bool,
    /// Whether the adapter shares the host's memory and power (a laptop's graphics): slower than
    /// flex for small models, and never chosen by `auto`.
    pub integrated: bool,
    /// Why it cannot be used; `None` when it can.
    pub problem: Option<String>,
}

/// Why a device cannot be used: what was asked for, what is wrong, what there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeviceError(pub String);

/// Every backend and device, usable or not; `auto` takes the first that works and is neither
/// software nor integrated, or flex. Never panics.
#[must_use]
pub fn devices() -> Vec<DeviceInfo> {
    [cuda_devices(), wgpu_devices(), host_devices()].concat()
}

/// Finds a device. Asks only the drivers that the name is about: opening `flex` starts none.
///
/// # Errors
/// When it cannot be used, or the environment variable `KILN_SIMD` asks for what the processor
/// lacks.
pub fn open(spec: DeviceSpec) -> Result<Device, DeviceError> {
    InstructionSet::from_environment().map_err(DeviceError)?;
    let candidates = match spec {
        DeviceSpec::Auto => quietly(),
        DeviceSpec::Cuda(_) => cuda_devices(),
        DeviceSpec::Wgpu(_) => wgpu_devices(),
        DeviceSpec::NdArray | DeviceSpec::Flex => host_devices(),
    };
    choose(spec, &candidates).map_err(|problem| refusal(spec, &problem, &quietly()))
}

/// As [`devices`], but without asking for wgpu adapters where the machine has no graphics hardware:
/// Vulkan's loader takes tens of milliseconds and complains on stderr of machines without a screen,
/// only to find a software adapter that `auto` never takes.
fn quietly() -> Vec<DeviceInfo> {
    let adapters = if may_have_graphics() { wgpu_devices() } else { Vec::new() };
    [cuda_devices(), adapters, host_devices()].concat()
}

/// Whether there is a device file of a graphics driver; systems other than Linux are not asked.
fn may_have_graphics() -> bool {
    let files = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd"];
    !cfg!(target_os = "linux") || files.iter().any(|file| std::path::Path::new(file).exists())
}

/// The device that a name means, or what is wrong with it.
fn choose(spec: DeviceSpec, candidates: &[DeviceInfo]) -> Result<Device, String> {
    let found = match spec {
        DeviceSpec::Auto => candidates
            .iter()
            .find(|info| info.problem.is_none() && !info.software && !info.integrated),
        DeviceSpec::Wgpu(None) => {
            candidates.iter().find(|info| info.problem.is_none()).or(candidates.first())
        }
        named => candidates.iter().find(|info| info.spec == named),
    };
    match found {
        Some(DeviceInfo { spec, problem: None, .. }) => Ok(Device { spec: *spec }),
        Some(DeviceInfo { problem: Some(problem), .. }) => Err(problem.clone()),
        None => Err(absence(candidates)),
    }
}

/// Why no candidate has the number that was asked for: the first one's problem if there are no
/// devices at all.
fn absence(candidates: &[DeviceInfo]) -> String {
    match candidates {
        [] => "it was not found".to_owned(),
        [DeviceInfo { name, problem: Some(problem), .. }] if name.is_empty() => problem.clone(),
        _ => {
            let found: Vec<_> =
                candidates.iter().map(|info| format!("{} {}", info.spec, info.name)).collect();
            format!("there is no device of this number (found: {})", found.join(", "))
        }
    }
}

fn refusal(spec: DeviceSpec, problem: &str, all: &[DeviceInfo]) -> DeviceError {
    let usable: Vec<_> = all
        .iter()
        .filter(|info| info.problem.is_none())
        .map(|info| info.spec.to_string())
        .collect();
    DeviceError(format!("cannot use {spec}: {problem}; usable here: {}", usable.join(", ")))
}

fn host_devices() -> Vec<DeviceInfo> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let name = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    let flex = DeviceInfo {
        spec: DeviceSpec::Flex,
        name,
        memory: host_memory(),
        software: false,
        integrated: false,
        problem: None,
    };
    let flex = DeviceInfo { problem: InstructionSet::from_environment().err(), ..flex };
    let problem =
        if cfg!(feature = "ndarray") { flex.problem.clone() } else { Some(left_out("ndarray")) };
    let ndarray = DeviceInfo { spec: DeviceSpec::NdArray, problem, ..flex.clone() };
    vec![flex, ndarray]
}

/// What the host and this process's control group have left.
pub(super) fn host_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = system.cgroup_limits().map_or(system.available_memory(), |group| {
        group.free_memory.min(system.available_memory())
    });
    (free > 0).then_some(free)
}

fn cuda_devices() -> Vec<DeviceInfo> {
    #[cfg(feature = "cuda")]
    return super::cuda::probe().unwrap_or_else(|why| vec![missing(DeviceSpec::Cuda(0), why)]);
    #[cfg(not(feature = "cuda"))]
    vec![missing(DeviceSpec::Cuda(0), left_out("cuda"))]
}

fn wgpu_devices() -> Vec<DeviceInfo> {
    #[cfg(feature = "wgpu")]
    return super::wgpu::probe().unwrap_or_else(|why| vec![missing(DeviceSpec::Wgpu(None), why)]);
    #[cfg(not(feature = "wgpu"))]
    vec![missing(DeviceSpec::Wgpu(None), left_out("wgpu"))]
}

/// The entry of a backend that has no device at all.
fn missing(spec: DeviceSpec, problem: String) -> DeviceInfo {
    DeviceInfo {
        spec,
        name: String::new(),
        memory: None,
        software: false,
        integrated: false,
        problem: Some(problem),
    }
}

fn left_out(feature: &str) -> String {
    format!("this program was built without it (build with `--features {feature}`)")
}

#[cfg(test)]
mod tests;
