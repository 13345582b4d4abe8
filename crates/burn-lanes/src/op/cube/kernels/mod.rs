//! The kernels, in CubeCL: one source for CUDA and WGSL. Nothing here knows Burn.
//!
//! They are launched without bounds checks: a check in the inner loops is as much work as the product it guards. Every index is computed
//! from the numbers of a launch, and units whose windows, hidden units or weights do not exist read those of another or nothing and write
//! nothing. [`super::launch`] makes the buffers from the same numbers.
//!
//! `net` says where values lie, `math` and `mask` are the arithmetic of four windows, `cell` that of a unit; `forward` and `backward` run a
//! sequence in one launch, `steps` a step; `head` is the head and the loss, `transpose` and `products` go with the backward pass, `update`
//! is the optimizer's step.
#![allow(unsafe_code)] // the launchers that the attribute writes

pub(super) mod backward;
mod cell;
pub(super) mod forward;
pub(super) mod head;
pub(super) mod mask;
pub(super) mod math;
pub(super) mod net;
pub(super) mod products;
pub(super) mod steps;
pub(super) mod transpose;
pub(super) mod update;
