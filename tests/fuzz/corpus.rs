//! Valid bytes: the repository's own files, and what the library writes.

use std::path::{Path, PathBuf};

use lane_types::{LaneState, ScheduleState, StopState, Weight, Weights};

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The frozen store's run that was resumed and finished.
pub(crate) const RUN: &str = "grid/trials/31d897f497c7";

/// The frozen store.
pub(crate) fn store() -> PathBuf {
    root().join("tests/stores/v1")
}

/// All files below a folder whose name ends so.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    collect(&root().join(folder), ending, &mut paths);
    paths.sort();
    let found: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!found.is_empty(), "{folder} has no {ending}");
    found
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

/// Bars as CSV.
pub(crate) fn bars_csv() -> Vec<Vec<u8>> {
    let mut found = files("tests/data/broken", ".csv");
    found.extend(files("tests/specs/valid", ".csv"));
    found.iter_mut().for_each(|bytes| bytes.truncate(8192));
    found
}

/// Bars as CSV, packed.
pub(crate) fn bars_gz() -> Vec<Vec<u8>> {
    vec![
        std::fs::read(root().join("experiments/data/if_1m.csv.gz")).unwrap(),
        packed(b"ts,open,high,low,close\n1715131860,1,2,1,2\n"),
    ]
}

/// A gzip stream of one stored block, with its sums.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in text {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let length = text.len() as u16;
    let head = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    [
        &head[..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        text,
        &(!crc).to_le_bytes(),
        &u32::from(length).to_le_bytes(),
    ]
    .concat()
}

/// Parquet files: forecasts as the store writes them.
pub(crate) fn parquet() -> Vec<Vec<u8>> {
    files("tests/stores/v1", ".parquet")
}

/// A lane's state and weights.
pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    let weights = || {
        Weights(vec![
            Weight { name: "lstm.0.weight".into(), shape: vec![4, 3], values: vec![0.5; 12] },
            Weight {
                name: "head.weight".into(),
                shape: vec![3],
                values: vec![f32::NAN, 1.0, f32::INFINITY],
            },
        ])
    };
    let state = LaneState {
        weights: weights(),
        best: Some(weights()),
        first_moment: vec![vec![0.0; 12], vec![0.0; 3]],
        second_moment: vec![vec![0.0; 12], vec![0.0; 3]],
        steps: 7,
        epoch: 2,
        cursor: 1,
        sums: [0.5; 4],
        schedule: ScheduleState::default(),
        stop: StopState { best: Some(0.25), best_epoch: 1, waited: 1 },
    };
    vec![state.to_bytes().unwrap(), weights().to_bytes().unwrap()]
}
