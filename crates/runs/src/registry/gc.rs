//! Which versions a garbage collection keeps, and why.

use serde::Serialize;
use std::collections::BTreeSet;

use super::ModelState;

/// The tag that keeps a version.
const KEEP: &str = "keep";

/// What a garbage collection does to each version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GcPlan {
    /// By number.
    pub versions: Vec<(u32, Fate)>,
}

/// Whether a version stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It stays, and why.
    Kept(String),
    /// It goes.
    Removed,
}

/// Keeps the last `keep` versions, what an alias points to, what it pointed to just before (a
/// rollback needs it), and what is tagged `keep`.
#[must_use]
pub fn plan(state: &ModelState, keep: usize) -> GcPlan {
    let newest: BTreeSet<u32> = state.versions.keys().rev().take(keep).copied().collect();
    let fate = |version: u32| {
        let mut reasons: Vec<String> = state.aliases_of(version);
        let before = state.aliases.keys().filter(|alias| state.before(alias) == Some(version));
        reasons.extend(before.map(|alias| format!("{alias} before")));
        if state.versions.get(&version).is_some_and(|version| version.tags.contains_key(KEEP)) {
            reasons.push("tagged keep".to_owned());
        }
        if newest.contains(&version) {
            reasons.push(format!("of the last {keep}"));
        }
        if reasons.is_empty() { Fate::Removed } else { Fate::Kept(reasons.join(", ")) }
    };
    GcPlan { versions: state.versions.keys().map(|version| (*version, fate(*version))).collect() }
}

impl GcPlan {
    /// Numbers of those that go.
    pub fn removed(&self) -> impl Iterator<Item = u32> {
        self.versions.iter().filter(|(_, fate)| *fate == Fate::Removed).map(|(version, _)| *version)
    }
}
