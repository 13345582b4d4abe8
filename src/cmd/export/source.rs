//! What a source names.

use std::path::Path;

use super::super::Failure;
use super::super::evaluate::best_weights;
use super::super::named::{Named, named};
use super::super::selection::{Selected, read_selected, resolve};
use super::{Roots, note};
use crate::export::{Recorded, Trained};
use evidence::compare::names;
use market::Scaling;
use runs::model::SavedModel;
use runs::store::{RunRecord, Selection, history, read_run, read_sweep};

/// The model of a name, with its weights checked against its network.
pub(super) fn trained(roots: &Roots, source: &str) -> Result<Trained, Failure> {
    match named(source, &roots.runs, &roots.models)? {
        Named::Run(folder) => {
            let record = read_run(&folder.path)?;
            let weights = best_weights(&folder)?;
            let scaling: Scaling = serde_json::from_str(&folder.scaling()?).map_err(|error| {
                Failure::BadInput(format!(
                    "{}: the kept scaling cannot be read: {error}",
                    folder.path.display()
                ))
            })?;
            let (sweep, run) = names(&record);
            Ok(Trained::new(format!("{sweep}/{run}"), &record.trial.settings, scaling, weights)?)
        }
        Named::Model { name, folder } => {
            let SavedModel { card, weights } = SavedModel::read(&folder)?;
            let name = Path::new(&name)
                .file_name()
                .map_or(name.clone(), |name| name.to_string_lossy().into_owned());
            Ok(Trained::new(name, &card.settings, card.scaling, weights)?)
        }
    }
}

/// The runs of a sweep, or one run, with their histories; what cannot be read is told.
pub(super) fn recorded(roots: &Roots, source: &str) -> Result<Vec<Recorded>, Failure> {
    let Selected { runs, others: _, manifests: _, damaged, former } =
        read_selected(&roots.runs, &[source.to_owned()], read_sweep)?;
    for (run, reason) in &damaged {
        note(&format!("{run} is left out: {reason}"));
    }
    for run in &runs {
        let (sweep, id) = names(run);
        run.damage.iter().for_each(|why| note(&format!("{sweep}/{id} is damaged: {why}")));
    }
    if former > 0 {
        note(&format!("{former} runs that the file does not plan any more are left out"));
    }
    if runs.is_empty() {
        return Err(Failure::BadInput(format!(
            "'{}' has no runs that can be exported",
            text::clean(source)
        )));
    }
    // Of a run whose result is damaged there is none, which was told above.
    let recorded =
        |run: RunRecord| history(&run.folder).ok().map(|history| Recorded::new(run, history));
    Ok(runs.into_iter().filter_map(recorded).collect())
}

/// What an export of these runs is named after: the sweep, or the one run of it.
pub(super) fn name_of(roots: &Roots, source: &str, runs: &[Recorded]) -> String {
    let is_run = matches!(resolve(&roots.runs, source), Ok(Selection::Run(_)));
    match runs.first() {
        Some(run) if is_run => format!("{}/{}", run.sweep, run.run),
        Some(run) => run.sweep.clone(),
        None => source.to_owned(),
    }
}
