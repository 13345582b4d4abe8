//! The data that a run was trained on, wherever it lies now.

use std::path::{Path, PathBuf};

use super::Failure;
use experiment::trial::TrialId;
use experiment::{Settings, Source};
use market::{self, Unlocated};
use runs::store::data_places;

/// The settings of the run in `folder` with its data where it lies now, and the data's fingerprint:
/// in the file that was given (`--data`), or where it was, or where it went with the folders around
/// the run.
///
/// # Errors
/// When there is no file whose content is the one that the run was trained on: its identity would
/// be another.
pub(super) fn located(
    folder: &Path,
    settings: &Settings,
    given: Option<&Path>,
) -> Result<(Settings, String), Failure> {
    let id = TrialId(
        folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    );
    let places = places(folder, &settings.data.source, given)?;
    let found = market::locate(&settings.data.source, &places, |fingerprint| {
        id.is_of(settings, fingerprint)
    });
    match found {
        Ok((source, fingerprint)) => {
            let mut settings = settings.clone();
            settings.data.source = source;
            Ok((settings, fingerprint))
        }
        Err(problem) => {
            Err(Failure::BadInput(format!("{}: {}", folder.display(), in_words(problem, settings))))
        }
    }
}

fn places(folder: &Path, source: &Source, given: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    match (given, source) {
        (Some(_), Source::Synthetic(_)) => Err(Failure::BadInput(
            "--data names a file, but the run was trained on generated bars".to_owned(),
        )),
        (Some(given), Source::File { .. }) => Ok(vec![given.to_owned()]),
        (None, Source::File { path, .. }) => {
            Ok(data_places(folder.ancestors().nth(2).unwrap_or(Path::new(".")), path))
        }
        (None, Source::Synthetic(_)) => Ok(Vec::new()),
    }
}

/// Why the data of a run was not found.
fn in_words(problem: Unlocated, settings: &Settings) -> String {
    match problem {
        Unlocated::Missing(path) => format!(
            "its data, {}, is not there any more, nor in the folders around the run; name the file \
                with --data FILE",
            path.display()
        ),
        Unlocated::Changed { path, fingerprint } => format!(
            "the data file is not the one that the run was trained on (the content of '{}' would \
                make it run {}); name another with --data FILE",
            path.display(),
            TrialId::of(settings, &fingerprint)
        ),
        Unlocated::Unreadable(error) => error.to_string(),
    }
}
