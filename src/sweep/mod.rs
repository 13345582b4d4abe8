//! Supervisor and worker: packs on devices, failures isolated.
//!
//! [`supervise`] plans, starts worker processes and hands them packs, one at a time; it never touches a tensor. [`work`] is the other
//! end: it trains packs and writes run folders. They talk in JSON lines ([`ToWorker`], [`FromWorker`]) over the worker's stdin and
//! stdout; when the supervisor dies, the worker's stdin closes and it stops after its current step, with a checkpoint.
//!
//! A worker that dies takes down the attempts of its pack and nothing else: the supervisor records why, starts another and goes on. A
//! worker whose device fails says so and ends; another one trains the halves of its pack, down to single trials (see [`DeviceVerdict`] for
//! what comes then).

mod fake;
mod message;
mod queue;
mod recorder;
mod supervisor;
mod trainer;
mod worker;

pub use message::{Control, FromWorker, ToWorker};
pub use queue::DeviceVerdict;
pub use supervisor::{Job, Summary, Workers, supervise};
pub use trainer::{BurnTrainer, Trainer, device_name, lane_config, shape, trainer};
pub use worker::work;
