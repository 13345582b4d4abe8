//! What `/metrics` tells, for Prometheus (OpenMetrics text).

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::board::Board;
use crate::forecast::Outside;

type Labels = Vec<(&'static str, String)>;
type Real = Gauge<f64, AtomicU64>;
type Latency = Family<Labels, Histogram, fn() -> Histogram>;

/// Counters and metrics, and their names.
pub(super) struct ServiceMetrics {
    pub queue_seconds: Histogram,
    pub inference_seconds: Histogram,
    pub batch_windows: Histogram,
    pub connections: Gauge,
    requests: Family<Labels, Counter>,
    request_seconds: Latency,
    queue_depth: Gauge,
    reloads: Family<Labels, Counter>,
    models: Family<Labels, Gauge>,
    drift_psi: Family<Labels, Real>,
    drift_outside: Family<Labels, Real>,
    drift_rows: Family<Labels, Gauge>,
    outside_training: Family<Labels, Counter>,
    warnings: Family<Labels, Gauge>,
    problems: Gauge,
    shadow_compared: Family<Labels, Counter>,
    shadow_left_out: Family<Labels, Counter>,
    shadow_difference: Family<Labels, Counter<f64, AtomicU64>>,
    registry: Registry,
    /// One scrape at a time: the metrics of models are made anew in each.
    scrape: Mutex<()>,
}

/// 50 µs to 10 s.
const SECONDS: [f64; 16] =
    [5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl ServiceMetrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            queue_seconds: seconds(),
            inference_seconds: seconds(),
            batch_windows: Histogram::new([
                1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0,
            ]),
            connections: Gauge::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            queue_depth: Gauge::default(),
            reloads: Family::default(),
            models: Family::default(),
            drift_psi: Family::default(),
            drift_outside: Family::default(),
            drift_rows: Family::default(),
            outside_training: Family::default(),
            warnings: Family::default(),
            problems: Gauge::default(),
            shadow_compared: Family::default(),
            shadow_left_out: Family::default(),
            shadow_difference: Family::default(),
            registry: Registry::with_prefix("kiln"),
            scrape: Mutex::new(()),
        };
        for result in ["ok", "failed"] {
            drop(metrics.reloads.get_or_create(&vec![("result", result.to_owned())]));
        }
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests answered, by route and status",
            self.requests.clone(),
        );
        registry.register(
            "request_seconds",
            "From a request's header to its answer",
            self.request_seconds.clone(),
        );
        registry.register(
            "queue_depth",
            "Requests that wait for the inference",
            self.queue_depth.clone(),
        );
        registry.register(
            "queue_seconds",
            "How long requests waited for the inference",
            self.queue_seconds.clone(),
        );
        registry.register(
            "inference_seconds",
            "How long inferences took",
            self.inference_seconds.clone(),
        );
        registry.register("batch_windows", "Windows in an inference", self.batch_windows.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "reloads",
            "Looks at the registry that changed something, by their result",
            self.reloads.clone(),
        );
        registry.register(
            "model_version",
            "1 for each version that is served, by alias",
            self.models.clone(),
        );
        registry.register(
            "drift_psi",
            "Population stability index of a feature's last rows against training",
            self.drift_psi.clone(),
        );
        let outside = "Share of a feature's last rows outside the range of training";
        registry.register("drift_outside_share", outside, self.drift_outside.clone());
        registry.register("drift_rows", "Rows that drift is told of", self.drift_rows.clone());
        let outside =
            "Windows that were forecast although a feature leaves the range of its training";
        registry.register("outside_training", outside, self.outside_training.clone());
        let warnings = "1 for each warning beside all forecasts of a version, such as that a \
            baseline is better by its own card";
        registry.register("model_warning", warnings, self.warnings.clone());
        let problems = "Problems at the last look at the registry; while there are any, models are \
            served as they were loaded before";
        registry.register("registry_problems", problems, self.problems.clone());
        registry.register(
            "shadow_compared",
            "Forecasts of the shadow beside an answer",
            self.shadow_compared.clone(),
        );
        registry.register(
            "shadow_left_out",
            "Requests that the shadow was not asked, by reason",
            self.shadow_left_out.clone(),
        );
        let difference = "Sum of the absolute differences between shadow and answer; over \
            shadow_compared it is their mean";
        registry.register("shadow_absolute_difference", difference, self.shadow_difference.clone());
    }

    pub(super) fn request(&self, route: &str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&vec![("route", route.to_owned()), ("status", status.to_string())])
            .inc();
        self.request_seconds
            .get_or_create(&vec![("route", route.to_owned())])
            .observe(took.as_secs_f64());
    }

    pub(super) fn outside_training(&self, model: &str, version: u32, outside: &[Vec<Outside>]) {
        for Outside { feature, .. } in outside.iter().flatten() {
            let labels = [
                ("model", model.to_owned()),
                ("version", version.to_string()),
                ("feature", feature.clone()),
            ];
            self.outside_training.get_or_create(&labels.to_vec()).inc();
        }
    }

    pub(super) fn reload(&self, result: &str) {
        self.reloads.get_or_create(&vec![("result", result.to_owned())]).inc();
    }

    pub(super) fn shadow_compared(&self, model: &str, difference: f64) {
        let labels = vec![("model", model.to_owned())];
        self.shadow_compared.get_or_create(&labels).inc();
        if difference.is_finite() {
            self.shadow_difference.get_or_create(&labels).inc_by(difference);
        }
    }

    pub(super) fn shadow_left_out(&self, model: &str, reason: &str) {
        self.shadow_left_out
            .get_or_create(&vec![("model", model.to_owned()), ("reason", reason.to_owned())])
            .inc();
    }

    /// Everything, as text.
    pub(super) fn text(
        &self,
        board: &Board,
        queue_depth: usize,
        problems: usize,
    ) -> Result<String, std::fmt::Error> {
        let scrape = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue_depth.set(i64::try_from(queue_depth).unwrap_or(i64::MAX));
        self.problems.set(i64::try_from(problems).unwrap_or(i64::MAX));
        for family in [&self.models, &self.drift_rows, &self.warnings] {
            family.clear();
        }
        for family in [&self.drift_psi, &self.drift_outside] {
            family.clear();
        }
        for (name, served) in &board.models {
            self.tell(name, served);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        drop(scrape);
        Ok(text)
    }

    fn tell(&self, name: &str, served: &super::board::Served) {
        for (alias, version) in served.aliases() {
            let labels = vec![
                ("model", name.to_owned()),
                ("alias", alias),
                ("version", version.to_string()),
            ];
            self.models.get_or_create(&labels).set(1);
        }
        for (version, loaded) in served.loaded() {
            let labels = vec![("model", name.to_owned()), ("version", version.to_string())];
            for warning in &loaded.model.card().warnings {
                let labels: Labels =
                    labels.iter().cloned().chain([("code", warning.code.to_owned())]).collect();
                self.warnings.get_or_create(&labels).set(1);
            }
            let drift = loaded.drift.lock().unwrap_or_else(PoisonError::into_inner);
            if !drift.is_known() {
                continue;
            }
            self.drift_rows
                .get_or_create(&labels)
                .set(i64::try_from(drift.rows()).unwrap_or(i64::MAX));
            for feature in drift.features() {
                let labels: Labels =
                    labels.iter().cloned().chain([("feature", feature.feature)]).collect();
                if let Some(psi) = feature.psi {
                    self.drift_psi.get_or_create(&labels).set(psi);
                }
                if let Some(outside) = feature.outside {
                    self.drift_outside.get_or_create(&labels).set(outside);
                }
            }
        }
    }
}
