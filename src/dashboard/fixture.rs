//! Sweeps made of thin air for the tests: losses are pure functions of the trial's place and the
//! epoch.

use lane_types::{EarlyStopping, EpochReport, Loss, OptimizerKind, Schedule, SplitReport};
use std::path::PathBuf;

use super::state::Sweep;
use experiment::event::{Cursor, End, Event, Line, VERSION};
use experiment::feature::Feature;
use experiment::metric::{Direction, Metric, Quantity, Split};
use experiment::space::{Assignment, Value};
use experiment::trial::{Trial, TrialId};
use experiment::{
    Data, Model, ModelKind, Optimizer, Scale, Scaler, Settings, Signal, Source, Split as DataSplit,
    Synthetic, Target, TargetKind, Train, Volatility,
};
use runs::store::{
    Baseline, Change, Origin, ProgressFile, RunProgress, RunRecord, RunResult, SweepManifest,
    SweepRecord, WindowCounts,
};

/// Epochs of every trial.
pub(super) const EPOCHS: usize = 20;

/// A sweep of so many trials over hidden sizes and learning rates, none of them begun.
pub(super) fn grid(trials: usize) -> SweepRecord {
    let runs: Vec<RunRecord> = (0..trials).map(|place| run(trial(place))).collect();
    SweepRecord {
        folder: PathBuf::from("runs/grid"),
        manifest: SweepManifest {
            v: 1,
            name: "grid".into(),
            question: Some(
                "Which hidden size and learning rate forecast the next minute's close best?".into(),
            ),
            objective: Metric { split: Split::Valid, quantity: Quantity::Rmse },
            direction: Direction::Minimize,
            repeats: 1,
            target_unit: "price".into(),
            trials: runs.iter().map(|run| run.trial.id.0.clone()).collect(),
            backtest: None,
            origin: Origin::default(),
            experiment: String::new(),
        },
        runs,
        damaged: Vec::new(),
    }
}

/// A sweep of assignments with three seeds each: what the errors of each came to, `None` of those
/// that still run.
pub(super) fn seeds(errors: &[[Option<f64>; 3]]) -> SweepRecord {
    let mut record = grid(0);
    let mut changes = Vec::new();
    for (assignment, errors) in errors.iter().enumerate() {
        for (repeat, error) in errors.iter().enumerate() {
            let mut trial = trial(assignment);
            (trial.index, trial.repeat) = (record.runs.len(), repeat);
            trial.id = id(trial.index);
            trial.settings.train.seed += repeat as u64;
            let place = trial.index;
            record.runs.push(RunRecord { seeds: Some(3), ..run(trial) });
            changes.extend(log(place, 4, error.map(|_| End::Finished)));
            if let (Some(rmse), Change::Result(id, mut ended)) =
                (error, result(place, 4, End::Finished))
            {
                ended.valid =
                    ended.valid.map(|valid| SplitReport { rmse: *rmse, mse: rmse * rmse, ..valid });
                changes.push(Change::Result(id, ended));
            }
        }
    }
    record.manifest.repeats = 3;
    record.manifest.trials = record.runs.iter().map(|run| run.trial.id.0.clone()).collect();
    recorded(record, &changes)
}

/// What is known after a record.
pub(super) fn sweep(record: &SweepRecord) -> Sweep {
    Sweep::new(record)
}

