//! Supervisor and worker: packs on devices, failures isolated.
//!
//! [`supervise`] plans, starts worker processes and hands them packs, one at a time; it never
//! touches a tensor. [`work`] is the other end: it trains packs and writes run folders. They talk
//! in JSON lines ([`ToWorker`], [`FromWorker`]) over the worker's stdin and stdout; when the
//! supervisor dies, the worker's stdin closes and it stops after its current step, with a
//! checkpoint.
//!
//! A worker that dies takes down the attempts of its pack and nothing else: the supervisor starts
//! another and trains the pack again in halves, down to the trial that does it, whose failure that
//! then is. A worker whose device fails says so and ends; its pack too goes on in halves. A worker
//! that makes no progress is told, and replaced if that is wanted. When the machine fails (a full
//! disk, a device that is gone) no further pack is begun.

mod fake;
mod lost;
mod making;
mod message;
mod queue;
mod recorder;
mod slot;
mod supervisor;
mod trainer;
mod worker;

pub use making::Making;
pub use message::{Control, FromWorker, Problem, ToWorker};
pub use supervisor::{Ask, Job, Patience, Summary, Workers, supervise};
pub use trainer::{BurnTrainer, Trainer, device_name, trainer};
pub use worker::work;
