//! Runs, splits, and the last rows of their windows.

use std::ops::Range;

use super::step::Step;
use experiment::{Split, TrainRows, WalkForward};

/// Contiguous runs of rows: each row a bar after the one before, by the clock where that was
/// changed in between.
pub(super) fn runs(ts: &[i64], offset_seconds: &[i32], bar_seconds: u32) -> Vec<Range<usize>> {
    let step = Step::of_seconds(bar_seconds);
    let at = |row: usize| (ts[row], offset_seconds[row]);
    let mut runs = Vec::new();
    let mut start = 0;
    for row in 1..=ts.len() {
        if row == ts.len() || !step.follows(at(row - 1), at(row)) {
            runs.push(start..row);
            start = row;
        }
    }
    runs
}

/// The rows of each split in which its windows end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub train: Range<usize>,
    pub valid: Range<usize>,
    /// The rows that lie before the test rows: those of the last fold.
    pub last_train: Range<usize>,
    pub last_valid: Range<usize>,
    pub test: Range<usize>,
}

impl Bounds {
    /// Cuts `rows` rows by time. The last `embargo` rows of the training rows are left out, and
    /// those of the validation rows where the test rows follow; validation blocks of other folds
    /// follow one another without a gap, since no model sees two of them.
    pub(super) fn new(rows: usize, split: &Split) -> Self {
        let share = |share: f64| ((rows as f64 * share).round() as usize).min(rows);
        let (folds, fold, kept) = match split.walk_forward {
            Some(WalkForward { folds, train, fold }) => (folds, fold, train),
            None => (1, 0, TrainRows::Expanding),
        };
        let test_from = rows - share(split.test);
        let block = share(split.valid).min(test_from / folds);
        let valid_from = |fold: usize| test_from - (folds - fold) * block;
        let end = |from: usize, end: usize| {
            if end == rows { end } else { end.saturating_sub(split.embargo).max(from) }
        };
        let train = |fold: usize| match kept {
            TrainRows::Expanding => 0..end(0, valid_from(fold)),
            TrainRows::Rolling => fold * block..end(fold * block, valid_from(fold)),
        };
        let last_valid = valid_from(folds - 1)..end(valid_from(folds - 1), test_from);
        let valid = if fold + 1 == folds {
            last_valid.clone()
        } else {
            valid_from(fold)..valid_from(fold + 1)
        };
        Self {
            train: train(fold),
            valid,
            last_train: train(folds - 1),
            last_valid,
            test: test_from..rows,
        }
    }
}

/// Last rows of the windows of each split, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
    pub test: Vec<u32>,
}

/// Shape of a window: rows in it, rows ahead that its target needs, rows between the starts of two
/// training windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowShape {
    pub window: usize,
    pub horizon: usize,
    pub step: usize,
}

/// Windows of every split: each within one run (target rows included), `usable` at its last row,
/// and its first row after every row that a window of an earlier split uses. A training window has
/// no row before the training rows.
pub(super) fn ends(
    runs: &[Range<usize>],
    bounds: &Bounds,
    shape: WindowShape,
    usable: impl Fn(usize) -> bool,
) -> Ends {
    let WindowShape { window, horizon, step } = shape;
    let mut ends = Ends::default();
    // First row that no training window uses; likewise for validation.
    let after = |split: &Range<usize>| if split.is_empty() { 0 } else { split.end + horizon };
    let valid_from = after(&bounds.train);
    let test_from = after(&bounds.last_valid).max(after(&bounds.last_train));
    for run in runs {
        for start in run.start..(run.end + 1).saturating_sub(window + horizon) {
            let last = start + window - 1;
            if !usable(last) {
                continue;
            }
            if bounds.train.contains(&last)
                && start >= bounds.train.start
                && (start - run.start).is_multiple_of(step)
            {
                ends.train.push(last as u32);
            } else if bounds.valid.contains(&last) && start >= valid_from {
                ends.valid.push(last as u32);
            } else if bounds.test.contains(&last) && start >= test_from {
                ends.test.push(last as u32);
            }
        }
    }
    ends
}

/// Rows covered by the windows that end at `ends` (ascending), each once.
pub(super) fn rows_of(ends: &[u32], window: usize) -> impl Iterator<Item = usize> + '_ {
    let mut next = 0;
    ends.iter().flat_map(move |&last| {
        let last = last as usize;
        let first = (last + 1 - window).max(next);
        next = last + 1;
        first..=last
    })
}

#[cfg(test)]
mod tests;
