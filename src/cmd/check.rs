//! `kiln check`: validates an experiment, lists what it would train, and estimates memory and time;
//! writes nothing.

use super::args::{ExperimentArgs, Json};
use clap::Args;
use std::io::Write;
use std::time::{Duration, Instant};

use burn_lanes::{Lane, LaneOutcome, Observer, PackControl, Progress, TrainError};
use lane_types::{EpochReport, LaneControl, LaneState, Series};
use serde::Serialize;

use super::sweep::packs;
use super::{Failure, Outcome};
use crate::sweep::{Workers, trainer};
use experiment::plan;
use experiment::space::Assignment;
use experiment::trial::Trial;
use experiment::{Data, Settings};
use runs::store::WindowCounts;
use text::{Align, duration, table};
use text::{clean, cleaned};

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// Train on another backend than the file says: auto, cuda, cuda:N, wgpu, wgpu:N, ndarray, flex
    #[arg(long)]
    pub backend: Option<lane_types::DeviceSpec>,
    #[command(flatten)]
    pub json: Json,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    device: String,
    trials: Vec<CheckedTrial>,
    duplicates: usize,
    packs: Vec<CheckedPack>,
    workers: usize,
    /// Of the largest packs that train at once, bytes.
    memory: u64,
    /// If every trial trains all its epochs, seconds.
    seconds: f64,
    data: market::DataReport,
    /// Of a walk-forward split, as the first trial has it; none of a holdout.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    folds: Vec<CheckedFold>,
}

/// A fold of a walk-forward split.
#[derive(Debug, Serialize)]
struct CheckedFold {
    fold: usize,
    windows: WindowCounts,
    spans: market::Spans,
}

#[derive(Debug, Serialize)]
struct CheckedTrial {
    id: String,
    repeat: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    fold: Option<usize>,
    assignment: Assignment,
}

#[derive(Debug, Serialize)]
struct CheckedPack {
    lanes: usize,
    hidden_size: usize,
    num_layers: usize,
    batch_size: usize,
    /// What is forecast: a point, or quantiles of some levels.
    head: lane_types::Head,
    steps_per_epoch: usize,
    epochs: usize,
    /// Estimated, bytes.
    memory: u64,
    /// Measured over a few steps on the device, seconds.
    seconds_per_step: f64,
}

/// Trials that the table lists; `--json` lists all.
const LISTED: usize = 40;

