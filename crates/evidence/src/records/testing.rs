//! Records for tests: one small trial, its events, its result.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lane_types::{EpochReport, SplitReport};

use std::collections::BTreeMap;

use super::{
    Baseline, Estimate, Evaluation, Forecasts, LedgerEntry, Origin, RunResult, Scores,
    SweepManifest, Tried, WindowCounts,
};
use experiment::event::{Cursor, End, Event, Line, VERSION};
use experiment::metric::{Direction, Metric, Quantity, Split};
use experiment::space::Value;
use experiment::trial::{Trial, TrialId};
use experiment::{Settings, Target, TargetKind};

pub const AT: &str = "2026-01-02T03:04:05Z";

/// The `index`-th trial: its seed is its index.
pub fn trial(index: usize) -> Trial {
    let settings = settings(index as u64);
    Trial {
        id: TrialId::of(&settings, "fingerprint"),
        index,
        repeat: 0,
        assignment: [
            ("train.learning_rate".to_owned(), Value::Float(1e-3)),
            ("train.kind".to_owned(), Value::Text("adam".into())),
        ]
        .into(),
        settings,
        backtest: None,
    }
}

fn settings(seed: u64) -> Settings {
    let mut settings = experiment::testing::settings(
        r#"
        data.synthetic = { bars = 1000, session = 100, beta2 = 0.05, sd_bp = 10.0 }
        data.features = ["close", "log_return", "sma_20"]
        data.target = { kind = "log_return" }
        train.epochs = 20
        train.schedule = { kind = "cosine", min_learning_rate = 1e-5, restart_epochs = 10 }
        "#,
    );
    settings.train.seed = seed;
    settings
}

pub fn manifest(ids: &[&str]) -> SweepManifest {
    SweepManifest {
        v: 1,
        name: "grid".into(),
        question: Some("Which?".into()),
        objective: Metric { split: Split::Valid, quantity: Quantity::Rmse },
        direction: Direction::Minimize,
        repeats: 1,
        target_unit: "log return".into(),
        trials: ids.iter().map(|id| (*id).to_owned()).collect(),
        backtest: None,
        origin: Origin {
            argv: vec!["kiln".into(), "sweep".into()],
            git_dirty: Some(false),
            ..Origin::default()
        },
        experiment: "name = \"grid\"\n".into(),
    }
}

/// Its numbers are short in decimal: serde_json's default parser may miss the last bit of others.
pub fn epoch(epoch: usize, loss: f64) -> EpochReport {
    let split =
        |loss: f64| SplitReport { loss, mse: loss * 3.0, mae: loss / 8.0, rmse: loss / 4.0 };
    EpochReport {
        epoch,
        train: split(loss / 2.0),
        valid: split(loss),
        learning_rate: 1e-3,
        best_epoch: epoch,
        waited: 0,
        seconds: 0.125,
        windows_per_second: 12_345.678_9,
    }
}

/// A whole attempt of `epochs` epochs.
pub fn events(epochs: usize) -> Vec<Event> {
    let mut events = vec![Event::Started {
        device: "flex".into(),
        lanes: 8,
        resumed: None,
        baselines: Vec::new(),
    }];
    for i in 1..=epochs {
        events.push(Event::Epoch(epoch(i, 0.5_f64.powi(i as i32))));
    }
    events.push(Event::Checkpoint(Cursor { epoch: epochs, batch: 0 }));
    events.push(Event::Ended { end: End::Finished });
    events
}

/// The log of [`events`].
pub fn log(epochs: usize) -> String {
    let lines = events(epochs).into_iter().zip(0..).map(|(event, seq)| Line {
        v: VERSION,
        seq,
        at: AT.into(),
        event,
    });
    lines.map(|line| serde_json::to_string(&line).unwrap() + "\n").collect()
}

pub fn result(attempt: u32) -> RunResult {
    RunResult {
        v: 1,
        attempt,
        end: End::EarlyStopped,
        epochs: 12,
        best_epoch: Some(7),
        train: Some(epoch(7, 0.25).train),
        valid: Some(epoch(7, 0.25).valid),
        skill: Some(0.01),
        baselines: vec![Baseline { name: "persistence".into(), mse: 0.3, mae: 0.2, rmse: 0.54 }],
        windows: WindowCounts { train: 700, valid: 200, test: 100 },
        scores: Some(Scores {
            confidence: 0.95,
            block_length: Some(2.5),
            days: 3,
            estimates: BTreeMap::from([
                (Quantity::Mase, Estimate { value: 0.75, low: Some(0.5), high: Some(1.25) }),
                (Quantity::Ic, Estimate { value: 0.125, low: None, high: None }),
            ]),
        }),
        tried: Some(Tried {
            data: "fingerprint".into(),
            target: Target { horizon: 1, kind: TargetKind::LogReturn },
            valid: Some((100, 200)),
            test: None,
        }),
        seconds: 3.25,
        instruction_sets: Vec::new(),
    }
}

pub fn evaluation() -> Evaluation {
    Evaluation {
        v: 1,
        at: AT.into(),
        windows: 100,
        mse: 0.1,
        mae: 0.2,
        rmse: 0.3,
        skill: None,
        baselines: vec![],
        quantiles: None,
        interval: None,
        scores: None,
        early: None,
    }
}

/// A forecast for each of these bars, seconds since 1970 UTC.
pub fn forecasts(seconds: &[i64]) -> Forecasts {
    let values = |factor: f64| seconds.iter().map(|second| *second as f64 * factor).collect();
    Forecasts {
        ts: seconds.iter().map(|second| second * 1_000_000_000).collect(),
        target: values(0.5),
        forecast: values(0.25),
        ..Forecasts::default()
    }
}

/// A line of the ledger.
pub fn entry(trial: &str, sweep: &str, tried: Tried) -> LedgerEntry {
    LedgerEntry {
        v: 1,
        at: AT.into(),
        sweep: sweep.into(),
        trial: TrialId(trial.into()),
        tried,
        opened: false,
    }
}

pub fn tried(valid: (i64, i64), test: Option<(i64, i64)>) -> Tried {
    Tried { valid: Some(valid), test, ..result(1).tried.unwrap() }
}
