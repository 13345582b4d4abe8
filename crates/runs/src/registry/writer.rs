//! The one writer of a model: each change is one line of its history, and counts from then on.

use crate::files::{self, Links, Lock, Patience};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::history::{self, Entry, Event};
use super::name::{alias_name, model_name, tag, tag_key};
use super::{Finding, Gate, ModelState, RegistryError, Rule, Wanted, list};

/// A model locked for a change; let go of when dropped.
#[derive(Debug)]
pub struct Writer {
    name: String,
    folder: PathBuf,
    at: String,
    state: ModelState,
    _lock: Lock,
}

/// What is said of a new version, besides its files.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// Where it came from: `sweep/run`, or the name of an imported file.
    pub source: String,
    /// sha256 of its weights, hexadecimal.
    pub weights: String,
    /// `KEY=VALUE` or `KEY`.
    pub tags: Vec<String>,
}

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// Where the alias pointed; `None` when it was dropped.
    pub from: Option<u32>,
    /// Where it points now.
    pub to: u32,
    /// Former targets that were passed over because they were removed.
    pub passed: Vec<u32>,
}

impl Writer {
    /// Locks a model that is there. `at` (RFC 3339, UTC) stamps what is written.
    ///
    /// # Errors
    /// When there is none of this name, another process writes, or the history is damaged.
    pub fn open(root: &Path, name: &str, at: &str) -> Result<Self, RegistryError> {
        let folder = list::model_folder(root, name)?;
        let lock = locked(&folder, at)?;
        Self::locked(folder, name, at, lock)
    }

    /// Locks a model and makes it where it is not there.
    ///
    /// # Errors
    /// When the name is not legal, a folder cannot be made, another process writes, or the history
    /// is damaged or gone.
    pub fn create(root: &Path, name: &str, at: &str) -> Result<Self, RegistryError> {
        let name = model_name(name)?;
        fs::create_dir_all(root)
            .map_err(|error| RegistryError::system(root, "the folder cannot be made", &error))?;
        let folder = root.join(&name);
        make_folder(&folder)?;
        let lock = locked(&folder, at)?;
        // A new history beside versions that it does not name would hide what was lost.
        if let Some(error) = list::remains(root, &name)? {
            return Err(error);
        }
        make_folder(&folder.join("versions"))?;
        Self::locked(folder, &name, at, lock)
    }

    fn locked(folder: PathBuf, name: &str, at: &str, lock: Lock) -> Result<Self, RegistryError> {
        let state = list::state_in(&folder)?;
        Ok(Self { name: name.to_owned(), folder, at: at.to_owned(), state, _lock: lock })
    }

    /// What the history comes to; nobody else changes it now.
    #[must_use]
    pub fn state(&self) -> &ModelState {
        &self.state
    }

    /// The version that is meant, now that nobody else changes it.
    ///
    /// # Errors
    /// When there is none.
    pub fn chosen(&self, wanted: &Wanted) -> Result<u32, RegistryError> {
        list::chosen(&self.name, wanted, &self.state).map(|(version, _)| version)
    }

    /// The folder of one of its versions.
    #[must_use]
    pub fn version_folder(&self, version: u32) -> PathBuf {
        list::version_folder(&self.folder, version)
    }

