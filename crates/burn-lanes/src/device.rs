//! Devices: named by a person, found at run time, never a panic on a missing driver.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A device as a person names it: `auto`, `cuda`, `cuda:1`, `wgpu`, `wgpu:0`, `ndarray`, `flex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceSpec {
    /// A usable CUDA device, else a hardware wgpu adapter, else flex.
    #[default]
    Auto,
    /// The N-th CUDA device, 0 unless given.
    Cuda(usize),
    /// The N-th wgpu adapter, or the first (hardware before software) unless given.
    Wgpu(Option<usize>),
    /// Burn's ndarray backend.
    NdArray,
    /// Burn's flex backend.
    Flex,
}

/// Text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a backend (known: auto, cuda, cuda:N, wgpu, wgpu:N, ndarray, flex)")]
pub struct UnknownDevice(String);

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Wgpu(None) => write!(f, "wgpu"),
            Self::Wgpu(Some(index)) => write!(f, "wgpu:{index}"),
            Self::NdArray => write!(f, "ndarray"),
            Self::Flex => write!(f, "flex"),
        }
    }
}

impl FromStr for DeviceSpec {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice(text.to_owned());
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index.parse::<usize>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (name, index) {
            ("auto", None) => Ok(Self::Auto),
            ("cuda", index) => Ok(Self::Cuda(index.unwrap_or(0))),
            ("wgpu", index) => Ok(Self::Wgpu(index)),
            ("ndarray", None) => Ok(Self::NdArray),
            ("flex", None) => Ok(Self::Flex),
            _ => Err(unknown()),
        }
    }
}

impl Serialize for DeviceSpec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A device that was found usable: what [`crate::train`] takes. Displays as it is named (`cuda:0`, `flex`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Concrete, never `Auto`.
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
}

/// What is known about a device, usable or not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// As it is named.
    pub spec: DeviceSpec,
    /// "NVIDIA H100 80GB HBM3", "llvmpipe (LLVM 15.0.6, 256 bits)", "2 cores".
    pub name: String,
    /// Memory, bytes, where it is known.
    pub memory: Option<u64>,
    /// Whether the adapter is software (llvmpipe): never chosen by `auto`.
    pub software: bool,
    /// Why it cannot be used; `None` when it can.
    pub problem: Option<String>,
}

/// Why a device cannot be used: what was asked for, what is wrong, what there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeviceError(pub String);

/// Every backend and device, usable or not. Never panics.
#[must_use]
pub fn devices() -> Vec<DeviceInfo> {
    todo!()
}

/// Finds a device.
///
/// # Errors
/// When it cannot be used.
pub fn open(_spec: DeviceSpec) -> Result<Device, DeviceError> {
    todo!()
}
