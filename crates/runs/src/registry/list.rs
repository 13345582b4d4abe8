//! What there is: models, their versions, and which of them a reference means. Readers never lock.

use crate::files;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::history::{self, Entry};
use super::name::{CHAMPION, model_name};
use super::{ModelState, Reference, RegistryError, Wanted};

/// Names that an error lists.
const LISTED: usize = 10;

/// A version's folder, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The model's name.
    pub name: String,
    /// The version's number.
    pub version: u32,
    /// A saved model.
    pub folder: PathBuf,
    /// The alias by which it was found; `None` when a number or `latest` was asked for.
    pub alias: Option<String>,
}

/// A model with its versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelEntry {
    /// Its name.
    pub name: String,
    /// Ascending by number.
    pub versions: Vec<VersionEntry>,
    /// Where the aliases point.
    pub aliases: BTreeMap<String, u32>,
    /// Why its history cannot be read; then it has no versions here.
    pub damage: Option<String>,
}

/// A version of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionEntry {
    /// Its number.
    pub version: u32,
    /// A saved model.
    #[serde(serialize_with = "text::path")]
    pub folder: PathBuf,
    /// When it was registered, RFC 3339 in UTC.
    pub registered_at: String,
    /// `sweep/run`, or the name of an imported file.
    pub source: String,
    /// The aliases that point to it.
    pub aliases: Vec<String>,
    /// By key.
    pub tags: BTreeMap<String, String>,
}

/// Changes whenever a model, a version, an alias or a tag does: cheap to take (one look at each
/// history), compared for equality.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation(Vec<(String, u64, Option<SystemTime>)>);

/// The version that `NAME` (its champion), `NAME@ALIAS`, `NAME@3` or `NAME@latest` means under
/// `root`.
///
/// # Errors
/// When the reference is not a legal name, names nothing (with what there is), or what it names is
/// damaged.
pub fn resolve(root: &Path, reference: &str) -> Result<Resolved, RegistryError> {
    let Reference { name, wanted } = Reference::parse(reference)?;
    // A version may be removed between the look at the history and the one at its folder: then the
    // history says so by now.
    for _ in 0..3 {
        let (version, alias) = chosen(&name, &wanted, &model(root, &name)?)?;
        let folder = version_folder(&model_folder(root, &name)?, version);
        if files::is_folder(&folder)? {
            return Ok(Resolved { name, version, folder, alias });
        }
    }
    Err(RegistryError::Damaged(format!(
        "{name}: the history has a version that '{reference}' names, but its folder is gone"
    )))
}

/// Every model under `root`, by name; one that cannot be read is there with the reason.
///
/// # Errors
/// When `root` cannot be listed.
pub fn list(root: &Path) -> Result<Vec<ModelEntry>, RegistryError> {
    let mut models = Vec::new();
    for name in names(root)? {
        let entry = |state: ModelState| entry(&root.join(&name), &name, &state);
        match model(root, &name) {
            Ok(state) => models.push(entry(state)),
            Err(RegistryError::Unknown(_)) => {}
            Err(error) => models.push(ModelEntry {
                damage: Some(error.to_string()),
                ..entry(ModelState::default())
            }),
        }
    }
    Ok(models)
}

/// What the history of a model comes to.
///
/// # Errors
/// When there is no model of this name (with those that there are), or its history is damaged.
pub fn model(root: &Path, name: &str) -> Result<ModelState, RegistryError> {
    let found = model_folder(root, name).and_then(|folder| state_in(&folder));
    match found {
        Ok(state) if state.lines > 0 => Ok(state),
        // What is not a model may be what is left of one.
        Ok(_) | Err(RegistryError::Unknown(_)) => {
            Err(remains(root, name)?.unwrap_or_else(|| unknown(root, name)))
        }
        Err(error) => Err(error),
    }
}

/// What a model's folder lacks though it held a model: versions without a history, or a history
/// without versions.
pub(super) fn remains(root: &Path, name: &str) -> Result<Option<RegistryError>, RegistryError> {
    let name = model_name(name)?;
    let Some(name) = names(root)?.into_iter().find(|there| *there == name) else { return Ok(None) };
    let (folder, history) = (root.join(&name), history::path_in(&root.join(&name)));
    if !files::is_folder(&folder)? {
        return Ok(None);
    }
    let has_history = fs::symlink_metadata(&history).is_ok_and(|meta| meta.len() > 0);
    if has_history && !files::is_folder(&folder.join("versions"))? {
        let gone = "is gone, and the history tells of versions in it; restore it from a copy";
        return Ok(Some(RegistryError::damaged(&folder.join("versions"), gone)));
    }
    let whole = |number: &String| folder.join("versions").join(number).join("SHA256SUMS").is_file();
    let is_version = |name: &String| name.parse::<u32>().is_ok();
    let names = files::names_in(&folder.join("versions"))?;
    let whole: Vec<String> = names.into_iter().filter(is_version).filter(whole).collect();
    // A first version is whole before the history names it: a writer may be between the two.
    let is_written = || fs::symlink_metadata(&history).is_ok_and(|meta| meta.len() > 0);
    if has_history || whole.is_empty() || is_written() {
        return Ok(None);
    }
    let problem = format!(
        "is missing or empty, though there are versions ({}); where the aliases point is unknown: \
            restore the file from a copy (where a first registering was cut off: kiln models gc \
            {name}, and register anew)",
        whole.join(", ")
    );
    Ok(Some(RegistryError::damaged(&history, problem)))
}

