//! How often the same was tried.

use serde::Serialize;
use std::collections::HashSet;

use super::{Ledger, Tried};
use experiment::metric::Split;
use experiment::trial::TrialId;

/// How often the same was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tries {
    /// Trials that were ever tried on the same data and target over a time that overlaps.
    pub trials: usize,
    /// Which of them a trial is, from 1, in the order in which they were written down.
    pub number: Option<usize>,
    /// Lines of the ledger that could not be read: so many more trials there may have been.
    pub damaged_lines: usize,
}

impl Ledger {
    /// How often was tried what `trial` was: the same data and target, over a time of `split` that
    /// overlaps. A trial counts once, in however many sweeps it was; other seeds, settings and
    /// folds are other trials.
    #[must_use]
    pub fn tries(&self, trial: &TrialId, tried: &Tried, split: Split) -> Tries {
        let mut seen = HashSet::new();
        let mut number = None;
        for entry in self.entries.iter().filter(|entry| entry.tried.is_like(tried, split)) {
            if seen.insert(&entry.trial) && entry.trial == *trial {
                number = Some(seen.len());
            }
        }
        Tries { trials: seen.len(), number, damaged_lines: self.damage.len() }
    }

    /// Every trial that was tried on what one of these was, as [`Self::tries`] counts them.
    pub fn like<'a>(&'a self, tried: &HashSet<&Tried>, split: Split) -> HashSet<&'a TrialId> {
        let is_like = |entry: &Tried| tried.iter().any(|tried| entry.is_like(tried, split));
        self.entries
            .iter()
            .filter(|entry| is_like(&entry.tried))
            .map(|entry| &entry.trial)
            .collect()
    }

    /// Every trial whose test windows were opened, where they overlap with those of one of these.
    pub fn opened<'a>(&'a self, tried: &HashSet<&Tried>) -> HashSet<&'a TrialId> {
        let is_like = |entry: &Tried| tried.iter().any(|tried| entry.is_like(tried, Split::Test));
        self.openings
            .iter()
            .filter(|entry| is_like(&entry.tried))
            .map(|entry| &entry.trial)
            .collect()
    }
}

impl Tried {
    fn span(&self, split: Split) -> Option<(i64, i64)> {
        match split {
            Split::Test => self.test,
            Split::Train | Split::Valid => self.valid,
        }
    }

    /// Whether both are about the same data and target, at times of a split that overlap.
    #[must_use]
    pub fn is_like(&self, other: &Self, split: Split) -> bool {
        let overlap = |a: (i64, i64), b: (i64, i64)| a.0 <= b.1 && b.0 <= a.1;
        self.data == other.data
            && self.target == other.target
            && self.span(split).zip(other.span(split)).is_some_and(|(a, b)| overlap(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{entry, tried};
    use super::*;

    #[test]
    fn the_same_data_target_and_overlapping_time_count_and_nothing_else() {
        let mine = tried((10, 20), Some((30, 40)));
        let mut other_data = mine.clone();
        other_data.data = "other".into();
        let mut other_target = mine.clone();
        other_target.target.horizon = 5;
        let entries = vec![
            entry("first", "a", tried((5, 12), Some((25, 30)))),
            entry("mine", "a", mine.clone()),
            entry("mine", "b", mine.clone()),
            entry("later", "b", tried((41, 50), Some((60, 70)))),
            entry("untested", "b", tried((10, 20), None)),
            entry("data", "b", other_data),
            entry("target", "b", other_target),
        ];
        let ledger = Ledger { entries, ..Ledger::default() };
        let tries = |trial: &str, split| {
            let Tries { trials, number, damaged_lines: _ } =
                ledger.tries(&TrialId(trial.into()), &mine, split);
            (trials, number)
        };
        assert_eq!(tries("mine", Split::Test), (2, Some(2)));
        assert_eq!(tries("mine", Split::Valid), (3, Some(2)));
        assert_eq!(tries("new", Split::Test), (2, None));
        let later = tried((45, 46), None);
        assert_eq!(ledger.like(&[&mine, &later].into(), Split::Valid).len(), 4);
    }
}
