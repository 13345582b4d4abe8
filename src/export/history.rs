//! A run in the manner of W&B: one JSON object a line an epoch, with `_step`, `_runtime` and
//! `_timestamp`, beside its configuration and its summary.
//!
//! | file | holds |
//! |---|---|
//! | `wandb-history.jsonl` | a line an epoch: `train/loss`, `valid/rmse`, …, `learning_rate` |
//! | `wandb-summary.json` | the last line's values, and those of the best epoch under `best/` |
//! | `config.json` | every setting by its dotted key (W&B keeps YAML; JSON is YAML too) |

use serde_json::{Map, Value as Json, json};

use super::ExportError;
use super::recorded::{Recorded, nanoseconds, numbers, seconds};
use super::settings::flat;
use super::tables::{best_epoch, metrics};
use evidence::compare::{state, value};

/// Names and bytes of a run's files. What is undefined is left out, as W&B does.
///
/// # Errors
/// Never on a run that was read; an error would mean that JSON cannot hold its settings.
pub fn files(run: &Recorded) -> Result<Vec<(&'static str, Vec<u8>)>, ExportError> {
    let lines: Vec<Map<String, Json>> = lines(run).collect();
    let mut history = Vec::new();
    for line in &lines {
        history.extend(bytes(line)?);
    }
    let summary = bytes(&summary(run, lines.last()))?;
    Ok(vec![
        ("wandb-history.jsonl", history),
        ("wandb-summary.json", summary),
        ("config.json", bytes(&config(run))?),
    ])
}

fn lines(run: &Recorded) -> impl Iterator<Item = Map<String, Json>> {
    let started = run.history.started.as_deref().and_then(nanoseconds);
    run.history.epochs.iter().map(move |(at, report)| {
        let mut line = Map::new();
        line.insert("_step".into(), report.epoch.into());
        insert(&mut line, "_timestamp", seconds(at));
        insert(
            &mut line,
            "_runtime",
            nanoseconds(at)
                .zip(started)
                .map(|(at, started)| at.saturating_sub(started) as f64 / 1e9),
        );
        line.insert("epoch".into(), report.epoch.into());
        for (name, value) in numbers(report) {
            insert(&mut line, &name.replace('.', "/"), value);
        }
        line
    })
}

fn summary(run: &Recorded, last: Option<&Map<String, Json>>) -> Map<String, Json> {
    let mut summary = last.cloned().unwrap_or_default();
    summary.insert("state".into(), state(&run.record).into());
    if let Some(epoch) = best_epoch(run) {
        summary.insert("best_epoch".into(), epoch.into());
    }
    for metric in metrics() {
        insert(
            &mut summary,
            &format!("best/{}", metric.to_string().replace('.', "/")),
            value(&run.record, metric),
        );
    }
    summary
}

fn config(run: &Recorded) -> Map<String, Json> {
    let mut config: Map<String, Json> = flat(&run.record.trial.settings).into_iter().collect();
    config.insert("kiln.sweep".into(), json!(run.sweep));
    config.insert("kiln.trial".into(), json!(run.run));
    config
}

fn insert(line: &mut Map<String, Json>, key: &str, value: Option<f64>) {
    if let Some(value) = value.filter(|value| value.is_finite()) {
        line.insert(key.to_owned(), value.into());
    }
}

fn bytes(object: &Map<String, Json>) -> Result<Vec<u8>, ExportError> {
    let text = serde_json::to_string(object)
        .map_err(|error| ExportError::new(format!("a line cannot be written: {error}")))?;
    Ok((text + "\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn an_epoch_is_a_line_with_its_step_and_its_time() {
        let files = files(&testing::recorded()[0]).unwrap();
        let [(_, history), (_, summary), (_, config)] = &files[..] else { panic!() };
        let lines: Vec<Json> = std::str::from_utf8(history)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines.iter().map(|line| line["_step"].as_u64().unwrap()).collect::<Vec<_>>(),
            [1, 2, 3, 4]
        );
        assert_eq!(lines[3]["valid/rmse"], 0.015_625);
        assert_eq!(
            (&lines[0]["_timestamp"], &lines[0]["_runtime"]),
            (&json!(1_767_323_045.0), &json!(0.0))
        );
        let summary: Json = serde_json::from_slice(summary).unwrap();
        assert_eq!(
            (&summary["best/valid/rmse"], &summary["best_epoch"]),
            (&json!(0.015_625), &json!(4))
        );
        let config: Json = serde_json::from_slice(config).unwrap();
        assert_eq!(
            (&config["data.window"], &config["kiln.trial"]),
            (&json!(60), &json!("31d897f497c7"))
        );
    }
}
