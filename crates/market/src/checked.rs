//! An experiment whose data file was looked at.

use std::path::Path;

use experiment::{Diagnostics, Experiment, Source};

use super::source::{probe, probe_zone};

/// Reads an experiment file, applies `--set key=value` arguments, and looks at the data file that
/// it names, without reading all of it.
///
/// # Errors
/// Everything that is wrong with the file and the arguments; else what is wrong with the data file,
/// where the experiment names it.
pub fn load_experiment(file: &Path, overrides: &[String]) -> Result<Experiment, Diagnostics> {
    let experiment = Experiment::load(file, overrides)?;
    check_source(&experiment).map(|()| experiment)
}

/// Looks at the data file of an experiment.
///
/// # Errors
/// What is wrong with it, where the experiment names it.
pub fn check_source(experiment: &Experiment) -> Result<(), Diagnostics> {
    let data = &experiment.base.data;
    match data.source {
        Source::File { .. } => {
            probe(&data.source).and_then(|()| probe_zone(data)).map_err(|error| {
                experiment.refuse("data.source", error.to_string()).because(error.io())
            })
        }
        Source::Synthetic { .. } => Ok(()),
    }
}
