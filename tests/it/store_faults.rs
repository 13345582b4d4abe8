//! Kills, cuts and flipped bits: whatever happens to a file, the reader says so and shows the rest.

use std::fs;
use std::path::{Path, PathBuf};

use kiln::event::{Cursor, End};
use kiln::store::{
    Change, FileError, Follower, Forecasts, RunFolder, RunState, Selection, SweepRecord,
    list_sweeps, read_run, read_sweep, read_sweep_summaries, select,
};
use proptest::prelude::*;

/// The run that was interrupted, resumed and finished.
const RESUMED: &str = "31d897f497c7";
/// The epoch that its second attempt goes on from.
const RESUMED_FROM: usize = 2;
/// The run that failed.
const FAILED: &str = "ef53f2eb8e5c";
/// The run that another machine is writing.
const RUNNING: &str = "6ae5c693e4dd";

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1")
}

/// A copy of the frozen store that may be damaged.
fn copy() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    copy_folder(&frozen(), root.path());
    root
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to)
        } else {
            fs::write(to, fs::read(entry.path()).unwrap()).unwrap()
        }
    }
}

fn run_of(root: &Path, id: &str) -> RunFolder {
    RunFolder { path: root.join("grid/trials").join(id) }
}

/// What a record tells of the runs but one.
fn others(record: &SweepRecord, but: &str) -> Vec<String> {
    record
        .runs
        .iter()
        .filter(|run| run.trial.id.0 != but)
        .map(|run| format!("{:?} {:?} {:?} {:?}", run.trial, run.progress, run.result, run.damage))
        .collect()
}

#[test]
fn a_store_of_format_one_reads_as_it_did_when_it_was_written() {
    let root = frozen();
    assert_eq!(list_sweeps(&root).unwrap(), [root.join("grid")]);
    assert_eq!(
        select(&root, "6ae").unwrap(),
        Selection::Run(root.join("grid/trials").join(RUNNING))
    );
    let record = read_sweep(&root.join("grid")).unwrap();
    assert!(record.damaged.is_empty(), "{:?}", record.damaged);
    assert_eq!(record.manifest.repeats, 3);
    assert_eq!(record.manifest.origin.overrides, ["train.epochs=20"]);
    assert!(record.manifest.experiment.contains("synthetic = { bars = 1000 }"));
    let [resumed, failed, running] = &record.runs[..] else { panic!("{} runs", record.runs.len()) };
    assert_eq!(
        [&*resumed.trial.id.0, &*failed.trial.id.0, &*running.trial.id.0],
        [RESUMED, FAILED, RUNNING]
    );
    assert!(record.runs.iter().all(|run| run.damage.is_empty() && run.current));

    assert_eq!(resumed.trial.settings.train.seed, 1);
    let progress = &resumed.progress;
    assert_eq!((progress.attempt, progress.device.as_deref()), (2, Some("cuda:0")));
    assert_eq!(progress.state, RunState::Ended(End::EarlyStopped));
    let losses: Vec<f64> = progress.epochs.iter().map(|epoch| epoch.valid.loss).collect();
    assert_eq!(losses, [0.5, 0.25, 0.125, 0.0625]);
    assert_eq!(progress.checkpoint, Some(Cursor { epoch: 4, batch: 0 }));
    assert_eq!(progress.warnings, ["the gradient was clipped at every step"]);
    assert_eq!(resumed.result.as_ref().and_then(|result| result.valid).unwrap().loss, 0.0625);
    assert_eq!(resumed.evaluations.len(), 1);
    assert_eq!(resumed.evaluations[0].mse, 0.1);

    let reason = "the loss is not a number since epoch 1".to_owned();
    assert_eq!(failed.progress.state, RunState::Ended(End::Failed { reason }));
    assert!(failed.progress.epochs[0].valid.loss.is_nan() && failed.progress.best().is_none());
    assert_eq!(failed.result.as_ref().unwrap().best_epoch, None);

    assert_eq!(
        running.progress.state,
        RunState::Running,
        "its writer is on another machine: nobody can tell from here"
    );
    assert_eq!(running.progress.epochs.len(), 1);

    let run = run_of(&root, RESUMED);
    assert_eq!(run.best_weights().unwrap(), b"the weights of epoch 4");
    assert_eq!(run.scaling().unwrap(), "{\"columns\":[]}");
    let (checkpoint, warnings) = run.newest_checkpoint().unwrap();
    let checkpoint = checkpoint.unwrap();
    assert_eq!(
        (checkpoint.attempt, checkpoint.bytes.as_slice()),
        (2, b"the state after epoch 4".as_slice())
    );
    assert!(warnings.is_empty());
    let valid = run.forecasts("valid").unwrap();
    assert_eq!(
        (valid.ts.len(), valid.ts[0], valid.target[0], valid.forecast[0]),
        (2, 1_767_323_045_000_000_000, 0.5, 0.25)
    );
    let test = Forecasts {
        ts: vec![1_767_323_165_000_000_000],
        target: vec![0.125],
        forecast: vec![0.5],
        ..Forecasts::default()
    };
    assert_eq!(run.forecasts("test").unwrap(), test);
}

