//! Which seeds of an assignment count, and how many there should be.
//!
//! An assignment that diverges on two of four seeds and is ranked by the other two is ranked by its
//! survivors. So a row says how many of its seeds count, rows that lack seeds come after those that
//! lack fewer, and one that lacks any is never crowned. A seed is missing whatever the reason: it
//! failed, it was deleted, it still runs, one of its folds is not there.

use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

use super::group::Group;

/// Seeds of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seeds {
    /// That count: of each, every compared fold has a value.
    pub counted: usize,
    /// That there should be: those that the sweep plans for each assignment.
    pub planned: usize,
}

impl Seeds {
    /// Those that should count and do not.
    #[must_use]
    pub fn missing(self) -> usize {
        self.planned.saturating_sub(self.counted)
    }

    /// `2 of 4 seeds`, where some are missing.
    #[must_use]
    pub fn lack(self) -> Option<String> {
        (self.missing() > 0).then(|| format!("{} of {} seeds", self.counted, self.planned))
    }
}

/// The seeds of each group. Where no manifest tells how many its sweep plans, as many as the
/// compared runs of the sweep have.
pub(super) fn seeds(groups: &[Group<'_>]) -> Vec<Seeds> {
    let mut seen: HashMap<&str, BTreeSet<usize>> = HashMap::new();
    for group in groups {
        seen.entry(&group.sweep)
            .or_default()
            .extend(group.runs.iter().map(|(_, run)| run.trial.repeat));
    }
    let of = |group: &Group<'_>| {
        let planned = group.runs.iter().filter_map(|(_, run)| run.seeds).max();
        let there =
            group.runs.iter().map(|(_, run)| run.trial.repeat).collect::<BTreeSet<_>>().len();
        let compared = seen.get(group.sweep.as_str()).map_or(there, BTreeSet::len);
        Seeds {
            counted: group.counted.len(),
            planned: planned.map_or(compared, |planned| planned.max(there)),
        }
    };
    groups.iter().map(of).collect()
}
