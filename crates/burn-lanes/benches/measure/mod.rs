//! One measurement: a pack trained in chunks of steps, here or in processes of its own.

use std::error::Error;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use burn_lanes::{
    Device, EpochReport, Lane, LaneConfig, LaneControl, LaneOutcome, LaneState, Observer, Pack,
    PackControl, Progress, Series, Shape, TrainError, train,
};
use serde_json::Value;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The fewest chunks that a median is taken of.
pub(crate) const FEWEST_CHUNKS: usize = 3;
/// Chunks that are aimed at.
const CHUNKS: f64 = 8.0;

/// What to measure, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub device: &'a Device,
    pub shape: &'a Shape,
    pub lanes: usize,
    pub dropout: f64,
    /// Of the measurement.
    pub seconds: f64,
    /// Seconds with all around it.
    pub budget: f64,
}

/// What a measurement came to.
pub(crate) struct Measured {
    pub lane_steps_per_second: f64,
    /// Of a lane-step, over all threads and processes; where the system says it.
    pub processor_seconds: Option<f64>,
    pub processes: usize,
    /// Of each process.
    pub threads: usize,
}

/// Flop of a lane's step in the layers' matrix products: forward 2·B·T·4H·(inputs + H) in each
/// layer; backward the same twice, for the gradients of the weights and of the inputs, without the
/// gradient of the windows.
pub(crate) fn flop(shape: &Shape) -> f64 {
    let Shape { features, window, hidden, layers, batch, .. } = *shape;
    let inputs = features + (layers - 1) * hidden;
    (2 * batch * window * 4 * hidden * (3 * (inputs + layers * hidden) - features)) as f64
}

/// Measures in this process: with chunks of one step, and again with longer ones where a step is
/// short.
pub(crate) fn here(task: &Task) -> Result<Measured> {
    let started = Instant::now();
    let enough = |ticks: &[Tick]| {
        let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else { return false };
        let (chunks, measured) = (ticks.len() - 1, (last.at - first.at).as_secs_f64());
        let over = started.elapsed().as_secs_f64() > task.budget;
        (chunks >= FEWEST_CHUNKS && measured >= task.seconds) || (chunks >= 1 && over)
    };
    let shortest = |ticks: &[Tick]| chunks(ticks).fold(f64::INFINITY, f64::min);
    let short = |ticks: &[Tick]| {
        ticks.len() > FEWEST_CHUNKS && shortest(ticks) * 2.0 * CHUNKS < task.seconds
    };
    let ticks = train_chunks(task, 1, &|ticks| enough(ticks) || short(ticks))?;
    if enough(&ticks) {
        return Ok(measured(task, 1, &ticks));
    }
    let steps = (task.seconds / CHUNKS / shortest(&ticks)).max(1.0) as usize;
    Ok(measured(task, steps, &train_chunks(task, steps, &enough)?))
}

/// Deals the lanes to copies of this program with one thread each, whose measurements overlap but
/// for their starts.
pub(crate) fn in_processes(task: &Task, processes: usize) -> Result<Measured> {
    let Task { device, shape, lanes, dropout, seconds, budget } = *task;
    let processes = processes.min(lanes);
    let start = |process: usize| {
        let share = lanes / processes + usize::from(process < lanes % processes);
        let numbers = [seconds, budget, dropout].map(|number| number.to_string());
        let [device, share, size] =
            [device.to_string(), share.to_string(), format!("{}x{}", shape.batch, shape.hidden)];
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--json", "--device", &device, "--sizes", &size, "--lanes", &share]);
        command.args(["--seconds", &numbers[0], "--budget", &numbers[1], "--dropout", &numbers[2]]);
        Ok(command.env("RAYON_NUM_THREADS", "1").stdout(Stdio::piped()).spawn()?)
    };
    let children: Vec<_> = (0..processes).map(start).collect::<Result<_>>()?;
    let (mut rate, mut spent) = (0.0, Some(0.0));
    for child in children {
        let line: Value = serde_json::from_slice(&child.wait_with_output()?.stdout)?;
        let of_child =
            line["steps_per_second"].as_f64().ok_or_else(|| format!("a process said {line}"))?;
        rate += of_child;
        spent =
            spent.zip(line["processor_ms"].as_f64()).map(|(spent, ms)| spent + ms / 1e3 * of_child);
    }
    let processor_seconds = spent.map(|spent| spent / rate);
    Ok(Measured { lane_steps_per_second: rate, processor_seconds, processes, threads: 1 })
}

