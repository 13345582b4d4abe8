//! `POST /v1/models/{name}/predict`: a body to windows, windows to the inference, forecasts to an
//! answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, HttpBody};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use super::answer::Answer;
use super::batch::{Answered, Done, Job};
use super::board::Loaded;
use super::catalog::Model;
use super::guard::{RequestId, Told};
use super::question::{Instance, PredictRequest, Question};
use super::refusal::{ErrorBody, Refusal};
use super::server::Shared;
use super::shadow;
use crate::forecast::{Outside, Window};

/// A body that takes longer to read than a request may wait is read beside the others.
const LARGE: usize = 128 << 10;
/// Of the interval, when none is asked for and the model has it.
const COVERAGE: f64 = 0.8;

/// Forecasts, with intervals, in the target's unit.
#[utoipa::path(
    post, path = "/v1/models/{name}/predict", tag = "forecasts",
    params(("name" = String, Path, description = "A model; with @ALIAS or @VERSION one of its \
        other versions: `minute@candidate`, `minute@3`")),
    request_body(content(
        (PredictRequest = "application/json"),
        (String = "text/csv", example =
            "ts,open,high,low,close,volume\n2024-05-08T01:31:00Z,1.0,1.0,1.0,1.0,1.0\n"),
    ), description = "JSON; or bars as CSV, in the columns of the model's own data, of which the \
        last window is forecast"),
    responses(
        (status = 200, description = "Forecasts", body = Answer),
        (status = 400, description = "The body is no JSON", body = ErrorBody),
        (status = 404, description = "No such model is served", body = ErrorBody),
        (status = 408, description = "The body took too long", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is neither application/json nor text/csv, or is \
            compressed", body = ErrorBody),
        (status = 422, description = "The body is not what the model takes; the message names the \
            value", body = ErrorBody),
        (status = 500, description = "The model failed", body = ErrorBody),
        (status = 503, description = "The queue is full, models are still being loaded, or the \
            answer took too long; see Retry-After", body = ErrorBody),
    ),
)]
pub(super) async fn predict(
    State(shared): State<Arc<Shared>>,
    Extension(RequestId(request)): Extension<RequestId>,
    reference: Result<Path<String>, PathRejection>,
    body: Request,
) -> Result<Response, Refusal> {
    let unknown = || Refusal::not_found("no such model is served; GET /v1/models lists them");
    let Ok(Path(reference)) = reference else { return Err(unknown()) };
    let board = shared.board()?;
    let (served, loaded) = board.find(&reference).ok_or_else(unknown)?;
    let loaded = loaded.clone();
    let kind = kind(body.headers())?;
    let body = read_body(body, shared.config.limits.body, shared.config.timeouts.body).await?;
    let until = tokio::time::Instant::now() + shared.config.timeouts.request;
    let Asked { instances, coverage, windows } = if body.len() > LARGE {
        let loaded = loaded.clone();
        let read = tokio::task::spawn_blocking(move || read(kind, body, &loaded)).await;
        read.map_err(|_| Refusal::internal("panicked", "the server failed; its log says how"))??
    } else {
        read(kind, body, &loaded)?
    };
    let columns = loaded.model.card().features.len();
    let last_rows: Vec<Vec<f32>> =
        windows.iter().map(|window| window.last_row(columns).to_vec()).collect();
    let outside: Vec<Vec<Outside>> =
        windows.iter().map(|window| loaded.model.outside(window)).collect();
    let (answer, answered) = oneshot::channel();
    let job = Job { model: loaded.clone(), windows, entered: Instant::now(), answer };
    shared
        .queue
        .push(job)
        .map_err(|_| Refusal::unavailable("queue_full", "too many requests wait already"))?;
    let done = match timeout_at(until, answered).await {
        Err(_) => return Err(Refusal::unavailable("too_slow", "the forecast took too long")),
        Ok(Err(_)) => return Err(Refusal::unavailable("stopping", "the server is stopping")),
        Ok(Ok(done)) => done?,
    };
    let Done { forecasts, batch } = done;
    let answer = Answer::new(&loaded, coverage, &forecasts, &outside)?;
    shared.metrics.outside_training(&loaded.name, loaded.version, &outside);
    note_drift(&loaded, &last_rows);
    if !reference.contains('@')
        && let Some(other) =
            served.by.get(&shared.config.shadow).filter(|other| other.version != loaded.version)
    {
        let answered = Answered {
            request,
            version: loaded.version,
            forecasts: forecasts.iter().map(|one| one.forecast).collect(),
        };
        let (other, shared) = (other.clone(), shared.clone());
        tokio::spawn(async move {
            shadow::ask(other, &instances, answered, &shared.queue, &shared.metrics)
        });
    }
    let told = Told { model: loaded.name.clone(), version: loaded.version, batch };
    Ok((Extension(told), axum::Json(answer)).into_response())
}

