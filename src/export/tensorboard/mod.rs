//! TensorBoard: one event file a run, with a scalar for each number of an epoch, at the time at
//! which the epoch ended, and the settings for the HPARAMS page. A scalar is single precision: that
//! is the format's.

mod message;
mod record;

use prost::Message;
use serde_json::Value as Json;
use std::collections::BTreeMap;

use self::message::{
    Dimension, Event, FLOAT, HyperParameters, Kind, Metadata, PluginData, SessionEnd, SessionStart,
    Setting, Summary, Tensor, TensorShape, Value,
};
use super::recorded::{Recorded, Status, numbers, seconds};
use super::settings::{flat, text};

/// The name of a run's event file: of the second in which the run began, so that a run has one name
/// for ever.
#[must_use]
pub fn file_name(run: &Recorded) -> String {
    format!("events.out.tfevents.{:010}.kiln", started(run) as u64)
}

/// A run's event file. Losses and errors are `train/loss`, `valid/rmse`, …; the step is the epoch,
/// from 1.
#[must_use]
pub fn write(run: &Recorded) -> Vec<u8> {
    let started = started(run);
    let mut file = Vec::new();
    let mut push = |event: Event| record::push(&mut file, &event.encode_to_vec());
    push(Event {
        wall_time: started,
        file_version: "brain.Event:2".to_owned(),
        ..Event::default()
    });
    push(session(started, "_hparams_/session_start_info", start(run, started)));
    let mut last = started;
    for (at, report) in &run.history.epochs {
        last = seconds(at).unwrap_or(last);
        let scalar = |(name, value): (&str, Option<f64>)| {
            let simple_value = Some(value? as f32);
            Some(Value { tag: name.replace('.', "/"), simple_value, ..Value::default() })
        };
        let summary = Summary { value: numbers(report).into_iter().filter_map(scalar).collect() };
        push(Event {
            wall_time: last,
            step: report.epoch as i64,
            summary: Some(summary),
            ..Event::default()
        });
    }
    if let Some(end) = end(run, last) {
        push(session(last, "_hparams_/session_end_info", end));
    }
    file
}

/// Seconds since 1970 UTC; 0 of a run that has not begun.
fn started(run: &Recorded) -> f64 {
    run.history.started.as_deref().and_then(seconds).unwrap_or_default()
}

fn start(run: &Recorded, started: f64) -> HyperParameters {
    let setting = |(key, value): (String, Json)| {
        let kind = match value {
            Json::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
            Json::Bool(flag) => Kind::Flag(flag),
            other => Kind::Text(text(&other)),
        };
        (key, Setting { kind: Some(kind) })
    };
    let hparams: BTreeMap<String, Setting> =
        flat(&run.record.trial.settings).into_iter().map(setting).collect();
    let info = SessionStart {
        hparams,
        group_name: format!("{}/{}", run.sweep, run.run),
        start_time_secs: started,
    };
    HyperParameters { session_start_info: Some(info), session_end_info: None }
}

/// `None` while it runs.
fn end(run: &Recorded, last: f64) -> Option<HyperParameters> {
    let status = match run.status() {
        Status::Finished => 1,
        Status::Failed | Status::Interrupted => 2,
        Status::Running => return None,
    };
    let end_time_secs = run.history.ended.as_deref().and_then(seconds).unwrap_or(last);
    Some(HyperParameters {
        session_start_info: None,
        session_end_info: Some(SessionEnd { status, end_time_secs }),
    })
}

/// A summary without a number, for the plugin.
fn session(wall_time: f64, tag: &str, content: HyperParameters) -> Event {
    let plugin_data =
        PluginData { plugin_name: "hparams".to_owned(), content: content.encode_to_vec() };
    let shape = Some(TensorShape { dim: vec![Dimension { size: 0 }] });
    let value = Value {
        tag: tag.to_owned(),
        simple_value: None,
        tensor: Some(Tensor { dtype: FLOAT, shape }),
        metadata: Some(Metadata { plugin_data: Some(plugin_data) }),
    };
    Event { wall_time, summary: Some(Summary { value: vec![value] }), ..Event::default() }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn events(run: &Recorded) -> Vec<Event> {
        record::read(&write(run)).into_iter().map(|record| Event::decode(record).unwrap()).collect()
    }

    fn scalar(event: &Event, tag: &str) -> Option<f32> {
        event.summary.as_ref()?.value.iter().find(|value| value.tag == tag)?.simple_value
    }

    #[test]
    fn every_epoch_is_a_step_with_its_scalars_at_its_time() {
        let run = &testing::recorded()[0];
        let events = events(run);
        assert_eq!(events[0].file_version, "brain.Event:2");
        let steps: Vec<&Event> = events.iter().filter(|event| event.step > 0).collect();
        assert_eq!(steps.iter().map(|event| event.step).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(steps.iter().all(|event| event.wall_time == 1_767_323_045.0));
        assert_eq!(scalar(steps[3], "valid/rmse"), Some(0.015_625));
        assert_eq!(scalar(steps[3], "learning_rate"), Some(1e-3));
        assert_eq!(file_name(run), "events.out.tfevents.1767323045.kiln");
    }

    #[test]
    fn settings_begin_and_the_state_ends_the_session() {
        let sessions = |run: &Recorded| -> Vec<HyperParameters> {
            let contents = events(run)
                .into_iter()
                .filter_map(|event| event.summary)
                .flat_map(|summary| summary.value);
            let contents =
                contents.filter_map(|value| value.metadata?.plugin_data).map(|data| data.content);
            contents.map(|content| HyperParameters::decode(content.as_slice()).unwrap()).collect()
        };
        let recorded = testing::recorded();
        let finished = sessions(&recorded[0]);
        let start = finished[0].session_start_info.as_ref().unwrap();
        assert_eq!(start.hparams["data.window"].kind, Some(Kind::Number(60.0)));
        assert_eq!(start.hparams["train.optimizer.kind"].kind, Some(Kind::Text("adam".to_owned())));
        assert_eq!(finished[1].session_end_info.as_ref().unwrap().status, 1);
        assert_eq!(sessions(&recorded[1])[1].session_end_info.as_ref().unwrap().status, 2);
        assert_eq!(sessions(&recorded[2]).len(), 1, "it runs");
    }
}
