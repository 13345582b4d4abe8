//! A tracking server for tests: it keeps what it is sent, and refuses what a real one would.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Known};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// What a server answers before it looks at the request: a status and a body.
pub(super) type Fault = Box<dyn Fn(usize) -> Option<(u16, String)> + Send>;

/// A server on a port of this machine, until it is dropped.
pub(super) struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Dropped last: the server ends with it.
    _runtime: Runtime,
}

/// What it was sent.
#[derive(Default)]
pub(super) struct State {
    /// Paths, in order.
    pub asked: Vec<String>,
    /// The last `Authorization`.
    pub authorization: Option<String>,
    /// Names; the place is the number.
    pub experiments: Vec<String>,
    pub runs: Vec<Run>,
    pub fault: Option<Fault>,
    /// Whether what it was asked is done although the answer is a fault.
    pub is_done_all_the_same: bool,
}

#[derive(Default)]
pub(super) struct Run {
    pub name: String,
    pub status: String,
    pub tags: Vec<(String, String)>,
    pub params: Vec<(String, String)>,
    /// Key, step, value.
    pub metrics: Vec<(String, i64, f64)>,
}

impl Fake {
    pub(super) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let router = Router::new()
            .route("/api/2.0/mlflow/{*path}", any(answer))
            .with_state(Arc::clone(&state));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, state, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

async fn answer(
    Known(state): Known<Arc<Mutex<State>>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut state = state.lock().unwrap();
    let authorization = headers.get(header::AUTHORIZATION);
    state.authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    state.asked.push(path.clone());
    let number = state.asked.len();
    let fault = state.fault.as_ref().and_then(|fault| fault(number));
    let query = query.unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    if fault.is_some() && state.is_done_all_the_same {
        drop(handle(&mut state, &path, &query, &body));
    }
    let (status, answer) = match fault {
        Some(fault) => fault,
        None => match handle(&mut state, &path, &query, &body) {
            Ok(answer) => (200, answer.to_string()),
            Err((status, code, message)) => {
                (status, json!({ "error_code": code, "message": message }).to_string())
            }
        },
    };
    let status = StatusCode::from_u16(status).unwrap();
    if status.is_redirection() {
        return (status, [(header::LOCATION, "http://127.0.0.1:9/")], answer).into_response();
    }
    (status, answer).into_response()
}

fn handle(
    state: &mut State,
    path: &str,
    query: &str,
    body: &Json,
) -> Result<Json, (u16, &'static str, String)> {
    let argument = |name: &str| {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        pair.unwrap_or_default().replace("%20", " ").replace("%2F", "/")
    };
    let run = |state: &mut State, id: &str| -> Result<usize, (u16, &'static str, String)> {
        let place = id.parse().ok().filter(|place| *place < state.runs.len());
        place.ok_or((404, "RESOURCE_DOES_NOT_EXIST", format!("no run {id}")))
    };
    let of_body = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let pairs = |name: &str| -> Vec<(String, String)> {
        let list = body[name].as_array().cloned().unwrap_or_default();
        list.iter()
            .map(|pair| {
                (
                    pair["key"].as_str().unwrap().to_owned(),
                    pair["value"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    };
    match path {
        "experiments/get-by-name" => {
            let name = argument("experiment_name");
            let place = state.experiments.iter().position(|known| *known == name);
            let place = place.ok_or((
                404,
                "RESOURCE_DOES_NOT_EXIST",
                format!("Could not find experiment with name '{name}'"),
            ))?;
            Ok(json!({ "experiment": {
                    "experiment_id": place.to_string(), "lifecycle_stage": "active",
                } }))
        }
        "experiments/create" => {
            state.experiments.push(of_body("name"));
            Ok(json!({ "experiment_id": (state.experiments.len() - 1).to_string() }))
        }
        "runs/search" => {
            let filter = of_body("filter");
            let wanted = filter
                .strip_prefix("tags.`kiln.trial` = '")
                .and_then(|rest| rest.strip_suffix('\''))
                .unwrap();
            let has = |run: &Run| {
                run.tags.iter().any(|(key, value)| key == "kiln.trial" && value == wanted)
            };
            let found =
                state.runs.iter().enumerate().filter(|(_, run)| has(run)).map(|(place, run)| {
                    let tags: Vec<Json> = run
                        .tags
                        .iter()
                        .map(|(key, value)| json!({ "key": key, "value": value }))
                        .collect();
                    json!({ "info": { "run_id": place.to_string() }, "data": { "tags": tags } })
                });
            // An empty list is left out, as protocol buffers' JSON does.
            let found: Vec<Json> = found.collect();
            Ok(if found.is_empty() { json!({}) } else { json!({ "runs": found }) })
        }
        "runs/create" => {
            assert!(body["start_time"].is_i64());
            state.runs.push(Run {
                name: of_body("run_name"),
                tags: pairs("tags"),
                status: "RUNNING".into(),
                ..Run::default()
            });
            Ok(json!({ "run": { "info": { "run_id": (state.runs.len() - 1).to_string() } } }))
        }
        "metrics/get-history" => {
            let place = run(state, &argument("run_id"))?;
            let (key, token) = (argument("metric_key"), argument("page_token"));
            let of_key = state.runs[place].metrics.iter().filter(|(own, ..)| *own == key);
            let all: Vec<Json> = of_key
                .map(|(key, step, value)| json!({ "key": key, "step": step, "value": value }))
                .collect();
            // Two at a time: the pages must be turned.
            let from: usize = token.parse().unwrap_or_default();
            let to = (from + 2).min(all.len());
            let next = if to < all.len() { to.to_string() } else { String::new() };
            Ok(json!({ "metrics": all[from..to], "next_page_token": next }))
        }
        "runs/log-batch" => {
            let place = run(state, &of_body("run_id"))?;
            let metrics = body["metrics"].as_array().cloned().unwrap_or_default();
            let (params, tags) = (pairs("params"), pairs("tags"));
            if metrics.len() > 1000 || params.len() > 100 || tags.len() > 100 {
                return Err((400, "INVALID_PARAMETER_VALUE", "too many entities".to_owned()));
            }
            let run = &mut state.runs[place];
            for (key, value) in params {
                match run.params.iter().find(|(known, _)| *known == key) {
                    Some((_, former)) if *former != value => {
                        return Err((
                            400,
                            "INVALID_PARAMETER_VALUE",
                            format!("Changing param values is not allowed: {key}"),
                        ));
                    }
                    Some(_) => {}
                    None => run.params.push((key, value)),
                }
            }
            for metric in metrics {
                assert!(metric["timestamp"].as_i64().is_some());
                run.metrics.push((
                    metric["key"].as_str().unwrap().into(),
                    metric["step"].as_i64().unwrap(),
                    metric["value"].as_f64().unwrap(),
                ));
            }
            tags.into_iter().for_each(|tag| set(&mut run.tags, tag));
            Ok(json!({}))
        }
        "runs/update" => {
            let place = run(state, &of_body("run_id"))?;
            state.runs[place].status = of_body("status");
            Ok(json!({ "run_info": {} }))
        }
        "runs/set-tag" => {
            let place = run(state, &of_body("run_id"))?;
            set(&mut state.runs[place].tags, (of_body("key"), of_body("value")));
            Ok(json!({}))
        }
        other => Err((404, "ENDPOINT_NOT_FOUND", format!("no endpoint {other}"))),
    }
}

fn set(tags: &mut Vec<(String, String)>, (key, value): (String, String)) {
    match tags.iter_mut().find(|(known, _)| *known == key) {
        Some((_, former)) => *former = value,
        None => tags.push((key, value)),
    }
}
