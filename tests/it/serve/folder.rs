//! A registry with real models, made without a training: weights are a function of a seed, and so
//! is what they forecast.

use std::path::{Path, PathBuf};

use kiln::calibration::Calibration;
use kiln::experiment::{BarLabel, Columns, Experiment, Format, Settings};
use kiln::forecast::Forecaster;
use kiln::market::{self, Affine, Bars, Inputs, Scaling, ValueRange};
use kiln::model::{COVERAGES, Interval, Metrics, ModelCard, SavedModel, Source, WeightsFile};
use kiln::registry::{Registration, Writer};
use kiln::store::{Baseline, WindowCounts};
use lane_types::{Weight, Weights};

pub(super) const NAME: &str = "minute";

const LINES: &str = r#"data.synthetic = { bars = 2000, session = 2000 }
data.features = ["close", "volume", "sma_20", "rsi_14", "macd"]
data.window = 60
model.hidden_size = 32
model.num_layers = 2
"#;

/// A folder that is deleted at the end.
pub(super) struct Registry {
    folder: tempfile::TempDir,
}

impl Registry {
    /// Versions 1, 2, …, of which the first is the champion.
    pub(super) fn new(versions: u32) -> Self {
        let registry = Self { folder: tempfile::tempdir().unwrap() };
        for version in 1..=versions {
            registry.register(&model(u64::from(version)));
        }
        registry.promote("champion", 1);
        registry
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    pub(super) fn register(&self, model: &SavedModel) -> u32 {
        std::fs::create_dir_all(self.root()).unwrap();
        let mut writer = Writer::create(&self.root(), NAME, "2026-01-02T03:04:05Z").unwrap();
        let said = Registration {
            source: "grid/0123456789ab".into(),
            weights: model.card.weights.sha256.clone(),
            tags: vec![],
        };
        writer.register(said, |folder: &Path| model.write(folder)).unwrap()
    }

    pub(super) fn promote(&self, alias: &str, version: u32) {
        let mut writer = Writer::open(&self.root(), NAME, "2026-01-02T03:04:05Z").unwrap();
        writer.promote(alias, version, vec![], None).unwrap();
    }

    pub(super) fn version(&self, version: u32) -> PathBuf {
        self.root().join(NAME).join("versions").join(version.to_string())
    }
}

/// The shape of the seed experiment: hidden 32, 2 layers, window 60, five features.
pub(super) fn model(seed: u64) -> SavedModel {
    model_of(settings(), seed)
}

/// One that goes by the clock of Shanghai, and was trained on closes of 2,000 to 4,000 on bars that
/// are labelled by their end.
pub(super) fn model_by_the_clock() -> SavedModel {
    const LINES: &str = "data.synthetic = { bars = 2000 }\ndata.features = [\"close\", \
        \"time_of_day\"]\ndata.window = 5\n";
    let mut settings = Experiment::parse(Path::new("test.toml"), LINES, &[])
        .unwrap_or_else(|problems| panic!("{problems}"))
        .base;
    let (zone, bar_label) = (Some("Asia/Shanghai".to_owned()), BarLabel::End);
    let (format, columns) = (Format::Csv, Columns::default());
    settings.data.source = kiln::experiment::Source::File {
        path: "bars.csv".into(),
        format,
        columns,
        zone: zone.clone(),
        bar_label,
    };
    let mut card = model_of(settings, 7).card;
    card.scaling.columns =
        vec![Affine { offset: 2000.0, unit: 2000.0 }, Affine { offset: 0.0, unit: 1.0 }];
    let range = |feature: &str| ValueRange { feature: feature.into(), low: 0.0, high: 1.0 };
    card.inputs =
        Some(Inputs { zone, stamps: None, ranges: vec![range("close"), range("time_of_day")] });
    let persistence = Baseline { name: "persistence".into(), mse: 1.0, mae: 1.0, rmse: 1.0 };
    card.metrics =
        Metrics { skill: Some(-0.5), baselines: vec![persistence], valid: None, test: None };
    let weights = weights(&card, 7);
    SavedModel::new(card, weights).unwrap()
}

fn model_of(settings: Settings, seed: u64) -> SavedModel {
    let features = settings.data.features.len();
    let interval = |coverage: f64| Interval {
        coverage,
        calibration: Calibration { between: None, margin: coverage, calibrated_on: 200 },
    };
    let card = ModelCard {
        v: kiln::model::VERSION,
        saved_at: "2026-01-02T03:04:05Z".into(),
        kiln_version: "0.1.0".into(),
        source: Source::Import {
            file: "weights".into(),
            sha256: String::new(),
            like: "nothing".into(),
        },
        bar_seconds: Some(60),
        data_fingerprint: "fingerprint".into(),
        scaling: Scaling {
            columns: vec![Affine { offset: 50.0, unit: 80.0 }; features],
            target: Affine { offset: 100.0, unit: 3.0 },
        },
        windows: WindowCounts { train: 600, valid: 200, test: 100 },
        best_epoch: Some(3),
        selection: None,
        metrics: Metrics { skill: Some(0.125), baselines: Vec::new(), valid: None, test: None },
        verdict: None,
        intervals: COVERAGES.into_iter().map(interval).collect(),
        profile: None,
        inputs: None,
        weights: WeightsFile::default(),
        settings,
    };
    let weights = weights(&card, seed);
    SavedModel::new(card, weights).unwrap()
}

fn settings() -> Settings {
    Experiment::parse(Path::new("test.toml"), LINES, &[])
        .unwrap_or_else(|problems| panic!("{problems}"))
        .base
}

/// Within ±0.3, from a linear congruence.
fn weights(card: &ModelCard, seed: u64) -> Weights {
    let mut state = seed;
    let mut value = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1 << 24) as f32 - 0.5) * 0.6
    };
    let weight = |(name, shape): (String, Vec<usize>)| {
        let size = shape.iter().product();
        Weight { name, shape, values: (0..size).map(|_| value()).collect() }
    };
    Weights(card.shape().layout().into_iter().map(weight).collect())
}

pub(super) fn device() -> burn_lanes::Device {
    burn_lanes::open(lane_types::DeviceSpec::Flex).unwrap()
}

pub(super) fn forecaster(seed: u64) -> Forecaster {
    Forecaster::new(&model(seed), &device()).unwrap()
}

/// A session of bars without a gap.
pub(super) fn bars() -> Bars {
    let kiln::experiment::Source::Synthetic(settings) = settings().data.source else {
        panic!("synthetic")
    };
    market::synthetic::generate(&settings)
}

/// The bars before `end`, as many as the model needs, as a request.
pub(super) fn request(bars: &Bars, end: usize, needs: usize) -> String {
    let rows: Vec<String> = (end - needs..end)
        .map(|row| {
            let bar = bars.bar(row);
            format!(
                r#"{{"ts": {}, "open": {:?}, "high": {:?}, "low": {:?}, "close": {:?},
                    "volume": {:?}}}"#,
                bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume
            )
        })
        .collect();
    format!(r#"{{"bars": [{}], "coverage": 0.9}}"#, rows.join(","))
}

/// The same bars.
pub(super) fn part(bars: &Bars, end: usize, needs: usize) -> Bars {
    let mut part = Bars::with_capacity(60, needs);
    (end - needs..end).for_each(|row| part.push(bars.bar(row)));
    part
}