/// Runs the verb.
///
/// # Errors
/// Whatever `sweep` would refuse at second 0.
pub fn run(args: CheckArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let experiment = market::load_experiment(&args.experiment.file, &args.experiment.overrides)?;
    let device = burn_lanes::open(args.backend.unwrap_or(experiment.backend))?;
    let fingerprint = market::fingerprint(&experiment.base.data.source)?;
    let plan = plan::plan(&experiment, &fingerprint, args.experiment.max_trials)?;
    let trials: Vec<&Trial> = plan.trials.iter().collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let packs = packs(&trials, &device, cores);
    let workers = Workers::plan(&device, cores, packs.len());
    let trainer = trainer(device.clone());
    let mut checked = Vec::new();
    let mut busy = 0.0;
    let mut prepared: Vec<(&Data, market::Prepared)> = Vec::new();
    for trial in &plan.trials {
        let data = &trial.settings.data;
        if !prepared.iter().any(|(other, _)| *other == data) {
            let one = market::prepare(data)?;
            one.report.check_zone(&data.features)?;
            prepared.push((data, one));
        }
    }
    let place =
        |data: &Data| prepared.iter().position(|(other, _)| *other == data).unwrap_or_default();
    for pack in &packs {
        let of_pack = || pack.trials.iter().map(|&index| &plan.trials[index].settings);
        let shape = plan.trials[pack.trials[0]].settings.shape();
        let mut places: Vec<usize> = of_pack().map(|settings| place(&settings.data)).collect();
        let series_of = |places: &[usize], settings: &Settings| {
            places.iter().position(|own| *own == place(&settings.data))
        };
        places.sort_unstable();
        places.dedup();
        let series: Vec<&Series> = places.iter().map(|&place| &prepared[place].1.series).collect();
        let lane = |settings: &Settings| Lane {
            config: settings.lane_config(),
            resume: None,
            series: series_of(&places, settings).unwrap_or_default(),
        };
        let lanes: Vec<Lane> = of_pack().map(lane).collect();
        let epochs = lanes.iter().map(|lane| lane.config.epochs).max().unwrap_or(0);
        let memory = burn_lanes::memory_estimate(&device, &shape, lanes.len(), &series);
        let steps = lanes.iter().map(|lane| series[lane.series].train.len().div_ceil(shape.batch));
        let (steps_per_epoch, all_steps) = (steps.clone().max().unwrap_or(0), steps.sum::<usize>());
        let count = lanes.len();
        let mut stopwatch = Stopwatch::default();
        trainer.train(&series, burn_lanes::Pack { shape: shape.clone(), lanes }, &mut stopwatch)?;
        checked.push(CheckedPack {
            lanes: count,
            hidden_size: shape.hidden,
            num_layers: shape.layers,
            batch_size: shape.batch,
            head: shape.head,
            steps_per_epoch,
            epochs,
            memory,
            seconds_per_step: stopwatch.seconds_per_step(),
        });
        // A step takes the host's cores as long as it has lanes; where folds end their epochs
        // before others, later steps have fewer.
        let steps = if device.is_cpu() {
            all_steps as f64 / count.max(1) as f64
        } else {
            steps_per_epoch as f64
        };
        busy += stopwatch.seconds_per_step() * steps * epochs as f64;
    }
    let mut memory: Vec<u64> = checked.iter().map(|pack| pack.memory).collect();
    memory.sort_unstable_by(|a, b| b.cmp(a));
    let check = Check {
        name: experiment.name.clone(),
        device: device.to_string(),
        trials: plan
            .trials
            .iter()
            .map(|trial| CheckedTrial {
                id: trial.id.to_string(),
                repeat: trial.repeat,
                fold: trial.fold(),
                assignment: trial.assignment.clone(),
            })
            .collect(),
        duplicates: plan.duplicates,
        packs: checked,
        workers: workers.count,
        memory: memory.iter().take(workers.count).sum(),
        seconds: busy / workers.count as f64,
        folds: folds(&prepared),
        data: prepared.into_iter().next().map(|(_, prepared)| prepared.report).unwrap_or_default(),
    };
    if args.json.json {
        writeln!(out, "{:#}", serde_json::to_value(&check).map_err(anyhow::Error::from)?)?;
    } else {
        write_text(&check, out)?;
    }
    Ok(Outcome::Done)
}

fn write_text(check: &Check, out: &mut dyn Write) -> Result<(), Failure> {
    let Check { name, device, trials, duplicates, packs, workers, memory, seconds, data, folds } =
        check;
    writeln!(
        out,
        "{name}: {} trials in {} packs on {device}, {workers} worker(s)",
        trials.len(),
        packs.len()
    )?;
    if *duplicates > 0 {
        writeln!(out, "{duplicates} proposals repeat an earlier trial and are left out")?;
    }
    let windows = &data.windows;
    writeln!(
        out,
        "data: {} bars of {} s in {} runs, {} .. {}",
        data.bars, data.bar_seconds, data.runs, data.first, data.last
    )?;
    match folds[..] {
        [] => writeln!(
            out,
            "windows: {} train, {} valid, {} test",
            windows.train, windows.valid, windows.test
        )?,
        _ => write_folds(folds, out)?,
    }
    for warning in &data.warnings {
        writeln!(out, "warning: {}", clean(warning))?;
    }
    writeln!(out)?;
    for pack in packs {
        writeln!(
            out,
            "pack of {:>3} lanes: hidden {:>4}, layers {}, batch {:>4}{}: {} epochs × {} steps × \
                {:.1} ms, {:.0} MiB",
            pack.lanes,
            pack.hidden_size,
            pack.num_layers,
            pack.batch_size,
            head(&pack.head),
            pack.epochs,
            pack.steps_per_epoch,
            pack.seconds_per_step * 1e3,
            pack.memory as f64 / f64::from(1 << 20),
        )?;
    }
    writeln!(
        out,
        "about {:.0} MiB at once, {} if every trial trains all its epochs",
        *memory as f64 / f64::from(1 << 20),
        duration(seconds.max(1.0))
    )?;
    writeln!(out)?;
    for trial in trials.iter().take(LISTED) {
        let assignment: Vec<String> = trial
            .assignment
            .iter()
            .map(|(key, value)| cleaned(&format!("{key}={value}")))
            .collect();
        let fold = trial.fold.map_or_else(String::new, |fold| format!("  fold {fold}"));
        writeln!(out, "{}  repeat {}{fold}  {}", trial.id, trial.repeat, assignment.join("  "))?;
    }
    if trials.len() > LISTED {
        writeln!(out, "… and {} more (--json lists all)", trials.len() - LISTED)?;
    }
    Ok(())
}

