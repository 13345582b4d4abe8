//! Comparing 10,000 runs of 10,000 different settings, and printing all of them. Budget: 200 ms together with reading them from a
//! folder whose files the system has in memory. A regression is felt at the end of every sweep and by whoever compares.

mod fixture;

use criterion::{Criterion, criterion_group, criterion_main};
use kiln::compare::compare;
use kiln::event::{End, Event};
use kiln::metric::{Direction, Metric, Quantity, Split};
use kiln::spec::Objective;
use kiln::store::{RunRecord, StoreError, SweepFolder, read_sweep_summaries};
use kiln::trial::Trial;
use rayon::prelude::*;
use std::hint::black_box;
use std::path::Path;

fn runs(c: &mut Criterion) {
    let runs: Vec<_> = (0..10_000).map(fixture::run).collect();
    let metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };
    let objective = Objective { metric, direction: Direction::Minimize };
    c.bench_function("compare: 10,000 runs", |b| b.iter(|| compare(black_box(&runs), objective)));
    let comparison = compare(&runs, objective);
    c.bench_function("compare: print 10,000 rows", |b| {
        b.iter(|| {
            let mut out = Vec::new();
            comparison.write(&mut out).map(|()| out.len())
        });
    });
    c.bench_function("compare: print the first 10 rows", |b| {
        b.iter(|| {
            let mut out = Vec::new();
            comparison.write_ranking(&mut out, 10).map(|()| out.len())
        });
    });
}

/// From the folder to the comparison, as the verb does it.
fn folder(c: &mut Criterion) {
    // In memory where there is such a place: 10,000 runs are made durable one by one.
    let base = if Path::new("/dev/shm").is_dir() { Path::new("/dev/shm").to_owned() } else { std::env::temp_dir() };
    let root = tempfile::tempdir_in(base).expect("a folder");
    record(root.path()).expect("runs are recorded");
    let metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };
    let objective = Objective { metric, direction: Direction::Minimize };
    let sweep = root.path().join("grid");
    c.bench_function("compare: read summaries of 10,000 runs", |b| b.iter(|| read_sweep_summaries(black_box(&sweep))));
    c.bench_function("compare: read summaries of 10,000 runs and compare", |b| {
        b.iter(|| read_sweep_summaries(black_box(&sweep)).map(|record| compare(&record.runs, objective)));
    });
}

fn record(root: &Path) -> Result<(), StoreError> {
    let runs: Vec<RunRecord> = (0..10_000).map(fixture::run).collect();
    let trials: Vec<Trial> = runs.iter().map(|run| run.trial.clone()).collect();
    let sweep = SweepFolder::create(root, "grid")?;
    sweep.write_manifest(&fixture::manifest(&trials))?;
    let folders = sweep.create_runs(&trials)?;
    runs.par_iter().zip(folders).try_for_each(|(run, folder)| {
        let mut attempt = folder.start_attempt(&fixture::attempt())?;
        attempt.append("2026-01-02T03:04:05Z".into(), Event::Ended { end: End::Finished })?;
        run.result.iter().try_for_each(|result| attempt.publish(result).map(drop))
    })
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = runs, folder }
criterion_main!(benches);