/// The id of the trial at a place of the plan.
pub(super) fn id(place: usize) -> TrialId {
    TrialId(format!("{:012x}", (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16))
}

/// The trial at a place of the plan: three hidden sizes × any number of rates.
pub(super) fn trial(place: usize) -> Trial {
    let hidden = [16, 32, 64][(place / 4) % 3];
    let rate = [1e-4, 1e-3, 3.162_277_660_168_379e-3, 1e-2][place % 4];
    let mut assignment = Assignment::new();
    assignment.insert("model.hidden_size".into(), Value::Int(hidden));
    assignment.insert("train.learning_rate".into(), Value::Float(rate));
    Trial {
        id: id(place),
        index: place,
        repeat: 0,
        assignment,
        settings: settings(hidden as usize, rate),
        backtest: None,
    }
}

fn settings(hidden_size: usize, learning_rate: f64) -> Settings {
    let synthetic = Synthetic {
        bars: 10_000,
        session: 240,
        signal: Signal::Reversal,
        beta2: 0.05,
        sd_bp: 5.0,
        volatility: Volatility::Constant,
        nu: None,
        seed: 1,
    };
    Settings {
        data: Data {
            source: Source::Synthetic(synthetic),
            rows: None,
            bar_seconds: None,
            features: vec![Feature::Close, Feature::Volume, Feature::Sma { n: 20 }],
            target: Target { horizon: 1, kind: TargetKind::Price },
            window: 60,
            step: 1,
            cross_gaps: false,
            split: DataSplit { valid: 0.2, test: 0.1, embargo: 61, walk_forward: None },
            scale: Scale {
                price: Scaler::MinMax,
                volume: Scaler::MinMax,
                indicator: Scaler::Standard,
            },
        },
        model: Model {
            kind: ModelKind::Lstm,
            hidden_size,
            num_layers: 2,
            dropout: 0.1,
            head: lane_types::Head::Point,
        },
        train: Train {
            epochs: EPOCHS,
            batch_size: 32,
            learning_rate,
            loss: Loss::Mse,
            optimizer: Optimizer {
                kind: OptimizerKind::Adam,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-8,
                weight_decay: 0.0,
                momentum: 0.0,
            },
            schedule: Schedule::Constant,
            early_stopping: Some(EarlyStopping { patience: 10, min_delta: 0.0 }),
            clip_norm: Some(1.0),
            seed: 1,
        },
    }
}

/// A run of which nothing is recorded yet.
pub(super) fn run(trial: Trial) -> RunRecord {
    RunRecord {
        folder: PathBuf::from("runs/grid/trials").join(&trial.id.0),
        trial,
        progress: RunProgress::default(),
        result: None,
        evaluations: Vec::new(),
        damage: Vec::new(),
        current: true,
        seeds: None,
    }
}

/// Reports whose validation losses are these; the training losses are a tenth lower.
pub(super) fn epochs(losses: &[f64]) -> Vec<EpochReport> {
    let split = |loss: f64| SplitReport {
        loss,
        mse: loss * 2000.0,
        mae: (loss * 1500.0).sqrt(),
        rmse: (loss * 2000.0).sqrt(),
    };
    let mut best = (0, f64::INFINITY);
    let mut reports = Vec::new();
    for (place, loss) in losses.iter().enumerate() {
        if *loss < best.1 {
            best = (place + 1, *loss);
        }
        reports.push(EpochReport {
            epoch: place + 1,
            train: split(loss * 0.9),
            valid: split(*loss),
            learning_rate: 1e-3 * 0.95f64.powi(place as i32),
            best_epoch: best.0,
            waited: place + 1 - best.0,
            seconds: 2.5,
            windows_per_second: 1234.0,
        });
    }
    reports
}

/// The validation losses of the trial at a place: they fall, then rise a little.
pub(super) fn losses(place: usize, epochs: usize) -> Vec<f64> {
    let floor = 0.0095 + 0.0004 * ((place * 5) % 7) as f64;
    let speed = 2.0 + (place % 4) as f64;
    (1..=epochs)
        .map(|epoch| {
            let epoch = epoch as f64;
            floor + 0.05 * (-epoch / speed).exp() + 0.00005 * (epoch - 12.0).max(0.0)
        })
        .collect()
}

/// A line of a log, a second after the one before.
pub(super) fn line(seq: u64, event: Event) -> Line {
    Line {
        v: VERSION,
        seq,
        at: format!("2026-11-23T08:{:02}:{:02}.000Z", 18 + seq / 60, seq % 60),
        event,
    }
}

/// The log of one attempt: started, so many epochs, an end if there is one.
pub(super) fn log(place: usize, epochs_done: usize, end: Option<End>) -> Vec<Change> {
    let mut events = vec![Event::Started {
        device: "flex".into(),
        lanes: 4,
        resumed: None,
        baselines: vec![persistence()],
    }];
    for report in epochs(&losses(place, epochs_done)) {
        let cursor = Cursor { epoch: report.epoch, batch: 0 };
        events.push(Event::Epoch(report));
        if cursor.epoch.is_multiple_of(5) {
            events.push(Event::Checkpoint(cursor));
        }
    }
    events.extend(end.map(|end| Event::Ended { end }));
    let lines = events.into_iter().enumerate();
    lines
        .map(|(seq, event)| Change::Line(id(place), 1, Box::new(line(seq as u64, event))))
        .collect()
}

/// Over the validation windows of every trial.
pub(super) fn persistence() -> Baseline {
    Baseline { name: "persistence".into(), mse: 20.4584, mae: 3.21, rmse: 4.5231 }
}

/// A result beside [`persistence`].
pub(super) fn result(place: usize, epochs_done: usize, end: End) -> Change {
    let reports = epochs(&losses(place, epochs_done));
    let best = reports.iter().min_by(|a, b| a.valid.loss.total_cmp(&b.valid.loss)).unwrap();
    let persistence = persistence();
    let result = RunResult {
        v: 1,
        attempt: 1,
        end,
        epochs: epochs_done,
        best_epoch: Some(best.epoch),
        train: Some(best.train),
        valid: Some(best.valid),
        skill: Some(1.0 - best.valid.mse / persistence.mse),
        baselines: vec![persistence],
        windows: WindowCounts { train: 6939, valid: 1939, test: 879 },
        scores: None,
        tried: None,
        seconds: 50.0,
        instruction_sets: Vec::new(),
    };
    Change::Result(id(place), Box::new(result))
}

/// Where a running trial of a pack of four is.
pub(super) fn progress(place: usize, epoch: usize, step: usize) -> Change {
    let memory = Some(812 << 20);
    Change::Progress(
        id(place),
        ProgressFile { epoch, step, steps: 200, windows_per_second: 12_000.0, lanes: 4, memory },
    )
}

/// A sweep of twelve in the middle: finished, stopped early, failed, lost, damaged, running and
/// waiting trials.
pub(super) fn middle() -> Vec<Change> {
    let mut changes = Vec::new();
    for place in [0, 1, 2] {
        changes.extend(log(place, EPOCHS, Some(End::Finished)));
        changes.push(result(place, EPOCHS, End::Finished));
    }
    let failed = End::Failed { reason: "training loss is NaN in epoch 3".into() };
    changes.extend(log(3, 2, Some(failed)));
    changes.extend(log(4, 7, None));
    changes.push(Change::Lost(id(4)));
    changes.extend(log(5, 16, Some(End::EarlyStopped)));
    changes.push(result(5, 16, End::EarlyStopped));
    changes.extend(log(6, 12, None));
    changes.push(progress(6, 13, 100));
    changes.extend(log(7, 9, None));
    changes.push(progress(7, 10, 20));
    let warning =
        Event::Warning { message: "the gradient was clipped in every step of epoch 9".into() };
    changes.push(Change::Line(id(7), 1, Box::new(line(30, warning))));
    changes.extend(log(8, 3, None));
    changes.push(Change::Damage(id(9), "trial.toml: expected `=` at line 3".into()));
    changes
}

/// All trials of the grid ended well.
pub(super) fn end(trials: usize) -> Vec<Change> {
    (0..trials)
        .flat_map(|place| {
            let mut changes = log(place, EPOCHS, Some(End::Finished));
            changes.push(result(place, EPOCHS, End::Finished));
            changes
        })
        .collect()
}

/// The record that a reader would make of a sweep after these changes.
pub(super) fn recorded(mut record: SweepRecord, changes: &[Change]) -> SweepRecord {
    changes.iter().for_each(|change| record.apply(change));
    record
}
