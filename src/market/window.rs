//! Runs, splits, and the last rows of their windows.

use std::ops::Range;

use crate::spec::Split;

/// Contiguous runs of rows: each row `bar_seconds` after the one before.
pub(super) fn runs(ts: &[i64], bar_seconds: u32) -> Vec<Range<usize>> {
    let step = i64::from(bar_seconds) * 1_000_000_000;
    let mut runs = Vec::new();
    let mut start = 0;
    for row in 1..=ts.len() {
        if row == ts.len() || ts[row] - ts[row - 1] != step {
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
    pub test: Range<usize>,
}

impl Bounds {
    /// Cuts `rows` rows by time; the last `embargo` rows of a split that is followed by another are left out.
    pub(super) fn new(rows: usize, split: &Split) -> Self {
        let share = |share: f64| ((rows as f64 * share).round() as usize).min(rows);
        let test = share(split.test);
        let valid = share(split.valid).min(rows - test);
        let (valid_from, test_from) = (rows - test - valid, rows - test);
        let end = |from: usize, end: usize| if end == rows { end } else { end.saturating_sub(split.embargo).max(from) };
        Self { train: 0..end(0, valid_from), valid: valid_from..end(valid_from, test_from), test: test_from..rows }
    }
}

/// Last rows of the windows of each split, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
    pub test: Vec<u32>,
}

/// Shape of a window: rows in it, rows ahead that its target needs, rows between the starts of two training windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowShape {
    pub window: usize,
    pub horizon: usize,
    pub step: usize,
}

/// Windows of every split: each within one run (target rows included), `usable` at its last row, and its first row after every
/// row that a window of an earlier split uses.
pub(super) fn ends(runs: &[Range<usize>], bounds: &Bounds, shape: WindowShape, usable: impl Fn(usize) -> bool) -> Ends {
    let WindowShape { window, horizon, step } = shape;
    let mut ends = Ends::default();
    // First row that no training window uses; likewise for validation.
    let after = |split: &Range<usize>| if split.is_empty() { 0 } else { split.end + horizon };
    let valid_from = after(&bounds.train);
    let test_from = after(&bounds.valid).max(valid_from);
    for run in runs {
        for start in run.start..(run.end + 1).saturating_sub(window + horizon) {
            let last = start + window - 1;
            if !usable(last) {
                continue;
            }
            if bounds.train.contains(&last) && (start - run.start).is_multiple_of(step) {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000_000;

    #[test]
    fn a_break_ends_a_run() {
        let ts: Vec<i64> = [0, 1, 2, 5, 6, 8].iter().map(|minute| minute * MINUTE).collect();
        assert_eq!(runs(&ts, 60), [0..3, 3..5, 5..6]);
        assert!(runs(&[], 60).is_empty());
    }

    #[test]
    fn with_the_default_embargo_validation_starts_at_the_same_row_whatever_the_window() {
        #[expect(clippy::single_range_in_vec_init, reason = "one run is what is meant")]
        let whole: [Range<usize>; 1] = [0..1000];
        for window in [5, 20, 60] {
            let split = Split { valid: 0.2, test: 0.1, embargo: window + 1 };
            let bounds = Bounds::new(1000, &split);
            let ends = ends(&whole, &bounds, WindowShape { window, horizon: 1, step: 1 }, |_| true);
            assert_eq!((ends.train[0], ends.valid[0], ends.test[0]), (window as u32 - 1, 700, 900));
            assert_eq!(ends.test.last(), Some(&998));
            assert_eq!(*ends.train.last().unwrap() as usize, 700 - split.embargo - 1);
        }
    }

    #[test]
    fn a_split_without_rows_takes_no_embargo() {
        let split = Split { valid: 0.25, test: 0.0, embargo: 30 };
        assert_eq!(Bounds::new(400, &split), Bounds { train: 0..270, valid: 300..400, test: 400..400 });
    }

    #[test]
    fn training_windows_step_from_the_start_of_their_run() {
        let bounds = Bounds { train: 0..30, valid: 30..30, test: 30..30 };
        let found = ends(&[0..12, 12..30], &bounds, WindowShape { window: 4, horizon: 2, step: 5 }, |_| true);
        assert_eq!(found.train, [3, 8, 15, 20, 25]);
    }

    #[test]
    fn rows_of_overlapping_windows_count_once() {
        assert_eq!(rows_of(&[3, 5, 20], 4).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 17, 18, 19, 20]);
    }

    proptest! {
        #[test]
        fn splits_share_no_row_and_no_window_crosses_a_gap(
            lengths in prop::collection::vec(1usize..80, 1..12),
            valid in 0.0..0.4_f64, test in 0.0..0.4_f64,
            window in 1usize..20, horizon in 1usize..8, step in 1usize..5, more in 0usize..40,
        ) {
            let mut runs = Vec::new();
            let mut rows = 0;
            for length in lengths {
                runs.push(rows..rows + length);
                rows += length;
            }
            let split = Split { valid, test, embargo: horizon + more };
            let bounds = Bounds::new(rows, &split);
            let found = ends(&runs, &bounds, WindowShape { window, horizon, step }, |row| row % 7 != 3);
            let mut before = None;
            for ends in [&found.train, &found.valid, &found.test] {
                prop_assert!(ends.is_sorted());
                for &last in ends {
                    let last = last as usize;
                    prop_assert!(last % 7 != 3);
                    let (first, target) = (last + 1 - window, last + horizon);
                    prop_assert!(runs.iter().any(|run| run.start <= first && target < run.end));
                    prop_assert!(before.is_none_or(|used| first > used), "row {first} is used by an earlier split");
                }
                before = before.max(ends.last().map(|&last| last as usize + horizon));
            }
        }
    }
}
