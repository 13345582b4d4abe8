//! What PyTorch computes in double precision, met in single precision within 1e-5.
//!
//! The fixtures are written by `scripts/torch_fixtures.py`. Everything goes through
//! [`burn_lanes::train`]: a lane that resumes from the fixture's weights with one batch an epoch
//! takes one known step an epoch. The norm of a comparison is ‖ours − theirs‖₂ / ‖theirs‖₂ over a
//! tensor (over its sampled values where the fixture keeps a sample; its norm is compared too).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recorder;

use burn_lanes::{
    DeviceSpec, Head, Lane, LaneConfig, LaneState, Levels, Loss, OptimizerKind, Pack, Schedule,
    Series, Shape, Weight, Weights,
};
use recorder::{Trained, train};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

const TOLERANCE: f64 = 1e-5;

#[test]
fn forecasts_are_those_of_pytorch() {
    for Fixture { shape, data, forecasts, .. } in fixtures() {
        let (series, weights) = data.draw(&shape);
        let device = burn_lanes::open(DeviceSpec::Flex).unwrap();
        let pack_shape = shape.with(Loss::Mse, OptimizerKind::Adam);
        let ours =
            burn_lanes::predict(&device, &series, &pack_shape, &weights, &data.ends).unwrap();
        assert_eq!(ours.len(), forecasts.len());
        let error =
            norm(ours.iter().zip(&forecasts).map(|(&ours, theirs)| f64::from(ours) - theirs));
        assert!(
            error < TOLERANCE * norm(forecasts.iter().copied()),
            "{shape:?}: {ours:?} instead of {forecasts:?}"
        );
    }
}

#[test]
fn gradients_losses_and_metrics_are_those_of_pytorch() {
    for fixture in fixtures() {
        for case in &fixture.gradients {
            let what = format!("{:?} {:?}", fixture.shape, case.loss);
            // A step of plain descent at a rate of 1024: w − w' = 1024·g, large against the
            // rounding of w'.
            let rate = 1024.0;
            let config = LaneConfig { learning_rate: rate, ..LaneConfig::default() };
            let (before, trained) = fixture.train(case.loss, OptimizerKind::Sgd, config);
            for (before, after) in before.0.iter().zip(&trained.state.weights.0) {
                let gradient = before
                    .values
                    .iter()
                    .zip(&after.values)
                    .map(|(&w, &v)| (f64::from(w) - f64::from(v)) / rate)
                    .collect();
                case.gradients[&after.name]
                    .assert_met(&format!("{what}: gradient of {}", after.name), gradient);
            }
            let report = &trained.reports[0].train;
            assert_near(&format!("{what}: loss"), report.loss, case.value);
            // In the target's own unit.
            assert_near(&format!("{what}: mse"), report.mse, case.mse * UNIT * UNIT);
            assert_near(&format!("{what}: rmse"), report.rmse, case.mse.sqrt() * UNIT);
            assert_near(&format!("{what}: mae"), report.mae, case.mae * UNIT);
        }
    }
}

#[test]
fn one_and_fifty_steps_of_every_update_rule_end_where_pytorch_ends() {
    for fixture in fixtures() {
        for run in &fixture.runs {
            let what =
                format!("{:?} {:?} {:?} {:?}", fixture.shape, run.loss, run.optimizer, run.config);
            let (_, trained) = fixture.train(run.loss, run.optimizer, run.config.clone());
            // A squared residual of a fitted window is the small difference of large numbers.
            let least = run.losses[0] / 100.0;
            for (epoch, report) in trained.reports.iter().enumerate() {
                let (train, valid) = (report.train.loss, report.valid.loss);
                assert_near_from(
                    least,
                    &format!("{what}: training loss of epoch {epoch}"),
                    train,
                    run.losses[epoch],
                );
                // The same windows with the weights after the step: the loss of the next one.
                assert_near_from(
                    least,
                    &format!("{what}: validation loss of epoch {epoch}"),
                    valid,
                    run.losses[epoch + 1],
                );
            }
            assert_eq!(trained.reports.len(), run.config.epochs, "{what}");
            assert_eq!(trained.state.steps, run.config.epochs as u64, "{what}");
            for weight in &trained.state.weights.0 {
                let values = weight.values.iter().copied().map(f64::from).collect();
                run.weights[&weight.name].assert_met(&format!("{what}: {}", weight.name), values);
            }
        }
    }
}

