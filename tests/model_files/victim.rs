//! A saved model to be spoilt, and what it is fed with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use kiln::forecast::{Forecaster, Window};
use kiln::model::SavedModel;

/// The frozen models.
pub(crate) fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/v1")
}

/// A copy of a frozen model, to be spoilt.
pub(crate) struct Victim {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub(crate) const MODEL_CARD: &str = "model_card.json";
pub(crate) const WEIGHTS: &str = "weights.safetensors";
pub(crate) const SUMS: &str = "SHA256SUMS";

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Victim {
    pub(crate) fn new(version: u32) -> Self {
        // In memory where the system has such a folder: 100,000 models are written below.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
                .unwrap();
        let path = folder.path().join("model");
        fs::create_dir(&path).unwrap();
        // The frozen folder, under the names of the present format.
        let former = frozen().join(format!("minute/versions/{version}"));
        let sums = fs::read_to_string(former.join(SUMS)).unwrap();
        fs::copy(former.join("passport.json"), path.join(MODEL_CARD)).unwrap();
        fs::copy(former.join(WEIGHTS), path.join(WEIGHTS)).unwrap();
        fs::write(path.join(SUMS), sums.replace("passport.json", MODEL_CARD)).unwrap();
        Self { _folder: folder, path }
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(name)).unwrap()
    }

    /// As an attacker does it: the checksums hold.
    pub(crate) fn with_weights(&self, weights: &[u8]) {
        fs::write(self.path.join(WEIGHTS), weights).unwrap();
        let mut card: Value = serde_json::from_slice(&self.file(MODEL_CARD)).unwrap();
        card["weights"]["bytes"] = json!(weights.len());
        card["weights"]["sha256"] = json!(sha256(weights));
        self.with_card(&serde_json::to_vec(&card).unwrap());
    }

    pub(crate) fn with_card(&self, card: &[u8]) {
        fs::write(self.path.join(MODEL_CARD), card).unwrap();
        let sums =
            format!("{}  {MODEL_CARD}\n{}  {WEIGHTS}\n", sha256(card), sha256(&self.file(WEIGHTS)));
        fs::write(self.path.join(SUMS), sums).unwrap();
    }

    pub(crate) fn refusal(&self) -> String {
        SavedModel::read(&self.path).map(drop).unwrap_err().to_string()
    }

    /// The header of the weights' file, changed, before the same values.
    pub(crate) fn with_header(&self, change: impl FnOnce(String) -> String) {
        let weights = self.file(WEIGHTS);
        let length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
        let header = change(
            String::from_utf8(weights[8..8 + length].to_vec()).unwrap().trim_end().to_owned(),
        );
        self.with_weights(
            &[&(header.len() as u64).to_le_bytes(), header.as_bytes(), &weights[8 + length..]]
                .concat(),
        );
    }

    /// Changes one tensor's entry.
    pub(crate) fn with_tensor(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.with_header(|header| {
            let mut header: Value = serde_json::from_str(&header).unwrap();
            change(&mut header[name]);
            header.to_string()
        });
    }
}

/// Rows that scale to a fixed pattern.
pub(crate) fn rows(model: &SavedModel, number: usize) -> Vec<Vec<f64>> {
    let columns = &model.card.scaling.columns;
    let value = |row: usize, column: usize| {
        columns[column].unscale(((7 * row + 3 * column + number) % 11) as f64 / 10.0)
    };
    (0..model.card.settings.data.window)
        .map(|row| (0..columns.len()).map(|column| value(row, column)).collect())
        .collect()
}

pub(crate) fn window(model: &SavedModel, number: usize) -> Window {
    let forecaster = Forecaster::new(model, &flex()).unwrap();
    forecaster.window_of_features(&rows(model, number)).unwrap()
}

pub(crate) fn flex() -> burn_lanes::Device {
    burn_lanes::open("flex".parse().unwrap()).unwrap()
}
