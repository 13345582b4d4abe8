//! How a device is named.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A device as a person names it: `auto`, `cuda`, `cuda:1`, `wgpu`, `wgpu:0`, `ndarray`, `flex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceSpec {
    /// A usable CUDA device, else a wgpu adapter with memory of its own, else flex.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_reads_back_from_how_it_displays() {
        use DeviceSpec::{Auto, Cuda, Flex, NdArray, Wgpu};
        for spec in
            [Auto, Cuda(0), Cuda(7), Wgpu(None), Wgpu(Some(0)), Wgpu(Some(3)), NdArray, Flex]
        {
            assert_eq!(spec.to_string().parse(), Ok(spec));
            let json = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<DeviceSpec>(&json).unwrap(), spec);
        }
        assert_eq!("cuda".parse(), Ok(Cuda(0)));
    }

    #[test]
    fn what_names_no_device_is_refused_with_the_known_names() {
        for text in [
            "",
            "cpu",
            "CUDA",
            "cuda:",
            "cuda:-1",
            "cuda:0:1",
            "flex:0",
            "ndarray:1",
            "auto:0",
            " flex",
        ] {
            let message = text.parse::<DeviceSpec>().unwrap_err().to_string();
            assert_eq!(
                message,
                format!(
                    "'{text}' is not a backend (known: auto, cuda, cuda:N, wgpu, wgpu:N, ndarray, \
                        flex)"
                )
            );
        }
    }
}
