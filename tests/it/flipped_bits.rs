//! One flipped bit anywhere in what a run left: whatever is read of it is told to be damaged, or it
//! is what was written. Never another number, and never a training that goes on from one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kiln::event::{Cursor, End, Event};
use kiln::experiment::Experiment;
use kiln::plan::plan;
use kiln::store::{
    Attempt, AttemptInfo, Baseline, Evaluation, Forecasts, Origin, RunFolder, RunResult,
    SweepFolder, SweepManifest, View, WindowCounts, read_manifest, read_run,
};
use lane_types::{EpochReport, SplitReport};

const EXPERIMENT: &str = "name = \"grid\"\n[data]\nsynthetic = \
    { bars = 600 }\n[sweep.space]\n\"train.learning_rate\" = [1e-3, 3e-3]\n";

const AT: &str = "2026-01-02T03:04:05Z";

fn epoch(epoch: usize) -> EpochReport {
    let loss = 0.5_f64.powi(epoch as i32) / 3.0;
    let split = SplitReport { loss, mse: loss * 3.0, mae: loss / 8.0, rmse: loss / 4.0 };
    EpochReport {
        epoch,
        train: split,
        valid: split,
        learning_rate: 1e-3,
        best_epoch: epoch,
        waited: 0,
        seconds: 0.125,
        windows_per_second: 12_345.5,
    }
}

fn forecasts(start: i64) -> Forecasts {
    let values = |scale: f64| (0..20).map(|i| scale * f64::from(i) / 7.0).collect::<Vec<f64>>();
    Forecasts {
        ts: (0..20).map(|i| (start + i) * 60_000_000_000).collect(),
        target: values(1.0),
        forecast: values(0.5),
        baselines: vec![("persistence".into(), values(0.0))],
        ..Forecasts::default()
    }
}

fn attempt(run: &RunFolder, from: usize, to: usize) -> Attempt {
    let info = AttemptInfo::of_this_process("flex".into(), vec!["kiln".into()], AT.into());
    // Its writer is gone.
    let mut attempt = run.start_attempt(&AttemptInfo { pid_start: 0, ..info }).unwrap();
    let resumed = (from > 0).then_some(Cursor { epoch: from, batch: 0 });
    attempt
        .append(
            AT.into(),
            Event::Started { device: "flex".into(), lanes: 2, resumed, baselines: Vec::new() },
        )
        .unwrap();
    attempt.scaling(&format!("{{\"columns\":[{to}]}}")).unwrap();
    for number in from + 1..=to {
        attempt.append(AT.into(), Event::Epoch(epoch(number))).unwrap();
        let cursor = Cursor { epoch: number, batch: 0 };
        attempt
            .checkpoint(
                cursor,
                format!("the state after epoch {number}").as_bytes(),
                Some(b"the best weights"),
            )
            .unwrap();
        attempt.append(AT.into(), Event::Checkpoint(cursor)).unwrap();
    }
    attempt
}

