//! `kiln models gc`: removes versions that nothing names.

use serde::Serialize;
use std::io::Write;

use super::Registry;
use super::arguments::GcArgs;
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome, clock};
use runs::registry::{self, Fate, GcPlan, Writer};
use runs::store;
use text::{Align, table};

/// What happened to a version.
#[derive(Debug, Serialize)]
struct GcRow {
    model: String,
    version: u32,
    removed: bool,
    /// Why.
    reason: String,
}

pub(super) fn run(
    registry: &Registry,
    args: &GcArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let GcArgs { name, all: _, keep, dry_run } = args;
    let names = match name {
        Some(name) => vec![name.clone()],
        None => registry::list(&registry.root)?
            .into_iter()
            .filter(|entry| entry.damage.is_none())
            .map(|entry| entry.name)
            .collect(),
    };
    if !dry_run {
        store::remove_leftovers(&registry.root, clock::system_time());
    }
    let mut rows = Vec::new();
    for name in names {
        let mut writer = Writer::open(&registry.root, &name, &clock::now())?;
        let plan = registry::plan(writer.state(), *keep);
        // What a crash left: folders that were never named, and those of versions that are gone.
        for orphan in writer.orphans()? {
            if !dry_run {
                writer.remove_folder(orphan)?;
            }
            rows.push(GcRow {
                model: name.clone(),
                version: orphan,
                removed: true,
                reason: "a folder that is not a version".to_owned(),
            });
        }
        if !dry_run {
            plan.removed().try_for_each(|version| writer.remove(version))?;
        }
        let GcPlan { versions } = plan;
        rows.extend(versions.into_iter().map(|(version, fate)| match fate {
            Fate::Kept(reason) => GcRow { model: name.clone(), version, removed: false, reason },
            Fate::Removed => GcRow {
                model: name.clone(),
                version,
                removed: true,
                reason: "nothing names it".to_owned(),
            },
        }));
    }
    if registry.json {
        write_json(out, &rows)?
    } else {
        write_rows(out, &rows, *dry_run)?
    }
    Ok(Outcome::Done)
}

fn write_rows(out: &mut dyn Write, rows: &[GcRow], dry_run: bool) -> Result<(), Failure> {
    let header = ["version", "", "reason"].map(|name| (name.to_owned(), Align::Left));
    let gone = if dry_run { "would go" } else { "removed" };
    let row = |GcRow { model, version, removed, reason }: &GcRow| {
        vec![
            format!("{model}@{version}"),
            if *removed { gone } else { "kept" }.to_owned(),
            reason.clone(),
        ]
    };
    Ok(write!(out, "{}", table(&header, rows.iter().map(row)))?)
}
