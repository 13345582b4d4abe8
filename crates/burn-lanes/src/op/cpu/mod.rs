//! The layer on the host's cores: SIMD kernels over slices, with no Burn inside but in [`host`].
//!
//! A lane's batch is cut into tiles; a tile goes through all time steps on one thread, with its state in the cache. Weights are
//! packed once a pass, so that one register tile holds the four gates of some units of some windows ([`panel`], [`forward`],
//! [`backward`]). The instruction set is chosen at run time ([`simd`]).

mod activation;
mod backward;
mod flex;
mod forward;
mod host;
mod layer;
#[cfg(feature = "ndarray")]
mod ndarray;
mod panel;
mod peak;
mod pool;
mod simd;
mod update;

pub use peak::{Peak, fma_peak};
pub(crate) use pool::clear as release_memory;

#[cfg(test)]
mod tests;
