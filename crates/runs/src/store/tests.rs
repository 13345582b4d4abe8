//! What the reader and the follower say of the same folder.

use crate::files;
use proptest::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use super::testing::{self, AT};
use super::*;
use experiment::event::{Cursor, End, Event};
use experiment::trial::{Trial, TrialId};

fn sweep(trials: usize) -> (tempfile::TempDir, SweepFolder, Vec<Trial>) {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trials: Vec<Trial> = (0..trials).map(testing::trial).collect();
    let ids: Vec<&str> = trials.iter().map(|trial| trial.id.0.as_str()).collect();
    sweep.write_manifest(&testing::manifest(&ids)).unwrap();
    (root, sweep, trials)
}

fn fill(run: &RunFolder, info: &AttemptInfo, epochs: usize) -> Attempt {
    let mut attempt = run.start_attempt(info).unwrap();
    for event in testing::events(epochs) {
        attempt.append(AT.into(), event).unwrap();
    }
    attempt
}

/// Everything that a record tells, in a form that does not depend on the order in which damage was
/// met.
fn told(record: &SweepRecord) -> String {
    let mut record = record.clone();
    record.damaged.sort();
    for run in &mut record.runs {
        run.damage.sort();
    }
    format!("{record:#?}")
}

fn poll_until_quiet(follower: &mut Follower, record: &mut SweepRecord) {
    for _ in 0..30 {
        for change in follower.poll().unwrap() {
            record.apply(&change);
        }
    }
}

#[test]
fn runs_come_in_the_order_of_the_plan_then_those_of_former_versions() {
    let (_root, sweep, trials) = sweep(3);
    sweep.create_runs(&trials).unwrap();
    let ids = [trials[2].id.0.as_str(), "not_made_yet", trials[0].id.0.as_str()];
    sweep.write_manifest(&testing::manifest(&ids)).unwrap();
    let record = read_sweep(&sweep.path).unwrap();
    let order: Vec<_> = record.runs.iter().map(|run| (run.trial.id.clone(), run.current)).collect();
    let expected =
        [(2, true), (0, true), (1, false)].map(|(i, current)| (trials[i].id.clone(), current));
    assert_eq!(order, expected);
    assert_eq!(record.runs[1].trial.index, 2, "its place in the plan of today");
    assert!(record.damaged.is_empty());
}

#[test]
fn a_run_is_waiting_running_lost_resumed_and_ended() {
    let (_root, sweep, trials) = sweep(1);
    let run = sweep.create_run(&trials[0]).unwrap();
    let state = || read_run(&run.path).unwrap().progress.state;
    assert_eq!(state(), RunState::Waiting);
    let gone = AttemptInfo { pid_start: 0, ..testing::info() };
    let mut first = run.start_attempt(&gone).unwrap();
    assert_eq!(state(), RunState::Lost, "its writer was killed before the first line");
    first
        .append(
            AT.into(),
            Event::Started {
                device: "flex".into(),
                lanes: 1,
                resumed: None,
                baselines: Vec::new(),
            },
        )
        .unwrap();
    first.append(AT.into(), Event::Epoch(testing::epoch(1, 0.5))).unwrap();
    first.append(AT.into(), Event::Epoch(testing::epoch(2, 0.25))).unwrap();
    assert_eq!(state(), RunState::Lost);
    let mut second = run.start_attempt(&testing::info()).unwrap();
    second
        .append(
            AT.into(),
            Event::Started {
                device: "cuda:0".into(),
                lanes: 1,
                resumed: Some(Cursor { epoch: 1, batch: 0 }),
                baselines: Vec::new(),
            },
        )
        .unwrap();
    second.append(AT.into(), Event::Epoch(testing::epoch(2, 0.125))).unwrap();
    let progress = read_run(&run.path).unwrap().progress;
    assert_eq!(
        (progress.attempt, progress.state, progress.device.as_deref()),
        (2, RunState::Running, Some("cuda:0"))
    );
    assert_eq!(progress.epochs, [testing::epoch(1, 0.5), testing::epoch(2, 0.125)]);
    second.append(AT.into(), Event::Ended { end: End::Finished }).unwrap();
    assert_eq!(state(), RunState::Ended(End::Finished));
}

