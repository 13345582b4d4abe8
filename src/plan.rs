//! Experiment + sampler → trials → packs.

use crate::spec::Experiment;
use crate::trial::Trial;

/// What a sweep will train.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order of the sampler, the repeats of an assignment side by side; no two have the same id.
    pub trials: Vec<Trial>,
    /// Proposals that were already in the plan (equal settings), dropped.
    pub duplicates: usize,
}

/// Most trials that a plan may hold unless the file says otherwise.
pub const MAX_TRIALS: usize = 10_000;

/// Trials that can be trained together: indices into [`Plan::trials`], with equal data, shape and optimizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    pub trials: Vec<usize>,
}

/// Expands an experiment.
///
/// # Errors
/// When there are too many trials (with their number) or an assignment does not fit its settings.
pub fn plan(_experiment: &Experiment, _data_fingerprint: &str) -> Result<Plan, PlanError> {
    todo!()
}

/// Groups trials by what they must share, at most `max_lanes` in a pack, and into at least `workers` packs where there are that
/// many trials.
#[must_use]
pub fn packs(_trials: &[&Trial], _max_lanes: usize, _workers: usize) -> Vec<Pack> {
    todo!()
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Counted before anything was expanded.
    #[error(
        "the sweep has {count} trials, more than the limit of {MAX_TRIALS}; use fewer points, or strategy = {{ kind = \"random\", trials = N }}"
    )]
    TooMany { count: String },
    /// An assignment does not fit.
    #[error("trial {index} ({assignment}): {reason}")]
    Unfit { index: usize, assignment: String, reason: String },
}
