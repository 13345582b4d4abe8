use super::*;
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000_000;

#[test]
fn a_break_ends_a_run() {
    let ts: Vec<i64> = [0, 1, 2, 5, 6, 8].iter().map(|minute| minute * MINUTE).collect();
    assert_eq!(runs(&ts, &[0; 6], 60), [0..3, 3..5, 5..6]);
    assert!(runs(&[], &[], 60).is_empty());
}

#[test]
fn days_and_weeks_of_a_year_with_two_changes_of_the_clock_are_one_run() {
    for days in [1, 7] {
        let mut zone = crate::zone::Zone::parse("Europe/Berlin").unwrap();
        let midnight = |day: i64| zone.first_instant((19_723 + day * days) * 86_400).unwrap();
        let seconds: Vec<i64> = (0..400 / days).map(midnight).collect();
        let offsets: Vec<i32> = seconds.iter().map(|second| zone.offset_at(*second)).collect();
        let ts: Vec<i64> = seconds.iter().map(|second| second * 1_000_000_000).collect();
        assert_eq!(runs(&ts, &offsets, 86_400 * days as u32).len(), 1);
    }
}

#[test]
fn with_the_default_embargo_validation_starts_at_the_same_row_whatever_the_window() {
    #[expect(clippy::single_range_in_vec_init, reason = "one run is what is meant")]
    let whole: [Range<usize>; 1] = [0..1000];
    for window in [5, 20, 60] {
        let split = Split { valid: 0.2, test: 0.1, embargo: window + 1, walk_forward: None };
        let bounds = Bounds::new(1000, &split);
        let ends = ends(&whole, &bounds, WindowShape { window, horizon: 1, step: 1 }, |_| true);
        assert_eq!((ends.train[0], ends.valid[0], ends.test[0]), (window as u32 - 1, 700, 900));
        assert_eq!(ends.test.last(), Some(&998));
        assert_eq!(*ends.train.last().unwrap() as usize, 700 - split.embargo - 1);
    }
}

#[test]
fn a_split_without_rows_takes_no_embargo() {
    let split = Split { valid: 0.25, test: 0.0, embargo: 30, walk_forward: None };
    let bounds = Bounds {
        train: 0..270,
        valid: 300..400,
        last_train: 0..270,
        last_valid: 300..400,
        test: 400..400,
    };
    assert_eq!(Bounds::new(400, &split), bounds);
}

#[test]
fn folds_walk_forward_over_blocks_of_equal_length() {
    let of = |train, fold| {
        let walk_forward = Some(WalkForward { folds: 3, train, fold });
        let Bounds { train, valid, .. } =
            Bounds::new(1000, &Split { valid: 0.1, test: 0.2, embargo: 25, walk_forward });
        (train, valid)
    };
    let expanding = [(0..475, 500..600), (0..575, 600..700), (0..675, 700..775)];
    let rolling = [(0..475, 500..600), (100..575, 600..700), (200..675, 700..775)];
    for fold in 0..3 {
        assert_eq!(of(TrainRows::Expanding, fold), expanding[fold]);
        assert_eq!(of(TrainRows::Rolling, fold), rolling[fold]);
    }
}

#[test]
fn training_windows_step_from_the_start_of_their_run() {
    let bounds =
        Bounds { train: 0..30, valid: 30..30, last_train: 0..30, last_valid: 30..30, test: 30..30 };
    let found =
        ends(&[0..12, 12..30], &bounds, WindowShape { window: 4, horizon: 2, step: 5 }, |_| true);
    assert_eq!(found.train, [3, 8, 15, 20, 25]);
}

#[test]
fn rows_of_overlapping_windows_count_once() {
    assert_eq!(rows_of(&[3, 5, 20], 4).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 17, 18, 19, 20]);
}

fn laid_out(lengths: &[usize]) -> (Vec<Range<usize>>, usize) {
    let mut rows = 0;
    let mut run = |length: &usize| {
        rows += length;
        rows - length..rows
    };
    (lengths.iter().map(&mut run).collect(), rows)
}

