//! States of lanes, scalings, lines between processes, and names.

use std::str::FromStr;

use kiln::event::Line;
use kiln::market::Scaling;
use kiln::metric::Metric;
use kiln::space::Value;
use kiln::store::ProgressFile;
use kiln::sweep::{Control, FromWorker, ToWorker};
use lane_types::{DeviceSpec, LaneState, Weights};

/// What is read can be written, and is then read as the same.
pub(super) fn lane_state(bytes: &[u8]) -> Result<(), String> {
    let Ok(state) = LaneState::from_bytes(bytes) else { return Ok(()) };
    let written =
        state.to_bytes().map_err(|error| format!("what was read cannot be written: {error}"))?;
    let again = LaneState::from_bytes(&written)
        .map_err(|error| format!("what was written cannot be read: {error}"))?;
    if again.to_bytes().as_ref() == Ok(&written) {
        Ok(())
    } else {
        Err("it changes each time that it is written".to_owned())
    }
}

pub(super) fn weights(bytes: &[u8]) -> Result<(), String> {
    let Ok(weights) = Weights::from_bytes(bytes) else { return Ok(()) };
    for weight in &weights.0 {
        let values = weight.shape.iter().try_fold(1_usize, |all, side| all.checked_mul(*side));
        if values != Some(weight.values.len()) {
            return Err(format!("{} values of shape {:?}", weight.values.len(), weight.shape));
        }
    }
    weights
        .to_bytes()
        .map(drop)
        .map_err(|error| format!("what was read cannot be written: {error}"))
}

pub(super) fn scalings() -> Vec<Vec<u8>> {
    let scaling = concat!(
        r#"{"columns":[{"offset":0.5,"unit":2.0},{"offset":-1e3,"unit":1e-9}],"#,
        r#""target":{"offset":0.0,"unit":1.0}}"#
    );
    vec![scaling.into()]
}

pub(super) fn scaling(bytes: &[u8]) -> Result<(), String> {
    drop(serde_json::from_slice::<Scaling>(bytes));
    drop(serde_json::from_slice::<ProgressFile>(bytes));
    Ok(())
}

pub(super) fn lines() -> Vec<Vec<u8>> {
    [
        r#"{"to":"pack","trials":["31d897f497c7","6ae5c693e4dd"]}"#,
        r#"{"to":"stop","trial":"31d897f497c7"}"#,
        r#"{"to":"interrupt"}"#,
        r#"{"from":"ready"}"#,
        r#"{"from":"pack_ended","unrecorded":[["31d897f497c7","No space left"]]}"#,
        r#"{"control":"stop_trial","trial":"31d897f497c7"}"#,
        r#"{"control":"detach"}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(super) fn line(bytes: &[u8]) -> Result<(), String> {
    drop(serde_json::from_slice::<ToWorker>(bytes));
    drop(serde_json::from_slice::<FromWorker>(bytes));
    drop(serde_json::from_slice::<Control>(bytes));
    drop(serde_json::from_slice::<Line>(bytes));
    drop(serde_json::from_slice::<Value>(bytes));
    Ok(())
}

pub(super) fn names() -> Vec<Vec<u8>> {
    [
        "valid.rmse",
        "test.skill",
        "train.loss",
        "cuda:1",
        "wgpu",
        "auto",
        "grid/31d8",
        "latest",
        "31d897f497c7",
        "grid",
        "views/best.toml",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(super) fn name(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(metric) = Metric::from_str(&text)
        && Metric::from_str(&metric.to_string()).ok() != Some(metric)
    {
        return Err(format!("{metric} is not what was read"));
    }
    drop(DeviceSpec::from_str(&text));
    drop(kiln::store::select(&super::corpus::store(), &text));
    drop(kiln::store::View::path(&super::corpus::store(), &text));
    Ok(())
}
