//! `kiln models register`: a finished run becomes the next version of a model.

use serde_json::json;
use std::io::Write;
use std::path::Path;

use super::Registry;
use super::arguments::RegisterArgs;
use super::from_run::saved_model;
use crate::cmd::selection::{run_folder, write_json};
use crate::cmd::{Failure, Outcome, clock};
use runs::model::{SavedModel, Source};
use runs::registry::{self, ModelState, Registration, Writer};

pub(super) fn run(
    registry: &Registry,
    args: RegisterArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let RegisterArgs { run, name, tags, again, runs } = args;
    registry::check_name(&name)?;
    let at = clock::now();
    let folder = Path::new(&run);
    let (model, notes) = if SavedModel::is_at(folder) {
        let model = SavedModel::read(folder)?;
        let warnings = model.warnings();
        (model, warnings)
    } else {
        saved_model(&run_folder(&runs, &run)?, &at)?
    };
    Version { model, name, tags, again, at, notes }.add(registry, out)
}

/// A version to be.
pub(super) struct Version {
    pub model: SavedModel,
    /// Of the model.
    pub name: String,
    pub tags: Vec<String>,
    /// Whether it is made although the same weights of the same source are there.
    pub again: bool,
    /// Now, RFC 3339 in UTC.
    pub at: String,
    /// For a person.
    pub notes: Vec<String>,
}

impl Version {
    /// Makes it the next one, and prints its name.
    pub(super) fn add(self, registry: &Registry, out: &mut dyn Write) -> Result<Outcome, Failure> {
        let Self { model, name, tags, again, at, mut notes } = self;
        let mut writer = Writer::create(&registry.root, &name, &at)?;
        let (version, is_new) = match already(writer.state(), &model).filter(|_| !again) {
            Some(version) => {
                let told = "nothing was changed (--again makes another version)";
                notes = vec![format!("it is registered already, as {name}@{version}; {told}")];
                (version, false)
            }
            None => {
                let registration = Registration {
                    source: source(&model),
                    weights: model.card.weights.sha256.clone(),
                    tags,
                };
                (writer.register(registration, |folder| model.write(folder))?, true)
            }
        };
        if registry.json {
            let folder = writer.version_folder(version);
            write_json(
                out,
                &json!({
                    "model": name, "version": version, "new": is_new,
                    "folder": folder.display().to_string(), "notes": notes,
                }),
            )?;
        } else {
            writeln!(out, "{name}@{version}")?;
            for note in notes {
                // Messages: a script takes the name from stdout.
                writeln!(std::io::stderr(), "{}", text::clean(&note))?;
            }
        }
        Ok(Outcome::Done)
    }
}

/// The newest version of the same run with the same weights.
fn already(state: &ModelState, model: &SavedModel) -> Option<u32> {
    let source = source(model);
    let is_same = |version: &registry::VersionState| {
        version.source == source && version.weights == model.card.weights.sha256
    };
    state.versions.iter().rev().find(|(_, version)| is_same(version)).map(|(number, _)| *number)
}

fn source(model: &SavedModel) -> String {
    match &model.card.source {
        Source::Run { sweep, run, .. } => format!("{sweep}/{run}"),
        Source::Import { file, .. } => file.clone(),
    }
}