    /// Makes the next version: `write` fills its folder, and only then the history names it.
    ///
    /// # Errors
    /// When a tag is not legal, `write` fails (its folder is removed again), or a file cannot be
    /// written.
    pub fn register<E>(
        &mut self,
        registration: Registration,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<u32, RegistryError>
    where
        RegistryError: From<E>,
    {
        let Registration { source, weights, tags } = registration;
        let tags = tags.iter().map(|text| tag(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
        let version = self.next_folder()?;
        let folder = self.version_folder(version);
        let written = write(&folder).map_err(RegistryError::from);
        let synced =
            written.and_then(|()| sync(&folder)).and_then(|()| sync(&self.folder.join("versions")));
        if let Err(error) = synced {
            // Best effort: nobody names it.
            drop(fs::remove_dir_all(&folder));
            return Err(error);
        }
        self.append(Event::Registered { version, source, weights, tags })?;
        Ok(version)
    }

    /// Gives a version a tag (`KEY=VALUE` or `KEY`).
    ///
    /// # Errors
    /// When the tag is not legal, or the version not there.
    pub fn tag(&mut self, version: u32, text: &str) -> Result<Entry, RegistryError> {
        let (key, value) = tag(text)?;
        self.append(Event::Tagged { version, key, value })
    }

    /// Takes a tag from a version.
    ///
    /// # Errors
    /// When the version is not there, or does not have the tag.
    pub fn untag(&mut self, version: u32, key: &str) -> Result<Entry, RegistryError> {
        let key = tag_key(key)?;
        let tags = self.state.versions.get(&version).map(|version| &version.tags);
        if tags.is_some_and(|tags| tags.contains_key(&key)) {
            return self.append(Event::Untagged { version, key });
        }
        let has: Vec<&str> = tags.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let has = if has.is_empty() {
            "no tags".to_owned()
        } else {
            format!("the tags {}", has.join(", "))
        };
        Err(RegistryError::Refused(format!(
            "{}@{version} has no tag '{key}' (it has {has})",
            self.name
        )))
    }

    /// Stores the rules that a champion must pass, in place of former ones; none drops the gate.
    /// The history knows of them first: a kill in between leaves a gate that is missed, never one
    /// that is forgotten.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn gate(&mut self, rules: &[Rule]) -> Result<(), RegistryError> {
        self.remember_gate(rules)?;
        if rules.is_empty() {
            Gate::clear_in(&self.folder).map(|_| ())
        } else {
            Gate::write_in(&self.folder, &self.name, rules)
        }
    }

    /// Lets the history know of a gate that a former version stored, or that was written by hand.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn remember_gate(&mut self, rules: &[Rule]) -> Result<(), RegistryError> {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        if self.state.gate.as_ref() != Some(&rules)
            && !(self.state.gate.is_none() && rules.is_empty())
        {
            self.append(Event::Gated { rules })?;
        }
        Ok(())
    }

    /// Points an alias to a version, with what the gate found; `forced` where a finding was against
    /// it.
    ///
    /// # Errors
    /// When the alias is not legal or points there already, or the version is not there.
    pub fn promote(
        &mut self,
        alias: &str,
        to: u32,
        findings: Vec<Finding>,
        reason: Option<String>,
    ) -> Result<Entry, RegistryError> {
        let alias = alias_name(alias)?;
        let from = self.state.aliases.get(&alias).and_then(|alias| alias.version);
        if from == Some(to) {
            return Err(RegistryError::Refused(format!(
                "{}@{to} is '{alias}' already; nothing was changed",
                self.name
            )));
        }
        let forced = findings.iter().any(|finding| !finding.passed);
        self.append(Event::Promoted { alias, from, to, findings, forced, reason })
    }

    /// Points an alias back to where it pointed before.
    ///
    /// # Errors
    /// When there is no such alias, or nothing before that is still there.
    pub fn roll_back(
        &mut self,
        alias: &str,
        reason: Option<String>,
    ) -> Result<RolledBack, RegistryError> {
        let alias = alias_name(alias)?;
        let refused = |what: String| {
            RegistryError::Refused(format!("{}: {what}; nothing was changed", self.name))
        };
        let Some(present) = self.state.aliases.get(&alias) else {
            let known: Vec<&str> = self.state.aliases.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            return Err(refused(format!("no version was ever '{alias}' ({known})")));
        };
        let from = present.version;
        let Some(to) = self.state.before(&alias) else {
            let now = from
                .map_or_else(|| "nowhere".to_owned(), |version| format!("to version {version}"));
            return Err(refused(format!(
                "'{alias}' points {now}, and to nothing before it that is still there"
            )));
        };
        let passed =
            present.former.iter().rev().copied().take_while(|version| *version != to).collect();
        self.append(Event::RolledBack { alias, from, to, reason })?;
        Ok(RolledBack { from, to, passed })
    }

    /// Makes an alias point nowhere.
    ///
    /// # Errors
    /// When it points nowhere now.
    pub fn unalias(&mut self, alias: &str) -> Result<Entry, RegistryError> {
        let alias = alias_name(alias)?;
        let points = |(name, state): (&String, &super::AliasState)| {
            Some(format!("{name} = {}", state.version?))
        };
        match self.state.aliases.get(&alias).and_then(|alias| alias.version) {
            Some(from) => self.append(Event::Unaliased { alias, from }),
            None => {
                let there: Vec<String> = self.state.aliases.iter().filter_map(points).collect();
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                Err(RegistryError::Refused(format!(
                    "{} has no alias '{alias}' (it has {there})",
                    self.name
                )))
            }
        }
    }

    /// Removes a version to which no alias points: first from the history, then its folder.
    ///
    /// # Errors
    /// When it is not there or an alias points to it, or its files cannot be removed.
    pub fn remove(&mut self, version: u32) -> Result<(), RegistryError> {
        self.append(Event::Removed { version })?;
        self.remove_folder(version)
    }

    /// Folders of numbers that the history does not name: a crash left them.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn orphans(&self) -> Result<Vec<u32>, RegistryError> {
        Ok(self
            .numbers()?
            .into_iter()
            .filter(|number| !self.state.versions.contains_key(number))
            .collect())
    }

