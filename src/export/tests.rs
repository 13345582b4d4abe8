//! Frozen files: what PyTorch and onnxruntime were given, and what they made of it.
//!
//! `KILN_UPDATE=1 cargo test --release -p kiln --lib export::tests` writes the model files anew;
//! then `scripts/export_fixtures.py` has PyTorch forecast with them, `scripts/check_onnx.py`
//! compares onnxruntime with that, and `scripts/check_tensorboard.py` writes what TensorBoard
//! reads.

use lane_types::{DeviceSpec, Series};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::onnx::{self, Units};
use super::testing::{self, FIXTURES};
use super::{Trained, tensorboard, torch};
use market::rearranged;

/// Largest error, relative to the largest of the numbers compared.
const TOLERANCE: f64 = 1e-6;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/export").join(name)
}

/// Compares with the frozen file, or writes it.
fn frozen(name: &str, bytes: &[u8]) {
    if std::env::var_os("KILN_UPDATE").is_some() {
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), bytes).unwrap();
    }
    assert!(
        std::fs::read(path(name)).unwrap() == bytes,
        "{name} is not what is written now; see the head of this file"
    );
}

#[test]
fn the_files_are_those_that_pytorch_and_onnxruntime_were_given() {
    for (head, layers) in FIXTURES {
        let trained = testing::trained(head, layers);
        frozen(&format!("{head}_{layers}.safetensors"), &torch::write(&trained).unwrap());
        frozen(&format!("{head}_{layers}.onnx"), &onnx::write(&trained, Units::Own).unwrap());
        frozen(
            &format!("{head}_{layers}.scaled.onnx"),
            &onnx::write(&trained, Units::Scaled).unwrap(),
        );
    }
}

/// What PyTorch made of a file.
#[derive(Deserialize)]
struct Made {
    /// In the features' own units: windows × rows × features.
    windows: Vec<Vec<Vec<f64>>>,
    /// As the network gives them: windows × outputs.
    scaled: Vec<Vec<f64>>,
    /// In the target's unit, quantiles ascending.
    forecasts: Vec<Vec<f64>>,
}

#[test]
fn kiln_forecasts_what_pytorch_forecasts_with_the_exported_weights() {
    for (head, layers) in FIXTURES {
        let trained = testing::trained(head, layers);
        let text = std::fs::read_to_string(path(&format!("{head}_{layers}.json"))).unwrap();
        let Made { windows, scaled, forecasts } = serde_json::from_str(&text).unwrap();
        let ours = predict(&trained, &windows);
        let outputs = trained.shape.head.outputs();
        assert!(windows.len() > 10 && ours.len() == windows.len() * outputs);
        let worst = distance(ours.iter().map(|value| f64::from(*value)), scaled.concat());
        assert!(worst < TOLERANCE, "{head}_{layers}: scaled outputs differ by {worst:e}");
        let unscaled = rearranged(&ours, outputs)
            .into_iter()
            .map(|value| trained.scaling.target.unscale(value.into()));
        let worst = distance(unscaled, forecasts.concat());
        assert!(worst < TOLERANCE, "{head}_{layers}: forecasts differ by {worst:e}");
    }
}

/// What TensorBoard's own reader found in a file.
#[derive(Deserialize)]
struct Read {
    /// By tag: step, time and value of each point.
    scalars: BTreeMap<String, Vec<(usize, f64, f64)>>,
    settings: BTreeMap<String, serde_json::Value>,
    status: Option<i32>,
}

#[test]
fn tensorboard_reads_what_was_recorded() {
    for run in testing::recorded() {
        frozen(
            &format!("tensorboard/{}/{}", run.run, tensorboard::file_name(&run)),
            &tensorboard::write(&run),
        );
    }
    let read: BTreeMap<String, Read> =
        serde_json::from_str(&std::fs::read_to_string(path("tensorboard.json")).unwrap()).unwrap();
    for (run, status) in testing::recorded().into_iter().zip([Some(1), Some(2), None]) {
        let Read { scalars, settings, status: found } = &read[&run.run];
        assert_eq!(*found, status);
        assert_eq!(settings["data.window"], 60.0);
        let single = |value: f64| f64::from(value as f32);
        let rmse = run
            .history
            .epochs
            .iter()
            .map(|(_, report)| (report.epoch, 1_767_323_045.0, single(report.valid.rmse)));
        let rmse: Vec<_> = rmse.filter(|(.., rmse)| rmse.is_finite()).collect();
        assert_eq!(scalars.get("valid/rmse").cloned().unwrap_or_default(), rmse);
        let rates: Vec<_> = run
            .history
            .epochs
            .iter()
            .map(|(_, report)| (report.epoch, 1_767_323_045.0, single(report.learning_rate)))
            .collect();
        assert_eq!(scalars["learning_rate"], rates);
    }
}

/// Kiln's own outputs, scaled.
fn predict(trained: &Trained, windows: &[Vec<Vec<f64>>]) -> Vec<f32> {
    let rows: Vec<&Vec<f64>> = windows.iter().flatten().collect();
    let scaled = |row: &&Vec<f64>| -> Vec<f32> {
        row.iter()
            .zip(&trained.scaling.columns)
            .map(|(value, column)| column.scale(*value) as f32)
            .collect()
    };
    let series = Series {
        features: rows.iter().flat_map(scaled).collect(),
        columns: trained.shape.features,
        target: vec![f32::NAN; rows.len()],
        target_unit: 1.0,
        train: Vec::new(),
        valid: Vec::new(),
    };
    let ends: Vec<u32> =
        (1..=windows.len()).map(|window| (window * trained.shape.window - 1) as u32).collect();
    let device = burn_lanes::open(DeviceSpec::Flex).unwrap();
    burn_lanes::predict(&device, &series, &trained.shape, trained.weights(), &ends).unwrap()
}

fn distance(ours: impl Iterator<Item = f64>, theirs: Vec<f64>) -> f64 {
    let largest = theirs.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.0);
    ours.zip(&theirs).fold(0.0_f64, |worst, (ours, theirs)| worst.max((ours - theirs).abs()))
        / largest
}
