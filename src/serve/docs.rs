//! The OpenAPI document, and a page to try it that fetches nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

use super::refusal::Refusal;
use super::{models, predict, route};

#[derive(OpenApi)]
#[openapi(
    info(title = "kiln", description = "Forecasts of registered models. A token, where the server \
        wants one, goes into Authorize."),
    paths(predict::predict, models::list, models::one, models::drift, route::health, route::ready, route::metrics),
    security(("token" = [])),
    modifiers(&Bearer),
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components
            .add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(Api::openapi);
// The validator is a service of another host.
static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::new([route::OPENAPI]).validator_url("none")));

/// Nothing from elsewhere; the page sets styles of elements, and its icons are in its own files.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    frame-ancestors 'none'";

pub(super) async fn document() -> Json<&'static Document> {
    Json(&DOCUMENT)
}

pub(super) async fn front() -> Redirect {
    Redirect::permanent(route::DOCS_PAGE)
}

pub(super) async fn page() -> Result<Response, Refusal> {
    served("index.html")
}

pub(super) async fn file(path: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
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
