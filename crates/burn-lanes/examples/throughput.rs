//! Training throughput of a pack on a device: `throughput DEVICE BATCH HIDDEN LANES STEPS [WINDOW FEATURES LAYERS DROPOUT_PERCENT]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use burn_lanes::{
    EpochReport, Lane, LaneConfig, LaneControl, LaneOutcome, LaneState, Loss, Observer, OptimizerKind, Pack, PackControl, Progress,
    Series, Shape, open, train,
};

struct Clock {
    warm_up: usize,
    seen: usize,
    started: Option<Instant>,
    last: Option<Instant>,
}

impl Observer for Clock {
    fn epoch(&mut self, _: usize, _: &EpochReport, _: &dyn Fn() -> LaneState) -> LaneControl {
        LaneControl::Continue
    }

    fn step(&mut self, progress: &Progress) -> PackControl {
        self.seen += 1;
        if self.seen == self.warm_up {
            self.started = Some(Instant::now());
        }
        self.last = Some(Instant::now());
        if progress.step == progress.steps { PackControl::Interrupt } else { PackControl::Continue }
    }

    /// The download of the states waits for the device, so the clock is read here.
    fn interrupted(&mut self, lane: usize, _: LaneState) {
        if lane == 0 {
            self.last = Some(Instant::now());
        }
    }

    fn ended(&mut self, _: usize, _: LaneOutcome) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: usize| arguments.get(index).map_or(Ok(default), |text| text.parse::<usize>());
    let device = open(arguments.first().map_or("flex", String::as_str).parse()?)?;
    let (batch, hidden, lanes, steps) = (number(1, 32)?, number(2, 32)?, number(3, 4)?, number(4, 20)?);
    let (window, features, layers) = (number(5, 60)?, number(6, 5)?, number(7, 2)?);
    let dropout = number(8, 0)? as f64 / 100.0;
    let warm_up = 3;

    let windows = batch * (steps + warm_up);
    let rows = windows + window + 1;
    let series = Series {
        features: (0..rows * features).map(|index| (index as f32 * 0.37).sin()).collect(),
        columns: features,
        target: (0..rows).map(|row| (row as f32 * 1.85).sin()).collect(),
        target_unit: 1.0,
        train: (window as u32..(window + windows) as u32).collect(),
        valid: vec![rows as u32 - 1],
    };
    let shape = Shape { features, window, hidden, layers, batch, loss: Loss::Mse, optimizer: OptimizerKind::Adam };
    let lane = |seed| Lane { config: LaneConfig { seed, dropout, ..LaneConfig::default() }, resume: None };
    let pack = Pack { shape, lanes: (0..lanes as u64).map(lane).collect() };
    let mut clock = Clock { warm_up, seen: 0, started: None, last: None };
    train(&device, &series, pack, &mut clock)?;
    let (Some(started), Some(last)) = (clock.started, clock.last) else { return Err("no step was timed".into()) };
    let per_step = (last - started).as_secs_f64() / steps as f64;
    println!(
        "{device}: batch {batch}, hidden {hidden}, window {window}, features {features}, layers {layers}, dropout {dropout}, {lanes} lanes: {:.3} ms a step, {:.3} ms a lane-step, {:.0} lane-steps/s",
        per_step * 1e3,
        per_step * 1e3 / lanes as f64,
        lanes as f64 / per_step
    );
    Ok(())
}