#[test]
fn what_came_after_the_winning_attempt_does_not_count() {
    let (_root, sweep, trials) = sweep(1);
    let run = sweep.create_run(&trials[0]).unwrap();
    let mut zombie = fill(&run, &testing::info(), 2);
    fill(&run, &testing::info(), 5);
    assert_eq!(read_run(&run.path).unwrap().progress.epochs.len(), 5);
    assert!(zombie.publish(&testing::result(1)).unwrap());
    let record = read_run(&run.path).unwrap();
    assert_eq!((record.progress.attempt, record.progress.epochs.len()), (1, 2));
    assert_eq!(
        record.progress.state,
        RunState::Ended(End::EarlyStopped),
        "the result has the last word"
    );
}

#[test]
fn the_log_of_a_dead_writer_is_closed_once_and_without_its_torn_line() {
    let (_root, sweep, trials) = sweep(1);
    let run = sweep.create_run(&trials[0]).unwrap();
    let failed = |reason: &str| vec![Event::Ended { end: End::Failed { reason: reason.into() } }];
    assert!(!run.close_lost(AT, failed("killed")).unwrap(), "there is no attempt");
    let mut attempt = run.start_attempt(&AttemptInfo { pid_start: 0, ..testing::info() }).unwrap();
    attempt.append(AT.into(), testing::events(1)[0].clone()).unwrap();
    let path = attempt.path.join("events.jsonl");
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"v\":1,").unwrap();
    let (mut record, mut follower) = Follower::open(&sweep.path).unwrap();
    assert_eq!(record.runs[0].progress.state, RunState::Lost);
    assert_eq!(run.newest_end().unwrap(), None);
    assert!(run.close_lost(AT, failed("killed")).unwrap());
    assert!(!run.close_lost(AT, failed("again")).unwrap());
    assert_eq!(run.newest_end().unwrap(), Some(End::Failed { reason: "killed".into() }));
    poll_until_quiet(&mut follower, &mut record);
    assert_eq!(
        record.runs[0].progress.state,
        RunState::Ended(End::Failed { reason: "killed".into() })
    );
    assert_eq!(told(&record), told(&read_sweep(&sweep.path).unwrap()));
}

#[test]
fn a_summary_has_all_but_the_events_of_finished_runs() {
    let (_root, sweep, trials) = sweep(2);
    let runs = sweep.create_runs(&trials).unwrap().runs;
    fill(&runs[0], &testing::info(), 3).publish(&testing::result(1)).unwrap();
    fill(&runs[1], &testing::info(), 3);
    let (whole, summary) =
        (read_sweep(&sweep.path).unwrap(), read_sweep_summaries(&sweep.path).unwrap());
    assert_eq!(whole.runs[0].progress.epochs.len(), 3);
    assert!(summary.runs[0].progress.epochs.is_empty());
    assert_eq!(summary.runs[0].progress.state, whole.runs[0].progress.state);
    assert_eq!(summary.runs[0].result, whole.runs[0].result);
    assert_eq!(summary.runs[1].progress, whole.runs[1].progress);
}

