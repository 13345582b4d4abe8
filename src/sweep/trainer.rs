//! The seam between a sweep and whatever trains: Burn, or a fake with exact numbers for tests.

use burn_lanes::{Device, Observer, Pack, TrainError};
use lane_types::{Series, Shape, Weights};

use super::fake::FakeTrainer;

/// Trains packs and forecasts.
pub trait Trainer {
    /// Trains a pack until every lane has ended or the observer interrupts. Each lane says which of
    /// the series is its own.
    ///
    /// # Errors
    /// When shape, series and lanes do not fit each other; when the device fails.
    fn train(
        &self,
        series: &[&Series],
        pack: Pack,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError>;

    /// Scaled forecasts of the windows that end at `ends`.
    ///
    /// # Errors
    /// When weights, shape and series do not fit each other; when the device fails.
    fn predict(
        &self,
        series: &Series,
        shape: &Shape,
        weights: &Weights,
        ends: &[u32],
    ) -> Result<Vec<f32>, TrainError>;
}

/// The environment variable that replaces training by [`super::fake`] in tests: `fake`, or
/// `fake:FAULT`.
pub(super) const TRAINER_VARIABLE: &str = "KILN_TRAINER";

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
    /// To train on.
    pub device: Device,
}

impl Trainer for BurnTrainer {
    fn train(
        &self,
        series: &[&Series],
        pack: Pack,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        burn_lanes::train(&self.device, series, pack, observer)
    }

    fn predict(
        &self,
        series: &Series,
        shape: &Shape,
        weights: &Weights,
        ends: &[u32],
    ) -> Result<Vec<f32>, TrainError> {
        burn_lanes::predict(&self.device, series, shape, weights, ends)
    }
}
