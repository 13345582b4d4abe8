//! Models for tests, without a training.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lane_types::{Shape, Weight, Weights};

use super::{COVERAGES, Interval, Metrics, ModelCard, SavedModel, Source, WeightsFile};
use crate::store::WindowCounts;
use evidence::calibration::Calibration;
use experiment::testing::settings;
use market::{Affine, Scaling};

/// A model of the settings of a file with these lines, with weights that depend on `seed` alone.
pub fn model(lines: &str, seed: u64) -> SavedModel {
    let settings = settings(lines);
    let features = settings.data.features.len();
    let card = ModelCard {
        v: super::VERSION,
        saved_at: "2026-01-02T03:04:05Z".into(),
        kiln_version: "0.1.0".into(),
        source: Source::Run {
            sweep: "grid".into(),
            run: "0123456789ab".into(),
            attempt: 1,
            question: None,
            kiln_version: "0.1.0".into(),
            git_revision: None,
            git_dirty: None,
        },
        bar_seconds: Some(60),
        data_fingerprint: "fingerprint".into(),
        scaling: Scaling {
            columns: vec![Affine { offset: 1.0, unit: 4.0 }; features],
            target: Affine { offset: 0.5, unit: 2.0 },
        },
        windows: WindowCounts { train: 600, valid: 200, test: 100 },
        best_epoch: Some(3),
        selection: None,
        metrics: Metrics { skill: Some(0.125), baselines: Vec::new(), valid: None, test: None },
        verdict: None,
        intervals: COVERAGES
            .into_iter()
            .map(|coverage| Interval {
                coverage,
                calibration: Calibration { between: None, margin: coverage, calibrated_on: 200 },
            })
            .collect(),
        profile: None,
        inputs: None,
        weights: WeightsFile::default(),
        settings,
    };
    let weights = weights(&card.shape(), seed);
    SavedModel::new(card, weights).unwrap()
}

/// Weights within ±0.5.
pub fn weights(shape: &Shape, seed: u64) -> Weights {
    use rand_chacha::rand_core::Rng;
    let mut generator = experiment::seed::generator(seed, "test weights", 0);
    let mut value = || (f64::from(generator.next_u32()) / f64::from(u32::MAX) - 0.5) as f32;
    let weight = |(name, shape): (String, Vec<usize>)| {
        let size = shape.iter().product();
        Weight { name, shape, values: (0..size).map(|_| value()).collect() }
    };
    Weights(shape.layout().into_iter().map(weight).collect())
}