    /// Removes the folder of a version that the history does not name.
    ///
    /// # Errors
    /// When it does, or a file cannot be removed.
    pub fn remove_folder(&self, version: u32) -> Result<(), RegistryError> {
        if self.state.versions.contains_key(&version) {
            return Err(RegistryError::Refused(format!(
                "{}@{version} is there; its folder stays",
                self.name
            )));
        }
        let folder = self.version_folder(version);
        if !files::is_folder(&folder)? {
            return Ok(());
        }
        // Without its checksums it holds no model: half a folder is never read as a whole one.
        match fs::remove_file(folder.join("SHA256SUMS")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(RegistryError::io(&folder, error));
            }
            _ => {}
        }
        fs::remove_dir_all(&folder)
            .map_err(|error| RegistryError::io(&folder, format_args!("cannot be removed: {error}")))
    }

    /// The next number's folder, made with create-new: a number that was ever given, or that a
    /// folder bears, is not given again.
    fn next_folder(&self) -> Result<u32, RegistryError> {
        let taken = self.numbers()?.last().copied().unwrap_or(0).max(self.state.highest);
        let mut version = taken;
        loop {
            version = version.checked_add(1).ok_or_else(|| {
                RegistryError::Refused(format!("{} has no numbers left", self.name))
            })?;
            if make_new(&self.version_folder(version))? {
                return Ok(version);
            }
        }
    }

    fn numbers(&self) -> Result<Vec<u32>, RegistryError> {
        let names = files::names_in(&self.folder.join("versions"))?;
        let number = |name: &String| name.parse::<u32>().ok().filter(|n| n.to_string() == *name);
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn append(&mut self, event: Event) -> Result<Entry, RegistryError> {
        let seq = self.state.lines + 1;
        let refused = |why: String| {
            RegistryError::Refused(format!("{}: {why}; nothing was changed", self.name))
        };
        let mut next = self.state.clone();
        next.take(&Entry { v: 1, seq, at: self.at.clone(), event: event.clone() })
            .map_err(refused)?;
        let entry = history::append(&self.folder, seq, &self.at, event)?;
        self.state = next;
        Ok(entry)
    }
}

/// Locks a model's folder; waits a few seconds for another writer to end.
fn locked(folder: &Path, since: &str) -> Result<Lock, RegistryError> {
    let what = "the model is being changed";
    Ok(files::lock(folder, what, since, Links::Refuse, Patience::Short)?)
}

/// Makes a folder, or finds one (and nothing else) of the name.
fn make_folder(path: &Path) -> Result<(), RegistryError> {
    if files::is_folder(path)? {
        return Ok(());
    }
    Ok(files::make_folder(path).map(|_| ())?)
}

/// Makes a folder; `false` when the name is taken.
fn make_new(path: &Path) -> Result<bool, RegistryError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(RegistryError::system(path, "the folder cannot be made", &error)),
    }
}

fn sync(folder: &Path) -> Result<(), RegistryError> {
    Ok(files::sync_folder(folder)?)
}