#[test]
fn a_store_with_checksums_reads_as_it_did_when_it_was_written() {
    let sweep = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1_checksums/grid");
    let record = read_sweep(&sweep).unwrap();
    assert!(record.damaged.is_empty(), "{:?}", record.damaged);
    let [run] = &record.runs[..] else { panic!("{} runs", record.runs.len()) };
    assert!(run.damage.is_empty(), "{:?}", run.damage);
    assert_eq!((run.progress.epochs.len(), run.evaluations.len()), (2, 1));
    assert_eq!(run.result.as_ref().unwrap().instruction_sets, ["portable"]);
    let run = RunFolder { path: run.folder.clone() };
    assert!(run.damaged_files().is_empty(), "{:?}", run.damaged_files());
    assert_eq!(
        (run.forecasts("valid").unwrap().ts.len(), run.forecasts("test").unwrap().ts.len()),
        (111, 59)
    );
    assert!(run.scaling().unwrap().contains("\"") && run.best_weights().unwrap().len() == 1836);
    assert_eq!(run.newest_checkpoint().unwrap().0.unwrap().cursor, Cursor { epoch: 2, batch: 0 });
}

#[test]
fn a_log_cut_anywhere_gives_a_row_and_the_lines_before_the_cut() {
    let root = copy();
    let sweep = root.path().join("grid");
    let whole = read_sweep(&sweep).unwrap();
    for (id, attempt) in [(RESUMED, 1), (RESUMED, 2), (FAILED, 1), (RUNNING, 1)] {
        let path = sweep.join(format!("trials/{id}/attempts/{attempt}/events.jsonl"));
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let record = read_run(&run_of(root.path(), id).path).unwrap();
            // A torn last line is not damage; a loss shows where the next attempt goes on from an
            // epoch that is not there any more.
            let left = bytes[..length]
                .split_inclusive(|byte| *byte == b'\n')
                .filter(|line| line.ends_with(b"\n"));
            let epochs = left
                .filter(|line| String::from_utf8_lossy(line).contains("\"event\":\"epoch\""))
                .count();
            let is_lost = (id, attempt) == (RESUMED, 1) && epochs < RESUMED_FROM;
            let told: Vec<bool> =
                record.damage.iter().map(|why| why.ends_with("lines are missing")).collect();
            assert_eq!(
                told,
                vec![true; usize::from(is_lost)],
                "{epochs} epochs in {length} bytes: {:?}",
                record.damage
            );
            let whole = &whole.runs.iter().find(|run| run.trial.id.0 == id).unwrap();
            assert!(record.progress.epochs.len() <= whole.progress.epochs.len());
        }
        let record = read_sweep(&sweep).unwrap();
        assert_eq!(others(&record, id), others(&whole, id));
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_result_cut_anywhere_is_told_and_the_run_is_shown_by_its_events() {
    let root = copy();
    let sweep = root.path().join("grid");
    let whole = read_sweep(&sweep).unwrap();
    let path = run_of(root.path(), RESUMED).path.join("result.json");
    let bytes = fs::read(&path).unwrap();
    // The newline at the end is not part of its JSON.
    for length in 0..bytes.len() - 1 {
        fs::write(&path, &bytes[..length]).unwrap();
        for record in [
            read_sweep(&sweep).unwrap(),
            read_sweep_summaries(&sweep).unwrap(),
            Follower::open(&sweep).unwrap().0,
        ] {
            let run = &record.runs[0];
            assert_eq!(run.damage.len(), 1, "{length} bytes: {:?}", run.damage);
            assert!(run.damage[0].contains("result.json") && run.result.is_none());
            assert_eq!(run.progress.epochs.len(), 4);
        }
        assert!(run_of(root.path(), RESUMED).result().is_err());
    }
    assert_eq!(others(&read_sweep(&sweep).unwrap(), RESUMED), others(&whole, RESUMED));
}

#[test]
fn a_trial_cut_anywhere_hides_no_other_run() {
    let root = copy();
    let sweep = root.path().join("grid");
    let whole = read_sweep(&sweep).unwrap();
    let path = run_of(root.path(), FAILED).path.join("trial.toml");
    let bytes = fs::read(&path).unwrap();
    for length in (0..bytes.len() - 1).step_by(7) {
        fs::write(&path, &bytes[..length]).unwrap();
        let record = read_sweep(&sweep).unwrap();
        assert_eq!(others(&record, FAILED), others(&whole, FAILED));
        let told =
            record.damaged.iter().any(|(id, why)| id == FAILED && why.contains("trial.toml"));
        // A cut between two optional settings leaves a trial that is whole by itself.
        assert!(told || record.runs.len() == 3, "{length} bytes");
    }
}

#[test]
fn a_commit_marker_or_state_cut_anywhere_falls_back_to_the_checkpoint_before() {
    let root = copy();
    let run = run_of(root.path(), RESUMED);
    for name in ["COMMIT", "state.safetensors"] {
        let path = run.path.join("attempts/2/checkpoints/4-0").join(name);
        let bytes = fs::read(&path).unwrap();
        let needed = bytes.len() - usize::from(name == "COMMIT");
        for length in 0..needed {
            fs::write(&path, &bytes[..length]).unwrap();
            let (checkpoint, warnings) = run.newest_checkpoint().unwrap();
            assert_eq!(
                checkpoint.unwrap().bytes,
                b"the state after epoch 2",
                "{name}, {length} bytes"
            );
            assert_eq!(warnings.len(), 1);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(run.newest_checkpoint().unwrap().0.unwrap().attempt, 1);
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(run.newest_checkpoint().unwrap().0.unwrap().attempt, 2);
}

#[test]
fn damaged_best_weights_are_never_handed_out() {
    let root = copy();
    let run = run_of(root.path(), RESUMED);
    let path = run.path.join("attempts/2/checkpoints/best-4-0.safetensors");
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(run.best_weights().is_err(), "{length} bytes");
    }
    fs::write(
        run.path.join("attempts/2/checkpoints/best.json"),
        br#"{"v":1,"file":"../../../trial.toml","length":1,"checksum":""}"#,
    )
    .unwrap();
    assert!(run.best_weights().unwrap_err().to_string().contains("not a file's name"));
}

#[test]
fn a_manifest_that_cannot_be_read_hides_no_run() {
    let root = copy();
    let sweep = root.path().join("grid");
    for damage in [b"".as_slice(), b"\0\0\0\0", b"v = 1\n", b"v = 7\nnew = true\n"] {
        fs::write(sweep.join("sweep.toml"), damage).unwrap();
        let record = read_sweep(&sweep).unwrap();
        assert_eq!(record.runs.len(), 3);
        assert!(record.damaged[0].1.contains("sweep.toml"), "{:?}", record.damaged);
    }
    fs::remove_file(sweep.join("sweep.toml")).unwrap();
    assert_eq!(read_sweep(&sweep).unwrap().runs.len(), 3);
    fs::remove_dir_all(sweep.join("trials")).unwrap();
    let error: FileError = read_sweep(&sweep).unwrap_err();
    assert!(error.to_string().contains("is not a sweep"), "{error}");
}

#[test]
fn a_viewer_leaves_every_file_as_it_was() {
    let root = copy();
    let before = listing(root.path());
    let sweep = root.path().join("grid");
    let (_, mut follower) = Follower::open(&sweep).unwrap();
    for _ in 0..60 {
        follower.poll().unwrap();
    }
    read_sweep(&sweep).unwrap();
    select(root.path(), "latest").unwrap();
    run_of(root.path(), RESUMED).newest_checkpoint().unwrap();
    assert_eq!(listing(root.path()), before);
}

fn listing(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(listing(&path))
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()))
        }
    }
    files.sort();
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_flipped_byte_in_any_file_makes_a_reader_fail_or_hides_another_run(
        file in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let root = copy();
        let sweep = root.path().join("grid");
        let whole = read_sweep(&sweep).unwrap();
        let files = listing(&sweep.join("trials").join(RESUMED));
        let (path, mut bytes) = files[file.index(files.len())].clone();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        fs::write(&path, &bytes).unwrap();
        let record = read_sweep(&sweep).unwrap();
        prop_assert_eq!(others(&record, RESUMED), others(&whole, RESUMED));
        prop_assert_eq!(record.runs.len() + record.damaged.len(), 3);
        let run = run_of(root.path(), RESUMED);
        let (checkpoint, _) = run.newest_checkpoint().unwrap();
        let states = [b"the state after epoch 2", b"the state after epoch 4"];
        prop_assert!(
            checkpoint
                .is_none_or(|checkpoint| states.iter().any(|state| checkpoint.bytes == *state))
        );
        if let Ok(weights) = run.best_weights() {
            let all = [b"the weights of epoch 2", b"the weights of epoch 4"];
            prop_assert!(all.iter().any(|known| weights == *known));
        }
        run.forecasts("valid").ok();
        let (mut followed, mut follower) = Follower::open(&sweep).unwrap();
        for _ in 0..3 {
            follower.poll().unwrap().iter().for_each(|change: &Change| followed.apply(change));
        }
        prop_assert_eq!(format!("{:?}", followed.runs), format!("{:?}", record.runs));
    }
}
