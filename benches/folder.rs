//! Opening and comparing a sweep of 10,000 finished runs whose files the system has in memory.
//! Budget: 200 ms. A regression is felt by anyone who lists or compares a long sweep.

mod fixture;

use divan::Bencher;
use kiln::compare::compare;
use kiln::event::{End, Event};
use kiln::experiment::Objective;
use kiln::metric::{Direction, Metric, Quantity, Split};
use kiln::store::{FileError, RunRecord, SweepFolder, read_sweep_summaries};
use kiln::trial::Trial;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const OBJECTIVE: Objective = Objective {
    metric: Metric { split: Split::Valid, quantity: Quantity::Rmse },
    direction: Direction::Minimize,
};

static SWEEP: OnceLock<PathBuf> = OnceLock::new();

fn main() {
    // In memory where there is such a place: the runs are made durable one by one.
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let root = tempfile::tempdir_in(base).expect("a folder");
    record(root.path()).expect("runs are recorded");
    SWEEP.get_or_init(|| root.path().join("grid"));
    divan::main();
}

fn sweep() -> &'static Path {
    SWEEP.get().expect("recorded in main")
}

#[divan::bench(name = "folder: read summaries of 10,000 runs", sample_count = 20)]
fn read(bencher: Bencher) {
    bencher.bench_local(|| read_sweep_summaries(sweep()));
}

#[divan::bench(name = "folder: read summaries of 10,000 runs and compare", sample_count = 20)]
fn read_and_compare(bencher: Bencher) {
    bencher.bench_local(|| {
        read_sweep_summaries(sweep()).map(|record| compare(&record.runs, OBJECTIVE))
    });
}

fn record(root: &Path) -> Result<(), FileError> {
    let runs: Vec<RunRecord> = (0..10_000).map(fixture::run).collect();
    let trials: Vec<Trial> = runs.iter().map(|run| run.trial.clone()).collect();
    let sweep = SweepFolder::create(root, "grid")?;
    sweep.write_manifest(&fixture::manifest(&trials))?;
    let folders = sweep.create_runs(&trials)?.runs;
    runs.par_iter().zip(folders).try_for_each(|(run, folder)| {
        let mut attempt = folder.start_attempt(&fixture::attempt())?;
        attempt.append("2026-01-02T03:04:05Z".into(), Event::Ended { end: End::Finished })?;
        run.result.iter().try_for_each(|result| attempt.publish(result).map(drop))
    })
}