/// What a body asks of a model.
struct Asked {
    instances: Vec<Instance>,
    coverage: Option<f64>,
    windows: Vec<Window>,
}

fn read(kind: Kind, body: Vec<u8>, loaded: &Loaded) -> Result<Asked, Refusal> {
    let Question { instances, coverage } = match kind {
        Kind::Json => Question::read(&body)?,
        Kind::Csv => Question::of_csv(body),
    };
    let known = &loaded.model.card().coverages;
    if let Some(coverage) = coverage.filter(|coverage| !known.contains(coverage)) {
        return Err(Refusal::invalid(format!(
            "coverage: the model has no interval of {coverage}; it has {known:?}"
        )));
    }
    let coverage = coverage.or_else(|| known.contains(&COVERAGE).then_some(COVERAGE));
    let windows = windows_of(&*loaded.model, &instances)?;
    Ok(Asked { instances, coverage, windows })
}

/// The windows of instances, every value a finite number; the message names the instance where
/// there are several.
pub(super) fn windows_of(
    model: &dyn Model,
    instances: &[Instance],
) -> Result<Vec<Window>, Refusal> {
    let one = |(place, instance): (usize, &Instance)| {
        let window = match instance {
            Instance::Bars(bars) => model.window_of_bars(bars),
            Instance::Csv(text) => model.window_of_csv(text),
            Instance::Features(rows) => model.window_of_features(rows),
        };
        let window = window.and_then(|window| {
            match window.scaled.iter().position(|value| !value.is_finite()) {
                Some(odd) => {
                    let columns = model.card().features.len().max(1);
                    Err(format!(
                        "row {} of the window: {} is not finite",
                        odd / columns,
                        model.card().features[odd % columns]
                    ))
                }
                None => Ok(window),
            }
        });
        window.map_err(|problem| match instances.len() {
            1 => Refusal::invalid(problem),
            _ => Refusal::invalid(format!("instances[{place}]: {problem}")),
        })
    };
    instances.iter().enumerate().map(one).collect()
}

fn note_drift(loaded: &Loaded, rows: &[Vec<f32>]) {
    let mut drift = loaded.drift.lock().unwrap_or_else(PoisonError::into_inner);
    for row in rows {
        drift.take(row);
    }
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Csv,
}

/// A body is taken as it is: nothing is unpacked, so that nothing small becomes large.
fn kind(headers: &HeaderMap) -> Result<Kind, Refusal> {
    let unsupported =
        |message| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message));
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return unsupported("a body is taken as it is, without Content-Encoding");
    }
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Kind::Json),
        "text/csv" => Ok(Kind::Csv),
        _ => unsupported("a body is Content-Type: application/json, or text/csv"),
    }
}

/// The whole body, if it is not too large and comes in time.
async fn read_body(request: Request, most: usize, patience: Duration) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a body has at most {most} bytes"),
        )
    };
    let said = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(said.unwrap_or(0).min(LARGE));
    let mut body: Body = request.into_body();
    let read = async {
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame
                .map_err(|_| Refusal::bad_request("the body ended early, or is framed wrongly"))?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > most {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
        Ok(())
    };
    match timeout(patience, read).await {
        Ok(read) => read.map(|()| bytes),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body took too long",
        )),
    }
}