proptest! {
    #[test]
    fn splits_share_no_row_and_no_window_crosses_a_gap(
        lengths in prop::collection::vec(1usize..80, 1..12),
        valid in 0.0..0.4_f64,
        test in 0.0..0.4_f64,
        window in 1usize..20,
        horizon in 1usize..8,
        step in 1usize..5,
        more in 0usize..40,
    ) {
        let (runs, rows) = laid_out(&lengths);
        let split = Split { valid, test, embargo: horizon + more, walk_forward: None };
        let bounds = Bounds::new(rows, &split);
        let found =
            ends(&runs, &bounds, WindowShape { window, horizon, step }, |row| row % 7 != 3);
        let mut before = None;
        for ends in [&found.train, &found.valid, &found.test] {
            prop_assert!(ends.is_sorted());
            for &last in ends {
                let last = last as usize;
                prop_assert!(last % 7 != 3);
                let (first, target) = (last + 1 - window, last + horizon);
                prop_assert!(runs.iter().any(|run| run.start <= first && target < run.end));
                prop_assert!(
                    before.is_none_or(|used| first > used),
                    "row {first} is used by \
                    an earlier split"
                );
            }
            before = before.max(ends.last().map(|&last| last as usize + horizon));
        }
    }

    #[test]
    fn folds_are_a_long_validation_stretch_cut_up_and_none_sees_its_own(
        lengths in prop::collection::vec(1usize..80, 1..12),
        folds in 2usize..7,
        share in 0.05..0.95_f64,
        test in prop::sample::select(vec![0.0, 0.1, 0.3]),
        kept in prop::sample::select(vec![TrainRows::Expanding, TrainRows::Rolling]),
        window in 1usize..20,
        horizon in 1usize..8,
        step in 1usize..5,
        more in 0usize..40,
    ) {
        let (runs, rows) = laid_out(&lengths);
        let valid = (1.0 - test) * share / folds as f64;
        let shape = WindowShape { window, horizon, step };
        let usable = |row: usize| row % 7 != 3;
        let of = |fold, embargo| {
            let split = Split {
                valid,
                test,
                embargo,
                walk_forward: Some(WalkForward { folds, train: kept, fold }),
            };
            let bounds = Bounds::new(rows, &split);
            (ends(&runs, &bounds, shape, usable), bounds)
        };
        for embargo in [window + horizon, horizon + more] {
            let all: Vec<(Ends, Bounds)> = (0..folds).map(|fold| of(fold, embargo)).collect();
            let first = &all[0].1;
            // One stretch from the first block to the last; what the last leaves out before the
            // test rows is left out of it too.
            let whole =
                Bounds { valid: first.valid.start..first.last_valid.end, ..first.clone() };
            let whole = ends(&runs, &whole, shape, usable);
            let joined: Vec<u32> =
                all.iter().flat_map(|(ends, _)| ends.valid.clone()).collect();
            // With a smaller embargo than a window with its target, each block leaves out the
            // windows that begin in its training rows.
            let touches = |&&row: &&u32| {
                let bounds = all
                    .iter()
                    .map(|(_, bounds)| bounds)
                    .find(|bounds| bounds.valid.contains(&(row as usize)))
                    .unwrap();
                !bounds.train.is_empty()
                    && row as usize + 1 < window + bounds.train.end + horizon
            };
            let lost = whole.valid.iter().filter(touches).count();
            prop_assert_eq!(joined.len(), whole.valid.len() - lost);
            prop_assert!(
                joined.is_sorted_by(|a, b| a < b),
                "blocks are in order and share no \
                window"
            );
            prop_assert!(joined.iter().all(|row| whole.valid.contains(row)));
            if embargo >= window + horizon {
                prop_assert_eq!(lost, 0);
            }
            for (index, (ends, bounds)) in all.iter().enumerate() {
                prop_assert_eq!(
                    &ends.test,
                    &all[0].0.test,
                    "every fold has the same test \
                    windows"
                );
                prop_assert_eq!(
                    bounds.valid.start - first.valid.start,
                    index * (all[1].1.valid.start - first.valid.start)
                );
                if kept == TrainRows::Rolling && first.train.end < first.valid.start {
                    prop_assert_eq!(bounds.train.len(), first.train.len());
                }
                if let (Some(last), Some(begin)) = (ends.train.last(), ends.valid.first()) {
                    prop_assert!(
                        (last + horizon as u32) < begin + 1 - window as u32,
                        "a \
                        training label lies in a validation window"
                    );
                }
                prop_assert!(
                    ends.train
                        .iter()
                        .all(|row| *row as usize + 1 >= bounds.train.start + window)
                );
            }
        }
    }
}
