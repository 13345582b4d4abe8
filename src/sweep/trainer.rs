//! The seam between a sweep and whatever trains: Burn, or a fake with exact numbers for tests.

use burn_lanes::{Device, Observer, Pack, TrainError};
use lane_types::{LaneConfig, Series, Shape, Weights};

use super::fake::FakeTrainer;
use crate::spec::{Model, ModelKind, Optimizer, Settings, Train};

/// Trains packs and forecasts.
pub trait Trainer {
    /// Trains a pack until every lane has ended or the observer interrupts. Each lane says which of the series is its own.
    ///
    /// # Errors
    /// When shape, series and lanes do not fit each other; when the device fails.
    fn train(&self, series: &[&Series], pack: Pack, observer: &mut dyn Observer) -> Result<(), TrainError>;

    /// Scaled forecasts of the windows that end at `ends`.
    ///
    /// # Errors
    /// When weights, shape and series do not fit each other; when the device fails.
    fn predict(&self, series: &Series, shape: &Shape, weights: &Weights, ends: &[u32]) -> Result<Vec<f32>, TrainError>;
}

/// The environment variable that replaces training by [`super::fake`] in tests: `fake`, or `fake:FAULT`.
pub const TRAINER_VARIABLE: &str = "KILN_TRAINER";

/// Burn on `device`, or the fake if the environment asks for it.
#[must_use]
pub fn trainer(device: Device) -> Box<dyn Trainer + Send + Sync> {
    match fake() {
        Some(name) => Box::new(FakeTrainer::named(&name)),
        None => Box::new(BurnTrainer { device }),
    }
}

/// What a run records as its device: a fake one says so.
#[must_use]
pub fn device_name(device: &Device) -> String {
    fake().map_or_else(|| device.to_string(), |_| format!("fake ({device})"))
}

fn fake() -> Option<String> {
    std::env::var(TRAINER_VARIABLE).ok().filter(|name| name == "fake" || name.starts_with("fake:"))
}

/// `burn_lanes` on a device.
#[derive(Clone, Debug)]
pub struct BurnTrainer {
    pub device: Device,
}

impl Trainer for BurnTrainer {
    fn train(&self, series: &[&Series], pack: Pack, observer: &mut dyn Observer) -> Result<(), TrainError> {
        burn_lanes::train(&self.device, series, pack, observer)
    }

    fn predict(&self, series: &Series, shape: &Shape, weights: &Weights, ends: &[u32]) -> Result<Vec<f32>, TrainError> {
        burn_lanes::predict(&self.device, series, shape, weights, ends)
    }
}

/// What a trial shares with the others of its pack.
#[must_use]
pub fn shape(settings: &Settings) -> Shape {
    let Model { kind: ModelKind::Lstm, hidden_size, num_layers, dropout: _, ref head } = settings.model;
    Shape {
        features: settings.data.features.len(),
        window: settings.data.window,
        hidden: hidden_size,
        layers: num_layers,
        batch: settings.train.batch_size,
        loss: settings.train.loss,
        optimizer: settings.train.optimizer.kind,
        head: head.clone(),
    }
}

/// What a trial has for itself.
#[must_use]
pub fn lane_config(settings: &Settings) -> LaneConfig {
    let Train { epochs, batch_size: _, learning_rate, loss: _, optimizer, schedule, early_stopping, clip_norm, seed } =
        &settings.train;
    let Optimizer { kind: _, beta1, beta2, epsilon, weight_decay, momentum } = *optimizer;
    LaneConfig {
        epochs: *epochs,
        learning_rate: *learning_rate,
        schedule: schedule.clone(),
        weight_decay,
        beta1,
        beta2,
        epsilon,
        momentum,
        dropout: settings.model.dropout,
        clip_norm: *clip_norm,
        early_stopping: *early_stopping,
        seed: *seed,
    }
}