/// The end of a chunk.
#[derive(Clone, Copy)]
struct Tick {
    at: Instant,
    /// Of this process so far.
    processor_seconds: Option<f64>,
}

/// Seconds of each chunk after the first, which warms up.
fn chunks(ticks: &[Tick]) -> impl Iterator<Item = f64> {
    ticks.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64())
}

fn measured(task: &Task, steps: usize, ticks: &[Tick]) -> Measured {
    let mut seconds: Vec<f64> = chunks(ticks).collect();
    seconds.sort_by(f64::total_cmp);
    let (count, middle) = (seconds.len(), seconds.len() / 2);
    let median = if count % 2 == 1 {
        seconds[middle]
    } else {
        (seconds[middle - 1] + seconds[middle]) / 2.0
    };
    let processor = |tick: Option<&Tick>| tick.and_then(|tick| tick.processor_seconds);
    let spent = processor(ticks.last()).zip(processor(ticks.first())).map(|(to, from)| to - from);
    Measured {
        lane_steps_per_second: (task.lanes * steps) as f64 / median,
        processor_seconds: spent.map(|spent| spent / (count * steps * task.lanes) as f64),
        processes: 1,
        threads: rayon::current_num_threads(),
    }
}

/// Trains in epochs of `steps` steps until it is enough.
fn train_chunks(task: &Task, steps: usize, enough: &dyn Fn(&[Tick]) -> bool) -> Result<Vec<Tick>> {
    let Shape { features, window, batch, .. } = *task.shape;
    let windows = batch * steps;
    let rows = window + windows + 1;
    let series = Series {
        features: (0..rows * features).map(|index| (index as f32 * 0.37).sin()).collect(),
        columns: features,
        target: (0..rows).map(|row| (row as f32 * 1.85).sin()).collect(),
        target_unit: 1.0,
        train: (window as u32..(window + windows) as u32).collect(),
        valid: vec![rows as u32 - 1],
    };
    let config = |seed| LaneConfig {
        seed,
        dropout: task.dropout,
        epochs: usize::MAX,
        ..LaneConfig::default()
    };
    let lanes = (0..task.lanes as u64)
        .map(|seed| Lane { config: config(seed), resume: None, series: 0 })
        .collect();
    let mut clock = Clock { ticks: Vec::new(), control: LaneControl::Continue, enough };
    train(task.device, &[&series], Pack { shape: task.shape.clone(), lanes }, &mut clock)?;
    match clock.control {
        LaneControl::Stop => Ok(clock.ticks),
        LaneControl::Continue => Err("it ended by itself: a loss was not finite".into()),
    }
}

/// Reads the clock at every epoch's end, where the losses have been read back and so the device has
/// finished.
struct Clock<'a> {
    ticks: Vec<Tick>,
    control: LaneControl,
    enough: &'a dyn Fn(&[Tick]) -> bool,
}

impl Observer for Clock<'_> {
    fn epoch(
        &mut self,
        lane: usize,
        _: &EpochReport,
        _: &dyn Fn() -> std::result::Result<LaneState, TrainError>,
    ) -> LaneControl {
        if lane == 0 {
            self.ticks.push(Tick { at: Instant::now(), processor_seconds: processor_seconds() });
            if (self.enough)(&self.ticks) {
                self.control = LaneControl::Stop;
            }
        }
        self.control
    }

    fn step(&mut self, _: &Progress) -> PackControl {
        PackControl::Continue
    }

    fn interrupted(&mut self, _: usize, _: LaneState) {}

    fn ended(&mut self, _: usize, _: LaneOutcome) {}
}

/// User and system time in Linux's hundredths of a second: fields 14 and 15, of which the second is
/// a name in brackets.
fn processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
}
