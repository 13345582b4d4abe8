//! Experiment files and arguments.

use std::path::Path;

use kiln::experiment::{Color, Experiment};
use kiln::plan::{MAX_TRIALS, plan};

/// What is valid is planned; what is not is told, in text that drives no terminal.
fn parse(text: &str, arguments: &[String]) -> Result<(), String> {
    match Experiment::parse(Path::new("fuzz.toml"), text, arguments) {
        Ok(experiment) => {
            if let Ok(plan) = plan(&experiment, "fuzz", MAX_TRIALS) {
                assert!(plan.trials.len() <= MAX_TRIALS);
            }
            Ok(())
        }
        Err(mistakes) => {
            drop(mistakes.render(Color::Ansi));
            if mistakes.list.is_empty() { Err("refused for no reason".to_owned()) } else { Ok(()) }
        }
    }
}

pub(super) fn toml(bytes: &[u8]) -> Result<(), String> {
    parse(&String::from_utf8_lossy(bytes), &[])
}

pub(super) fn arguments() -> Vec<Vec<u8>> {
    [
        "train.epochs=5",
        "train.loss=mae",
        "sweep.space.model.hidden_size=[8, 16]",
        "sweep.space.\"train.learning_rate\".log=[1e-4, 1e-2]",
        "data.features=[\"close\", \"sma_20\"]",
        "data.split={ kind = \"walk_forward\", folds = 3 }",
        "name=\"x\"",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(super) fn set(bytes: &[u8]) -> Result<(), String> {
    const TEXT: &str =
        "data = { synthetic = { bars = 600 } }\n[sweep.space]\n\"model.hidden_size\" = [8, 16]\n";
    parse(TEXT, &[String::from_utf8_lossy(bytes).into_owned()])
}
