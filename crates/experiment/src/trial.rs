//! A trial: one assignment of the space × one seed × one fold, and its identity.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::space::Assignment;
use crate::{Backtest, Settings};

/// 12 hex digits of blake3 over everything that may change a trial's result; the name of its run's
/// folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub String);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One assignment × one seed × one fold, resolved.
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
    /// Every setting, with the assignment, the seed and the fold applied.
    pub settings: Settings,
    /// How its forecasts are traded, if the experiment says so; no part of the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Backtest>,
}

impl Trial {
    /// Which fold of a walk-forward split it trains on, from 0; `None` with a holdout split.
    #[must_use]
    pub fn fold(&self) -> Option<usize> {
        self.settings.data.split.walk_forward.map(|walk_forward| walk_forward.fold)
    }
}

/// Bumped when the same settings would train to different numbers: it is hashed into every
/// identity. 2: dropout masks are drawn by counter.
pub const RESULT_VERSION: u32 = 2;

impl TrialId {
    /// The identity of a trial with these settings on data with this fingerprint (see
    /// `market::fingerprint`).
    ///
    /// # Panics
    /// Never: settings always serialise.
    #[must_use]
    pub fn of(settings: &Settings, data_fingerprint: &str) -> Self {
        Self::of_version(RESULT_VERSION, settings, data_fingerprint)
    }

    /// Whether this is the identity of these settings on this data, given by this program or a
    /// former version of it.
    #[must_use]
    pub fn is_of(&self, settings: &Settings, data_fingerprint: &str) -> bool {
        (1..=RESULT_VERSION)
            .any(|version| *self == Self::of_version(version, settings, data_fingerprint))
    }

    fn of_version(version: u32, settings: &Settings, data_fingerprint: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&version.to_le_bytes());
        hasher.update(data_fingerprint.as_bytes());
        hasher.update(&settings.identity_bytes());
        Self(hasher.finalize().to_hex()[..12].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_former_version_is_recognised_and_would_be_trained_anew() {
        let settings = crate::testing::settings("");
        let former = TrialId::of_version(1, &settings, "data");
        assert_ne!(former, TrialId::of(&settings, "data"));
        assert!(
            former.is_of(&settings, "data")
                && TrialId::of(&settings, "data").is_of(&settings, "data")
        );
        assert!(!former.is_of(&settings, "other data"));
    }
}
