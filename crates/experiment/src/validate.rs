//! Wire → validated: defaults that follow other settings are filled in, and what must fit together
//! is checked. One way for files, `--set` and the assignments of a sweep.

use lane_types::{EarlyStopping, Head, Loss, OptimizerKind, Schedule};
use serde::Serialize;
use std::fmt::Debug;

use super::mistake::Clash;
use super::settings::{
    Columns, Data, Format, Model, Optimizer, Settings, Source, Split, Target, Train, WalkForward,
};
use super::wire::{
    DEFAULT_SYNTHETIC, HeadKind, ScheduleKind, SplitKind, Switch, Wire, WireData, WireHead,
    WireModel, WireSchedule, WireSplit, WireStopping, WireTrain,
};

/// The settings of a trial, and what in them does not fit together; settings with a clash are not
/// to be used.
pub(super) fn validate(wire: Wire) -> (Settings, Vec<Clash>) {
    let Wire { head: _, data, model, train, backtest: _ } = wire;
    let mut clashes = Vec::new();
    let data = validate_data(data, &mut clashes);
    let model = validate_model(model, &mut clashes);
    let mut train = validate_train(train, &mut clashes);
    // It has a loss of its own. Where a sweep varies the head, that of its point trials does not
    // count for the others; a file that asks for both is told so (rules::file).
    if model.head != Head::Point {
        train.loss = Loss::default();
    }
    (Settings { data, model, train }, clashes)
}

/// `data.format = "auto"`: by the file name's ending.
pub(super) fn format_by_ending(path: &std::path::Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" | "txt" | "tsv" => Some(Format::Csv),
        "parquet" | "pq" => Some(Format::Parquet),
        _ => None,
    }
}

fn validate_data(data: WireData, clashes: &mut Vec<Clash>) -> Data {
    let WireData {
        source,
        synthetic,
        format,
        columns,
        ts_format,
        ts_ambiguous,
        zone,
        bar_label,
        bar_seconds,
        rows,
        features,
        horizon,
        target,
        window,
        step,
        cross_gaps,
        split,
        scale,
    } = data;
    let split = validate_split(split, window + horizon, clashes);
    // That exactly one source is given, with its format and label, is checked once for the file: no
    // assignment can change it.
    let source = match (source, synthetic) {
        (Some(path), _) => {
            let format = format.or_else(|| format_by_ending(&path)).unwrap_or(Format::Csv);
            let columns = Columns { ts_format, ts_ambiguous, ..columns };
            Source::File {
                path,
                format,
                columns,
                zone,
                bar_label: bar_label.unwrap_or(super::settings::BarLabel::Start),
            }
        }
        (None, synthetic) => Source::Synthetic(synthetic.unwrap_or(DEFAULT_SYNTHETIC)),
    };
    let data = Data {
        source,
        rows,
        bar_seconds,
        features,
        target: Target { horizon, kind: target },
        window,
        step,
        cross_gaps,
        split,
        scale,
    };
    super::rules::data(&data, clashes);
    data
}

/// `reach`: rows that a window and its target take.
fn validate_split(split: WireSplit, reach: usize, clashes: &mut Vec<Clash>) -> Split {
    let WireSplit { kind, valid, test, embargo, folds, train } = split;
    let mut part = Parts { kind_key: "data.split.kind", kind: &kind, clashes };
    let folds =
        part.of("data.split.folds", folds, &[SplitKind::WalkForward]).unwrap_or(DEFAULT_FOLDS);
    let train = part.of("data.split.train", train, &[SplitKind::WalkForward]).unwrap_or_default();
    let (default_valid, walk_forward) = match kind {
        SplitKind::Holdout => (DEFAULT_VALID, None),
        // Half of what the test rows leave is validated on; the first fold trains on the other
        // half.
        SplitKind::WalkForward => {
            ((1.0 - test) / (2 * folds) as f64, Some(WalkForward { folds, train, fold: 0 }))
        }
    };
    Split {
        valid: valid.unwrap_or(default_valid),
        test,
        embargo: embargo.unwrap_or(reach),
        walk_forward,
    }
}

/// `data.split.valid` of a holdout unless given.
const DEFAULT_VALID: f64 = 0.2;

/// `data.split.folds` unless given.
const DEFAULT_FOLDS: usize = 5;

