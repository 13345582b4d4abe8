//! Saved models, the registry's files, PyTorch's weights, and bars that come line by line.

use std::fs;
use std::path::{Path, PathBuf};

use kiln::export::torch;
use kiln::market::BarLines;
use kiln::model::SavedModel;
use kiln::registry::{self, Reference, Rule};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::corpus;

/// The frozen registry.
pub(super) fn frozen() -> PathBuf {
    corpus::root().join("tests/models/v1")
}

fn version() -> PathBuf {
    frozen().join("minute/versions/1")
}

pub(super) fn model() -> SavedModel {
    SavedModel::read(&version()).unwrap()
}

/// A model card in a folder whose checksums hold, as anyone who gives a model away can make it.
pub(super) fn card(bytes: &[u8]) -> Result<(), String> {
    read(bytes, &fs::read(version().join("weights.safetensors")).unwrap())
}

/// Weights in such a folder.
pub(super) fn weights(bytes: &[u8]) -> Result<(), String> {
    let mut card: serde_json::Value =
        serde_json::from_slice(&fs::read(version().join("passport.json")).unwrap()).unwrap();
    card["weights"]["bytes"] = json!(bytes.len());
    card["weights"]["sha256"] = json!(digest(bytes));
    read(&serde_json::to_vec(&card).unwrap(), bytes)
}

pub(super) fn sums(bytes: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["passport.json", "weights.safetensors"] {
        fs::copy(version().join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("SHA256SUMS"), bytes).unwrap();
    drop(SavedModel::read(folder.path()));
    Ok(())
}

/// What is read fits its own network.
fn read(card: &[u8], weights: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let sums =
        format!("{}  passport.json\n{}  weights.safetensors\n", digest(card), digest(weights));
    for (name, bytes) in
        [("passport.json", card), ("weights.safetensors", weights), ("SHA256SUMS", sums.as_bytes())]
    {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    match SavedModel::read(folder.path()) {
        Ok(model) => model.weights.check(&model.card.shape()),
        Err(_) => Ok(()),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A model's history, and what is made of it.
pub(super) fn history(bytes: &[u8]) -> Result<(), String> {
    registry_with("history.jsonl", bytes)
}

pub(super) fn gate(bytes: &[u8]) -> Result<(), String> {
    registry_with("gate.toml", bytes)
}

fn registry_with(name: &str, bytes: &[u8]) -> Result<(), String> {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("minute");
    copy(&frozen().join("minute"), &model);
    fs::write(model.join(name), bytes).unwrap();
    drop(registry::list(root.path()));
    drop(registry::history(root.path(), "minute"));
    drop(registry::Gate::read(root.path(), "minute"));
    for reference in ["minute", "minute@1", "minute@latest", "minute@shadow"] {
        if let Ok(found) = registry::resolve(root.path(), reference)
            && !found.folder.starts_with(root.path())
        {
            return Err(format!("{reference} is {}", found.folder.display()));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub(super) fn names() -> Vec<Vec<u8>> {
    let texts = [
        "minute",
        "minute@3",
        "minute@champion",
        "minute@latest",
        "valid.skill.low > 0",
        "test.rmse <= champion.test.rmse",
        "crowned",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// References to models, and rules of a gate.
pub(super) fn name(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    drop(Reference::parse(&text));
    drop(text.parse::<Rule>());
    match registry::resolve(&frozen(), &text) {
        Ok(found) if !found.folder.starts_with(frozen()) => {
            Err(format!("it is {}", found.folder.display()))
        }
        _ => Ok(()),
    }
}

/// What is taken fits the network that it was said to be like.
pub(super) fn torch(bytes: &[u8]) -> Result<(), String> {
    let shape = model().card.shape();
    torch::read(bytes, &shape).map_or(Ok(()), |weights| weights.check(&shape))
}

/// Bars that come line by line: what is taken is in time order.
pub(super) fn lines(bytes: &[u8]) -> Result<(), String> {
    let data = model().card.settings.data;
    let Ok(lines) = BarLines::new(Path::new("stdin"), bytes, &data, 60) else { return Ok(()) };
    let mut before = None;
    for bar in lines.map_while(Result::ok) {
        if before.is_some_and(|before| bar.ts <= before) {
            return Err(format!("a bar of {} after one of {before:?}", bar.ts));
        }
        before = Some(bar.ts);
    }
    Ok(())
}