#[test]
fn every_damaged_file_is_told_and_hides_nothing_else() {
    let (_root, sweep, trials) = sweep(8);
    let runs = sweep.create_runs(&trials).unwrap().runs;
    for run in &runs {
        fill(run, &testing::info(), 3).publish(&testing::result(1)).unwrap();
        run.record_opening(&testing::evaluation(), &testing::forecasts(&[10])).unwrap();
    }
    let good = read_sweep(&sweep.path).unwrap();
    fs::write(runs[0].path.join("result.json"), b"").unwrap();
    fs::write(runs[1].path.join("trial.toml"), b"v = 1\nid = 7").unwrap();
    fs::write(runs[2].path.join("trial.toml"), b"").unwrap();
    fs::remove_file(runs[3].path.join("attempts/1/events.jsonl")).unwrap();
    let log = fs::read_to_string(runs[4].path.join("attempts/1/events.jsonl")).unwrap();
    fs::write(
        runs[4].path.join("attempts/1/events.jsonl"),
        log.replacen("\"epoch\":2", "\"epoch\":x", 1),
    )
    .unwrap();
    fs::write(runs[5].path.join("evaluations.jsonl"), b"{}\n").unwrap();
    fs::write(sweep.path.join("sweep.toml"), b"\xff").unwrap();
    let record = read_sweep(&sweep.path).unwrap();
    assert_eq!(record.damaged.len(), 3, "{:?}", record.damaged);
    assert_eq!(record.runs.len(), 6);
    let find = |i: usize| record.runs.iter().find(|run| run.trial.id == trials[i].id).unwrap();
    for (i, what) in [
        (0, "result.json: is empty"),
        (3, "events.jsonl: is missing"),
        (4, "line 3 is damaged"),
        (5, "evaluations.jsonl: line 1"),
    ] {
        assert_eq!(find(i).damage.len(), 1, "{:?}", find(i).damage);
        assert!(find(i).damage[0].contains(what), "{:?}", find(i).damage);
    }
    assert_eq!(find(4).progress.epochs.len(), 2);
    for i in [6, 7] {
        let before = &good.runs[i];
        assert_eq!(format!("{:?}", find(i).progress), format!("{:?}", before.progress));
        assert!(find(i).damage.is_empty());
    }
}

#[test]
fn the_follower_tells_of_a_run_of_which_an_older_attempt_won_anew() {
    let (_root, sweep, trials) = sweep(1);
    let run = sweep.create_run(&trials[0]).unwrap();
    let mut zombie = fill(&run, &testing::info(), 2);
    let (mut record, mut follower) = Follower::open(&sweep.path).unwrap();
    fill(&run, &testing::info(), 5);
    poll_until_quiet(&mut follower, &mut record);
    assert_eq!(record.runs[0].progress.epochs.len(), 5);
    zombie.publish(&testing::result(1)).unwrap();
    poll_until_quiet(&mut follower, &mut record);
    assert_eq!(told(&record), told(&read_sweep(&sweep.path).unwrap()));
}

#[test]
fn the_follower_tells_progress_within_an_epoch() {
    let (_root, sweep, trials) = sweep(1);
    let run = sweep.create_run(&trials[0]).unwrap();
    let mut attempt = run.start_attempt(&testing::info()).unwrap();
    attempt
        .append(
            AT.into(),
            Event::Started {
                device: "flex".into(),
                lanes: 1,
                resumed: None,
                baselines: Vec::new(),
            },
        )
        .unwrap();
    let (_, mut follower) = Follower::open(&sweep.path).unwrap();
    let progress = ProgressFile {
        epoch: 1,
        step: 7,
        steps: 100,
        windows_per_second: 1e6,
        lanes: 8,
        memory: None,
    };
    attempt.progress(&progress).unwrap();
    let seen: Vec<ProgressFile> = (0..10)
        .flat_map(|_| follower.poll().unwrap())
        .filter_map(
            |change| if let Change::Progress(_, progress) = change { Some(progress) } else { None },
        )
        .collect();
    assert_eq!(seen, [progress]);
}

