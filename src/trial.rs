//! A trial: one assignment of the space × one seed, and its identity.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::space::Assignment;
use crate::spec::{Backtest, Settings};

/// 12 hex digits of blake3 over everything that may change a trial's result; the name of its run's folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub String);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One assignment × one seed, resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its identity.
    pub id: TrialId,
    /// Position in the plan, from 0; not part of the identity.
    pub index: usize,
    /// Which seed of the assignment, from 0.
    pub repeat: usize,
    /// What the space chose: what differs between the trials of a sweep.
    pub assignment: Assignment,
    /// Every setting, with the assignment and the seed applied.
    pub settings: Settings,
    /// How its forecasts are traded, if the experiment says so; no part of the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Backtest>,
}

/// Bumped when the same settings would train to different numbers: it is hashed into every identity.
pub const RESULT_VERSION: u32 = 1;

impl TrialId {
    /// The identity of a trial with these settings on data with this fingerprint (see [`crate::market::fingerprint`]).
    ///
    /// # Panics
    /// Never: settings always serialise.
    #[must_use]
    pub fn of(settings: &Settings, data_fingerprint: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&RESULT_VERSION.to_le_bytes());
        hasher.update(data_fingerprint.as_bytes());
        hasher.update(&settings.identity_bytes());
        Self(hasher.finalize().to_hex()[..12].to_owned())
    }
}