/// `, quantiles 0.1 0.5 0.9`; nothing of a point.
fn head(head: &lane_types::Head) -> String {
    match head {
        lane_types::Head::Point => String::new(),
        lane_types::Head::Quantile { levels } => {
            let levels: Vec<String> = levels.values().map(|level| level.to_string()).collect();
            format!(", quantiles {}", levels.join(" "))
        }
    }
}

/// The folds of the first split that has some.
fn folds(prepared: &[(&Data, market::Prepared)]) -> Vec<CheckedFold> {
    let Some((first, _)) = prepared.first() else { return Vec::new() };
    let of_first = prepared.iter().filter(|(data, _)| {
        data.split.walk_forward.is_some() && (*data).clone().of_fold(0) == **first
    });
    let checked = of_first.filter_map(|(data, prepared)| {
        let report = &prepared.report;
        Some(CheckedFold {
            fold: data.split.walk_forward?.fold,
            windows: report.windows,
            spans: report.spans.clone(),
        })
    });
    checked.collect()
}

/// From when to when each fold trains and is validated, by the last bars of its windows.
fn write_folds(folds: &[CheckedFold], out: &mut dyn Write) -> Result<(), Failure> {
    let header = ["fold", "train windows", "from", "to", "valid windows", "from", "to"];
    let align =
        |name: &str| if name == "from" || name == "to" { Align::Left } else { Align::Right };
    let header = header.map(|name| (name.to_owned(), align(name)));
    // To the minute; the zone is that of the line above.
    let minute = |at: &str| at.get(..16).unwrap_or(at).replace('T', " ");
    let span = |span: &Option<market::Span>| {
        let of = |at: fn(&market::Span) -> &String| {
            span.as_ref().map_or_else(|| "—".to_owned(), |span| minute(at(span)))
        };
        [of(|span| &span.first), of(|span| &span.last)]
    };
    let row = |CheckedFold { fold, windows, spans }: &CheckedFold| {
        let ([train_from, train_to], [valid_from, valid_to]) =
            (span(&spans.train), span(&spans.valid));
        let (train, valid) = (windows.train.to_string(), windows.valid.to_string());
        vec![fold.to_string(), train, train_from, train_to, valid, valid_from, valid_to]
    };
    writeln!(out)?;
    write!(out, "{}", table(&header, folds.iter().map(row)))?;
    writeln!(
        out,
        "{} validation windows in all",
        folds.iter().map(|fold| fold.windows.valid).sum::<usize>()
    )?;
    if let Some(CheckedFold { windows, spans: market::Spans { test: Some(test), .. }, .. }) =
        folds.first()
    {
        let (first, last) = (minute(&test.first), minute(&test.last));
        writeln!(
            out,
            "test: {} windows from {first} to {last}, opened by evaluate alone",
            windows.test
        )?;
    }
    Ok(())
}

/// Interrupts a training after a few steps and takes the time of all but the first.
#[derive(Debug, Default)]
struct Stopwatch {
    begun: Option<Instant>,
    taken: Duration,
    steps: u32,
}

impl Stopwatch {
    /// Steps that are timed, after one to warm up.
    const STEPS: u32 = 4;

    fn seconds_per_step(&self) -> f64 {
        self.taken.as_secs_f64() / f64::from(self.steps.max(1))
    }
}

impl Observer for Stopwatch {
    fn epoch(
        &mut self,
        _lane: usize,
        _report: &EpochReport,
        _state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        if self.steps > 0 { LaneControl::Stop } else { LaneControl::Continue }
    }

    fn step(&mut self, _progress: &Progress) -> PackControl {
        match self.begun {
            None => self.begun = Some(Instant::now()),
            Some(begun) => {
                self.steps += 1;
                self.taken = begun.elapsed();
            }
        }
        if self.steps >= Self::STEPS { PackControl::Interrupt } else { PackControl::Continue }
    }

    fn interrupted(&mut self, _lane: usize, _state: LaneState) {}

    fn ended(&mut self, _lane: usize, _outcome: LaneOutcome) {}
}