#[test]
fn the_last_batch_of_an_epoch_may_be_partial_and_counts_as_it_is() {
    let fixture: Partial = read("partial_batch");
    let config = LaneConfig { learning_rate: fixture.learning_rate, ..LaneConfig::default() };
    let (series, weights) = fixture.data.draw(&fixture.shape);
    let shape = fixture.shape.with(Loss::Mse, OptimizerKind::Sgd);
    let trained = train_from(&series, shape, config, weights);
    assert_eq!(trained.state.steps, 2);
    // The order is the lane's own; PyTorch was run with each window left for the second batch.
    let met = |end: &&PartialEnd| {
        trained
            .state
            .weights
            .0
            .iter()
            .all(|weight| end.weights[&weight.name].error(weight) < TOLERANCE)
    };
    let ends: Vec<_> = fixture.ends.iter().filter(met).collect();
    assert_eq!(ends.len(), 1, "the weights are those of one order");
    assert_near(
        "loss of the epoch, a mean over windows",
        trained.reports[0].train.loss,
        ends[0].loss,
    );
}

/// One unit of the scaled target, in the target's own.
const UNIT: f64 = 2.5;

#[derive(Deserialize)]
struct Fixture {
    shape: Sizes,
    data: Data,
    forecasts: Vec<f64>,
    gradients: Vec<Gradients>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Gradients {
    #[serde(default)]
    loss: Loss,
    value: f64,
    mse: f64,
    mae: f64,
    gradients: BTreeMap<String, Summary>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    loss: Loss,
    optimizer: OptimizerKind,
    config: LaneConfig,
    losses: Vec<f64>,
    weights: BTreeMap<String, Summary>,
}

#[derive(Deserialize)]
struct Partial {
    shape: Sizes,
    data: Data,
    learning_rate: f64,
    ends: Vec<PartialEnd>,
}

#[derive(Deserialize)]
struct PartialEnd {
    loss: f64,
    weights: BTreeMap<String, Summary>,
}

#[derive(Clone, Debug, Deserialize)]
struct Sizes {
    features: usize,
    window: usize,
    hidden: usize,
    layers: usize,
    batch: usize,
    /// Of a quantile head.
    levels: Option<Levels>,
}

#[derive(Deserialize)]
struct Data {
    seed: u64,
    rows: usize,
    ends: Vec<u32>,
}

/// A tensor in the trainer's layout: its norm and every `stride`-th value.
#[derive(Deserialize)]
struct Summary {
    norm: f64,
    stride: usize,
    values: Vec<f64>,
}

impl Fixture {
    /// The weights before, and what came of the training.
    fn train(
        &self,
        loss: Loss,
        optimizer: OptimizerKind,
        config: LaneConfig,
    ) -> (Weights, Trained) {
        assert_eq!(config.schedule, Schedule::Constant);
        let (series, weights) = self.data.draw(&self.shape);
        let trained =
            train_from(&series, self.shape.with(loss, optimizer), config, weights.clone());
        (weights, trained)
    }
}

impl Sizes {
    fn with(&self, loss: Loss, optimizer: OptimizerKind) -> Shape {
        let Self { features, window, hidden, layers, batch, ref levels } = *self;
        let head = levels.clone().map_or(Head::Point, |levels| Head::Quantile { levels });
        Shape { features, window, hidden, layers, batch, loss, optimizer, head }
    }
}

impl Data {
    /// The inputs that the fixture script drew: series, target, then the weights in their order.
    fn draw(&self, sizes: &Sizes) -> (Series, Weights) {
        let mut numbers = Numbers(self.seed);
        let features = numbers.draw(self.rows * sizes.features, 1.0);
        let mut target = numbers.draw(self.rows, 2.0);
        for (row, target) in target.iter_mut().enumerate() {
            if !self.ends.contains(&(row as u32)) {
                *target = f32::NAN; // must not be read
            }
        }
        let (ends, columns) = (self.ends.clone(), sizes.features);
        let series = Series {
            features,
            columns,
            target,
            target_unit: UNIT,
            train: ends.clone(),
            valid: ends,
        };
        let scale = if sizes.hidden < 8 { 0.5 } else { 0.25 };
        let mut weight = |name: String, shape: Vec<usize>| {
            let values = numbers.draw(shape.iter().product(), scale);
            Weight { name, shape, values }
        };
        let (hidden, gates) = (sizes.hidden, 4 * sizes.hidden);
        let mut weights = Vec::new();
        for layer in 0..sizes.layers {
            let inputs = if layer == 0 { sizes.features } else { hidden };
            weights.push(weight(format!("lstm.{layer}.w_input"), vec![inputs, gates]));
            weights.push(weight(format!("lstm.{layer}.w_hidden"), vec![hidden, gates]));
            weights.push(weight(format!("lstm.{layer}.bias"), vec![gates]));
        }
        let of_quantiles = sizes.levels.as_ref().map(Levels::count);
        weights.push(weight(
            "head.weight".to_owned(),
            of_quantiles.map_or_else(|| vec![hidden], |count| vec![count, hidden]),
        ));
        weights.push(weight("head.bias".to_owned(), vec![of_quantiles.unwrap_or(1)]));
        (series, Weights(weights))
    }
}

/// Numbers in [-1, 1) on a grid of 2²⁴ points, as in the fixture script (Knuth's MMIX multiplier).
struct Numbers(u64);

impl Numbers {
    /// `scale` is a power of two: the products are exact.
    fn draw(&mut self, count: usize, scale: f32) -> Vec<f32> {
        let mut next = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32 * scale
        };
        (0..count).map(|_| next()).collect()
    }
}

