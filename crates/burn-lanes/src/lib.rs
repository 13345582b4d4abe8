//! Trains many recurrent forecasters at once: the lanes of one Burn `Learner`.
//!
//! A *pack* is K models of equal [`Shape`] whose weights carry a leading lane axis. Their losses
//! are summed, so that each lane gets exactly its own gradient; what differs between them
//! ([`LaneConfig`]) is data. K = 1 is an ordinary training. Lanes may train on different
//! [`Series`], the folds of a walk-forward split: a lane with fewer windows waits while the others
//! end their epoch.
//!
//! The public API knows no backend: a [`Device`] is chosen at run time. The CPU backends take the
//! best instruction set that the processor has; the environment variable `KILN_SIMD` (`portable`,
//! `avx2`, `avx512`) asks for another, whose last bits may differ; [`open`] refuses what it cannot
//! follow, and [`Device::arithmetic`] tells what is used.

mod data;
mod device;
mod download;
mod epoch;
mod forecast;
mod learner;
mod loss;
mod memory;
mod model;
mod observer;
mod op;
mod optim;
mod random;
mod rounds;
mod rows;
mod running;
mod step;
mod stretch;

#[cfg(test)]
#[path = "../tests/skip/mod.rs"]
mod skip;

pub use device::{
    Device, DeviceError, DeviceFailure, DeviceFailureKind, DeviceInfo, devices, open,
};
/// The plain types of a training, which need no backend, under the names that they have there.
pub use lane_types::{
    BadCheckpoint, BadLevels, DeviceSpec, EarlyStopping, EpochReport, Head, LaneConfig,
    LaneControl, LaneEnd, LaneState, Levels, Loss, Observation, OptimizerKind, Schedule,
    ScheduleState, Series, Shape, SplitReport, StopState, UnknownDevice, Weight, Weights,
};
pub use learner::{Lane, Pack, TrainError, predict, train};
pub use memory::memory_estimate;
pub use observer::{LaneOutcome, Observer, PackControl, Progress};
pub use op::{Peak, fma_peak};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
