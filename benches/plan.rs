//! Expanding 10,000 trials: proposals, settings, identities, duplicates, packs. Budget: 100 ms.
//! A regression makes `check` and every start of a sweep slower; the packs are cut again whenever a worker is lost.

mod fixture;

use criterion::{Criterion, criterion_group, criterion_main};
use kiln::plan::{expand, packs};
use kiln::space::{Assignment, Domain, GridSampler, Parameter, RandomSampler, Sampler, Space};
use kiln::spec::Settings;
use std::hint::black_box;

fn parameter(key: &str, domain: Domain) -> Parameter {
    Parameter { key: key.into(), domain, zip: None, when: None }
}

fn space() -> Space {
    let log = |low, high, points| Domain::Float { low, high, step: None, log: true, points: Some(points) };
    Space {
        parameters: vec![
            parameter("model.hidden_size", Domain::Int { low: 8, high: 80, step: Some(8), log: false, points: None }),
            parameter("train.learning_rate", log(1e-5, 1e-1, 100)),
            parameter("model.dropout", Domain::Float { low: 0.0, high: 0.9, step: Some(0.1), log: false, points: None }),
        ],
    }
}

fn settings(assignment: &Assignment, repeat: usize) -> Result<Settings, String> {
    let mut settings = fixture::settings();
    settings.train.seed += repeat as u64;
    for (key, value) in assignment {
        let number = value.as_f64().ok_or("not a number")?;
        match key.as_str() {
            "model.hidden_size" => settings.model.hidden_size = number as usize,
            "train.learning_rate" => settings.train.learning_rate = number,
            _ => settings.model.dropout = number,
        }
    }
    Ok(settings)
}

fn plan(c: &mut Criterion) {
    let space = space();
    let random = RandomSampler { trials: 10_000, seed: 1 };
    c.bench_function("plan: propose 10,000 of a grid", |b| b.iter(|| GridSampler.propose_up_to(black_box(&space), 10_000)));
    c.bench_function("plan: propose 10,000 at random", |b| b.iter(|| random.propose_up_to(black_box(&space), 10_000)));
    c.bench_function("plan: expand a grid of 10,000", |b| {
        b.iter(|| expand(&GridSampler, black_box(&space), 1, &settings, "data"));
    });
    c.bench_function("plan: expand 10,000 at random", |b| b.iter(|| expand(&random, black_box(&space), 1, &settings, "data")));
    if let Ok(plan) = expand(&GridSampler, &space, 1, &settings, "data") {
        let trials: Vec<_> = plan.trials.iter().collect();
        c.bench_function("plan: pack 10,000 trials", |b| b.iter(|| packs(black_box(&trials), 128, 2)));
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = plan }
criterion_main!(benches);
