use super::*;
use crate::compare::group::tests::{finished, in_fold, unfinished};
use crate::compare::search::tests::within;
use crate::records::{Forecasts, RunState};

fn by(metric: &str) -> Objective {
    let metric: Metric = metric.parse().unwrap();
    Objective { metric, direction: metric.direction() }
}

#[test]
fn repeats_are_ranked_by_their_mean() {
    let runs =
        [finished(16, 0, 1.0), finished(16, 1, 5.0), finished(32, 0, 2.0), finished(32, 1, 2.5)];
    let comparison = compare(&runs, by("valid.rmse"));
    let ranks: Vec<_> = comparison
        .rows
        .iter()
        .map(|row| (row.rank, row.settings["model.hidden_size"].clone()))
        .collect();
    assert_eq!(ranks, [(Some(1), 32.into()), (Some(2), 16.into())]);
    let value = comparison.rows[0].value.unwrap();
    assert_eq!((value.mean, value.n), (2.25, 2));
    assert!((value.sd.unwrap() - 0.125_f64.sqrt()).abs() < 1e-12);
    assert_eq!(comparison.rows[0].best_epochs, [7, 7]);
}

#[test]
fn a_repeat_that_failed_does_not_count_and_is_listed() {
    let failed = End::Failed { reason: "training loss is NaN".into() };
    let mut diverged = finished(16, 1, 0.001);
    diverged.result.as_mut().unwrap().end = failed;
    let runs = [finished(16, 0, 3.0), diverged, unfinished(16, 2, RunState::Lost)];
    let comparison = compare(&runs, by("valid.rmse"));
    assert_eq!(comparison.rows.len(), 1);
    assert_eq!(comparison.rows[0].value, Some(Spread { mean: 3.0, sd: None, n: 1 }));
    let states: Vec<_> =
        comparison.unranked.iter().map(|unranked| unranked.state.as_str()).collect();
    assert_eq!(
        states,
        [
            "failed: training loss is NaN",
            "lost: its process is gone; the next sweep goes on with it"
        ]
    );
}

fn with_seeds(planned: usize, mut run: RunRecord) -> RunRecord {
    run.seeds = Some(planned);
    run
}

fn diverged(hidden: usize, repeat: usize) -> RunRecord {
    let mut run = finished(hidden, repeat, 0.001);
    run.result.as_mut().unwrap().end = End::Failed { reason: "training loss is NaN".into() };
    run
}

#[test]
fn an_assignment_is_not_ranked_first_by_the_seeds_that_survived() {
    let others = |run: fn(usize, usize) -> RunRecord| -> Vec<RunRecord> {
        let whole = (0..4).map(|repeat| finished(32, repeat, 3.0));
        let survivors = (0..2)
            .map(|repeat| finished(16, repeat, 1.0))
            .chain((2..4).map(|repeat| run(16, repeat)));
        whole.chain(survivors).map(|run| with_seeds(4, run)).collect()
    };
    let running: fn(usize, usize) -> RunRecord =
        |hidden, repeat| unfinished(hidden, repeat, RunState::Running);
    for missing in [diverged, running] {
        let comparison = compare(&others(missing), by("valid.rmse"));
        let rows: Vec<_> = comparison
            .rows
            .iter()
            .map(|row| (row.rank, row.settings["model.hidden_size"].clone()))
            .collect();
        assert_eq!(rows, [(Some(1), 32.into()), (Some(2), 16.into())]);
        assert_eq!(comparison.rows[1].seeds, Seeds { counted: 2, planned: 4 });
        assert!(
            comparison.notes[0].starts_with("1 of 2 assignments lacks seeds"),
            "{:?}",
            comparison.notes
        );
        assert!(!comparison.verdict.contains("cannot be crowned"), "{}", comparison.verdict);
        // A baseline lacks no seed.
        assert_eq!(comparison.baselines[0].would_rank, 2);
    }
    // Deleted, so that no run is left to tell of it; and all alone, so that it is first
    // whatever it lacks.
    let mut deleted = others(diverged);
    deleted.retain(|run| run.trial.repeat < 2);
    for runs in [&deleted[..], &deleted[2..]] {
        let comparison = compare(runs, by("valid.rmse"));
        assert!(comparison.rows.iter().all(|row| row.seeds == Seeds { counted: 2, planned: 4 }));
        assert!(
            comparison.verdict.contains("; with 2 of 4 seeds it cannot be crowned"),
            "{}",
            comparison.verdict
        );
    }
}

