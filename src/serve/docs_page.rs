//! The page to try the service by: Swagger UI, which is part of this program.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use super::refusal::Refusal;
use super::route;
use super::server::Shared;

/// Its routes.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(route::DOCS, get(front))
        .route(route::DOCS_PAGE, get(page))
        .route(route::DOCS_FILE, get(file))
}

// The validator is a service of another host.
static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::new([route::OPENAPI]).validator_url("none")));

/// Nothing from elsewhere; the page sets styles of elements, and its icons are in its own files.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    frame-ancestors 'none'";

async fn front() -> Redirect {
    Redirect::permanent(route::DOCS_PAGE)
}

async fn page() -> Result<Response, Refusal> {
    served("index.html")
}

async fn file(path: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    path.map_err(|_| missing()).and_then(|Path(path)| served(&path))
}

fn missing() -> Refusal {
    Refusal::not_found("the page has no such file")
}

/// A file of the page, which is part of this program.
fn served(path: &str) -> Result<Response, Refusal> {
    let file = utoipa_swagger_ui::serve(path, PAGE.clone());
    let file = file
        .map_err(|_| Refusal::internal("page_failed", "the page cannot be made"))?
        .ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, file.content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    Ok((StatusCode::OK, headers, file.bytes.into_owned()).into_response())
}