fn validate_model(model: WireModel, clashes: &mut Vec<Clash>) -> Model {
    let WireModel { kind, hidden_size, num_layers, dropout, head } = model;
    // Dropout lies between layers. Where a sweep varies the layers, its one-layer trials simply
    // have none; a file that asks for both is told so (rules::file).
    let dropout = if num_layers == 1 { 0.0 } else { dropout.unwrap_or(DEFAULT_DROPOUT) };
    Model { kind, hidden_size, num_layers, dropout, head: validate_head(head, clashes) }
}

fn validate_head(head: WireHead, clashes: &mut Vec<Clash>) -> Head {
    let WireHead { kind, levels } = head;
    let mut part = Parts { kind_key: "model.head.kind", kind: &kind, clashes };
    let levels = part.of("model.head.levels", levels, &[HeadKind::Quantile]);
    match kind {
        HeadKind::Point => Head::Point,
        HeadKind::Quantile => Head::Quantile { levels: levels.unwrap_or_default() },
    }
}

/// `model.dropout` unless given.
const DEFAULT_DROPOUT: f64 = 0.1;

fn validate_train(train: WireTrain, clashes: &mut Vec<Clash>) -> Train {
    let WireTrain {
        epochs,
        batch_size,
        learning_rate,
        loss,
        optimizer,
        schedule,
        early_stopping,
        clip_norm,
        seed,
    } = train;

    let mut part = Parts { kind_key: "train.optimizer.kind", kind: &optimizer.kind, clashes };
    let adam = &[OptimizerKind::Adam, OptimizerKind::AdamW];
    let decay = if optimizer.kind == OptimizerKind::AdamW { 0.01 } else { 0.0 };
    let optimizer = Optimizer {
        kind: optimizer.kind,
        beta1: part.of("train.optimizer.beta1", optimizer.beta1, adam).unwrap_or(0.9),
        beta2: part.of("train.optimizer.beta2", optimizer.beta2, adam).unwrap_or(0.999),
        epsilon: part.of("train.optimizer.epsilon", optimizer.epsilon, adam).unwrap_or(1e-8),
        weight_decay: optimizer.weight_decay.unwrap_or(decay),
        momentum: part
            .of("train.optimizer.momentum", optimizer.momentum, &[OptimizerKind::Sgd])
            .unwrap_or(0.0),
    };
    let schedule = validate_schedule(&schedule, epochs, learning_rate, clashes);
    let early_stopping = validate_stopping(early_stopping, clashes);
    Train {
        epochs,
        batch_size,
        learning_rate,
        loss,
        optimizer,
        schedule,
        early_stopping,
        clip_norm,
        seed,
    }
}

