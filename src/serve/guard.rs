//! What every request passes: whether it may come in, what is logged and counted of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::accept::Connection;
use super::host::is_own;
use super::refusal::Refusal;
use super::route::{DOCS, DOCS_FILE, DOCS_PAGE, HEALTH, OPENAPI, READY};
use super::server::Shared;

/// A request's name in logs, there and back.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a path that are logged.
const LOGGED: usize = 200;

/// A request's name.
#[derive(Clone)]
pub(super) struct RequestId(pub String);

/// What a handler tells the log.
#[derive(Clone)]
pub(super) struct Told {
    pub model: String,
    pub version: u32,
    /// Windows in the inference.
    pub batch: usize,
}

/// Lets a request in or not, and logs and counts it.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(&request, &shared);
    let method = request.method().clone();
    let path = shown(request.uri().path());
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = match check(&request, &route, &shared) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let took = started.elapsed();
    let status = response.status().as_u16();
    shared.metrics.request(&route, status, took);
    let ms = took.as_micros() as f64 / 1000.0;
    match response.extensions().get::<Told>() {
        Some(Told { model, version, batch }) => {
            tracing::info!(
                request = id, %method, path, route, status, ms, model, version, batch,
                "answered"
            );
        }
        None if route == HEALTH || route == READY => {
            tracing::debug!(request = id, %method, path, route, status, ms, "answered")
        }
        None => tracing::info!(request = id, %method, path, route, status, ms, "answered"),
    }
    response
}

fn check(request: &Request, route: &str, shared: &Shared) -> Result<(), Refusal> {
    let Some(connection) = request.extensions().get::<Connection>() else {
        return Err(Refusal::internal("no_connection", "the connection is unknown"));
    };
    if connection.ambiguous.load(Ordering::Acquire) {
        return Err(Refusal::bad_request("Content-Length and Transfer-Encoding in one request"));
    }
    // A look at the health says one word, and anyone who looks (a load balancer) knows neither
    // names nor tokens.
    if route == HEALTH || route == READY {
        return Ok(());
    }
    if connection.crowded {
        return Err(Refusal::unavailable("crowded", "all connections are taken"));
    }
    check_host(request, connection, shared)?;
    // What the API is like is not a secret, and a browser has no token before the page is there.
    if [OPENAPI, DOCS, DOCS_PAGE, DOCS_FILE].contains(&route) {
        return Ok(());
    }
    let Some(token) = &shared.config.token else { return Ok(()) };
    let carried = request.headers().get(header::AUTHORIZATION);
    if carried.is_some_and(|carried| token.is_carried_by(carried.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "Authorization: Bearer TOKEN is missing, or has another token",
    ))
}

fn check_host(request: &Request, connection: &Connection, shared: &Shared) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal::bad_request("a request has one Host"));
    };
    let own = |host: &str| is_own(host, connection.local, &shared.config.hosts);
    let authority = request.uri().authority();
    if host.to_str().is_ok_and(own) && authority.is_none_or(|authority| own(authority.as_str())) {
        return Ok(());
    }
    let message = "this server does not answer to that Host; --allow-host NAME lets it";
    Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "other_host", message))
}

/// The client's own, if it is harmless; else a running number.
fn request_id(request: &Request, shared: &Shared) -> String {
    let own = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let legal = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match own.filter(legal) {
        Some(id) => id.to_owned(),
        None => format!("{}-{}", shared.origin, shared.requests.fetch_add(1, Ordering::Relaxed)),
    }
}

/// A path that cannot do anything to anyone who reads the log.
fn shown(path: &str) -> String {
    let mut shown = text::cleaned(path);
    if let Some((end, _)) = shown.char_indices().nth(LOGGED) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}
