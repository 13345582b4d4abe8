//! What a person names: a run, a saved model's folder, or a registered model.

use std::path::Path;

use crate::calibration::Calibration;
use crate::cmd::evaluate::calibration;
use crate::cmd::selection::run_folder;
use crate::cmd::{Failure, clock};
use crate::model::SavedModel;
use crate::registry;
use crate::store::RunFolder;

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
/// When nothing, or both a run and a model, bears the name; when it is damaged; when the model has intervals but none of this coverage.
pub(super) fn find(wanted: &str, coverage: f64, runs: &Path, models: &Path) -> Result<Found, Failure> {
    let folder = Path::new(wanted);
    if folder.join("passport.json").symlink_metadata().is_ok() {
        return saved(wanted.to_owned(), folder, coverage);
    }
    if wanted.contains('@') {
        return registered(&registry::resolve(models, wanted)?, coverage);
    }
    match (run_folder(runs, wanted), registry::resolve(models, wanted)) {
        (Ok(run), Err(_)) => of_run(&run, coverage),
        (Err(_), Ok(model)) => registered(&model, coverage),
        (Ok(run), Ok(model)) => Err(Failure::BadInput(format!(
            "'{wanted}' names a run ({}) and a model; write '{wanted}@{}' for the model, or the run's whole name, sweep/id",
            run.path.display(),
            model.alias.unwrap_or_else(|| model.version.to_string()),
        ))),
        (Err(Failure::BadInput(no_run)), Err(no_model)) => {
            Err(Failure::BadInput(format!("{no_run}\nnor is it a model: {no_model}")))
        }
        (Err(other), Err(_)) => Err(other),
    }
}

fn of_run(folder: &RunFolder, coverage: f64) -> Result<Found, Failure> {
    let model = SavedModel::of_run(folder, None, &clock::now())?;
    let name = folder.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Found { name, model, calibration: calibration(folder, coverage) })
}

fn registered(model: &registry::Resolved, coverage: f64) -> Result<Found, Failure> {
    saved(format!("{}@{}", model.name, model.version), &model.folder, coverage)
}

fn saved(name: String, folder: &Path, coverage: f64) -> Result<Found, Failure> {
    let model = SavedModel::read(folder)?;
    let calibration = match model.passport.interval(coverage) {
        Ok(interval) => Ok(interval.calibration),
        Err(problem) if model.passport.intervals.is_empty() => Err(problem),
        Err(problem) => return Err(Failure::BadInput(format!("{name}: {problem}"))),
    };
    Ok(Found { name, model, calibration })
}