/// A sweep of two runs: one finished after it was resumed, with its test split opened; one cut off
/// in its second attempt.
fn store() -> (tempfile::TempDir, SweepFolder, [RunFolder; 2]) {
    let root = tempfile::tempdir().unwrap();
    let experiment = Experiment::parse(Path::new("grid.toml"), EXPERIMENT, &[]).unwrap();
    let plan = plan(&experiment, "fingerprint", 10).unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let manifest = SweepManifest {
        v: 1,
        name: "grid".into(),
        question: None,
        objective: "valid.rmse".parse().unwrap(),
        direction: kiln::metric::Direction::Minimize,
        repeats: 1,
        target_unit: "log return".into(),
        trials: plan.trials.iter().map(|trial| trial.id.to_string()).collect(),
        backtest: None,
        origin: Origin::default(),
        experiment: EXPERIMENT.into(),
    };
    sweep.write_manifest(&manifest).unwrap();
    let runs = sweep.create_runs(&plan.trials).unwrap().runs;
    let [finished, cut_off] = runs.try_into().unwrap();
    for run in [&finished, &cut_off] {
        attempt(run, 0, 3);
    }
    let mut winner = attempt(&finished, 3, 5);
    winner.forecasts("valid", &forecasts(0)).unwrap();
    winner.append(AT.into(), Event::Ended { end: End::Finished }).unwrap();
    let errors = Baseline { name: "persistence".into(), mse: 0.3, mae: 0.2, rmse: 0.54 };
    let result = RunResult {
        v: 1,
        attempt: 2,
        end: End::Finished,
        epochs: 5,
        best_epoch: Some(5),
        train: Some(epoch(5).train),
        valid: Some(epoch(5).valid),
        skill: Some(0.125),
        baselines: vec![errors.clone()],
        windows: WindowCounts { train: 700, valid: 20, test: 20 },
        scores: None,
        tried: None,
        seconds: 3.25,
        instruction_sets: vec!["avx2".into()],
    };
    assert!(winner.publish(&result).unwrap());
    let evaluation = Evaluation {
        v: 1,
        at: AT.into(),
        windows: 20,
        mse: 0.1,
        mae: 0.2,
        rmse: 0.3,
        skill: Some(0.5),
        baselines: vec![errors],
        quantiles: None,
        interval: None,
        scores: None,
        early: None,
    };
    assert_eq!(finished.record_opening(&evaluation, &forecasts(100)).unwrap(), 1);
    attempt(&cut_off, 3, 4);
    (root, sweep, [finished, cut_off])
}

