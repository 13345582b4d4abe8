use super::super::{SweepFolder, testing};
use super::*;

#[test]
fn every_event_is_one_numbered_line_that_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let run =
        SweepFolder::create(root.path(), "grid").unwrap().create_run(&testing::trial(1)).unwrap();
    let mut attempt = run.start_attempt(&testing::info()).unwrap();
    let events = testing::events(3);
    for event in &events {
        attempt.append(testing::AT.into(), event.clone()).unwrap();
    }
    let text = std::fs::read_to_string(attempt.log_path()).unwrap();
    let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines.iter().map(|line| line.seq).collect::<Vec<_>>(),
        (0..events.len() as u64).collect::<Vec<_>>()
    );
    assert_eq!(lines.into_iter().map(|line| line.event).collect::<Vec<_>>(), events);
    assert_eq!(attempt.length, text.len() as u64);
}

#[test]
fn a_number_that_is_not_finite_comes_back_as_nan() {
    let mut report = testing::epoch(1, 0.5);
    report.valid.loss = f64::NAN;
    report.windows_per_second = f64::INFINITY;
    let text = serde_json::to_string(&Event::Epoch(report)).unwrap();
    let Event::Epoch(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    assert!(back.valid.loss.is_nan() && back.windows_per_second.is_nan());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_log_and_stays_one() {
    let root = tempfile::tempdir().unwrap();
    let run =
        SweepFolder::create(root.path(), "grid").unwrap().create_run(&testing::trial(1)).unwrap();
    let mut attempt = run.start_attempt(&testing::info()).unwrap();
    attempt.log = std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    for _ in 0..2 {
        let error = attempt
            .append(testing::AT.into(), testing::events(1)[0].clone())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("events.jsonl: a line of") && error.contains("No space left"),
            "{error}"
        );
        let error = attempt.append(testing::AT.into(), testing::events(1)[0].clone());
        assert_eq!(error.unwrap_err().kind(), crate::files::ErrorKind::Machine);
    }
    assert_eq!(attempt.seq, 0);
    assert!(attempt.publish(&testing::result(1)).is_err(), "what was not recorded has no result");
    assert_eq!(run.result().unwrap(), None);
}

#[test]
fn only_the_first_result_of_a_run_is_published() {
    let root = tempfile::tempdir().unwrap();
    let run =
        SweepFolder::create(root.path(), "grid").unwrap().create_run(&testing::trial(1)).unwrap();
    let mut attempts: Vec<Attempt> =
        (0..3).map(|_| run.start_attempt(&testing::info()).unwrap()).collect();
    let won: Vec<bool> = attempts
        .iter_mut()
        .map(|attempt| attempt.publish(&testing::result(attempt.number)).unwrap())
        .collect();
    assert_eq!(won, [true, false, false]);
    assert_eq!(run.result().unwrap(), Some(testing::result(1)));
}

#[test]
fn the_scaling_is_kept_once() {
    let root = tempfile::tempdir().unwrap();
    let run =
        SweepFolder::create(root.path(), "grid").unwrap().create_run(&testing::trial(1)).unwrap();
    let mut attempt = run.start_attempt(&testing::info()).unwrap();
    attempt.scaling("{}").unwrap();
    attempt.scaling("{}").unwrap();
    assert!(attempt.scaling("[]").is_err());
    assert!(run.scaling().is_err(), "a run without a result has no winner");
    attempt.publish(&testing::result(1)).unwrap();
    assert_eq!(run.scaling().unwrap(), "{}");
}
