//! What a model's history comes to: versions, aliases, tags.

use serde::Serialize;
use std::collections::BTreeMap;

use super::history::{Entry, Event};

/// The fold of a model's history.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelState {
    /// Versions that are there, by number.
    pub versions: BTreeMap<u32, VersionState>,
    /// Aliases that ever were, by name.
    pub aliases: BTreeMap<String, AliasState>,
    /// The largest number that was ever given; 0 before any.
    pub highest: u32,
    /// The rules of its gate; `None` where the history never told of one (those of former versions
    /// do not).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Vec<String>>,
    /// Lines folded.
    pub lines: u64,
}

/// A version as the history tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionState {
    /// When it was registered, RFC 3339 in UTC.
    pub registered_at: String,
    /// `sweep/run`, or the name of an imported file.
    pub source: String,
    /// sha256 of its weights, hexadecimal.
    pub weights: String,
    /// By key.
    pub tags: BTreeMap<String, String>,
}

/// An alias as the history tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AliasState {
    /// Where it points; `None` when it was dropped.
    pub version: Option<u32>,
    /// Where it pointed before, the oldest first: what rollbacks go back along.
    pub former: Vec<u32>,
}

impl ModelState {
    /// Folds a history.
    pub(super) fn of(entries: &[Entry]) -> Result<Self, String> {
        let mut state = Self::default();
        for entry in entries {
            state.take(entry)?;
        }
        Ok(state)
    }

    /// Takes one more line. An error says why the line cannot follow the others.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let Entry { v: _, seq, at, event } = entry;
        self.apply(at, event).map_err(|why| format!("number {seq} cannot have happened: {why}"))?;
        self.lines = *seq;
        Ok(())
    }

    /// The aliases that point to a version.
    #[must_use]
    pub fn aliases_of(&self, version: u32) -> Vec<String> {
        let points_there = |(_, alias): &(&String, &AliasState)| alias.version == Some(version);
        self.aliases.iter().filter(points_there).map(|(name, _)| name.clone()).collect()
    }

    /// Where a rollback of an alias goes: the last version before the present one that is still
    /// there.
    #[must_use]
    pub fn before(&self, alias: &str) -> Option<u32> {
        let former = &self.aliases.get(alias)?.former;
        former.iter().rev().copied().find(|version| self.versions.contains_key(version))
    }

    fn apply(&mut self, at: &str, event: &Event) -> Result<(), String> {
        match event {
            Event::Registered { version, source, weights, tags } => {
                if *version <= self.highest {
                    return Err(format!("version {version} was given already"));
                }
                self.highest = *version;
                let state = VersionState {
                    registered_at: at.to_owned(),
                    source: source.clone(),
                    weights: weights.clone(),
                    tags: tags.clone(),
                };
                self.versions.insert(*version, state);
            }
            Event::Tagged { version, key, value } => {
                self.version(*version)?.tags.insert(key.clone(), value.clone());
            }
            Event::Untagged { version, key } => {
                self.version(*version)?.tags.remove(key);
            }
            Event::Promoted { alias, from: _, to, findings: _, forced: _, reason: _ } => {
                self.version(*to)?;
                let state = self.aliases.entry(alias.clone()).or_default();
                state.former.extend(state.version.replace(*to));
            }
            Event::RolledBack { alias, from: _, to, reason: _ } => {
                self.version(*to)?;
                let state = self
                    .aliases
                    .get_mut(alias)
                    .ok_or_else(|| format!("there was no alias '{alias}'"))?;
                let place = state.former.iter().rposition(|version| version == to);
                state.former.truncate(
                    place.ok_or_else(|| format!("'{alias}' never pointed to version {to}"))?,
                );
                state.version = Some(*to);
            }
            Event::Unaliased { alias, from: _ } => {
                let state = self
                    .aliases
                    .get_mut(alias)
                    .ok_or_else(|| format!("there was no alias '{alias}'"))?;
                state.former.extend(state.version.take());
            }
            Event::Gated { rules } => self.gate = Some(rules.clone()),
            Event::Removed { version } => {
                if let [alias, ..] = &self.aliases_of(*version)[..] {
                    return Err(format!("version {version} was '{alias}'"));
                }
                self.versions
                    .remove(version)
                    .ok_or_else(|| format!("there was no version {version}"))?;
            }
        }
        Ok(())
    }

    fn version(&mut self, number: u32) -> Result<&mut VersionState, String> {
        self.versions.get_mut(&number).ok_or_else(|| format!("there was no version {number}"))
    }
}
