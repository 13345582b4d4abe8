//! The shadow: another version that is asked the same, after the answer is on its way, and only
//! compared.

use std::sync::Arc;

use super::batch::{Answered, ShadowJob};
use super::board::Loaded;
use super::metrics::ServiceMetrics;
use super::predict::windows_of;
use super::question::Instance;
use super::queue::Queue;
use super::refusal::Refusal;
use crate::forecast::Forecast;

/// Asks the shadow what was asked. It has its own windows, as it may have other features; what it
/// cannot take, or what finds the queue busy, is left out and counted.
pub(super) fn ask(
    shadow: Arc<Loaded>,
    instances: &[Instance],
    answered: Answered,
    queue: &Queue,
    metrics: &ServiceMetrics,
) {
    let name = shadow.name.clone();
    let Ok(windows) = windows_of(&*shadow.model, instances) else {
        metrics.shadow_left_out(&name, "other_input");
        return;
    };
    if queue.push_shadow(ShadowJob { shadow, windows, answered }).is_err() {
        metrics.shadow_left_out(&name, "busy");
    }
}

/// Logs what the shadow says beside what was answered.
pub(super) fn compare(
    job: &ShadowJob,
    forecasts: Result<Vec<Forecast>, Refusal>,
    metrics: &ServiceMetrics,
) {
    let ShadowJob { shadow, answered: Answered { request, version, forecasts: answered }, .. } =
        job;
    let Ok(forecasts) = forecasts else {
        metrics.shadow_left_out(&shadow.name, "failed");
        return;
    };
    for (window, (forecast, answered)) in forecasts.iter().zip(answered).enumerate() {
        let difference = forecast.forecast - answered;
        metrics.shadow_compared(&shadow.name, difference.abs());
        tracing::info!(
            request,
            window,
            model = shadow.name,
            version,
            forecast = answered,
            shadow_version = shadow.version,
            shadow_forecast = forecast.forecast,
            difference,
            "shadow"
        );
    }
}