#[test]
fn without_a_manifest_the_seeds_of_the_compared_runs_are_expected() {
    let runs = [finished(16, 0, 1.0), finished(32, 0, 2.0), finished(32, 1, 2.0)];
    let seeds: Vec<_> = compare(&runs, by("valid.rmse"))
        .rows
        .iter()
        .map(|row| (row.rank, row.seeds.lack()))
        .collect();
    assert_eq!(seeds, [(Some(1), None), (Some(2), Some("1 of 2 seeds".to_owned()))]);
    // Another sweep has its own.
    let mut other = finished(64, 0, 3.0);
    other.folder = "runs/other/trials/400".into();
    let seeds: Vec<_> = compare(&[runs[1].clone(), runs[2].clone(), other], by("valid.rmse")).rows;
    assert!(seeds.iter().all(|row| row.seeds.missing() == 0));
}

#[test]
fn a_crown_is_not_given_to_survivors() {
    let read = |run: &RunRecord, _: Split| {
        let ts: Vec<i64> = (0..400).collect();
        let noise = |at: i64| ((at * 7919 + 13) % 1000) as f64 / 1000.0 - 0.5;
        let target: Vec<f64> = ts.iter().map(|&ts| noise(ts)).collect();
        let off = 0.01 * (1 + run.trial.repeat) as f64;
        let forecast =
            target.iter().zip(&ts).map(|(target, ts)| target + off * noise(ts + 5)).collect();
        Some(Forecasts {
            baselines: vec![("persistence".into(), vec![0.0; 400])],
            ts,
            target,
            forecast,
            quantiles: Vec::new(),
        })
    };
    let runs: Vec<RunRecord> = (0..2).map(|repeat| finished(16, repeat, 1.0)).collect();
    let crowned = |planned: usize| {
        let runs: Vec<RunRecord> =
            runs.iter().map(|run| with_seeds(planned, run.clone())).collect();
        let mut comparison = compare(&runs, by("valid.rmse"));
        comparison.weigh(&within(&runs, &read));
        (comparison.significance.as_ref().unwrap().crowned, comparison.conclusion().join("\n"))
    };
    assert!(crowned(2).0, "{}", crowned(2).1);
    let (is_crowned, conclusion) = crowned(4);
    assert!(
        !is_crowned && conclusion.contains("but with 2 of 4 seeds it is not crowned"),
        "{conclusion}"
    );
}

#[test]
fn a_row_is_named_after_its_last_folds_best_seed() {
    let fold = |repeat, fold, rmse| in_fold(2, fold, finished(16, repeat, rmse));
    let runs = [fold(0, 0, 1.0), fold(0, 1, 5.0), fold(1, 0, 9.0), fold(1, 1, 4.0)];
    assert_eq!(compare(&runs, by("valid.rmse")).rows[0].run, "101f1");
    let runs = [unfinished(16, 0, RunState::Running), unfinished(16, 1, RunState::Waiting)];
    assert_eq!(compare(&runs, by("valid.rmse")).rows[0].run, "100");
}

#[test]
fn folds_are_ranked_by_their_mean_beside_the_mean_of_their_baselines_and_only_when_all_are_there() {
    let fold = |hidden, fold, rmse, persistence: f64| {
        let mut run = in_fold(2, fold, finished(hidden, 0, rmse));
        let result = run.result.as_mut().unwrap();
        result.baselines[0].rmse = persistence;
        result.baselines[0].mse = persistence * persistence;
        run
    };
    // Fold 1 is the harder one: the second assignment has a smaller error over fold 0 alone
    // than the first over both.
    let runs = [fold(16, 0, 1.0, 2.0), fold(16, 1, 5.0, 6.0), fold(32, 0, 2.0, 2.0)];
    let comparison = compare(&runs, by("valid.rmse"));
    let ranks: Vec<_> = comparison
        .rows
        .iter()
        .map(|row| (row.rank, row.value.map(|value| (value.mean, value.n))))
        .collect();
    assert_eq!(ranks, [(Some(1), Some((3.0, 2))), (None, None)]);
    assert_eq!(comparison.rows[0].runs, ["100f0", "100f1"]);
    assert_eq!(comparison.unranked.len(), 1);
    assert_eq!(comparison.unranked[0].state, "finished, but valid.rmse of fold 1 is not there");
    assert_eq!(
        (comparison.baselines[0].name.as_str(), comparison.baselines[0].value),
        ("persistence", 4.0)
    );
    assert_eq!((comparison.notes.clone(), comparison.spread_over.as_str()), (vec![], "folds"));
    assert!(
        comparison.verdict.contains("the margin is within its spread over folds"),
        "{}",
        comparison.verdict
    );
    // The same fold of each, picked by hand, is a comparison too; a fold beside a holdout is
    // one of unequal windows.
    let picked = compare(&[runs[0].clone(), runs[2].clone()], by("valid.rmse"));
    assert_eq!(picked.rows.iter().map(|row| row.rank).collect::<Vec<_>>(), [Some(1), Some(2)]);
    let mixed = compare(&[runs[0].clone(), finished(64, 0, 2.0)], by("valid.rmse"));
    assert!(mixed.notes[0].contains("not measured on the same windows"));
}

