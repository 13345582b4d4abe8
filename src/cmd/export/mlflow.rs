//! `export --format mlflow`.

use std::io::Write;
use std::time::Duration;

use super::source::recorded;
use super::{Roots, note};
use crate::cmd::Failure;
use crate::export::mlflow::{Sent, Server, export};

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(
    source: &str,
    roots: &Roots,
    to: String,
    experiment: Option<String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let token = std::env::var("MLFLOW_TRACKING_TOKEN").ok();
    if token.is_some() && to.starts_with("http://") && !is_here(&to) {
        note(
            "MLFLOW_TRACKING_TOKEN is sent unencrypted: the server's URL begins with http://, not \
                https://",
        );
    }
    let server = Server::new(&to, token, PATIENCE)?;
    let runs = recorded(roots, source)?;
    let experiment =
        experiment.or_else(|| runs.first().map(|run| run.sweep.clone())).unwrap_or_default();
    let Sent { experiment_id, new, completed, unchanged } = export(&server, &experiment, &runs)?;
    let total = runs.len();
    let experiment = text::clean(&experiment);
    writeln!(
        out,
        "experiment '{experiment}' ({experiment_id}): {total} runs, {new} new, {completed} \
            completed, {unchanged} there already"
    )?;
    Ok(())
}

/// Whether the server is on this machine.
fn is_here(url: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|here| {
        url.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}
