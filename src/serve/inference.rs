//! The inference thread: takes batches from the queue, runs them, and survives whatever a model
//! does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::batch::{Done, Job};
use super::board::Loaded;
use super::metrics::ServiceMetrics;
use super::queue::{Next, Queue};
use super::refusal::Refusal;
use super::shadow;
use crate::forecast::{Forecast, ForecastError, Window};
use tokio::sync::watch;

/// What the thread is told.
pub(super) struct Inference {
    pub queue: Arc<Queue>,
    pub metrics: Arc<ServiceMetrics>,
    pub pulse: Arc<Pulse>,
    pub lost: Arc<LostDevice>,
    pub batch: usize,
    pub batch_wait: Duration,
}

/// Since when the thread is at one batch: how others see that it is stuck.
pub(super) struct Pulse {
    started: Instant,
    /// Microseconds after `started`; 0: idle.
    busy_since: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), busy_since: AtomicU64::new(0) }
    }

    /// How long the thread has been at one batch.
    pub(super) fn busy(&self) -> Duration {
        match self.busy_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self.started.elapsed().saturating_sub(Duration::from_micros(since)),
        }
    }

    fn begin(&self) {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.busy_since.store(now.max(1), Ordering::Relaxed);
    }

    fn end(&self) {
        self.busy_since.store(0, Ordering::Relaxed);
    }
}

/// Whether the device failed, and how. It does not come back within this process: the server stops,
/// so that a supervisor can restart it.
pub(super) struct LostDevice(watch::Sender<Option<String>>);

impl LostDevice {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    fn lose(&self, problem: String) {
        self.0.send_if_modified(|first| first.is_none() && first.replace(problem).is_none());
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.is_lost() { Err(Self::refusal()) } else { Ok(()) }
    }

    fn refusal() -> Refusal {
        Refusal::unavailable("device_failed", "the device failed; the server is stopping")
    }

    pub(super) fn is_lost(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until the device fails; tells how.
    pub(super) async fn lost(&self) -> String {
        match self.0.subscribe().wait_for(Option::is_some).await {
            Ok(problem) => problem.clone().unwrap_or_default(),
            // The sender is this value's own.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Runs until the queue is closed and empty.
pub(super) fn run(inference: &Inference) {
    let Inference { queue, metrics, pulse, lost, batch, batch_wait } = inference;
    loop {
        match queue.next(*batch, *batch_wait) {
            Next::Batch(jobs) => {
                pulse.begin();
                answer(jobs, metrics, lost);
                pulse.end();
            }
            Next::Shadow(job) => {
                pulse.begin();
                let forecasts = forecast(&job.shadow, &job.windows, lost);
                shadow::compare(&job, forecasts, metrics);
                pulse.end();
            }
            Next::Closed => break,
        }
    }
}

/// Answers jobs of one model. A window that makes the model fail fails its own request alone.
fn answer(mut jobs: Vec<Job>, metrics: &ServiceMetrics, lost: &LostDevice) {
    jobs.retain(|job| !job.answer.is_closed());
    let Some(model) = jobs.first().map(|job| job.model.clone()) else { return };
    let counts: Vec<usize> = jobs.iter().map(|job| job.windows.len()).collect();
    let windows: Vec<Window> =
        jobs.iter_mut().flat_map(|job| std::mem::take(&mut job.windows)).collect();
    let started = Instant::now();
    for job in &jobs {
        metrics.queue_seconds.observe(started.duration_since(job.entered).as_secs_f64());
    }
    let whole = forecast(&model, &windows, lost);
    metrics.inference_seconds.observe(started.elapsed().as_secs_f64());
    metrics.batch_windows.observe(windows.len() as f64);
    let batch = windows.len();
    let alone = jobs.len() == 1;
    let mut whole = whole.map(Vec::into_iter);
    let mut first = 0;
    for (job, count) in jobs.into_iter().zip(counts) {
        let own = &windows[first..first + count];
        first += count;
        let forecasts = match &mut whole {
            Ok(forecasts) => Ok(forecasts.by_ref().take(count).collect()),
            Err(refusal) if alone => Err(refusal.clone()),
            Err(_) => forecast(&model, own, lost),
        };
        let done = forecasts.and_then(finite).map(|forecasts| Done { forecasts, batch });
        // The client may be gone.
        drop(job.answer.send(done));
    }
}

/// One forecast a window, or what to say instead; what happened is logged.
pub(super) fn forecast(
    model: &Loaded,
    windows: &[Window],
    lost: &LostDevice,
) -> Result<Vec<Forecast>, Refusal> {
    lost.check()?;
    let failed =
        || Refusal::internal("inference_failed", "the model failed; the server's log says how");
    let Loaded { name, version, .. } = model;
    match catch_unwind(AssertUnwindSafe(|| model.model.forecast(windows))) {
        Ok(Ok(forecasts)) if forecasts.len() == windows.len() => Ok(forecasts),
        Ok(Ok(forecasts)) => {
            tracing::error!(
                model = name,
                version,
                "{} forecasts of {} windows",
                forecasts.len(),
                windows.len()
            );
            Err(failed())
        }
        Ok(Err(ForecastError::Device(problem))) => {
            tracing::error!(
                model = name,
                version,
                problem,
                "the device failed; the server is stopping"
            );
            lost.lose(problem);
            Err(LostDevice::refusal())
        }
        Ok(Err(problem)) => {
            tracing::error!(
                model = name,
                version,
                problem = problem.to_string(),
                "inference failed"
            );
            Err(failed())
        }
        Err(panic) => {
            tracing::error!(model = name, version, panic = said(&*panic), "inference panicked");
            Err(failed())
        }
    }
}

/// A forecast that is not a number is not an answer.
fn finite(forecasts: Vec<Forecast>) -> Result<Vec<Forecast>, Refusal> {
    let is_finite = |forecast: &Forecast| {
        forecast.forecast.is_finite()
            && forecast.quantiles.iter().all(|(_, value)| value.is_finite())
    };
    if forecasts.iter().all(is_finite) {
        Ok(forecasts)
    } else {
        Err(Refusal::internal("not_finite", "the model's forecast is not a finite number"))
    }
}

/// What a panic said.
pub(super) fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text::cleaned(&text.unwrap_or_else(|| "something that is not text".to_owned()))
}
