//! What is written is read, and nothing else is.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::sums::{digest, sums};
use super::testing::model;
use super::*;

const POINT: &str = "data.synthetic = { bars = 1000 }\ndata.features = [\"close\", \
    \"rsi_14\"]\ndata.window = 8\nmodel.hidden_size = 3";
const QUANTILE: &str = "data.synthetic = { bars = 1000 }\ndata.window = 8\nmodel.hidden_size = \
    3\nmodel.head = { kind = \"quantile\", levels = [0.1, 0.5, 0.9] }";

#[test]
fn what_is_written_is_read() {
    for lines in [POINT, QUANTILE] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let mut model = model(lines, 1);
        model.card.profile = Some(
            model
                .card
                .settings
                .data
                .features
                .iter()
                .map(|feature| ColumnProfile {
                    feature: feature.to_string(),
                    low: -0.1,
                    high: 1.1,
                    edges: vec![0.3],
                    shares: vec![0.25, 0.75],
                })
                .collect(),
        );
        model.write(&path).unwrap();
        assert_eq!(SavedModel::read(&path).unwrap(), model);
        assert!(model.warnings().is_empty());
        let error = model.write(&path).unwrap_err().to_string();
        assert!(error.contains("never replaced"), "{error}");
    }
}

#[test]
fn a_model_whose_checksums_were_never_written_is_none() {
    let folder = tempfile::tempdir().unwrap();
    model(POINT, 1).write(folder.path()).unwrap();
    fs::remove_file(folder.path().join("SHA256SUMS")).unwrap();
    let error = SavedModel::read(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("SHA256SUMS: is missing"), "{error}");
}

/// Changes the model card as an attacker would: with checksums that hold.
fn tampered(folder: &Path, change: &dyn Fn(&mut Value)) -> String {
    let path = folder.join("model_card.json");
    let mut card: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut card);
    let bytes = serde_json::to_vec(&card).unwrap();
    fs::write(&path, &bytes).unwrap();
    let weights = fs::read(folder.join("weights.safetensors")).unwrap();
    let text =
        sums(&[("model_card.json", digest(&bytes)), ("weights.safetensors", digest(&weights))]);
    fs::write(folder.join("SHA256SUMS"), text).unwrap();
    SavedModel::read(folder).map(drop).unwrap_err().to_string()
}

#[test]
fn every_field_is_checked_though_the_checksums_hold() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 22] = [
        ("format 2", |p| p["v"] = json!(2)),
        ("unknown field `extra`", |p| p["extra"] = json!(1)),
        ("settings.model.extra", |p| p["settings"]["model"]["extra"] = json!(1)),
        ("missing field `scaling`", |p| drop(p.as_object_mut().unwrap().remove("scaling"))),
        ("saved_at", |p| p["saved_at"] = json!("yesterday")),
        ("settings.data.features has 0", |p| {
            p["settings"]["data"]["features"] = json!([]);
        }),
        ("is not a feature", |p| p["settings"]["data"]["features"][0] = json!("../../etc/passwd")),
        ("settings.data.window is 0", |p| p["settings"]["data"]["window"] = json!(0)),
        ("settings.data.window is 1000000", |p| p["settings"]["data"]["window"] = json!(1_000_000)),
        ("horizon is 0", |p| p["settings"]["data"]["target"]["horizon"] = json!(0)),
        ("hidden_size is 4611686018427387904", |p| {
            p["settings"]["model"]["hidden_size"] = json!(1_u64 << 62)
        }),
        ("num_layers is 17", |p| p["settings"]["model"]["num_layers"] = json!(17)),
        ("weights.parameters is", |p| p["settings"]["model"]["num_layers"] = json!(1)),
        ("dropout is 1", |p| p["settings"]["model"]["dropout"] = json!(1.0)),
        ("1 scalers for 2 features", |p| {
            drop(p["scaling"]["columns"].as_array_mut().unwrap().pop())
        }),
        ("scaling.columns[1]", |p| p["scaling"]["columns"][1]["unit"] = json!(0.0)),
        ("scaling.target", |p| p["scaling"]["target"]["unit"] = json!(-1.0)),
        ("intervals[0]", |p| p["intervals"][0]["coverage"] = json!(1.5)),
        ("intervals[1]", |p| p["intervals"][1]["calibration"]["between"] = json!([0.1, 0.9])),
        ("bar_seconds is 0", |p| p["bar_seconds"] = json!(0)),
        ("profile", |p| p["profile"] = json!([])),
        ("sha256", |p| p["weights"]["sha256"] = json!("0".repeat(64))),
    ];
    for (expected, change) in cases {
        let folder = tempfile::tempdir().unwrap();
        model(POINT, 1).write(folder.path()).unwrap();
        let error = tampered(folder.path(), &change);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_damaged_file_is_told_by_name() {
    for name in ["model_card.json", "weights.safetensors"] {
        let folder = tempfile::tempdir().unwrap();
        model(POINT, 1).write(folder.path()).unwrap();
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = SavedModel::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("is damaged"), "{error}");
    }
}

#[test]
fn weights_that_are_no_numbers_are_told() {
    let mut model = model(POINT, 1);
    model.weights.0[0].values[0] = f32::NAN;
    assert_eq!(
        model.warnings(),
        ["1 values of weight 'lstm.0.w_input' are not finite: its forecasts are errors, or \
                worth nothing"]
    );
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    model(POINT, 1).write(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(SavedModel::read(&link).unwrap_err().to_string().contains("links are not followed"));
    let weights = real.join("weights.safetensors");
    fs::copy(&weights, folder.path().join("elsewhere")).unwrap();
    fs::remove_file(&weights).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &weights).unwrap();
    assert!(SavedModel::read(&real).unwrap_err().to_string().contains("not a regular file"));
    fs::remove_file(&weights).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&weights).status().unwrap().success());
    assert!(SavedModel::read(&real).unwrap_err().to_string().contains("not a regular file"));
}
