//! What a model's model card holds besides what the run's folder knows: the verdict of its sweep,
//! the profile of its training rows.

use crate::cmd::Failure;
use crate::cmd::data_file::located;
use crate::cmd::metrics::tries;
use crate::cmd::selection::{ForecastFiles, objective};
use crate::cmd::weigh::weigh;
use evidence::compare::{Comparison, Row, compare, names};
use experiment::metric::Split;
use runs::model::{ColumnProfile, SavedModel, Verdict, profile};
use runs::store::{RunFolder, RunRecord, read_run, read_sweep_summaries};

/// A run's best weights with a model card that says all there is to know, as of `at`; and what
/// could not be known, in words.
pub(super) fn saved_model(
    folder: &RunFolder,
    at: &str,
) -> Result<(SavedModel, Vec<String>), Failure> {
    let run = read_run(&folder.path)?;
    let mut model = SavedModel::of_run(folder, tries(&run, Split::Valid), at)?;
    let mut notes = Vec::new();
    model.card.verdict = verdict(&run, &mut notes)?;
    if model.card.verdict.is_none() {
        notes.push("no verdict: the run has no place in its sweep".to_owned());
    }
    match training_profile(folder, &run.trial.settings) {
        Ok(profile) => model.card.profile = profile,
        Err(why) => notes
            .push(format!("no profile of the training rows, by which a service sees drift: {why}")),
    }
    if model.card.metrics.test.is_none() {
        notes.push(
            "the test split was not opened: test.* is undefined in rules (kiln evaluate, \
            before registering)"
                .to_owned(),
        );
    }
    notes.extend(model.warnings());
    Ok((model, notes))
}

/// What chance says of the run's sweep, as `kiln compare SWEEP` says it.
fn verdict(run: &RunRecord, notes: &mut Vec<String>) -> Result<Option<Verdict>, Failure> {
    let Some(folder) = run.folder.ancestors().nth(2) else { return Ok(None) };
    let sweep = read_sweep_summaries(folder)?;
    let (mut runs, mut others): (Vec<RunRecord>, Vec<RunRecord>) =
        sweep.runs.into_iter().partition(|other| other.current || other.trial.id == run.trial.id);
    let mut comparison = compare(&runs, objective(&sweep.manifest, &runs));
    let files = ForecastFiles::default();
    weigh(&mut comparison, &mut runs, &mut others, &files);
    notes.extend(files.notes());
    notes.extend(
        sweep.damaged.iter().map(|(other, why)| format!("the verdict leaves out {other}: {why}")),
    );
    notes.extend(runs.iter().filter(|run| run.result.is_none()).filter_map(|run| {
        run.damage.first().map(|why| format!("the verdict leaves out {}: {why}", names(run).1))
    }));
    let (_, name) = names(run);
    Ok(comparison
        .rows
        .iter()
        .find(|row| row.runs.contains(&name))
        .map(|row| in_words(&comparison, row)))
}

fn in_words(comparison: &Comparison, row: &Row) -> Verdict {
    let found = comparison.significance.as_ref();
    Verdict {
        crowned: found.is_some_and(|found| found.crowned),
        rank: row.rank,
        rows: comparison.rows.iter().filter(|row| row.rank.is_some()).count(),
        best_baseline: found.map(|found| found.best_baseline.clone()),
        spa: found.and_then(|found| found.spa),
        diebold_mariano: found.and_then(|found| found.diebold_mariano),
        sentences: comparison.conclusion(),
    }
}

/// Of the data that the run was trained on, where that is still there.
fn training_profile(
    folder: &RunFolder,
    settings: &experiment::Settings,
) -> Result<Option<Vec<ColumnProfile>>, String> {
    let text = |failure: Failure| match failure {
        Failure::BadInput(message) | Failure::Machine(message) => message,
        Failure::Bug(error) => error.to_string(),
        Failure::OutputClosed => String::new(),
    };
    let (settings, _) = located(&folder.path, settings, None).map_err(text)?;
    let prepared = market::prepare(&settings.data).map_err(|error| error.to_string())?;
    Ok(profile(&settings.data, &prepared))
}
