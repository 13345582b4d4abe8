//! `kiln models verify`: reads every version with every check.

use serde::Serialize;
use std::io::Write;

use super::Registry;
use super::arguments::VerifyArgs;
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome};
use runs::model::SavedModel;
use runs::registry::{self, Gate, ModelEntry, Remark, VersionEntry};
use text::{Align, cleaned, table};

/// What a version is found to be.
#[derive(Debug, Serialize)]
struct VerifyRow {
    model: String,
    /// `None` of a model whose history cannot be read, and of its gate.
    version: Option<u32>,
    /// Why it cannot be used.
    problem: Option<String>,
    /// What deserves a warning, though it can be read.
    warnings: Vec<String>,
}

impl VerifyRow {
    fn of_gate(model: &str, problem: Option<String>, warnings: Vec<String>) -> Self {
        Self { model: model.to_owned(), version: None, problem, warnings }
    }
}

pub(super) fn run(
    registry: &Registry,
    args: &VerifyArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let VerifyArgs { name, strict } = args;
    if !registry.root.is_dir() {
        let root = cleaned(&registry.root.display().to_string());
        return Err(Failure::BadInput(format!(
            "{root}: there is no such folder, so nothing can be verified (--models names another)"
        )));
    }
    let mut models = registry::list(&registry.root)?;
    if let Some(name) = name {
        // Says what there is, where there is none of this name.
        if !models.iter().any(|entry| entry.name == *name) {
            registry::model(&registry.root, name)?;
        }
        models.retain(|entry| entry.name == *name);
    }
    let mut rows = Vec::new();
    for ModelEntry { name, versions, aliases: _, damage } in models {
        if let Some(damage) = damage {
            rows.push(VerifyRow {
                model: name.clone(),
                version: None,
                problem: Some(damage),
                warnings: Vec::new(),
            });
        }
        match Gate::remark(&registry.root, &name) {
            Ok(None) => {}
            Ok(Some(remark @ Remark::Changed)) => {
                rows.push(VerifyRow::of_gate(&name, None, vec![remark.in_words(&name)]))
            }
            Ok(Some(remark @ Remark::Removed { .. })) => {
                rows.push(VerifyRow::of_gate(&name, Some(remark.in_words(&name)), Vec::new()))
            }
            // Of a history that cannot be read it was told above.
            Err(error) if !versions.is_empty() => {
                rows.push(VerifyRow::of_gate(&name, Some(error.to_string()), Vec::new()))
            }
            Err(_) => {}
        }
        let state = registry::model(&registry.root, &name).unwrap_or_default();
        for VersionEntry { version, folder, .. } in versions {
            let recorded = state.versions.get(&version).map(|version| version.weights.as_str());
            let (problem, warnings) = match SavedModel::read(&folder) {
                Ok(model)
                    if recorded.is_some_and(|recorded| recorded != model.card.weights.sha256) =>
                {
                    (
                        Some("its weights are not those that were registered".to_owned()),
                        model.warnings(),
                    )
                }
                Ok(model) => (None, model.warnings()),
                Err(error) => (Some(error.to_string()), Vec::new()),
            };
            rows.push(VerifyRow { model: name.clone(), version: Some(version), problem, warnings });
        }
    }
    let broken = rows
        .iter()
        .filter(|row| row.problem.is_some() || *strict && !row.warnings.is_empty())
        .count();
    if registry.json {
        write_json(out, &rows)?
    } else {
        write_rows(out, &rows)?
    }
    if broken > 0 {
        return Err(Failure::BadInput(format!(
            "{broken} of {} cannot be used as they are; what was found beside each says how to \
                mend it, a damaged version is registered anew from its run",
            rows.len()
        )));
    }
    Ok(Outcome::Done)
}

fn write_rows(out: &mut dyn Write, rows: &[VerifyRow]) -> Result<(), Failure> {
    let header = ["version", "found"].map(|name| (name.to_owned(), Align::Left));
    let row = |VerifyRow { model, version, problem, warnings }: &VerifyRow| {
        let name = version.map_or_else(|| model.clone(), |version| format!("{model}@{version}"));
        let found = match problem {
            Some(problem) => cleaned(problem),
            None if warnings.is_empty() => "whole".to_owned(),
            None => format!("whole, but {}", cleaned(&warnings.join("; "))),
        };
        vec![name, found]
    };
    Ok(write!(out, "{}", table(&header, rows.iter().map(row)))?)
}
