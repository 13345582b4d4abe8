//! Budgets: 10,000 runs listed and compared in 200 ms; a dashboard over 1,000 runs at 10 polls a
//! second takes at most 1 % of a core.
//!
//! `cargo bench --bench store --no-default-features`. Prints wall and processor time (user and
//! system, all threads) of one call. A regression is felt by anyone who lists, compares or watches.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

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
    let read = |path: &str| {
        fs::read_to_string(frozen.join("trials").join(MODEL).join(path)).unwrap_or_default()
    };
    let (trial, result) =
        (read("trial.toml"), read("result.json").replace("\"attempt\": 2", "\"attempt\": 1"));
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
    let find =
        |kind: &str| frozen.lines().find(|line| line.contains(kind)).unwrap_or_default().to_owned();
    let (started, epoch, ended) =
        (find("\"event\":\"started\""), find("\"event\":\"epoch\""), find("\"event\":\"ended\""));
    let mut text = started.replace("{\"epoch\":2,\"batch\":0}", "null") + "\n";
    for i in 1..=EPOCHS {
        text += &epoch
            .replace("\"seq\":2", &format!("\"seq\":{i}"))
            .replace("\"epoch\":3", &format!("\"epoch\":{i}"));
        text += "\n";
    }
    if stage == Stage::Finished {
        text += &(ended.replace("\"seq\":5", &format!("\"seq\":{}", EPOCHS + 1)) + "\n");
    }
    text
}

/// Processor time of this process, seconds; in Linux' ticks of 10 ms.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().filter_map(|i| fields.get(*i)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn measure(name: &str, calls: u32, mut call: impl FnMut() -> usize) -> io::Result<()> {
    call();
    let (start, before, mut seen) = (Instant::now(), processor_seconds(), 0);
    for _ in 0..calls {
        seen += call();
    }
    let each = 1e3 / f64::from(calls);
    let (wall, processor) =
        (start.elapsed().as_secs_f64() * each, (processor_seconds() - before) * each);
    writeln!(
        io::stdout().lock(),
        "{name}: wall {wall:.3} ms, processor {processor:.3} ms ({seen} things seen)"
    )
}

fn main() -> io::Result<()> {
    for (name, stage) in [("1,000 waiting", Stage::Waiting), ("1,000 running", Stage::Running)] {
        let (_root, sweep) = store(1_000, stage);
        let (_, mut follower) = Follower::open(&sweep).map_err(io::Error::other)?;
        let mut poll = || follower.poll().map_or(0, |changes| changes.len());
        // The first polls list the folder again and again: two changes within one tick of its clock
        // look like one.
        for _ in 0..25 {
            poll();
        }
        measure(&format!("poll of {name} runs"), 2_000, poll)?;
    }
    let (_root, sweep) = store(10_000, Stage::Finished);
    let (record, mut follower) = Follower::open(&sweep).map_err(io::Error::other)?;
    let whole = record
        .runs
        .iter()
        .filter(|run| run.damage.is_empty() && run.progress.epochs.len() == EPOCHS)
        .count();
    assert_eq!(whole, 10_000, "the store of the bench is not what it should be");
    measure("poll of 10,000 finished runs", 2_000, || {
        follower.poll().map_or(0, |changes| changes.len())
    })?;
    measure("read_sweep of 10,000 runs of 20 epochs", 5, || {
        read_sweep(&sweep).map_or(0, |record| record.runs.len())
    })?;
    measure("read_sweep_summaries of 10,000 runs", 10, || {
        read_sweep_summaries(&sweep).map_or(0, |record| record.runs.len())
    })
}
