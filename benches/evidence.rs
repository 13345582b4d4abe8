//! The tests over many trials: 1,000 trials × 5,000 moments × 1,000 resamples, blocks of 10.
//! Budget: some seconds each. A regression makes the verdict of a large sweep something one waits
//! for.

use divan::Bencher;
use kiln::evidence::{
    BlockLength, Bootstrap, Panel, Performance, SetStatistic, TrackRecord, backtest_overfitting,
    bootstrap_interval, effective_trials, model_confidence_set, optimal_block_length,
    superior_predictive_ability,
};
use kiln::seed::{SeedStream, generator};
use rand_chacha::rand_core::Rng;

const TRIALS: usize = 1_000;
const MOMENTS: usize = 5_000;

fn series(index: u64, level: f64) -> Vec<f64> {
    let mut stream = generator(1, "bench", index);
    let mut last = 0.0;
    let mut next = || {
        last = 0.3 * last + (stream.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
        level + last
    };
    (0..MOMENTS).map(|_| next()).collect()
}

/// Losses that are hard to tell apart, so that elimination is long.
fn losses() -> Panel {
    Panel::new(&(0..TRIALS).map(|row| series(row as u64, row as f64 * 1e-4)).collect::<Vec<_>>())
        .expect("rows of one length")
}

fn settings(block_length: f64) -> Bootstrap<'static> {
    let stream = SeedStream { seed: 1, purpose: "bench resamples" };
    Bootstrap { resamples: 1_000, block_length: BlockLength::Fixed(block_length), stream }
}

#[divan::bench(args = [SetStatistic::Max, SetStatistic::Range], sample_count = 3)]
fn confidence_set(bencher: Bencher, statistic: SetStatistic) {
    let losses = losses();
    bencher.bench_local(|| model_confidence_set(&losses, statistic, &settings(10.0)));
}

#[divan::bench(args = [1.0, 10.0, 50.0], sample_count = 3)]
fn superior_ability(bencher: Bencher, block_length: f64) {
    let (benchmark, losses) = (series(TRIALS as u64, 0.0), losses());
    bencher
        .bench_local(|| superior_predictive_ability(&benchmark, &losses, &settings(block_length)));
}

#[divan::bench(sample_count = 3)]
fn trials_that_count(bencher: Bencher) {
    let losses = losses();
    bencher.bench_local(|| effective_trials(&losses, &settings(10.0)));
}

#[divan::bench(sample_count = 3)]
fn overfitting_16_blocks(bencher: Bencher) {
    let losses = losses();
    bencher.bench_local(|| backtest_overfitting(&losses, Performance::Sharpe, 16));
}

#[divan::bench]
fn interval_of_a_sharpe_ratio(bencher: Bencher) {
    let panel = Panel::new(&[series(0, 0.1)]).expect("one row");
    let sharpe = |rows: &[&[f64]]| TrackRecord::of(rows[0]).map(|record| record.sharpe);
    bencher.bench_local(|| bootstrap_interval(&panel, sharpe, 0.95, &settings(10.0)));
}

#[divan::bench]
fn block_length(bencher: Bencher) {
    let series = series(0, 0.0);
    bencher.bench_local(|| optimal_block_length(&series));
}

fn main() {
    divan::main();
}
