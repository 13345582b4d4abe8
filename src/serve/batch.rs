//! Work for the inference thread.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::board::Loaded;
use super::refusal::Refusal;
use crate::forecast::{Forecast, Window};

/// A request's windows, and where its forecasts go. Anyone who stops waiting drops the other end,
/// and the job is not done.
pub(super) struct Job {
    pub model: Arc<Loaded>,
    pub windows: Vec<Window>,
    pub entered: Instant,
    pub answer: oneshot::Sender<Result<Done, Refusal>>,
}

/// Forecasts of a job.
#[derive(Debug)]
pub(super) struct Done {
    pub forecasts: Vec<Forecast>,
    /// Windows in its batch, its own among them.
    pub batch: usize,
}

/// Windows that were answered by another version, for the shadow to say what it thinks.
pub(super) struct ShadowJob {
    pub shadow: Arc<Loaded>,
    pub windows: Vec<Window>,
    pub answered: Answered,
}

/// What was answered.
pub(super) struct Answered {
    pub request: String,
    pub version: u32,
    pub forecasts: Vec<f64>,
}
