//! Comparing 10,000 runs of 10,000 different settings, once they are read, and printing all of them.
//! Budget: 200 ms together with reading them. A regression is felt at the end of every sweep and by whoever compares.

mod fixture;

use criterion::{Criterion, criterion_group, criterion_main};
use kiln::compare::compare;
use kiln::metric::{Direction, Metric, Quantity, Split};
use kiln::spec::Objective;
use std::hint::black_box;

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

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = runs }
criterion_main!(benches);
