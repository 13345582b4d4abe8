//! One forecast of the seed's network (hidden 32, 2 layers, 60 rows of 5 features), in process.
//! Budget: 100 µs. A regression is felt by anyone who serves a model.

use divan::Bencher;
use kiln::experiment::{self, Experiment, Synthetic};
use kiln::forecast::{Forecaster, Window};
use kiln::market::synthetic::generate;
use kiln::market::{Affine, Bars, Scaling};
use kiln::model::{Metrics, ModelCard, SavedModel, Source, VERSION, WeightsFile};
use kiln::store::WindowCounts;
use lane_types::{DeviceSpec, Weight, Weights};
use std::path::Path;

const EXPERIMENT: &str = r#"
    data.synthetic = { bars = 20000 }
    data.features = ["close", "volume", "sma_20", "rsi_14", "macd"]
"#;

fn main() {
    divan::main();
}

#[divan::bench(name = "forecast: one window, ready for the network")]
fn network(bencher: Bencher) {
    let forecaster = forecaster();
    let window = [forecaster.window_of_bars(bars(100)).expect("a window")];
    bencher.bench_local(|| forecaster.forecast(&window).expect("a forecast"));
}

#[divan::bench(name = "forecast: one window of 100 bars, with its features")]
fn bars_to_forecast(bencher: Bencher) {
    let forecaster = forecaster();
    bencher.with_inputs(|| bars(100)).bench_local_values(|bars| {
        let window = [forecaster.window_of_bars(bars).expect("a window")];
        forecaster.forecast(&window).expect("a forecast")
    });
}

#[divan::bench(name = "forecast: 16 windows at once")]
fn batch(bencher: Bencher) {
    let forecaster = forecaster();
    let windows: Vec<Window> = vec![forecaster.window_of_bars(bars(100)).expect("a window"); 16];
    bencher.bench_local(|| forecaster.forecast(&windows).expect("forecasts"));
}

fn bars(count: usize) -> Bars {
    let experiment::Source::Synthetic(settings) = settings().data.source else {
        unreachable!("the experiment is synthetic")
    };
    generate(&Synthetic { bars: count, ..settings })
}

fn settings() -> experiment::Settings {
    Experiment::parse(Path::new("bench.toml"), EXPERIMENT, &[]).expect("an experiment").base
}

fn forecaster() -> Forecaster {
    let scaler = Affine { offset: 100.0, unit: 10.0 };
    let card = ModelCard {
        v: VERSION,
        saved_at: "2026-01-02T03:04:05Z".into(),
        kiln_version: env!("CARGO_PKG_VERSION").into(),
        source: Source::Import {
            file: "bench".into(),
            sha256: String::new(),
            like: "bench".into(),
        },
        settings: settings(),
        bar_seconds: Some(60),
        data_fingerprint: String::new(),
        scaling: Scaling { columns: vec![scaler; 5], target: scaler },
        windows: WindowCounts::default(),
        best_epoch: None,
        selection: None,
        metrics: Metrics { skill: None, baselines: Vec::new(), valid: None, test: None },
        verdict: None,
        intervals: Vec::new(),
        profile: None,
        inputs: None,
        weights: WeightsFile::default(),
    };
    let weight = |(name, shape): (String, Vec<usize>)| {
        let values = (0..shape.iter().product::<usize>())
            .map(|i| ((i * 7919) % 1000) as f32 / 4000.0 - 0.125)
            .collect();
        Weight { name, shape, values }
    };
    let weights = Weights(card.shape().layout().into_iter().map(weight).collect());
    let model = SavedModel::new(card, weights).expect("weights of the network");
    Forecaster::new(&model, &burn_lanes::open(DeviceSpec::Flex).expect("a device"))
        .expect("a forecaster")
}
