//! The network on the host's cores: SIMD kernels over slices, with no Burn inside but in [`host`].
//!
//! A lane's batch is cut into shares, one task each ([`pass`]), and these into tiles ([`tile`]). A
//! tile goes through all layers and time steps, forward and back, on one thread, with its state in
//! the cache. A lane's weights are packed once a step ([`network`]), so that one register tile
//! holds the four gates of some units of some windows ([`panel`], [`forward`], [`backward`]). The
//! instruction set is chosen at run time ([`simd`]).

mod activation;
mod backward;
mod dropout;
mod flex;
mod footprint;
mod forward;
mod head;
mod host;
#[cfg(feature = "ndarray")]
mod ndarray;
mod network;
mod panel;
mod pass;
mod peak;
mod pool;
mod simd;
mod threads;
mod tile;
mod update;

pub(crate) use footprint::buffers;
pub use peak::{Peak, fma_peak};
pub(crate) use pool::clear as release_memory;
pub(crate) use simd::InstructionSet;

#[cfg(test)]
mod tests;
