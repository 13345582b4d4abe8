use super::*;
use crate::compare::compare;
use crate::compare::group::tests::{finished, unfinished};
use crate::records::{Estimate, RunRecord, RunState, Scores};
use experiment::Objective;

fn compared(runs: &[RunRecord], metric: &str) -> Comparison {
    let metric: Metric = metric.parse().unwrap();
    compare(runs, Objective { metric, direction: metric.direction() })
}

fn text(print: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_comparison_reads_from_what_differs_to_the_verdict() {
    let mut fast = finished(16, 0, 3.5);
    fast.trial.settings.train.learning_rate = 0.01;
    let runs =
        [finished(16, 0, 4.5), fast, finished(32, 0, 3.9), unfinished(64, 0, RunState::Running)];
    let comparison = compared(&runs, "valid.rmse");
    insta::assert_snapshot!(text(|out| comparison.write(out, Intervals::Hidden)), @r"
        what differs
        setting               100    200    100    400
        model.hidden_size      16     32     16     64
        train.learning_rate  0.01  0.001  0.001  0.001

        valid.rmse in price, lower is better; numbers are of the best epoch by valid.loss
          #  run                     hidden_size  learning_rate  best epoch  train.rmse  valid.rmse  valid.skill
          1  100                              16           0.01           7       1.750       3.500       0.2344
          2  200                              32          0.001           7       1.950       3.900      0.04938
          3  100                              16          0.001           7       2.250       4.500      -0.2656
        (3)  persistence (baseline)                                                           4.000            0
        (4)  linear (baseline)                                                                5.000      -0.5625

        not ranked
        run  epochs  so far  state
        400       0       —  running

        the best trial's valid.rmse 3.500 is 12.5 % below persistence's 4.000: 2 of 3 trials beat it; it has one seed, so its spread is unknown
        ");
}

#[test]
fn repeats_show_their_spread_and_the_short_form_its_first_rows() {
    let runs: Vec<RunRecord> = (0..12)
        .flat_map(|h| {
            [finished(16 + h, 0, 3.0 + h as f64 / 10.0), finished(16 + h, 1, 3.1 + h as f64 / 10.0)]
        })
        .collect();
    let comparison = compared(&runs, "valid.skill");
    insta::assert_snapshot!(text(|out| comparison.write_ranking(out, 3, Intervals::Hidden)), @r"
        valid.skill, higher is better; numbers are of the best epoch by valid.loss; mean ± standard deviation (seeds)
           #  run                     hidden_size  best epoch  train.rmse  valid.rmse           valid.skill
           1  100 +1                           16           7       1.525       3.050  0.4184 ± 0.02696 (2)
           2  110 +1                           17           7       1.575       3.150  0.3797 ± 0.02784 (2)
           3  120 +1                           18           7       1.625       3.250  0.3397 ± 0.02873 (2)
        (11)  persistence (baseline)                                                                      0
        (13)  linear (baseline)                                                                     -0.5625
        … and 9 more

        the best assignment's mean valid.skill 0.4184 is 0.4184 above persistence's 0: 10 of 12 assignments beat it; its spread over seeds is ± 0.02696 (n = 2)
        ");
}

#[test]
fn intervals_stand_with_the_objective_where_they_are_wanted_or_fit() {
    let mut first = finished(16, 0, 3.5);
    first.result.as_mut().unwrap().scores = Some(Scores {
        confidence: 0.95,
        block_length: Some(4.0),
        days: 0,
        estimates: [(Quantity::Rmse, Estimate { value: 3.5, low: Some(3.25), high: Some(3.875) })]
            .into(),
    });
    let comparison = compared(&[first, finished(32, 0, 3.9)], "valid.rmse");
    let with = text(|out| comparison.write_ranking(out, 9, Intervals::Shown));
    assert!(
        with.contains("; [95 % interval]\n") && with.contains("3.500 [3.250, 3.875]"),
        "{with}"
    );
    let without = text(|out| comparison.write_ranking(out, 9, Intervals::Hidden));
    assert!(!without.contains('['), "{without}");
    let widest = with
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(UnicodeWidthStr::width)
        .max()
        .unwrap();
    assert_eq!(
        text(|out| comparison.write_ranking(out, 9, Intervals::Within { columns: widest })),
        with
    );
    assert_eq!(
        text(|out| comparison.write_ranking(out, 9, Intervals::Within { columns: widest - 1 })),
        without
    );
}

#[test]
fn a_hostile_name_cannot_reach_the_terminal() {
    let mut hostile = finished(16, 0, 4.5);
    hostile.folder = "runs/a\u{1b}[31m/trials/\u{9b}2J".into();
    let printed = text(|out| {
        compared(&[hostile.clone(), finished(32, 0, 3.0)], "valid.rmse")
            .write(out, Intervals::Shown)
    });
    assert!(!printed.contains(['\u{1b}', '\u{9b}']) && printed.contains(r"a\u{1b}[31m/\u{9b}2J"));
}

#[test]
fn names_are_as_short_as_they_can_be_told_apart() {
    assert_eq!(
        short_names(&["model.hidden_size", "train.learning_rate"]),
        ["hidden_size", "learning_rate"]
    );
    assert_eq!(
        short_names(&["train.schedule.kind", "train.optimizer.kind"]),
        ["schedule.kind", "optimizer.kind"]
    );
}
