//! Settings for tests, as a file makes them.

use std::path::Path;

use super::{Experiment, Settings};

/// The settings of a file with these lines; over synthetic bars unless they say otherwise.
pub(crate) fn settings(lines: &str) -> Settings {
    let source = if lines.contains("data") { "" } else { "data.synthetic = { bars = 1000 }" };
    let text = format!("{source}\n{lines}");
    match Experiment::parse(Path::new("test.toml"), &text, &[]) {
        Ok(experiment) => experiment.base,
        Err(problems) => panic!("{problems}"),
    }
}
