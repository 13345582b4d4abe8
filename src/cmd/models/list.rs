//! `kiln models list`: models, or the versions of one.

use serde::Serialize;
use std::io::Write;

use super::Registry;
use super::tag::in_words;
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome};
use experiment::metric::{Metric, Split};
use runs::model::{ModelCard, SavedModel};
use runs::registry::{self, Gate, ModelEntry, RegistryError, Remark, VersionEntry};
use text::{Align, cleaned, number, table};

pub(super) fn run(
    registry: &Registry,
    name: Option<&str>,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    match name {
        None => {
            let models = registry::list(&registry.root)?;
            if registry.json {
                write_json(out, &models)?
            } else {
                write_models(registry, &models, out)?
            }
        }
        Some(name) => {
            registry::model(&registry.root, name)?;
            let entry =
                registry::list(&registry.root)?.into_iter().find(|entry| entry.name == name);
            let entry = entry.ok_or_else(|| {
                RegistryError::Unknown(format!("no model is named '{name}' any more"))
            })?;
            let rows: Vec<VersionRow> = entry.versions.into_iter().map(VersionRow::new).collect();
            if registry.json {
                write_json(out, &rows)?
            } else {
                write!(out, "{}", versions_table(name, &rows))?
            }
        }
    }
    Ok(Outcome::Done)
}

/// A version with the numbers of its model card.
#[derive(Debug, Serialize)]
struct VersionRow {
    #[serde(flatten)]
    entry: VersionEntry,
    skill: Option<f64>,
    test_skill: Option<f64>,
    crowned: Option<bool>,
    trials: Option<usize>,
    /// Why it cannot be read.
    damage: Option<String>,
}

impl VersionRow {
    fn new(entry: VersionEntry) -> Self {
        match SavedModel::read(&entry.folder) {
            Ok(SavedModel { card: ModelCard { metrics, verdict, selection, .. }, .. }) => Self {
                entry,
                skill: metrics.value(Metric::DEFAULT),
                test_skill: metrics.value(Metric { split: Split::Test, ..Metric::DEFAULT }),
                crowned: verdict.map(|verdict| verdict.crowned && verdict.rank == Some(1)),
                trials: selection.map(|selection| selection.ever),
                damage: None,
            },
            Err(error) => Self {
                entry,
                skill: None,
                test_skill: None,
                crowned: None,
                trials: None,
                damage: Some(error.to_string()),
            },
        }
    }
}

fn write_models(
    registry: &Registry,
    models: &[ModelEntry],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if models.is_empty() {
        let root = cleaned(&registry.root.display().to_string());
        writeln!(
            out,
            "{root} holds no models yet; register one with `kiln models register RUN --name NAME`"
        )?;
        return Ok(());
    }
    let columns = [
        ("model", Align::Left),
        ("versions", Align::Right),
        ("newest", Align::Right),
        ("aliases", Align::Left),
        ("rules", Align::Right),
    ];
    let row = |entry: &ModelEntry| {
        let ModelEntry { name, versions, aliases, damage } = entry;
        if let Some(damage) = damage {
            return vec![
                name.clone(),
                number(None),
                number(None),
                format!("damaged: {}", cleaned(damage)),
            ];
        }
        let aliases: Vec<String> =
            aliases.iter().map(|(alias, to)| format!("{alias} = {to}")).collect();
        let rules =
            Gate::read(&registry.root, name).map(|gate| gate.map_or(0, |gate| gate.rules.len()));
        vec![
            name.clone(),
            versions.len().to_string(),
            versions.last().map_or_else(|| number(None), |newest| newest.version.to_string()),
            aliases.join(", "),
            match (rules, Gate::remark(&registry.root, name)) {
                (Ok(_), Ok(Some(Remark::Removed { .. }))) => "removed by hand".to_owned(),
                (Ok(rules), Ok(Some(Remark::Changed))) => format!("{rules}, changed by hand"),
                (Ok(rules), _) => rules.to_string(),
                (Err(_), _) => "damaged".to_owned(),
            },
        ]
    };
    Ok(write!(
        out,
        "{}",
        table(&columns.map(|(name, align)| (name.to_owned(), align)), models.iter().map(row))
    )?)
}

fn versions_table(name: &str, rows: &[VersionRow]) -> String {
    let columns = [
        ("version", Align::Left),
        ("aliases", Align::Left),
        ("registered", Align::Left),
        ("from", Align::Left),
        ("valid.skill", Align::Right),
        ("test.skill", Align::Right),
        ("crowned", Align::Left),
        ("trials", Align::Right),
        ("tags", Align::Left),
    ];
    let row = |row: &VersionRow| {
        let VersionRow { entry, skill, test_skill, crowned, trials, damage } = row;
        let tags = match damage {
            Some(damage) => format!("damaged: {}", cleaned(damage)),
            None if entry.tags.is_empty() => String::new(),
            None => in_words(&entry.tags),
        };
        vec![
            format!("{name}@{}", entry.version),
            entry.aliases.join(", "),
            cleaned(entry.registered_at.get(..19).unwrap_or(&entry.registered_at)),
            cleaned(&entry.source),
            number(*skill),
            number(*test_skill),
            crowned.map_or_else(
                || number(None),
                |crowned| if crowned { "yes" } else { "no" }.to_owned(),
            ),
            trials.map_or_else(|| number(None), |trials| trials.to_string()),
            tags,
        ]
    };
    table(&columns.map(|(name, align)| (name.to_owned(), align)), rows.iter().map(row))
}
