//! A tracking server for tests: it keeps what it is sent, and refuses what a real one would.

use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a server answers before it looks at the request: a status and a body.
pub(super) type Fault = Box<dyn Fn(usize) -> Option<(u16, String)> + Send>;

/// A server on a port of this machine, until it is dropped.
pub(super) struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopping: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, stopping) =
            (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let (of_thread, stop) = (Arc::clone(&state), Arc::clone(&stopping));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                answer(&mut stream.unwrap(), &of_thread);
            }
        });
        Self { address, state, stopping, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn answer(stream: &mut TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    state.authorization = authorization;
    let path = path.strip_prefix("/api/2.0/mlflow/").unwrap_or(&path).to_owned();
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    state.asked.push(path.to_owned());
    let number = state.asked.len();
    let fault = state.fault.as_ref().and_then(|fault| fault(number));
    if fault.is_some() && state.is_done_all_the_same {
        drop(handle(&mut state, path, query, &serde_json::from_slice(&body).unwrap_or_default()));
    }
    let (status, answer) = match fault {
        Some(fault) => fault,
        None => match handle(
            &mut state,
            path,
            query,
            &serde_json::from_slice(&body).unwrap_or_default(),
        ) {
            Ok(answer) => (200, answer.to_string()),
            Err((status, code, message)) => {
                (status, json!({ "error_code": code, "message": message }).to_string())
            }
        },
    };
    let location =
        if (300..400).contains(&status) { "Location: http://127.0.0.1:9/\r\n" } else { "" };
    // Who asked may have gone.
    drop(write!(
        stream,
        "HTTP/1.1 {status} X\r\n{location}Content-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    ));
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
            Ok(
                json!({ "experiment": { "experiment_id": place.to_string(), "lifecycle_stage": "active" } }),
            )
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
