//! Folds of a walk-forward split: which runs make a whole, and what their spread is over.

use std::collections::{BTreeMap, BTreeSet};

use crate::records::RunRecord;

/// The folds that some of the compared runs have.
pub(super) fn folds_of(runs: &[RunRecord]) -> BTreeSet<usize> {
    runs.iter().filter_map(|run| run.trial.fold()).collect()
}

/// The repeats of an assignment of which every one of these folds counts, each with its folds in
/// order; of a holdout split those that count. Folds are not equally hard: a mean over some of them
/// would be no measure beside a mean over all.
pub(super) fn whole_repeats<'a>(
    runs: impl IntoIterator<Item = &'a RunRecord>,
    folds: &BTreeSet<usize>,
    counts: impl Fn(&RunRecord) -> bool,
) -> Vec<Vec<&'a RunRecord>> {
    let mut repeats: BTreeMap<usize, Vec<&RunRecord>> = BTreeMap::new();
    for run in runs.into_iter().filter(|run| counts(run)) {
        repeats.entry(run.trial.repeat).or_default().push(run);
    }
    let is_whole = |runs: &Vec<&RunRecord>| {
        runs.first().is_some_and(|run| runs.len() == expected(run, folds).count().max(1))
    };
    let mut whole: Vec<Vec<&RunRecord>> = repeats.into_values().filter(is_whole).collect();
    whole.iter_mut().for_each(|runs| runs.sort_by_key(|run| run.trial.fold()));
    whole
}

/// The folds of a run's repeat that do not count.
pub(super) fn lacking<'a>(
    run: &RunRecord,
    runs: impl IntoIterator<Item = &'a RunRecord>,
    folds: &BTreeSet<usize>,
    counts: impl Fn(&RunRecord) -> bool,
) -> Vec<usize> {
    let of_repeat =
        runs.into_iter().filter(|other| other.trial.repeat == run.trial.repeat && counts(other));
    let there: BTreeSet<usize> = of_repeat.filter_map(|other| other.trial.fold()).collect();
    expected(run, folds).filter(|fold| !there.contains(fold)).collect()
}

/// Those of the compared folds that a run's split has.
fn expected(run: &RunRecord, folds: &BTreeSet<usize>) -> impl Iterator<Item = usize> {
    let own = run.trial.fold().map_or(0, |_| run.trial.settings.data.split.folds());
    folds.range(..own).copied()
}

/// What the runs of a row differ in: its seeds, its folds.
pub(super) fn spread_over(runs: &[RunRecord]) -> &'static str {
    let has_folds = runs.iter().any(|run| run.trial.fold().is_some());
    match (has_folds, runs.iter().any(|run| run.trial.repeat > 0)) {
        (false, _) => "seeds",
        (true, false) => "folds",
        (true, true) => "seeds and folds",
    }
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::{finished, in_fold};
    use super::*;

    #[test]
    fn a_repeat_without_one_of_the_compared_folds_is_no_whole() {
        let run = |(repeat, fold)| in_fold(3, fold, finished(16, repeat, 1.0));
        let runs: Vec<RunRecord> = [(0, 2), (0, 0), (0, 1), (1, 0), (1, 2)].map(run).into();
        let folds = folds_of(&runs);
        let found: Vec<Vec<Option<usize>>> = whole_repeats(&runs, &folds, |_| true)
            .into_iter()
            .map(|runs| runs.into_iter().map(|run| run.trial.fold()).collect())
            .collect();
        assert_eq!(found, [[Some(0), Some(1), Some(2)]]);
        assert_eq!(lacking(&runs[3], &runs, &folds, |_| true), [1]);
        assert_eq!(lacking(&runs[0], &runs, &folds, |_| true), [0; 0]);
        assert!(whole_repeats(&runs, &folds, |run| run.trial.fold() != Some(0)).is_empty());
        // One fold of each, picked by hand.
        assert_eq!(whole_repeats(&runs[3..4], &folds_of(&runs[3..4]), |_| true).len(), 1);

        let holdouts = [finished(16, 0, 1.0), finished(16, 1, 1.0)];
        assert_eq!(whole_repeats(&holdouts, &folds, |_| true).len(), 2);
        assert_eq!(lacking(&holdouts[0], &holdouts, &folds, |_| false), [0; 0]);
    }
}
