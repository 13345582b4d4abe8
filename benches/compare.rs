//! Comparing 10,000 runs of 10,000 different settings, once they are read, and printing all of
//! them. Budget: 200 ms together with reading them. A regression is felt at the end of every sweep
//! and by anyone who compares.

mod fixture;

use divan::Bencher;
use kiln::compare::{Intervals, compare};
use kiln::experiment::Objective;
use kiln::metric::{Direction, Metric, Quantity, Split};
use kiln::store::RunRecord;

const OBJECTIVE: Objective = Objective {
    metric: Metric { split: Split::Valid, quantity: Quantity::Rmse },
    direction: Direction::Minimize,
};

fn runs() -> Vec<RunRecord> {
    (0..10_000).map(fixture::run).collect()
}

fn main() {
    divan::main();
}

#[divan::bench(name = "compare: 10,000 runs", sample_count = 20)]
fn comparison(bencher: Bencher) {
    let runs = runs();
    bencher.bench_local(|| compare(divan::black_box(&runs), OBJECTIVE));
}

#[divan::bench(name = "compare: print 10,000 rows", sample_count = 20)]
fn print_all(bencher: Bencher) {
    let comparison = compare(&runs(), OBJECTIVE);
    bencher.bench_local(|| {
        let mut out = Vec::new();
        comparison.write(&mut out, Intervals::Shown).map(|()| out.len())
    });
}

#[divan::bench(name = "compare: print the first 10 rows", sample_count = 20)]
fn print_ranking(bencher: Bencher) {
    let comparison = compare(&runs(), OBJECTIVE);
    bencher.bench_local(|| {
        let mut out = Vec::new();
        comparison.write_ranking(&mut out, 10, Intervals::Shown).map(|()| out.len())
    });
}
