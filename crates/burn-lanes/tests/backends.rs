//! The same pack on every backend that works here; a backend that does not is skipped out loud.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recorder;
mod skip;

use burn_lanes::{
    Head, Lane, LaneConfig, Loss, OptimizerKind, Pack, Schedule, Series, Shape, devices,
};
use recorder::{Trained, train};
use skip::skip;

#[test]
fn the_backends_agree_on_the_losses_of_the_first_epoch() {
    let expected = train("flex", &folds(), pack(lanes()));
    for device in ["ndarray", "wgpu", "cuda"] {
        if let Err(reason) = burn_lanes::open(device.parse().unwrap()) {
            skip(device, &reason.to_string());
            continue;
        }
        for (lane, (ours, flex)) in
            train(device, &folds(), pack(lanes())).iter().zip(&expected).enumerate()
        {
            let what = format!("{device}, lane {lane}");
            // Weights are compared by what they forecast: an entry near zero has no relative error
            // to speak of.
            assert_near(
                &format!("{what}: training loss"),
                ours.reports[0].train.loss,
                flex.reports[0].train.loss,
            );
            assert_near(
                &format!("{what}: validation loss"),
                ours.reports[0].valid.loss,
                flex.reports[0].valid.loss,
            );
        }
    }
}

#[test]
fn a_lane_alone_and_in_a_pack_of_four_gives_the_same_bits_on_the_cpu() {
    for device in ["flex", "ndarray"] {
        if let Err(reason) = burn_lanes::open(device.parse().unwrap()) {
            skip(device, &reason.to_string());
            continue;
        }
        let together = train(device, &folds(), pack(lanes()));
        for (index, lane) in lanes().into_iter().enumerate() {
            let alone = train(device, &folds(), pack(vec![lane])).remove(0);
            assert_eq!(losses(&alone), losses(&together[index]), "{device}, lane {index}");
            assert_eq!(alone.state, together[index].state, "{device}, lane {index}");
        }
    }
}

#[test]
fn training_twice_gives_the_same_bits_on_every_device() {
    for info in devices() {
        let device = info.spec.to_string();
        if let Some(reason) = info.problem {
            skip(&device, &reason);
            continue;
        }
        let (first, second) =
            (train(&device, &folds(), pack(lanes())), train(&device, &folds(), pack(lanes())));
        for (lane, (first, second)) in first.iter().zip(&second).enumerate() {
            assert_eq!(first.state, second.state, "{device}, lane {lane}");
        }
    }
}

/// Four lanes that differ in everything that is data, two of them on a series of their own.
fn lanes() -> Vec<Lane> {
    let plain = LaneConfig { epochs: 2, learning_rate: 1e-2, seed: 1, ..LaneConfig::default() };
    let dropped = LaneConfig { dropout: 0.3, seed: 2, weight_decay: 1e-2, ..plain.clone() };
    let schedule = Schedule::Exponential { warmup_epochs: 0, gamma: 0.5 };
    let clipped = LaneConfig {
        clip_norm: Some(0.1),
        learning_rate: 3e-2,
        schedule,
        beta1: 0.8,
        seed: 3,
        ..plain.clone()
    };
    let lane = |(config, series)| Lane { config, resume: None, series };
    [(dropped.clone(), 1), (plain, 0), (dropped, 0), (clipped, 1)].into_iter().map(lane).collect()
}

/// The second has fewer windows of either kind, and another scale.
fn folds() -> [Series; 2] {
    let series = series();
    let scaled = |values: &[f32]| values.iter().map(|value| 0.5 * value).collect();
    let second = Series {
        features: scaled(&series.features),
        target: scaled(&series.target),
        target_unit: 2.0,
        train: series.train[..31].to_vec(),
        valid: series.valid[..9].to_vec(),
        ..series.clone()
    };
    [series, second]
}

/// Windows of eight rows, in batches of seven with a partial one at the end.
fn pack(lanes: Vec<Lane>) -> Pack {
    let shape = Shape {
        features: 2,
        window: 8,
        hidden: 9,
        layers: 2,
        batch: 7,
        loss: Loss::Mse,
        optimizer: OptimizerKind::Adam,
        head: Head::Point,
    };
    Pack { shape, lanes }
}

/// Two waves; the target is their product one row ahead.
fn series() -> Series {
    let wave = |row: usize, period: f32| (row as f32 * std::f32::consts::TAU / period).sin();
    let rows = 80;
    Series {
        features: (0..rows).flat_map(|row| [wave(row, 11.0), wave(row, 5.0)]).collect(),
        columns: 2,
        target: (0..rows).map(|row| wave(row + 1, 11.0) * wave(row + 1, 5.0)).collect(),
        target_unit: 1.0,
        train: (7..60).collect(),
        valid: (67..80).collect(),
    }
}

fn losses(trained: &Trained) -> Vec<(f64, f64)> {
    trained.reports.iter().map(|report| (report.train.loss, report.valid.loss)).collect()
}

fn assert_near(what: &str, ours: f64, theirs: f64) {
    let error = (ours - theirs).abs() / theirs.abs();
    assert!(error < 1e-4, "{what}: {ours} instead of {theirs}, relative error {error:.2e}");
}
