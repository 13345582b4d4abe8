//! The kernels, in CubeCL: one source for CUDA and WGSL. Nothing here knows Burn.
//!
//! They are launched without bounds checks, which would add a comparison and a selection to every
//! read of the inner loops. Every index is computed from the numbers of a launch, and threads whose
//! windows, hidden units or weights do not exist read those of another, or nothing, and write
//! nothing. The buffers are made from the same numbers ([`super::pass`]), and the last rows of
//! windows are checked against the series before a training or a forecast starts.
//!
//! `net` says where values lie, `math` and `mask` are the arithmetic of four windows, `cell` that
//! of a unit; `forward` and `backward` run a sequence in one launch, `steps` a step; `head` is the
//! head and the loss, `transpose` and `products` go with the backward pass, `update` is the
//! optimizer's step.
#![allow(unsafe_code)] // the launchers that the attribute writes

pub(super) mod backward;
mod cell;
pub(super) mod forward;
pub(super) mod head;
pub(super) mod mask;
pub(super) mod math;
pub(super) mod net;
mod part;
pub(super) mod products;
pub(super) mod steps;
pub(super) mod transpose;
pub(super) mod update;
