//! What is served, and whether its inputs have drifted.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::board::{Board, Loaded, Served};
use super::catalog::Card;
use super::drift::FeatureDrift;
use super::refusal::{ErrorBody, Refusal};
use super::server::Shared;

/// Every model that is served.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelList {
    models: Vec<ModelSummary>,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelSummary {
    name: String,
    /// The version that is described here; without @ in the request: the one that answers requests
    /// which name none.
    version: u32,
    /// Which alias (or version) answers requests which name none.
    answers_as: String,
    /// Where the aliases point; each can be asked, as `NAME@ALIAS`.
    aliases: BTreeMap<String, u32>,
    /// Versions that can be asked, as `NAME@VERSION`.
    loaded: Vec<u32>,
    /// All versions of the registry.
    versions: Vec<u32>,
    card: Card,
}

/// Whether a version's inputs look as they did in training.
#[derive(Serialize, ToSchema)]
pub(super) struct DriftReport {
    model: String,
    version: u32,
    /// The last row of each of so many last windows.
    rows: usize,
    /// By feature; empty where the model does not know what its training looked like.
    features: Vec<FeatureDrift>,
    /// What the figures are.
    note: &'static str,
}

const NOTE: &str = "psi = sum over the training deciles of (actual - expected) * ln(actual / \
    expected); by rule of thumb below 0.1 no change, above 0.25 a change to act on; told from 500 \
    rows on, of the last 5,000";

/// What is served.
#[utoipa::path(get, path = "/v1/models", tag = "models", responses(
    (status = 200, description = "Models", body = ModelList),
    (status = 503, description = "Models are still being loaded", body = ErrorBody),
))]
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<ModelList>, Refusal> {
    let board = shared.board()?;
    let summary = |(name, served): (&String, &Served)| {
        served.default().map(|loaded| summary(name, served, loaded))
    };
    Ok(Json(ModelList { models: board.models.iter().filter_map(summary).collect() }))
}

/// One model, or another version of it.
#[utoipa::path(
    get, path = "/v1/models/{name}", tag = "models",
    params(("name" = String, Path, description = "A model, or one of its versions: `minute`, \
        `minute@candidate`, `minute@3`")),
    responses(
        (status = 200, description = "The model", body = ModelSummary),
        (status = 404, description = "No such model is served", body = ErrorBody)
    ),
)]
pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    reference: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelSummary>, Refusal> {
    let board = shared.board()?;
    let (served, loaded) = found(&board, reference)?;
    Ok(Json(summary(&loaded.name, served, loaded)))
}

/// Whether a version's inputs look as they did in training.
#[utoipa::path(
    get, path = "/v1/models/{name}/drift", tag = "models",
    params(("name" = String, Path, description = "A model, or one of its versions")),
    responses(
        (status = 200, description = "By feature", body = DriftReport),
        (status = 404, description = "No such model is served", body = ErrorBody)
    ),
)]
pub(super) async fn drift(
    State(shared): State<Arc<Shared>>,
    reference: Result<Path<String>, PathRejection>,
) -> Result<Json<DriftReport>, Refusal> {
    let board = shared.board()?;
    let (_, loaded) = found(&board, reference)?;
    let drift = loaded.drift.lock().unwrap_or_else(PoisonError::into_inner);
    let (rows, features) = (drift.rows(), drift.features());
    Ok(Json(DriftReport {
        model: loaded.name.clone(),
        version: loaded.version,
        rows,
        features,
        note: NOTE,
    }))
}

fn found(
    board: &Board,
    reference: Result<Path<String>, PathRejection>,
) -> Result<(&Served, &Arc<Loaded>), Refusal> {
    let found = reference.ok().and_then(|Path(reference)| board.find(&reference));
    found.ok_or_else(|| Refusal::not_found("no such model is served; GET /v1/models lists them"))
}

fn summary(name: &str, served: &Served, loaded: &Loaded) -> ModelSummary {
    ModelSummary {
        name: name.to_owned(),
        version: loaded.version,
        answers_as: served.chosen.clone(),
        aliases: served.aliases(),
        loaded: served.loaded().into_keys().collect(),
        versions: served.versions.clone(),
        card: loaded.model.card().clone(),
    }
}
