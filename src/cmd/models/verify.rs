//! `kiln models verify`: reads every version with every check.

use serde::Serialize;
use std::io::Write;

use super::Registry;
use super::arguments::VerifyArgs;
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome};
use crate::compare::{Align, cleaned, table};
use crate::model::SavedModel;
use crate::registry::{self, ModelEntry, VersionEntry};

/// What a version is found to be.
#[derive(Debug, Serialize)]
struct VerifyRow {
    model: String,
    /// `None` of a model whose history cannot be read.
    version: Option<u32>,
    /// Why it cannot be used.
    problem: Option<String>,
    /// What is odd, though it can be read.
    warnings: Vec<String>,
}

pub(super) fn run(registry: &Registry, args: &VerifyArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let VerifyArgs { name, strict } = args;
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
            rows.push(VerifyRow { model: name.clone(), version: None, problem: Some(damage), warnings: Vec::new() });
        }
        let state = registry::model(&registry.root, &name).unwrap_or_default();
        for VersionEntry { version, folder, .. } in versions {
            let recorded = state.versions.get(&version).map(|version| version.weights.as_str());
            let (problem, warnings) = match SavedModel::read(&folder) {
                Ok(model) if recorded.is_some_and(|recorded| recorded != model.passport.weights.sha256) => {
                    (Some("its weights are not those that were registered".to_owned()), model.warnings())
                }
                Ok(model) => (None, model.warnings()),
                Err(error) => (Some(error.to_string()), Vec::new()),
            };
            rows.push(VerifyRow { model: name.clone(), version: Some(version), problem, warnings });
        }
    }
    let broken = rows.iter().filter(|row| row.problem.is_some() || *strict && !row.warnings.is_empty()).count();
    if registry.json {
        write_json(out, &rows)?
    } else {
        write_rows(out, &rows)?
    }
    if broken > 0 {
        return Err(Failure::BadInput(format!("{broken} of {} cannot be used; register their runs anew", rows.len())));
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