/// What is read of a run, by its name: a value in words, or `None` for what is told to be damaged.
fn told(sweep: &SweepFolder, run: &RunFolder) -> BTreeMap<String, Option<String>> {
    let mut told = BTreeMap::new();
    let mut tell = |name: &str, value: Option<String>| drop(told.insert(name.to_owned(), value));
    tell("sweep.toml", read_manifest(&sweep.path).ok().map(|manifest| format!("{manifest:?}")));
    tell("trial", run.trial().ok().map(|trial| format!("{trial:?}")));
    tell("result", run.result().ok().map(|result| format!("{result:?}")));
    tell("scaling", run.scaling().ok());
    tell("best weights", run.best_weights().ok().map(|weights| format!("{weights:?}")));
    for split in ["valid", "test"] {
        tell(split, run.forecasts(split).ok().map(|forecasts| format!("{forecasts:?}")));
    }
    let record = read_run(&run.path).ok().filter(|record| record.damage.is_empty());
    tell(
        "record",
        record.map(|record| {
            format!("{:?} {:?} {:?}", record.progress, record.result, record.evaluations)
        }),
    );
    // A checkpoint before the last is as good: what is trained from there is the same.
    let state = |resume: kiln::store::Resume| {
        let checkpoint = resume.checkpoint?;
        let epochs: Vec<EpochReport> = (1..=checkpoint.cursor.epoch).map(epoch).collect();
        assert_eq!(
            checkpoint.bytes,
            format!("the state after epoch {}", checkpoint.cursor.epoch).as_bytes()
        );
        assert_eq!(resume.epochs, epochs, "what a result would say of its epochs");
        resume.warnings.is_empty().then(|| format!("{:?}", checkpoint.cursor))
    };
    tell("resume", run.resume().ok().and_then(state));
    told
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Calls `check` for every file with some changed bytes, at places all over it. (All eight bits of
/// every byte would take minutes; the checksums' own tests flip those.)
fn with_every_change(folder: &Path, places: usize, check: &dyn Fn(&Path, &str)) {
    for path in files(folder) {
        let whole = fs::read(&path).unwrap();
        let step = (whole.len() / places).max(1);
        for (number, place) in (0..whole.len()).step_by(step).enumerate() {
            let mut changed = whole.clone();
            changed[place] ^= 1 << (number % 8);
            fs::write(&path, &changed).unwrap();
            check(&path, &format!("bit {} of byte {place}", number % 8));
        }
        // A digit that became another is the change that no parser sees.
        for place in (0..whole.len()).filter(|place| whole[*place].is_ascii_digit()).step_by(step) {
            let mut changed = whole.clone();
            changed[place] = b'0' + (whole[place] - b'0' + 3) % 10;
            fs::write(&path, &changed).unwrap();
            check(&path, &format!("digit at byte {place}"));
        }
        fs::write(&path, b"").unwrap();
        check(&path, "an empty file");
        fs::write(&path, &whole).unwrap();
    }
}

fn no_change_is_taken_for_a_number(of: usize) {
    let (_root, sweep, runs) = store();
    let run = &runs[of];
    let whole = told(&sweep, run);
    let expected_of = [
        (
            "finished",
            [
                "best weights",
                "record",
                "result",
                "resume",
                "scaling",
                "sweep.toml",
                "test",
                "trial",
                "valid",
            ]
            .as_slice(),
        ),
        ("cut off", ["record", "result", "resume", "sweep.toml", "trial"].as_slice()),
    ];
    let read: Vec<&str> =
        whole.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(read, expected_of[of].1, "a run that is {} is read whole", expected_of[of].0);
    let unseen = std::cell::RefCell::new(Vec::new());
    let check = |path: &Path, change: &str| {
        for (name, value) in told(&sweep, run) {
            // Emptied, evaluations.jsonl is as if the test split had never been opened (each line
            // stands for itself), and the log of an attempt without a result as if it had been
            // killed before its first line; what is gone on from is known all the same.
            let may_be_new = path.ends_with("evaluations.jsonl")
                || path.ends_with("2/events.jsonl") && of == 1 && name == "record";
            let is_new = change == "an empty file" && may_be_new;
            let as_written = value.is_none() || value == whole[&name] || is_new;
            if !as_written {
                let place = path.strip_prefix(&run.path).unwrap().display();
                let value: String = value.unwrap_or_default().chars().take(200).collect();
                unseen.borrow_mut().push(format!("{change} of {place}: {name} is {value}"));
            }
        }
    };
    with_every_change(&run.path, 250, &check);
    let unseen = unseen.into_inner();
    assert!(
        unseen.is_empty(),
        "{} changes went unseen: {:#?}",
        unseen.len(),
        &unseen[..unseen.len().min(20)]
    );
    let manifest = sweep.path.join("sweep.toml");
    let text = fs::read(&manifest).unwrap();
    for place in 0..text.len() {
        let mut changed = text.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&manifest, &changed).unwrap();
        assert!(read_manifest(&sweep.path).is_err(), "byte {place}");
    }
}

#[test]
fn no_flipped_bit_of_a_finished_run_is_taken_for_a_number() {
    no_change_is_taken_for_a_number(0);
}

#[test]
fn no_flipped_bit_of_a_run_that_was_cut_off_enters_its_result() {
    no_change_is_taken_for_a_number(1);
}

#[test]
fn no_flipped_bit_makes_a_view_compare_something_else() {
    let root = tempfile::tempdir().unwrap();
    let view = View {
        v: 1,
        selectors: vec!["grid".into(), "wide/31".into()],
        metric: "valid.mae".parse().ok(),
    };
    let path = view.save(root.path(), "best").unwrap();
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&path, &changed).unwrap();
        assert!(View::read(root.path(), "best").is_err(), "byte {place}");
    }
    // Anyone who edits it takes the last line away.
    let text = String::from_utf8(whole).unwrap();
    let (edited, seal) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(seal.starts_with("# checksum: "), "{seal}");
    fs::write(&path, edited.replace("grid", "gird")).unwrap();
    assert_eq!(View::read(root.path(), "best").unwrap().selectors[0], "gird");
}
