//! Frames of the dashboard with 1,000 trials of 100 epochs. The budget is 1 % of one core at ten
//! frames a second: a frame and what it folds must stay below 1 ms. More means that something walks
//! over all trials, or all epochs, for each frame.

use divan::Bencher;
use kiln::dashboard::{Role, Screen, Theme};
use kiln::event::{Event, Line};
use kiln::store::{Change, ProgressFile, RunRecord, SweepManifest, SweepRecord};
use kiln::trial::{Trial, TrialId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;
use std::path::PathBuf;

const TRIALS: usize = 1000;
const EPOCHS: usize = 100;
/// Trials that train at once.
const LANES: usize = 128;

fn trial(place: usize) -> Trial {
    let (hidden, rate) = (16 << (place % 3), 1e-4 * (1.0 + place as f64));
    let settings = json!({
        "data": {
            "source": {
                "kind": "file", "path": "bars.csv", "format": "csv", "zone": null,
                "bar_label": "start",
                "columns": {
                    "ts": "ts", "open": "open", "high": "high", "low": "low", "close": "close",
                    "volume": "volume",
                },
            },
            "rows": null, "bar_seconds": null, "features": ["close", "volume", "sma_20"],
            "target": { "horizon": 1, "kind": "price" },
            "window": 60, "step": 1, "cross_gaps": false,
            "split": { "valid": 0.2, "test": 0.1, "embargo": 61 },
            "scale": { "price": "min_max", "volume": "min_max", "indicator": "standard" },
        },
        "model": { "kind": "lstm", "hidden_size": hidden, "num_layers": 2, "dropout": 0.1 },
        "train": {
            "epochs": EPOCHS, "batch_size": 32, "learning_rate": rate, "loss": "mse",
            "schedule": { "kind": "constant" },
            "optimizer": {
                "kind": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                "weight_decay": 0.0, "momentum": 0.0,
            },
            "early_stopping": null, "clip_norm": null, "seed": 1,
        },
    });
    let assignment = json!({ "model.hidden_size": hidden, "train.learning_rate": rate });
    let id = format!("{place:012x}");
    let trial = json!({
        "id": id, "index": place, "repeat": 0, "assignment": assignment, "settings": settings,
    });
    serde_json::from_value(trial).expect("the trial's format has changed")
}

fn epoch(place: usize, epoch: usize) -> Change {
    let loss = 0.01 + 0.05 * (-(epoch as f64) / 20.0).exp() + 1e-5 * (place % 17) as f64;
    let split =
        json!({ "loss": loss, "mse": loss * 2e3, "mae": loss, "rmse": (loss * 2e3).sqrt() });
    let report = json!({
        "epoch": epoch, "train": split, "valid": split, "learning_rate": 1e-3,
        "best_epoch": epoch, "waited": 0,
        "seconds": 1.0, "windows_per_second": 1000.0,
    });
    let event =
        Event::Epoch(serde_json::from_value(report).expect("the report's format has changed"));
    line(place, epoch, event)
}

fn line(place: usize, seq: usize, event: Event) -> Change {
    let line = Line { v: 1, seq: seq as u64, at: "2026-11-23T08:18:03.123Z".into(), event };
    Change::Line(TrialId(format!("{place:012x}")), 1, Box::new(line))
}

/// Half of the trials have run all their epochs; the next [`LANES`] run.
fn record() -> SweepRecord {
    let trials: Vec<Trial> = (0..TRIALS).map(trial).collect();
    let ids: Vec<&str> = trials.iter().map(|trial| trial.id.0.as_str()).collect();
    let manifest: SweepManifest = serde_json::from_value(json!({
        "v": 1, "name": "grid", "question": "Which?", "objective": "valid.rmse",
        "direction": "minimize", "repeats": 1,
        "target_unit": "price", "trials": ids, "experiment": "",
        "origin": {
            "kiln_version": "", "git_revision": null, "git_dirty": null, "data_fingerprint": "",
            "argv": [], "overrides": [],
        },
    }))
    .expect("the manifest's format has changed");
    let mut runs: Vec<RunRecord> = Vec::new();
    for trial in trials {
        let (folder, progress) = (PathBuf::new(), Default::default());
        runs.push(RunRecord {
            trial,
            folder,
            progress,
            result: None,
            evaluations: vec![],
            damage: vec![],
            current: true,
            seeds: None,
        });
    }
    for (place, run) in runs.iter_mut().enumerate().take(TRIALS / 2 + LANES) {
        let started = Event::Started {
            device: "cuda:0".into(),
            lanes: LANES,
            resumed: None,
            baselines: Vec::new(),
        };
        let epochs = if place < TRIALS / 2 { EPOCHS } else { EPOCHS / 2 };
        let ended = (place < TRIALS / 2)
            .then(|| line(place, EPOCHS + 1, Event::Ended { end: kiln::event::End::Finished }));
        for change in [line(place, 0, started)]
            .into_iter()
            .chain((1..=epochs).map(|number| epoch(place, number)))
            .chain(ended)
        {
            if let Change::Line(_, attempt, line) = change {
                run.progress.fold(attempt, &line);
            }
        }
    }
    SweepRecord { folder: PathBuf::new(), manifest, runs, damaged: Vec::new() }
}

fn press(screen: &mut Screen, code: KeyCode) {
    screen.key(KeyEvent::new(code, KeyModifiers::NONE));
}

/// What a lively tenth of a second brings: progress of every tenth running trial, and an epoch of a
/// few.
fn changes() -> Vec<Change> {
    let first = TRIALS / 2;
    let progress = ProgressFile {
        epoch: 51,
        step: 5,
        steps: 100,
        windows_per_second: 1e6,
        lanes: LANES,
        memory: Some(1 << 30),
    };
    let mut changes: Vec<Change> = (first..first + LANES)
        .step_by(10)
        .map(|place| Change::Progress(TrialId(format!("{place:012x}")), progress))
        .collect();
    changes.extend((first..first + 8).map(|place| epoch(place, 51)));
    changes
}

fn main() {
    divan::main();
}

#[divan::bench(name = "dashboard, 1000 trials: open a record")]
fn open(bencher: Bencher) {
    let record = record();
    bencher.bench_local(|| Screen::new(divan::black_box(&record), Role::Watcher, Theme::colored()));
}

/// In the costliest order: the rows are sorted anew with each change.
fn screen() -> Screen {
    let mut screen = Screen::new(&record(), Role::Watcher, Theme::colored());
    (0..7).for_each(|_| press(&mut screen, KeyCode::Char('s')));
    (0..4).for_each(|_| {
        press(&mut screen, KeyCode::Char('p'));
        press(&mut screen, KeyCode::Down);
    });
    screen
}

#[divan::bench(name = "dashboard, 1000 trials: draw", args = [(80, 24), (200, 60)])]
fn draw(bencher: Bencher, (columns, rows): (u16, u16)) {
    let screen = screen();
    let mut terminal =
        Terminal::new(TestBackend::new(columns, rows)).expect("a buffer is a terminal");
    bencher.bench_local(|| terminal.draw(|frame| screen.draw(frame, 1.0)).map(|frame| frame.count));
}

#[divan::bench(name = "dashboard, 1000 trials: fold a tenth of a second")]
fn fold(bencher: Bencher) {
    let screen = screen();
    let changes = changes();
    bencher.with_inputs(|| screen.clone()).bench_local_values(|mut screen| {
        screen.apply(divan::black_box(&changes), 1.0);
        screen
    });
}
