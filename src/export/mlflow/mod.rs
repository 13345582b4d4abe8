//! MLflow: runs sent to a tracking server over its REST interface (2.0).
//!
//! One MLflow run a run, found again by its tags `kiln.sweep` and `kiln.trial`: what was sent is
//! not sent twice, and an export that was cut off is gone on with. The last thing that a run gets
//! is the tag `kiln.exported`, a fingerprint of all that was sent.

mod content;
#[cfg(test)]
mod fake;
mod server;
#[cfg(test)]
mod tests;

use serde_json::{Value as Json, json};
use std::collections::HashSet;

use self::content::{Content, Metric};
use self::server::Refused;
pub use self::server::Server;
use super::{ExportError, Recorded};

/// What became of the runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The server's number of the experiment.
    pub experiment_id: String,
    /// Runs that the server did not have.
    pub new: usize,
    /// Runs that it had in part, or as they were before.
    pub completed: usize,
    /// Runs that it had already.
    pub unchanged: usize,
}

/// Most metrics in a request.
const METRICS: usize = 1000;
/// Most parameters in a request.
const PARAMETERS: usize = 100;
/// Most values of a metric that are read at once.
const HISTORY: usize = 25_000;

/// Sends runs into the experiment of this name, which is made if it is not there.
///
/// # Errors
/// When the server cannot be reached, does not answer in time, or refuses something; what was sent
/// by then stays, and a second export goes on from there.
pub fn export(server: &Server, experiment: &str, runs: &[Recorded]) -> Result<Sent, ExportError> {
    let mut sent = Sent { experiment_id: experiment_id(server, experiment)?, ..Sent::default() };
    for run in runs {
        let content = Content::of(run)?;
        let fingerprint = content.fingerprint()?;
        match find(server, &sent.experiment_id, run)? {
            Some(found) if found.fingerprint.as_deref() == Some(&fingerprint) => {
                sent.unchanged += 1
            }
            Some(found) => {
                let known = known_values(server, &found.id, &content)?;
                fill(server, &found.id, &content, &known, &fingerprint)?;
                sent.completed += 1;
            }
            None => {
                let id = create(server, &sent.experiment_id, &content)?;
                fill(server, &id, &content, &HashSet::new(), &fingerprint)?;
                sent.new += 1;
            }
        }
    }
    Ok(sent)
}

fn experiment_id(server: &Server, name: &str) -> Result<String, ExportError> {
    if let Some(id) = find_experiment(server, name)? {
        return Ok(id);
    }
    match server.post("experiments/create", &json!({ "name": name }))? {
        Ok(created) => text(&created, "/experiment_id"),
        // Somebody else made it in between.
        Err(refused) if refused.code == "RESOURCE_ALREADY_EXISTS" => {
            find_experiment(server, name)?.ok_or_else(|| refused.as_error("experiments/create"))
        }
        Err(refused) => Err(refused.as_error("experiments/create")),
    }
}

fn find_experiment(server: &Server, name: &str) -> Result<Option<String>, ExportError> {
    let found = match server.get("experiments/get-by-name", &[("experiment_name", name)])? {
        Ok(found) => found,
        Err(Refused { code, .. }) if code == "RESOURCE_DOES_NOT_EXIST" => return Ok(None),
        Err(refused) => return Err(refused.as_error("experiments/get-by-name")),
    };
    if found.pointer("/experiment/lifecycle_stage").and_then(Json::as_str) == Some("deleted") {
        return Err(ExportError::new(format!(
            "the server's experiment '{name}' is deleted; restore it there, or name another with \
                --experiment"
        )));
    }
    text(&found, "/experiment/experiment_id").map(Some)
}

/// A run of the server.
struct Found {
    id: String,
    /// `kiln.exported`.
    fingerprint: Option<String>,
}

