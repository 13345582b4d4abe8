//! What a person names: a run, a saved model's folder, or a registered model.

use std::path::{Path, PathBuf};

use super::Failure;
use super::selection::run_folder;
use runs::model::SavedModel;
use runs::registry::{self, Resolved};
use runs::store::RunFolder;

/// What bears a name.
pub(super) enum Named {
    Run(RunFolder),
    /// `NAME@3`, or a folder as it was written.
    Model {
        name: String,
        folder: PathBuf,
    },
}

/// Finds what a person wrote: a run (as every verb takes one), `NAME`, `NAME@ALIAS`,
/// `NAME@VERSION`, or a saved model's folder.
///
/// # Errors
/// When nothing, or both a run and a model, bears the name.
pub(super) fn named(wanted: &str, runs: &Path, models: &Path) -> Result<Named, Failure> {
    let folder = Path::new(wanted);
    if SavedModel::has_card(folder) {
        return Ok(Named::Model { name: wanted.to_owned(), folder: folder.to_owned() });
    }
    if wanted.contains('@') {
        return Ok(Named::registered(registry::resolve(models, wanted)?));
    }
    match (run_folder(runs, wanted), registry::resolve(models, wanted)) {
        (Ok(run), Err(_)) => Ok(Named::Run(run)),
        (Err(_), Ok(model)) => Ok(Named::registered(model)),
        (Ok(run), Ok(model)) => Err(Failure::BadInput(format!(
            "'{wanted}' names a run ({}) and a model; write '{wanted}@{}' for the model, or the \
                run's whole name, SWEEP/ID",
            run.path.display(),
            model.alias.unwrap_or_else(|| model.version.to_string()),
        ))),
        (Err(Failure::BadInput(no_run)), Err(no_model)) => {
            Err(Failure::BadInput(format!("{no_run}\nnor is it a model: {no_model}")))
        }
        (Err(other), Err(_)) => Err(other),
    }
}

impl Named {
    /// Its name (of a run `SWEEP/ID`) and the model that it is, as of `at`.
    ///
    /// # Errors
    /// When the run is not finished, or a file is damaged.
    pub(super) fn model(self, at: &str) -> Result<(String, SavedModel), Failure> {
        match self {
            Self::Run(folder) => {
                let (sweep, run) = evidence::compare::names(&runs::store::read_run(&folder.path)?);
                Ok((format!("{sweep}/{run}"), SavedModel::of_run(&folder, None, at)?))
            }
            Self::Model { name, folder } => Ok((name, SavedModel::read(&folder)?)),
        }
    }

    fn registered(model: Resolved) -> Self {
        let Resolved { name, version, folder, alias: _ } = model;
        Self::Model { name: format!("{name}@{version}"), folder }
    }
}