fn validate_schedule(
    schedule: &WireSchedule,
    epochs: usize,
    learning_rate: f64,
    clashes: &mut Vec<Clash>,
) -> Schedule {
    use ScheduleKind::{Constant, Cosine, Exponential, Linear, Noam, Plateau, Step};
    const WARMUP: &str = "train.schedule.warmup_epochs";
    const LEAST: &str = "train.schedule.min_learning_rate";
    let WireSchedule {
        kind,
        warmup_epochs,
        min_learning_rate,
        step_epochs,
        gamma,
        restart_epochs,
        factor,
        patience,
    } = *schedule;

    let mut part = Parts { kind_key: "train.schedule.kind", kind: &kind, clashes };
    let written_warmup = part.of(WARMUP, warmup_epochs, &[Linear, Step, Exponential, Cosine, Noam]);
    let written_least = part.of(LEAST, min_learning_rate, &[Linear, Cosine, Plateau]);
    let written_step = part.of("train.schedule.step_epochs", step_epochs, &[Step]);
    let gamma = part.of("train.schedule.gamma", gamma, &[Step, Exponential]);
    let restart_epochs = part.of("train.schedule.restart_epochs", restart_epochs, &[Cosine]);
    let factor = part.of("train.schedule.factor", factor, &[Plateau]).unwrap_or(0.5);
    let patience = part.of("train.schedule.patience", patience, &[Plateau]).unwrap_or(5);

    let default_warmup = if kind == Noam { (epochs / 10).max(1) } else { 0 };
    let warmup_epochs = written_warmup.unwrap_or(default_warmup);
    let min_learning_rate = written_least.unwrap_or_else(|| f64::min(1e-5, learning_rate / 10.0));
    let step_epochs = written_step.unwrap_or(30);

    if written_warmup == Some(0) && kind == Noam {
        clashes.push(
            Clash::new(
                &[WARMUP, "train.schedule.kind"],
                format!("'{WARMUP}' is 0, but the noam schedule is made of its warm-up"),
            )
            .hint("give it at least 1, or take another schedule"),
        );
    }
    if written_warmup.is_some_and(|warmup| warmup >= epochs) && warmup_epochs > 0 {
        clashes.push(
            Clash::new(
                &[WARMUP, "train.epochs"],
                format!("'{WARMUP}' is {warmup_epochs}, but there are only {epochs} epochs"),
            )
            .hint("the warm-up must end before the training does"),
        );
    }
    if written_least.is_some_and(|least| least >= learning_rate) {
        clashes.push(
            Clash::new(
                &[LEAST, "train.learning_rate"],
                format!(
                    "'{LEAST}' is {min_learning_rate}, not below the learning rate of \
                    {learning_rate}"
                ),
            )
            .hint("the schedule goes down from the learning rate to it"),
        );
    }
    if written_step.is_some_and(|step| warmup_epochs + step >= epochs) {
        clashes.push(
            Clash::new(
                &["train.schedule.step_epochs", "train.epochs"],
                format!(
                    "'train.schedule.step_epochs' is {step_epochs}, but after the warm-up there is \
                no such epoch in {epochs}: it has no effect"
                ),
            )
            .hint("shorten it, or train longer"),
        );
    }
    if let Some(restart) = restart_epochs.filter(|restart| warmup_epochs + restart >= epochs) {
        clashes.push(
            Clash::new(
                &["train.schedule.restart_epochs", "train.epochs"],
                format!(
                    "'train.schedule.restart_epochs' is {restart}, but after the warm-up there is \
                no such epoch in {epochs}: it has no effect"
                ),
            )
            .hint("shorten it, train longer, or remove it"),
        );
    }

    match kind {
        Constant => Schedule::Constant,
        Linear => Schedule::Linear { warmup_epochs, min_learning_rate },
        Step => Schedule::Step { warmup_epochs, step_epochs, gamma: gamma.unwrap_or(0.1) },
        Exponential => Schedule::Exponential { warmup_epochs, gamma: gamma.unwrap_or(0.95) },
        Cosine => Schedule::Cosine { warmup_epochs, min_learning_rate, restart_epochs },
        Noam => Schedule::Noam { warmup_epochs },
        Plateau => Schedule::Plateau { factor, patience, min_learning_rate },
    }
}

fn validate_stopping(stopping: WireStopping, clashes: &mut Vec<Clash>) -> Option<EarlyStopping> {
    let WireStopping { switch, patience, min_delta } = stopping;
    match switch {
        Switch::On => Some(EarlyStopping {
            patience: patience.unwrap_or(10),
            min_delta: min_delta.unwrap_or(0.0),
        }),
        Switch::Off => {
            let parts = [
                ("train.early_stopping.patience", patience.is_some()),
                ("train.early_stopping.min_delta", min_delta.is_some()),
            ];
            for (key, _) in parts.into_iter().filter(|(_, written)| *written) {
                let problem = format!("'{key}' has no effect: 'train.early_stopping' is false");
                clashes.push(
                    Clash::new(&[key, "train.early_stopping"], problem)
                        .hint("write 'train.early_stopping' as a table"),
                );
            }
            None
        }
    }
}

/// Keys that belong to some kinds only.
pub(super) struct Parts<'a, K> {
    pub kind_key: &'static str,
    pub kind: &'a K,
    pub clashes: &'a mut Vec<Clash>,
}

impl<K: Serialize + PartialEq> Parts<'_, K> {
    /// A part as written; a clash if it does not belong to this kind.
    pub(crate) fn of<T: Debug>(
        &mut self,
        key: &'static str,
        written: Option<T>,
        kinds: &[K],
    ) -> Option<T> {
        if kinds.contains(self.kind) {
            return written;
        }
        if let Some(value) = written {
            let kind = serde_json::to_string(self.kind).unwrap_or_default();
            let table = self.kind_key.trim_end_matches(".kind");
            self.clashes.push(
                Clash::new(
                    &[key, self.kind_key],
                    format!("'{key}' = {value:?} has no effect: the kind of '{table}' is {kind}"),
                )
                .hint("remove it, or take a kind that has it"),
            );
        }
        None
    }
}
