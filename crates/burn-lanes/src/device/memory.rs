//! How much a training may take, and how CubeCL takes it.

use super::find;
use super::find::Device;
use crate::DeviceSpec;

impl Device {
    /// Memory that a training may take, bytes, of so much as it would like (`wanted`): what the
    /// host and its control group have left; what a CUDA device has free, other processes' shares
    /// left out; on wgpu, which tells nobody, what could be allocated just now, of the host's
    /// memory where the adapter has none of its own. `None` where nobody knows.
    ///
    /// A GPU is opened for the question, for the tenths of a second that it takes.
    #[must_use]
    pub fn available_memory(&self, wanted: u64) -> Option<u64> {
        // Only a wgpu adapter is asked for an amount.
        let _ = wanted;
        match self.spec {
            DeviceSpec::NdArray | DeviceSpec::Flex => find::host_memory(),
            #[cfg(feature = "cuda")]
            DeviceSpec::Cuda(index) => super::cuda::free_memory(index),
            #[cfg(feature = "wgpu")]
            DeviceSpec::Wgpu(index) => {
                super::wgpu::allocatable(index.unwrap_or(0), wanted, find::host_memory())
            }
            _ => None,
        }
    }
}

/// Makes CubeCL allocate what is asked for, and keep a buffer for the next of its size. Its pools
/// of pages would take up to a quarter of the device's memory for a few hundred megabytes, and look
/// through all pages at each allocation; but a training asks for the same few sizes at every step.
/// `memory_persistent = ...` in a `cubecl.toml` wins; so does one who configured CubeCL before.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) fn allocate_exactly() {
    use cubecl::config::memory::PersistentMemory;
    use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
    use std::sync::{Arc, Once};

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut place = CubeClRuntimeConfig::storage().lock();
        if place.is_none() {
            // As CubeCL itself reads it when it is first asked.
            let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
            if matches!(config.memory.persistent_memory, PersistentMemory::Enabled) {
                config.memory.persistent_memory = PersistentMemory::Enforced;
            }
            *place = Some(Arc::new(config));
        }
    });
}
