//! The plain types of the trainer: what a pack of lanes is given and what it tells, without a
//! backend.
//!
//! `burn-lanes` trains with them. Code that only describes, records or reads a training needs this
//! package alone, and compiles no tensor library. Epochs are counted from 1 unless a field says
//! otherwise.

mod checkpoint;
mod device;
mod head;
mod lane;
mod layout;
mod report;
mod schedule;
mod series;
mod state;
mod stop;

pub use checkpoint::BadCheckpoint;
pub use device::{DeviceSpec, UnknownDevice};
pub use head::{BadLevels, Head, Levels};
pub use lane::{LaneConfig, Loss, OptimizerKind, Shape};
pub use report::{EpochReport, LaneControl, LaneEnd, SplitReport, number_or_nan};
pub use schedule::{Schedule, ScheduleState};
pub use series::Series;
pub use state::{LaneState, Weight, Weights};
pub use stop::{EarlyStopping, Observation, StopState};
