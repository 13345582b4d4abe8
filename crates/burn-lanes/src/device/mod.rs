//! Devices: named by a person, found at run time, never a panic on a missing driver.
//!
//! `spec` knows the names, `find` chooses, `cuda` and `wgpu` ask the drivers.

#[cfg(feature = "cuda")]
mod cuda;
mod find;
mod spec;
#[cfg(feature = "wgpu")]
mod wgpu;

pub use find::{Device, DeviceError, DeviceInfo, devices, open};
pub use spec::{DeviceSpec, UnknownDevice};
#[cfg(feature = "wgpu")]
pub(crate) use wgpu::wgpu_device;
