use super::*;
use crate::compare::compare;
use crate::compare::group::tests::finished;
use experiment::Objective;
use experiment::metric::{Direction, Split};

fn of(sweep: &str, hidden: usize, rmse: f64) -> RunRecord {
    let mut run = finished(hidden, 0, rmse);
    run.folder = format!("runs/{sweep}/trials/{hidden}").into();
    run
}

fn sides(runs: &[RunRecord], read: Read<'_>) -> Sides {
    let metric: Metric = "valid.rmse".parse().unwrap();
    let comparison = compare(runs, Objective { metric, direction: Direction::Minimize });
    Sides::of(&comparison, &["a".into(), "b".into()], runs, read).unwrap()
}

/// Forecasts whose errors have about this size.
fn forecasts(size: f64, seed: f64) -> Forecasts {
    let ts: Vec<i64> = (0..500).collect();
    let target: Vec<f64> = ts.iter().map(|i| (*i as f64 * 0.7).sin()).collect();
    let noise = |i: i64| ((i as f64 * 12.9898 + seed).sin() * 43_758.547).fract();
    Forecasts {
        forecast: ts.iter().zip(&target).map(|(i, target)| target + size * noise(*i)).collect(),
        ts,
        target,
        ..Forecasts::default()
    }
}

#[test]
fn two_sweeps_read_side_by_side() {
    let runs =
        [of("a", 16, 3.0), of("a", 32, 5.0), of("b", 16, 4.5), of("b", 64, 2.0), of("b", 8, 6.0)];
    let read = |run: &RunRecord, _: Split| {
        Some(if run.folder.starts_with("runs/a") {
            forecasts(1.0, 1.0)
        } else {
            forecasts(0.5, 2.0)
        })
    };
    let sides = sides(&runs, &read);
    assert!(sides.bests[0].p.unwrap() < 0.001);
    let mut out = Vec::new();
    sides.write(&mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn bests_of_other_windows_are_not_tested() {
    let runs = [of("a", 16, 3.0), of("b", 16, 4.0)];
    let later = |run: &RunRecord, _: Split| {
        let mut forecasts = forecasts(1.0, 1.0);
        if run.folder.starts_with("runs/b") {
            forecasts.ts.iter_mut().for_each(|ts| *ts += 1);
        }
        Some(forecasts)
    };
    let found = sides(&runs, &later);
    assert_eq!((found.bests[0].windows, found.bests[0].p), (None, None));
    assert!(found.sentence(&found.bests[0]).contains("not measured on the same windows"));
    assert_eq!(sides(&runs, &|_, _| None).bests[0].windows, None);
    assert!(found.differing.is_empty(), "{:?}", found.differing);
}
