//! What a person names: a run, a saved model's folder, or a registered model.

use std::path::Path;

use crate::cmd::evaluate::calibration;
use crate::cmd::named::{Named, named};
use crate::cmd::selection::note;
use crate::cmd::{Failure, clock};
use evidence::calibration::Calibration;
use runs::model::SavedModel;
use runs::store::RunFolder;

/// A model to forecast with.
pub(super) struct Found {
    /// How it is called: `NAME@3`, a folder, or a run's id.
    pub name: String,
    pub model: SavedModel,
    /// Of the interval that was asked for; or why there is none.
    pub calibration: Result<Calibration, String>,
}

/// Finds a model by what a person wrote, and its interval of a coverage.
///
/// # Errors
/// When nothing, or both a run and a model, bears the name; when it is damaged; when the model has
/// intervals but none of this coverage.
pub(super) fn find(
    wanted: &str,
    coverage: f64,
    runs: &Path,
    models: &Path,
) -> Result<Found, Failure> {
    match named(wanted, runs, models)? {
        Named::Run(folder) => of_run(&folder, coverage),
        Named::Model { name, folder } => saved(name, &folder, coverage),
    }
}

fn of_run(folder: &RunFolder, coverage: f64) -> Result<Found, Failure> {
    let model = SavedModel::of_run(folder, None, &clock::now())?;
    let name =
        folder.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let calibration = calibration(folder, coverage);
    if let Err(why) = &calibration {
        note(&format!("{name}: no conformal interval: {why}"));
    }
    Ok(Found { name, model, calibration })
}

fn saved(name: String, folder: &Path, coverage: f64) -> Result<Found, Failure> {
    let model = SavedModel::read(folder)?;
    let calibration = match model.card.interval(coverage) {
        Ok(interval) => Ok(interval.calibration),
        Err(problem) if model.card.intervals.is_empty() => Err(problem),
        Err(problem) => return Err(Failure::BadInput(format!("{name}: {problem}"))),
    };
    Ok(Found { name, model, calibration })
}
