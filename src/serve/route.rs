//! Which path does what.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, body::Body};
use tower_http::catch_panic::CatchPanicLayer;

use super::inference::said;
use super::refusal::Refusal;
use super::server::Shared;
use super::{docs, guard, models, predict};

pub(super) const HEALTH: &str = "/healthz";
pub(super) const READY: &str = "/readyz";
pub(super) const OPENAPI: &str = "/openapi.json";
pub(super) const DOCS: &str = "/docs";
pub(super) const DOCS_PAGE: &str = "/docs/";
pub(super) const DOCS_FILE: &str = "/docs/{*file}";
/// Where a person reads what there is.
const GUIDE: &str = if cfg!(feature = "serve-docs") { DOCS } else { OPENAPI };

/// Every route, behind what all requests pass.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let routes = Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{name}", get(models::one))
        .route("/v1/models/{name}/predict", post(predict::predict))
        .route("/v1/models/{name}/drift", get(models::drift))
        .route(HEALTH, get(health))
        .route(READY, get(ready))
        .route("/metrics", get(metrics))
        .route(OPENAPI, get(docs::document));
    #[cfg(feature = "serve-docs")]
    let routes = routes.merge(super::docs_page::routes());
    routes
        .fallback(async || {
            Refusal::not_found(format!("there is nothing here; {GUIDE} tells what there is"))
        })
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                format!("this path takes another method; {GUIDE} tells which"),
            )
        })
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            tracing::error!(panic = said(&*panic), "a handler panicked");
            Refusal::internal("panicked", "the server failed; its log says how").into_response()
        }))
        .layer(from_fn_with_state(shared.clone(), guard::guard))
        .with_state(shared.clone())
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "service", security(()),
    responses((status = 200, description = "It does", body = String))
)]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether forecasts are answered: models are loaded, the inference is not stuck, the server is not
/// stopping.
#[utoipa::path(get, path = "/readyz", tag = "service", security(()), responses(
    (status = 200, description = "They are: `ready`; a second line, `stale: …`, where the registry \
        cannot be read and models are served as they were loaded", body = String),
    (status = 503, description = "They are not: `loading`, `device failed`, `stuck` or \
        `stopping`", body = String),
))]
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let word = if shared.stopping.load(Ordering::Acquire) {
        "stopping\n"
    } else if !shared.ready.load(Ordering::Acquire) {
        "loading\n"
    } else if shared.lost.is_lost() {
        "device failed\n"
    } else if shared.pulse.busy() > shared.config.timeouts.request {
        "stuck\n"
    } else {
        let trouble = shared.trouble.in_words();
        return trouble
            .map_or_else(|| "ready\n".to_owned(), |trouble| format!("ready\nstale: {trouble}\n"))
            .into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, word).into_response()
}

/// Counters and metrics for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses((status = 200, description = "OpenMetrics text", body = String))
)]
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Refusal> {
    let text =
        shared.metrics.text(&shared.live.get(), shared.queue.depth(), shared.trouble.count());
    let text =
        text.map_err(|_| Refusal::internal("metrics_failed", "the metrics cannot be written"))?;
    let kind = (header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([kind], Body::from(text)).into_response())
}