/// What a poll costs is what moves, not what waits.
#[test]
fn a_pack_that_begins_among_many_waiting_runs_is_found_at_once_and_with_few_looks() {
    let (_root, sweep, trials) = sweep(1_000);
    let runs = sweep.create_runs(&trials).unwrap().runs;
    let (_, mut follower) = Follower::open(&sweep.path).unwrap();
    (0..60).for_each(|_| drop(follower.poll().unwrap()));
    for pack in runs[..32].chunks(8) {
        let mut attempts: Vec<_> = pack.iter().map(|run| fill(run, &testing::info(), 1)).collect();
        let (changes, looks) = crate::files::looks::looks_of(|| follower.poll().unwrap());
        let begun: HashSet<&TrialId> = changes
            .iter()
            .filter_map(|change| if let Change::Line(id, ..) = change { Some(id) } else { None })
            .collect();
        assert_eq!(begun.len(), 8, "all of the pack, at the poll after it began");
        assert!(looks < 200, "{looks} looks");
        attempts
            .iter_mut()
            .for_each(|attempt| assert!(attempt.publish(&testing::result(1)).unwrap()));
        let (changes, looks) = crate::files::looks::looks_of(|| follower.poll().unwrap());
        assert_eq!(changes.iter().filter(|change| matches!(change, Change::Result(..))).count(), 8);
        assert!(looks < 200, "{looks} looks");
    }
}

#[test]
fn a_finished_run_is_never_looked_at_again() {
    let (_root, sweep, trials) = sweep(1);
    let run = sweep.create_run(&trials[0]).unwrap();
    fill(&run, &testing::info(), 2).publish(&testing::result(1)).unwrap();
    let (_, mut follower) = Follower::open(&sweep.path).unwrap();
    fs::write(run.path.join("attempts/1/events.jsonl"), b"broken\n").unwrap();
    fs::write(run.path.join("result.json"), b"").unwrap();
    assert!((0..60).all(|_| follower.poll().unwrap().is_empty()));
}

/// What may happen to a sweep's folder while somebody watches it.
#[derive(Clone, Debug)]
enum Act {
    CreateRun(usize),
    /// Makes a folder and is killed.
    BareFolder,
    /// By a process that lives, or one that is gone.
    Start(usize, bool),
    Epoch(usize),
    Checkpoint(usize),
    Warn(usize),
    End(usize, End),
    /// Half of a line, whose other half may or may not follow.
    Tear(usize),
    Mend(usize),
    Garbage(usize),
    Publish(usize),
    DamageResult(usize),
    Poll,
}

const RUNS: usize = 3;

fn act() -> impl Strategy<Value = Act> {
    let run = 0..RUNS;
    prop_oneof![
        2 => run.clone().prop_map(Act::CreateRun),
        1 => Just(Act::BareFolder),
        3 => (run.clone(), any::<bool>()).prop_map(|(i, alive)| Act::Start(i, alive)),
        8 => run.clone().prop_map(Act::Epoch),
        1 => run.clone().prop_map(Act::Checkpoint),
        1 => run.clone().prop_map(Act::Warn),
        2 => (
            run.clone(),
            prop_oneof![
                Just(End::Interrupted),
                Just(End::Finished),
                Just(End::Failed { reason: "nan".into() })
            ],
        )
            .prop_map(|(i, end)| Act::End(i, end)),
        1 => run.clone().prop_map(Act::Tear),
        2 => run.clone().prop_map(Act::Mend),
        1 => run.clone().prop_map(Act::Garbage),
        1 => run.clone().prop_map(Act::Publish),
        1 => run.prop_map(Act::DamageResult),
        8 => Just(Act::Poll),
    ]
}

/// One run's writer, which never writes to an attempt that is over.
#[derive(Default)]
struct Writer {
    run: Option<RunFolder>,
    attempt: Option<Attempt>,
    torn: Option<Vec<u8>>,
    epochs: usize,
    over: bool,
}

impl Writer {
    fn append(&mut self, event: Event) {
        if let (Some(attempt), None) = (&mut self.attempt, &self.torn) {
            attempt.append(AT.into(), event).unwrap();
        }
    }

    fn raw(&self, bytes: &[u8]) {
        if let Some(attempt) = &self.attempt {
            let path = attempt.path.join("events.jsonl");
            fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
        }
    }