fn find(
    server: &Server,
    experiment_id: &str,
    run: &Recorded,
) -> Result<Option<Found>, ExportError> {
    let filter = format!("tags.`kiln.trial` = '{}'", run.run);
    let request =
        json!({ "experiment_ids": [experiment_id], "filter": filter, "max_results": 100 });
    let answer = post(server, "runs/search", &request)?;
    let none = Vec::new();
    for found in answer.get("runs").and_then(Json::as_array).unwrap_or(&none) {
        let tag = |key: &str| {
            let tags = found.pointer("/data/tags")?.as_array()?;
            tags.iter().find(|tag| tag["key"] == key)?["value"].as_str().map(str::to_owned)
        };
        if tag("kiln.sweep").as_deref() == Some(&run.sweep) {
            return Ok(Some(Found {
                id: text(found, "/info/run_id")?,
                fingerprint: tag("kiln.exported"),
            }));
        }
    }
    Ok(None)
}

fn create(server: &Server, experiment_id: &str, content: &Content) -> Result<String, ExportError> {
    let request = json!({
        "experiment_id": experiment_id, "run_name": content.name,
        "start_time": content.started, "tags": content.tags,
    });
    text(&post(server, "runs/create", &request)?, "/run/info/run_id")
}

/// Names and steps of the values that the server has.
fn known_values(
    server: &Server,
    run_id: &str,
    content: &Content,
) -> Result<HashSet<(String, i64)>, ExportError> {
    let keys: HashSet<&String> = content.metrics.iter().map(|metric| &metric.key).collect();
    let mut known = HashSet::new();
    for key in keys {
        let mut token = String::new();
        loop {
            let most = HISTORY.to_string();
            let mut query = vec![("run_id", run_id), ("metric_key", key), ("max_results", &most)];
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let page = server
                .get("metrics/get-history", &query)?
                .map_err(|refused| refused.as_error("metrics/get-history"))?;
            let none = Vec::new();
            let values = page.get("metrics").and_then(Json::as_array).unwrap_or(&none);
            known.extend(
                values
                    .iter()
                    .map(|value| (key.clone(), value["step"].as_i64().unwrap_or_default())),
            );
            match page.get("next_page_token").and_then(Json::as_str) {
                Some(next) if !next.is_empty() && next != token => token = next.to_owned(),
                _ => break,
            }
        }
    }
    Ok(known)
}

fn fill(
    server: &Server,
    run_id: &str,
    content: &Content,
    known: &HashSet<(String, i64)>,
    fingerprint: &str,
) -> Result<(), ExportError> {
    for params in content.params.chunks(PARAMETERS) {
        post(server, "runs/log-batch", &json!({ "run_id": run_id, "params": params }))?;
    }
    let missing: Vec<&Metric> =
        content.metrics.iter().filter(|m| !known.contains(&(m.key.clone(), m.step))).collect();
    for metrics in missing.chunks(METRICS) {
        post(server, "runs/log-batch", &json!({ "run_id": run_id, "metrics": metrics }))?;
    }
    post(server, "runs/log-batch", &json!({ "run_id": run_id, "tags": content.tags }))?;
    let update = match content.ended {
        Some(ended) => json!({ "run_id": run_id, "status": content.status, "end_time": ended }),
        None => json!({ "run_id": run_id, "status": content.status }),
    };
    post(server, "runs/update", &update)?;
    post(
        server,
        "runs/set-tag",
        &json!({ "run_id": run_id, "key": "kiln.exported", "value": fingerprint }),
    )
    .map(drop)
}

fn post(server: &Server, path: &str, request: &Json) -> Result<Json, ExportError> {
    server.post(path, request)?.map_err(|refused| refused.as_error(path))
}

/// A text of an answer.
fn text(answer: &Json, pointer: &str) -> Result<String, ExportError> {
    let found = answer.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
    found.ok_or_else(|| {
        ExportError::new(format!(
            "the server's answer has no {pointer}: is it an MLflow tracking server?"
        ))
    })
}
