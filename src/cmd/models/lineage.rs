//! `kiln models lineage`: from a version back to the data, and what it took over from.

use serde::Serialize;
use std::io::Write;

use super::Registry;
use super::show::origin;
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome};
use runs::model::{ModelCard, SavedModel, Selection, Source};
use runs::registry::{self, Entry, Event, Resolved};
use text::cleaned;

/// From a version back to the data.
#[derive(Debug, Serialize)]
struct Lineage {
    model: String,
    version: u32,
    source: Source,
    /// The data file's name; `None` of a generated series.
    data: Option<String>,
    /// blake3.
    data_fingerprint: String,
    /// Of the program that saved it.
    kiln_version: String,
    selection: Option<Selection>,
    /// The champion whose place it took when it became the champion first.
    parent: Option<u32>,
    /// What happened to it, in order.
    history: Vec<Entry>,
}

pub(super) fn run(
    registry: &Registry,
    reference: &str,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let Resolved { name, version, folder, alias: _ } = registry.version(reference)?;
    let SavedModel { card, .. } = SavedModel::read(&folder)?;
    let ModelCard { source, settings, data_fingerprint, kiln_version, selection, .. } = card;
    let history: Vec<Entry> = registry::history(&registry.root, &name)?
        .into_iter()
        .filter(|entry| is_about(&entry.event, version))
        .collect();
    let first = history.iter().find_map(|entry| match &entry.event {
        Event::Promoted { alias, from, to, .. }
            if alias == registry::CHAMPION && *to == version =>
        {
            Some(*from)
        }
        _ => None,
    });
    let data = match settings.data.source {
        experiment::Source::File { path, .. } => {
            path.file_name().map(|name| name.to_string_lossy().into_owned())
        }
        experiment::Source::Synthetic(_) => None,
    };
    let lineage = Lineage {
        model: name,
        version,
        source,
        data,
        data_fingerprint,
        kiln_version,
        selection,
        parent: first.flatten(),
        history,
    };
    if registry.json {
        write_json(out, &lineage)?
    } else {
        write_lineage(out, &lineage)?
    }
    Ok(Outcome::Done)
}

fn write_lineage(out: &mut dyn Write, lineage: &Lineage) -> Result<(), Failure> {
    let Lineage {
        model,
        version,
        source,
        data,
        data_fingerprint,
        kiln_version,
        selection,
        parent,
        history,
    } = lineage;
    writeln!(out, "version     {model}@{version}, saved by kiln {}", cleaned(kiln_version))?;
    writeln!(out, "from        {}", origin(source))?;
    match source {
        Source::Run { sweep, question, kiln_version, git_revision, git_dirty, .. } => {
            let question =
                question.as_ref().map(|question| format!(": {question}")).unwrap_or_default();
            let trials = selection
                .as_ref()
                .map(|selection| format!(", {} trials", selection.sweep))
                .unwrap_or_default();
            writeln!(out, "experiment  {}{trials}", cleaned(&format!("{sweep}{question}")))?;
            let dirty = match git_dirty {
                Some(true) => " with changed files",
                Some(false) => ", no file changed",
                None => "",
            };
            let revision = git_revision
                .as_ref()
                .map_or_else(|| "not known".to_owned(), |revision| format!("{revision}{dirty}"));
            writeln!(
                out,
                "commit      {} (trained by kiln {})",
                cleaned(&revision),
                cleaned(kiln_version)
            )?;
        }
        Source::Import { sha256, .. } => writeln!(out, "file        sha256 {}", cleaned(sha256))?,
    }
    writeln!(
        out,
        "data        {}, blake3 {}",
        data.as_ref().map_or_else(|| "a generated series".to_owned(), |data| cleaned(data)),
        cleaned(data_fingerprint)
    )?;
    if let Some(parent) = parent {
        writeln!(out, "parent      {model}@{parent}, the champion before it")?;
    }
    writeln!(out, "history")?;
    for entry in history {
        writeln!(out, "  {}  {}", cleaned(&entry.at), in_words(model, &entry.event))?;
    }
    Ok(())
}

fn is_about(event: &Event, number: u32) -> bool {
    match event {
        Event::Registered { version, .. }
        | Event::Tagged { version, .. }
        | Event::Untagged { version, .. }
        | Event::Removed { version } => *version == number,
        Event::Promoted { from, to, .. } | Event::RolledBack { from, to, .. } => {
            *to == number || *from == Some(number)
        }
        Event::Unaliased { from, .. } => *from == number,
        // Of the model, and not of a version.
        Event::Gated { .. } => false,
    }
}

fn in_words(model: &str, event: &Event) -> String {
    let before = |from: &Option<u32>| {
        from.map(|from| format!(" instead of {model}@{from}")).unwrap_or_default()
    };
    let because = |reason: &Option<String>| {
        reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
    };
    let words = match event {
        Event::Registered { source, .. } => format!("registered from {source}"),
        Event::Tagged { key, value, .. } if value.is_empty() => format!("tagged {key}"),
        Event::Tagged { key, value, .. } => format!("tagged {key}={value}"),
        Event::Untagged { key, .. } => format!("tag {key} taken away"),
        Event::Promoted { alias, from, to, findings, forced, reason } => {
            let passed = findings.iter().filter(|finding| finding.passed).count();
            let rules = if findings.is_empty() {
                String::new()
            } else {
                format!(", {passed} of {} rules passed", findings.len())
            };
            let forced = if *forced { ", by force" } else { "" };
            format!("{alias} = {model}@{to}{}{rules}{forced}{}", before(from), because(reason))
        }
        Event::RolledBack { alias, from, to, reason } => {
            format!("{alias} rolled back to {model}@{to}{}{}", before(from), because(reason))
        }
        Event::Unaliased { alias, .. } => format!("{alias} = nothing"),
        Event::Gated { rules } if rules.is_empty() => "gate dropped".to_owned(),
        Event::Gated { rules } => format!("gate: {}", rules.join(", ")),
        Event::Removed { .. } => "removed".to_owned(),
    };
    cleaned(&words)
}