/// Everything that ever happened to a model.
///
/// # Errors
/// As [`model`].
pub fn history(root: &Path, name: &str) -> Result<Vec<Entry>, RegistryError> {
    let entries = history::read(&model_folder(root, name)?)?;
    if entries.is_empty() { Err(unknown(root, name)) } else { Ok(entries) }
}

/// Whether anything changed since another generation was taken.
///
/// # Errors
/// When `root` cannot be listed.
pub fn generation(root: &Path) -> Result<Generation, RegistryError> {
    let of = |name: String| {
        let meta = fs::symlink_metadata(history::path_in(&root.join(&name))).ok()?;
        Some((name, meta.len(), meta.modified().ok()))
    };
    Ok(Generation(names(root)?.into_iter().filter_map(of).collect()))
}

/// The folder of a model that is there: its name is one of those that `root` holds.
pub(super) fn model_folder(root: &Path, name: &str) -> Result<PathBuf, RegistryError> {
    let name = model_name(name)?;
    let found = names(root)?.into_iter().find(|there| *there == name);
    let folder = root.join(found.ok_or_else(|| unknown(root, &name))?);
    let versions = folder.join("versions");
    if files::is_folder(&folder)? && files::is_folder(&versions)? {
        Ok(folder)
    } else {
        Err(unknown(root, &name))
    }
}

/// The fold of the history in a model's folder.
pub(super) fn state_in(folder: &Path) -> Result<ModelState, RegistryError> {
    let entries = history::read(folder)?;
    ModelState::of(&entries).map_err(|why| RegistryError::damaged(&history::path_in(folder), why))
}

pub(super) fn version_folder(model: &Path, version: u32) -> PathBuf {
    model.join("versions").join(version.to_string())
}

/// Legal names under `root`.
fn names(root: &Path) -> Result<Vec<String>, RegistryError> {
    let mut names = files::names_in(root)?;
    names.retain(|name| model_name(name).is_ok());
    Ok(names)
}

/// Which version is wanted, and by which alias.
pub(super) fn chosen(
    name: &str,
    wanted: &Wanted,
    state: &ModelState,
) -> Result<(u32, Option<String>), RegistryError> {
    let unknown = |what: String| {
        Err(RegistryError::Unknown(format!(
            "{name} has no {what} ({})",
            what_there_is(name, state)
        )))
    };
    match wanted {
        Wanted::Latest => match state.versions.last_key_value() {
            Some((version, _)) => Ok((*version, None)),
            None => unknown("version".to_owned()),
        },
        Wanted::Version(version) if state.versions.contains_key(version) => Ok((*version, None)),
        Wanted::Version(version) if *version <= state.highest => {
            unknown(format!("version {version} any more: it was removed"))
        }
        Wanted::Version(version) => unknown(format!("version {version}")),
        Wanted::Default | Wanted::Alias(_) => {
            let alias = if let Wanted::Alias(alias) = wanted { alias } else { CHAMPION };
            match state.aliases.get(alias).and_then(|alias| alias.version) {
                Some(version) => Ok((version, Some(alias.to_owned()))),
                None if *wanted == Wanted::Default => unknown(format!(
                    "champion yet: name a version, or promote one with `kiln models promote \
                        {name}@VERSION`"
                )),
                None => unknown(format!("alias '{alias}'")),
            }
        }
    }
}

fn what_there_is(name: &str, state: &ModelState) -> String {
    let versions =
        state.versions.keys().rev().take(LISTED).map(|version| format!("{name}@{version}"));
    let aliases = state
        .aliases
        .iter()
        .filter_map(|(alias, to)| Some(format!("{name}@{alias} = {}", to.version?)));
    let there: Vec<String> = aliases.chain(versions).collect();
    if there.is_empty() {
        "all its versions were removed".to_owned()
    } else {
        format!("there are {}", there.join(", "))
    }
}

fn unknown(root: &Path, name: &str) -> RegistryError {
    let is_model = |name: &String| history::path_in(&root.join(name)).is_file();
    let names: Vec<String> = names(root).unwrap_or_default().into_iter().filter(is_model).collect();
    let near = names.iter().find(|near| strsim::jaro_winkler(near, name) > 0.8);
    let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    let there = match names.len() {
        0 => "no models yet; register one with `kiln models register RUN --name NAME`".to_owned(),
        many if many > LISTED => {
            format!("{} and {} more", names[..LISTED].join(", "), many - LISTED)
        }
        _ => names.join(", "),
    };
    RegistryError::Unknown(format!(
        "{}: no model is named '{name}'{hint} (there are {there})",
        root.display()
    ))
}

fn entry(folder: &Path, name: &str, state: &ModelState) -> ModelEntry {
    let version = |(number, version): (&u32, &super::VersionState)| VersionEntry {
        version: *number,
        folder: version_folder(folder, *number),
        registered_at: version.registered_at.clone(),
        source: version.source.clone(),
        aliases: state.aliases_of(*number),
        tags: version.tags.clone(),
    };
    ModelEntry {
        name: name.to_owned(),
        versions: state.versions.iter().map(version).collect(),
        aliases: state
            .aliases
            .iter()
            .filter_map(|(alias, to)| Some((alias.clone(), to.version?)))
            .collect(),
        damage: None,
    }
}