    fn act(&mut self, sweep: &SweepFolder, trial: &Trial, act: Act) {
        match (act, &self.run) {
            (Act::CreateRun(_), None) => self.run = Some(sweep.create_run(trial).unwrap()),
            (Act::Start(_, alive), Some(run)) if !self.over => {
                let info = testing::info();
                let info = if alive { info } else { AttemptInfo { pid_start: 0, ..info } };
                self.attempt = Some(run.start_attempt(&info).unwrap());
                (self.torn, self.epochs) = (None, self.epochs / 2);
                let resumed = (self.epochs > 0).then_some(Cursor { epoch: self.epochs, batch: 0 });
                self.append(Event::Started {
                    device: "flex".into(),
                    lanes: 2,
                    resumed,
                    baselines: Vec::new(),
                });
            }
            (Act::Epoch(_), _) => {
                self.epochs += 1;
                self.append(Event::Epoch(testing::epoch(self.epochs, 0.5)));
            }
            (Act::Checkpoint(_), _) => {
                self.append(Event::Checkpoint(Cursor { epoch: self.epochs, batch: 0 }))
            }
            (Act::Warn(_), _) => {
                self.append(Event::Warning { message: format!("after epoch {}", self.epochs) })
            }
            (Act::End(_, end), _) => {
                self.append(Event::Ended { end });
                if self.torn.is_none() {
                    self.attempt = None;
                }
            }
            (Act::Tear(_), _) if self.attempt.is_some() && self.torn.is_none() => {
                let mut line = testing::log(1).into_bytes();
                line.truncate(line.iter().position(|byte| *byte == b'\n').unwrap() + 1);
                self.torn = Some(line.split_off(60));
                self.raw(&line);
            }
            (Act::Mend(_), _) => {
                // The whole line then has a number out of turn, which is told too. Nothing is
                // appended after it.
                if let Some(rest) = self.torn.take() {
                    self.raw(&rest);
                    self.attempt = None;
                }
            }
            (Act::Garbage(_), _) if self.torn.is_none() => self.raw(b"\0garbage\n"),
            (Act::Publish(_), Some(run)) => {
                if let Some(number) = self.attempt.as_ref().map(|attempt| attempt.number) {
                    result_file::publish(&run.path, &testing::result(number)).unwrap();
                    (self.over, self.attempt) = (true, None);
                }
            }
            (Act::DamageResult(_), Some(run)) if !self.over => {
                files::publish(&run.path.join("result.json"), b"{\"v\":1").unwrap();
                self.over = true;
            }
            _ => {}
        }
    }
}

fn run_of(act: &Act) -> Option<usize> {
    match act {
        Act::CreateRun(i)
        | Act::Start(i, _)
        | Act::Epoch(i)
        | Act::Checkpoint(i)
        | Act::Warn(i)
        | Act::End(i, _)
        | Act::Tear(i)
        | Act::Mend(i)
        | Act::Garbage(i)
        | Act::Publish(i)
        | Act::DamageResult(i) => Some(*i),
        Act::BareFolder | Act::Poll => None,
    }
}

fn open(folder: &Path) -> (SweepRecord, Follower) {
    Follower::open(folder).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn following_comes_to_what_reading_anew_gives(acts in prop::collection::vec(act(), 0..60)) {
        let (_root, sweep, trials) = sweep(RUNS);
        let mut writers: Vec<Writer> = (0..RUNS).map(|_| Writer::default()).collect();
        let (mut record, mut follower) = open(&sweep.path);
        for act in acts {
            match (&act, run_of(&act)) {
                (_, Some(i)) => writers[i].act(&sweep, &trials[i], act),
                (Act::BareFolder, _) => fs::create_dir_all(sweep.path.join("trials/bare")).unwrap(),
                _ => {
                    for change in follower.poll().unwrap() {
                        record.apply(&change);
                    }
                }
            }
        }
        poll_until_quiet(&mut follower, &mut record);
        prop_assert_eq!(told(&record), told(&read_sweep(&sweep.path).unwrap()));
        let (opened, _) = open(&sweep.path);
        prop_assert_eq!(told(&record), told(&opened));
        prop_assert!(record.runs.iter().all(|run| run.trial.id != TrialId("bare".into())));
    }
}
