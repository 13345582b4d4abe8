//! Devices: named by a person, found at run time, never a panic on a missing driver.
//!
//! `find` chooses, `cuda` and `wgpu` ask the drivers; `watch` sees what fails while a GPU works,
//! `failure` says it in a line, and `memory` tells how much a training may take.

#[cfg(feature = "cuda")]
mod cuda;
mod failure;
mod find;
mod memory;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) mod watch;
#[cfg(feature = "wgpu")]
mod wgpu;

pub use failure::{DeviceFailure, DeviceFailureKind};
pub use find::{Device, DeviceError, DeviceInfo, devices, open};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) use memory::allocate_exactly;
#[cfg(feature = "wgpu")]
pub(crate) use wgpu::wgpu_device;
