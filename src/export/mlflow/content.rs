//! What is sent of a run.

use serde::Serialize;

use crate::export::recorded::{Status, nanoseconds, numbers};
use crate::export::settings::{flat, text};
use crate::export::tables::metrics;
use crate::export::{ExportError, Recorded};
use evidence::compare::{state, value};

/// A run as MLflow knows one. Times are milliseconds since 1970 UTC.
#[derive(Debug, Serialize)]
pub(super) struct Content {
    /// `sweep/run`.
    pub name: String,
    /// MLflow's word for where it is.
    pub status: &'static str,
    pub started: i64,
    /// None while it runs.
    pub ended: Option<i64>,
    /// Every setting by its dotted key.
    pub params: Vec<Pair>,
    pub tags: Vec<Pair>,
    /// Of each epoch, with the epoch as the step; then those of the best epoch, under `best.`, with
    /// the number of epochs as the step.
    pub metrics: Vec<Metric>,
}

/// A parameter or a tag.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    pub key: String,
    pub value: String,
}

/// A value of a metric.
#[derive(Debug, Serialize)]
pub(super) struct Metric {
    pub key: String,
    pub value: f64,
    pub timestamp: i64,
    pub step: i64,
}

/// Characters of a parameter's value that a server takes.
const LONGEST: usize = 6000;

impl Content {
    pub(super) fn of(run: &Recorded) -> Result<Self, ExportError> {
        if !run.run.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(ExportError::new(format!(
                "'{}' is not an id of a trial",
                run.run.escape_debug()
            )));
        }
        let milliseconds = |at: &str| nanoseconds(at).map(|nanoseconds| nanoseconds / 1_000_000);
        let started = run.history.started.as_deref().and_then(milliseconds).unwrap_or_default();
        let mut sent = Vec::new();
        let (mut last, mut step) = (started, 0);
        for (at, report) in &run.history.epochs {
            (last, step) = (milliseconds(at).unwrap_or(last), report.epoch as i64);
            let of_epoch =
                numbers(report).into_iter().filter_map(|(key, value)| Some((key, value?)));
            sent.extend(of_epoch.map(|(key, value)| Metric {
                key: key.to_owned(),
                value,
                timestamp: last,
                step,
            }));
        }
        let ended = run.history.ended.as_deref().and_then(milliseconds);
        let best = metrics().filter_map(|metric| Some((metric, value(&run.record, metric)?)));
        let timestamp = ended.unwrap_or(last);
        sent.extend(best.map(|(metric, value)| Metric {
            key: format!("best.{metric}"),
            value,
            timestamp,
            step,
        }));
        let pair = |key: &str, value: &str| Pair {
            key: key.to_owned(),
            value: value.chars().take(LONGEST).collect(),
        };
        let status = match run.status() {
            Status::Finished => "FINISHED",
            Status::Failed => "FAILED",
            Status::Interrupted => "KILLED",
            Status::Running => "RUNNING",
        };
        Ok(Self {
            name: format!("{}/{}", run.sweep, run.run),
            status,
            started,
            ended: ended.filter(|_| status != "RUNNING"),
            params: flat(&run.record.trial.settings)
                .into_iter()
                .map(|(key, value)| pair(&key, &text(&value)))
                .collect(),
            tags: vec![
                pair("kiln.sweep", &run.sweep),
                pair("kiln.trial", &run.run),
                pair("kiln.state", &state(&run.record)),
            ],
            metrics: sent,
        })
    }

    /// Of all of it.
    pub(super) fn fingerprint(&self) -> Result<String, ExportError> {
        let bytes = serde_json::to_vec(self).map_err(|error| {
            ExportError::new(format!("{}: cannot be written: {error}", self.name))
        })?;
        Ok(blake3::hash(&bytes).to_hex()[..32].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn a_run_is_settings_epochs_and_its_best() {
        let recorded = testing::recorded();
        let content = Content::of(&recorded[0]).unwrap();
        assert_eq!((content.name.as_str(), content.status), ("grid/31d897f497c7", "FINISHED"));
        let find = |key: &str, step: i64| {
            content.metrics.iter().find(|metric| metric.key == key && metric.step == step)
        };
        assert_eq!(find("valid.rmse", 2).unwrap().value, 0.0625);
        assert_eq!(find("best.valid.rmse", 4).unwrap().timestamp, 1_767_323_045_000);
        assert!(
            content.params.iter().any(|param| param.key == "data.window" && param.value == "60")
        );
        let failed = Content::of(&recorded[1]).unwrap();
        assert_eq!(failed.status, "FAILED");
        assert!(failed.metrics.iter().all(|metric| metric.value.is_finite()), "{failed:?}");
        let running = Content::of(&recorded[2]).unwrap();
        assert_eq!((running.status, running.ended), ("RUNNING", None));
        assert_ne!(content.fingerprint().unwrap(), running.fingerprint().unwrap());
    }
}
