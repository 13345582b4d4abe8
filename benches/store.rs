//! Reading and following stores of the sizes in the budgets: `cargo bench --bench store`.

use criterion::{Criterion, criterion_group, criterion_main};
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use kiln::store::{AttemptInfo, Follower, read_sweep, read_sweep_summaries};

/// The run of the frozen store that finished.
const MODEL: &str = "31d897f497c7";
const EPOCHS: usize = 20;

/// How far the runs of a store are.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Waiting,
    Running,
    Finished,
}

/// A store of `runs` runs, copied from the frozen one with other ids.
fn store(runs: usize, stage: Stage) -> (tempfile::TempDir, PathBuf) {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1/grid");
    let read = |path: &str| fs::read_to_string(frozen.join("trials").join(MODEL).join(path)).unwrap_or_default();
    let (trial, result) = (read("trial.toml"), read("result.json").replace("\"attempt\": 2", "\"attempt\": 1"));
    let log = log(&read("attempts/2/events.jsonl"), stage);
    let info = AttemptInfo::of_this_process("flex".into(), vec![], "2026-01-02T03:04:05Z".into());
    let info = serde_json::to_string(&info).unwrap_or_default();
    let root = tempfile::tempdir().expect("a temporary folder");
    let sweep = root.path().join("grid");
    let ids: Vec<String> = (0..runs).map(|i| format!("{i:012x}")).collect();
    for id in &ids {
        let run = sweep.join("trials").join(id);
        fs::create_dir_all(&run).expect("a folder");
        let write = |path: &str, text: &str| fs::write(run.join(path), text).expect("a file");
        write("trial.toml", &trial.replace(MODEL, id));
        if stage != Stage::Waiting {
            fs::create_dir_all(run.join("attempts/1")).expect("a folder");
            write("attempts/1/attempt.json", &info);
            write("attempts/1/events.jsonl", &log);
            write("attempts/1/progress.json", "{}");
        }
        if stage == Stage::Finished {
            write("result.json", &result);
        }
    }
    let manifest = fs::read_to_string(frozen.join("sweep.toml")).unwrap_or_default();
    let start = manifest.find("trials = [").unwrap_or_default();
    let end = manifest.find("experiment = ").unwrap_or_default();
    let manifest = format!("{}trials = {ids:?}\n{}", &manifest[..start], &manifest[end..]);
    fs::write(sweep.join("sweep.toml"), manifest).expect("a file");
    (root, sweep)
}

/// The first line of a frozen log, its first epoch again and again, and its end.
fn log(frozen: &str, stage: Stage) -> String {
    let find = |kind: &str| frozen.lines().find(|line| line.contains(kind)).unwrap_or_default().to_owned();
    let (started, epoch, ended) = (find("\"event\":\"started\""), find("\"event\":\"epoch\""), find("\"event\":\"ended\""));
    let mut text = started.replace("{\"epoch\":2,\"batch\":0}", "null") + "\n";
    for i in 1..=EPOCHS {
        text += &epoch.replace("\"seq\":2", &format!("\"seq\":{i}")).replace("\"epoch\":3", &format!("\"epoch\":{i}"));
        text += "\n";
    }
    if stage == Stage::Finished {
        text += &(ended.replace("\"seq\":5", &format!("\"seq\":{}", EPOCHS + 1)) + "\n");
    }
    text
}

fn reading(c: &mut Criterion) {
    let (_root, sweep) = store(10_000, Stage::Finished);
    let mut group = c.benchmark_group("10,000 finished runs of 20 epochs");
    group.sample_size(10);
    group.bench_function("read_sweep", |b| b.iter(|| black_box(read_sweep(&sweep).map(|record| record.runs.len()))));
    group.bench_function("read_sweep_summaries", |b| {
        b.iter(|| black_box(read_sweep_summaries(&sweep).map(|record| record.runs.len())))
    });
    let (record, mut follower) = Follower::open(&sweep).expect("a sweep");
    assert_eq!((record.runs.len(), record.damaged.len()), (10_000, 0));
    assert!(record.runs.iter().all(|run| run.damage.is_empty() && run.progress.epochs.len() == EPOCHS));
    group.bench_function("poll", |b| b.iter(|| black_box(follower.poll().map(|changes| changes.len()))));
    group.finish();
}

fn following(c: &mut Criterion) {
    for (name, stage) in [("waiting", Stage::Waiting), ("running", Stage::Running)] {
        let (_root, sweep) = store(1_000, stage);
        let (_, mut follower) = Follower::open(&sweep).expect("a sweep");
        for _ in 0..25 {
            follower.poll().expect("a poll");
        }
        c.bench_function(&format!("poll of 1,000 {name} runs"), |b| {
            b.iter(|| black_box(follower.poll().map(|changes| changes.len())))
        });
    }
}

criterion_group!(benches, reading, following);
criterion_main!(benches);