#[test]
fn the_forecasts_of_folds_are_weighed_as_one_stretch() {
    let runs: Vec<RunRecord> = (0..2).map(|fold| in_fold(2, fold, finished(16, 0, 1.0))).collect();
    let read = |run: &RunRecord, split: Split| {
        let first = if split == Split::Test { 1000 } else { 100 * run.trial.fold()? as i64 };
        let ts: Vec<i64> = (first..first + 100).collect();
        let target: Vec<f64> = ts.iter().map(|&ts| (ts as f64 * 0.7).sin()).collect();
        let forecast = target.iter().map(|target| 0.5 * target).collect();
        Some(Forecasts {
            baselines: vec![("persistence".into(), vec![0.0; 100])],
            ts,
            target,
            forecast,
            quantiles: Vec::new(),
        })
    };
    let mut comparison = compare(&runs, by("valid.rmse"));
    comparison.weigh(&within(&runs, &read));
    assert_eq!(
        comparison.significance.as_ref().map(|found| (found.windows, found.rows)),
        Some((200, 1))
    );
    // Their test windows are the same.
    let mut comparison = compare(&runs, by("valid.rmse"));
    comparison.yardstick = "test.rmse".parse().unwrap();
    comparison.weigh(&within(&runs, &read));
    assert_eq!(comparison.significance.map(|found| found.windows), Some(100));
}

#[test]
fn a_result_that_is_no_number_has_no_rank() {
    let runs = [finished(16, 0, f64::NAN), finished(32, 0, 3.0)];
    let comparison = compare(&runs, by("valid.rmse"));
    assert_eq!(comparison.rows.iter().map(|row| row.rank).collect::<Vec<_>>(), [Some(1), None]);
    assert_eq!(comparison.unranked[0].state, "finished, but valid.rmse is undefined");
}

#[test]
fn baselines_stand_where_they_would_rank() {
    let runs = [finished(16, 0, 3.0), finished(32, 0, 4.5), finished(64, 0, 6.0)];
    let places = |metric| {
        let baselines = compare(&runs, by(metric)).baselines;
        baselines.into_iter().map(|row| (row.name, row.would_rank)).collect::<Vec<_>>()
    };
    let expected = [("persistence".to_owned(), 2), ("linear".to_owned(), 3)];
    for metric in ["valid.rmse", "valid.mae", "valid.skill", "valid.loss", "train.rmse"] {
        assert_eq!(places(metric), expected, "by {metric}");
    }
}

#[test]
fn runs_on_other_windows_are_not_compared_by_their_errors_in_silence() {
    let mut other = finished(32, 0, 2.0);
    let result = other.result.as_mut().unwrap();
    result.windows.valid += 1;
    result.baselines[0].mse = 9.0;
    let runs = [finished(16, 0, 3.0), other];
    assert!(compare(&runs, by("valid.rmse")).notes[0].contains("not measured on the same windows"));
    assert_eq!(compare(&runs[..1], by("valid.rmse")).notes, [""; 0]);
    assert_eq!(compare(&runs, by("valid.rmse")).baselines[0].variants, 1);
}

#[test]
fn a_comparison_of_nothing_says_so() {
    let comparison = compare(&[], by("valid.rmse"));
    assert!(comparison.rows.is_empty() && comparison.verdict.contains("nothing to rank"));
}
