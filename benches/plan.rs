//! Expanding 10,000 trials: proposals, settings, identities, duplicates, packs. Budget: 100 ms. A
//! regression makes `check` and every start of a sweep slower; the packs are cut again whenever a
//! worker is lost.

mod fixture;

use divan::Bencher;
use kiln::experiment::{Experiment, Settings};
use kiln::plan::{MAX_TRIALS, expand, packs, plan};
use kiln::space::{Assignment, Domain, GridSampler, Parameter, RandomSampler, Sampler, Space};
use std::path::Path;

fn parameter(key: &str, domain: Domain) -> Parameter {
    Parameter { key: key.into(), domain, zip: None, when: None }
}

fn space() -> Space {
    let log = |low, high, points| Domain::Float {
        low,
        high,
        step: None,
        log: true,
        points: Some(points),
    };
    Space {
        parameters: vec![
            parameter(
                "model.hidden_size",
                Domain::Int { low: 8, high: 80, step: Some(8), log: false, points: None },
            ),
            parameter("train.learning_rate", log(1e-5, 1e-1, 100)),
            parameter(
                "model.dropout",
                Domain::Float { low: 0.0, high: 0.9, step: Some(0.1), log: false, points: None },
            ),
        ],
    }
}

fn settings(base: &Settings, assignment: &Assignment, repeat: usize) -> Result<Settings, String> {
    let mut settings = base.clone();
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

fn main() {
    divan::main();
}

const RANDOM: RandomSampler = RandomSampler { trials: 10_000, seed: 1 };

#[divan::bench(name = "plan: propose 10,000 of a grid", sample_count = 20)]
fn propose_grid(bencher: Bencher) {
    let space = space();
    bencher.bench_local(|| GridSampler.propose_up_to(divan::black_box(&space), 10_000));
}

#[divan::bench(name = "plan: propose 10,000 at random", sample_count = 20)]
fn propose_random(bencher: Bencher) {
    let space = space();
    bencher.bench_local(|| RANDOM.propose_up_to(divan::black_box(&space), 10_000));
}

#[divan::bench(name = "plan: expand a grid of 10,000", sample_count = 20)]
fn expand_grid(bencher: Bencher) {
    let (space, base) = (space(), fixture::settings());
    let settings = |assignment: &Assignment, repeat| settings(&base, assignment, repeat);
    bencher.bench_local(|| {
        expand(&GridSampler, divan::black_box(&space), 1, &settings, "data", MAX_TRIALS)
    });
}

#[divan::bench(name = "plan: expand 10,000 at random", sample_count = 20)]
fn expand_random(bencher: Bencher) {
    let (space, base) = (space(), fixture::settings());
    let settings = |assignment: &Assignment, repeat| settings(&base, assignment, repeat);
    bencher.bench_local(|| {
        expand(&RANDOM, divan::black_box(&space), 1, &settings, "data", MAX_TRIALS)
    });
}

#[divan::bench(name = "plan: pack 10,000 trials", sample_count = 20)]
fn pack(bencher: Bencher) {
    let base = fixture::settings();
    let settings = |assignment: &Assignment, repeat| settings(&base, assignment, repeat);
    let plan = expand(&GridSampler, &space(), 1, &settings, "data", MAX_TRIALS)
        .expect("a grid of 10,000 is within the limit");
    let trials: Vec<_> = plan.trials.iter().collect();
    bencher.bench_local(|| packs(divan::black_box(&trials), &|_| 128, 2));
}

/// What `check` and `sweep` do with a file before anything else.
#[divan::bench(name = "plan: from a file's text to 10,000 trials", sample_count = 20)]
fn from_text(bencher: Bencher) {
    let text = r#"
        data.synthetic = { bars = 5000 }
        [sweep.space]
        "model.hidden_size" = { int = [8, 80], step = 8 }
        "train.learning_rate" = { log = [1e-5, 1e-1], points = 100 }
        "model.dropout" = { float = [0.0, 0.9], step = 0.1 }
    "#;
    let planned = || {
        let experiment = Experiment::parse(Path::new("bench.toml"), divan::black_box(text), &[])
            .expect("a valid file");
        plan(&experiment, "data", MAX_TRIALS).expect("within the limit").trials.len()
    };
    assert_eq!(planned(), 10_000);
    bencher.bench_local(planned);
}
