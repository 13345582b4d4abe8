//! The OpenAPI document, from the types that the server reads and writes.

use std::sync::LazyLock;

use axum::Json;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{models, predict, route};

#[derive(OpenApi)]
#[openapi(
    info(title = "kiln", description = "Forecasts of registered models. A token, where the server \
        wants one, goes into Authorize."),
    paths(
        predict::predict, models::list, models::one, models::drift, route::health, route::ready,
        route::metrics
    ),
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
pub(super) async fn document() -> Json<&'static Document> {
    Json(&DOCUMENT)
}