impl Summary {
    fn assert_met(&self, what: &str, ours: Vec<f64>) {
        let error = self.error_of(&ours);
        assert!(
            error < TOLERANCE,
            "{what}: relative error {error:.2e}\nours   {:?}\ntheirs {:?}",
            self.sample(&ours),
            self.values
        );
    }

    fn error(&self, weight: &Weight) -> f64 {
        self.error_of(&weight.values.iter().copied().map(f64::from).collect::<Vec<_>>())
    }

    /// The larger of the sample's relative error and the norm's; absolute where all of theirs is
    /// zero.
    fn error_of(&self, ours: &[f64]) -> f64 {
        let sample = self.sample(ours);
        assert_eq!(sample.len(), self.values.len());
        let difference = norm(sample.iter().zip(&self.values).map(|(ours, theirs)| ours - theirs));
        if self.norm == 0.0 {
            return difference;
        }
        let error = difference / norm(self.values.iter().copied());
        error.max((norm(ours.iter().copied()) / self.norm - 1.0).abs())
    }

    fn sample(&self, values: &[f64]) -> Vec<f64> {
        values.iter().copied().step_by(self.stride).collect()
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

fn assert_near(what: &str, ours: f64, theirs: f64) {
    assert_near_from(0.0, what, ours, theirs);
}

/// Relative to theirs, or to `least` where theirs is smaller.
fn assert_near_from(least: f64, what: &str, ours: f64, theirs: f64) {
    let error = (ours - theirs).abs() / theirs.abs().max(least);
    assert!(error < TOLERANCE, "{what}: {ours} instead of {theirs}, relative error {error:.2e}");
}

fn train_from(series: &Series, shape: Shape, config: LaneConfig, weights: Weights) -> Trained {
    let resume = Some(LaneState {
        weights,
        best: None,
        first_moment: Vec::new(),
        second_moment: Vec::new(),
        steps: 0,
        epoch: 0,
        cursor: 0,
        sums: [0.0; 4],
        schedule: Default::default(),
        stop: Default::default(),
    });
    let pack = Pack { shape, lanes: vec![Lane { config, resume, series: 0 }] };
    train("flex", std::slice::from_ref(series), pack).remove(0)
}

fn fixtures() -> Vec<Fixture> {
    [
        "lstm_5_8_7_2_4",
        "lstm_3_5_1_1_1",
        "lstm_1_6_33_3_5",
        "lstm_5_12_32_2_9",
        "quantiles_5_8_7_2_4",
    ]
    .map(read)
    .into()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
