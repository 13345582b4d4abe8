//! A trainer without training: its losses are a pure function of the lane's settings and the epoch,
//! so that the command line, the store and the dashboard can be tested with exact numbers and
//! without waiting. Its stopping rule is the trainer's own, and its forecasts have the error that
//! its epochs report.
//!
//! `KILN_TRAINER=fake` selects it; `fake:FAULT` adds a fault: `abort:E`, `panic:E` (in epoch E),
//! `nan:E` (lanes with a learning rate of 3e-3 or more diverge in epoch E), `even:E` (lanes with an
//! even seed diverge in epoch E), `garbage` (forecasts are not those of the weights), `poison:E`
//! and `poison-panic:E` (a lane with a learning rate of 1 or more takes its whole pack down in
//! epoch E), `sleep:MS` (each epoch takes so long), `stall:E` (epoch E never ends), `memory:N` (the
//! device has room for N lanes, and fails in epoch 2 of more), `device:N` (after N epochs of a pack
//! the device fails).

use burn_lanes::{
    DeviceFailure, DeviceFailureKind, Lane, LaneOutcome, Observer, Pack, PackControl, Progress,
    TrainError,
};
use lane_types::{
    EpochReport, Head, LaneControl, LaneEnd, LaneState, ScheduleState, Series, Shape, SplitReport,
    StopState, Weight, Weights,
};
use std::time::Duration;

use super::Trainer;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FakeTrainer {
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Abort(usize),
    Panic(usize),
    Nan(usize),
    Poison(usize),
    PoisonPanic(usize),
    Even(usize),
    Garbage,
    Sleep(u64),
    Stall(usize),
    Memory(usize),
    Device(usize),
}

impl FakeTrainer {
    /// From `fake` or `fake:FAULT`; an unknown fault is none.
    pub(super) fn named(name: &str) -> Self {
        let mut parts = name.split(':').skip(1);
        let kind = parts.next();
        let number = parts.next().and_then(|number| number.parse().ok());
        let fault = match (kind, number) {
            (Some("abort"), Some(epoch)) => Some(Fault::Abort(epoch)),
            (Some("panic"), Some(epoch)) => Some(Fault::Panic(epoch)),
            (Some("nan"), Some(epoch)) => Some(Fault::Nan(epoch)),
            (Some("poison"), Some(epoch)) => Some(Fault::Poison(epoch)),
            (Some("poison-panic"), Some(epoch)) => Some(Fault::PoisonPanic(epoch)),
            (Some("stall"), Some(epoch)) => Some(Fault::Stall(epoch)),
            (Some("even"), Some(epoch)) => Some(Fault::Even(epoch)),
            (Some("garbage"), _) => Some(Fault::Garbage),
            (Some("sleep"), Some(ms)) => Some(Fault::Sleep(ms as u64)),
            (Some("memory"), Some(lanes)) => Some(Fault::Memory(lanes)),
            (Some("device"), Some(epochs)) => Some(Fault::Device(epochs)),
            _ => None,
        };
        Self { fault }
    }
}

/// A loss that falls towards a floor; the floor is lowest at a learning rate of 3e-3 and falls with
/// the hidden size.
fn loss(lane: &Lane, hidden: usize, epoch: usize) -> f64 {
    let config = &lane.config;
    let off = (config.learning_rate / 3e-3).ln().abs();
    let luck = (config.seed % 97) as f64 / 97.0;
    let floor = 0.01 * (1.0 + off) * (1.0 + 8.0 / hidden as f64) * (1.0 + 0.05 * luck);
    let overfit = if epoch > 8 { 0.0004 * (epoch - 8) as f64 } else { 0.0 };
    floor + overfit + 0.2 * (-(epoch as f64) / 3.0).exp()
}

fn report(lane: &Lane, unit: f64, hidden: usize, epoch: usize, stop: &StopState) -> EpochReport {
    let split = |loss: f64| SplitReport {
        loss,
        mse: loss * unit * unit,
        mae: loss.sqrt() * unit,
        rmse: loss.sqrt() * unit,
    };
    EpochReport {
        epoch,
        train: split(0.9 * loss(lane, hidden, epoch)),
        valid: split(loss(lane, hidden, epoch)),
        learning_rate: lane.config.learning_rate,
        best_epoch: stop.best_epoch,
        waited: stop.waited,
        seconds: 0.5,
        windows_per_second: 1000.0,
    }
}

/// Its weights are all the loss of their epoch, so that forecasts can be made that have it.
fn state(shape: &Shape, lane: &Lane, epoch: usize, stop: &StopState) -> LaneState {
    let layout = shape.layout();
    let sizes: Vec<usize> = layout.iter().map(|(_, dims)| dims.iter().product()).collect();
    let weights = |epoch: usize| {
        let value = loss(lane, shape.hidden, epoch) as f32;
        let weight = |((name, shape), size): (&(String, Vec<usize>), &usize)| Weight {
            name: name.clone(),
            shape: shape.clone(),
            values: vec![value; *size],
        };
        Weights(layout.iter().zip(&sizes).map(weight).collect())
    };
    let moments = || sizes.iter().map(|size| vec![0.0; *size]).collect();
    LaneState {
        weights: weights(epoch),
        best: stop.best.map(|_| weights(stop.best_epoch)),
        first_moment: moments(),
        second_moment: moments(),
        steps: epoch as u64,
        epoch,
        cursor: 0,
        sums: [0.0; 4],
        schedule: ScheduleState::default(),
        stop: stop.clone(),
    }
}

impl Trainer for FakeTrainer {
    fn train(
        &self,
        series: &[&Series],
        pack: Pack,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let shape = pack.shape.clone();
        let hidden = shape.hidden;
        let mut lanes: Vec<(usize, Lane, usize, StopState)> = pack
            .lanes
            .into_iter()
            .enumerate()
            .map(|(index, lane)| {
                let (epoch, stop) = lane
                    .resume
                    .as_ref()
                    .map_or((0, StopState::default()), |state| (state.epoch, state.stop.clone()));
                (index, lane, epoch, stop)
            })
            .collect();
        let mut epochs = 0;
        let begun = lanes.len();
        // Resumed ones may have nothing left to do.
        lanes.retain(|(index, lane, epoch, stop)| {
            match lane.config.ending(*epoch, stop, LaneControl::Continue) {
                Some(end) => end_of(observer, *index, end, state(&shape, lane, *epoch, stop)),
                None => true,
            }
        });
        while !lanes.is_empty() {
            let progress =
                Progress { step: 1, steps: 1, lanes: lanes.len(), windows_per_second: 1000.0 };
            let next = lanes.iter().map(|lane| lane.2 + 1).min().unwrap_or(0);
            let poisoned = lanes.iter().any(|(_, lane, ..)| lane.config.learning_rate >= 1.0);
            epochs += 1;
            match self.fault {
                Some(Fault::Memory(room)) if begun > room && next >= 2 => {
                    let message = format!(
                        "out of device memory (an allocation for {begun} lanes was refused)"
                    );
                    return Err(TrainError::Device(DeviceFailure {
                        kind: DeviceFailureKind::OutOfMemory,
                        message,
                    }));
                }
                Some(Fault::Device(good)) if epochs > good => {
                    let message = "an illegal memory access was encountered".to_owned();
                    return Err(TrainError::Device(DeviceFailure {
                        kind: DeviceFailureKind::Other,
                        message,
                    }));
                }
                Some(Fault::Abort(at)) if at == next => std::process::abort(),
                #[expect(clippy::panic, reason = "the fault that tests ask for")]
                Some(Fault::Panic(at)) if at == next => panic!("fake panic in epoch {at}"),
                Some(Fault::Poison(at)) if at == next && poisoned => std::process::abort(),
                #[expect(clippy::panic, reason = "the fault that tests ask for")]
                Some(Fault::PoisonPanic(at)) if at == next && poisoned => {
                    panic!("poisoned in epoch {at}")
                }
                Some(Fault::Stall(at)) if at == next => {
                    std::thread::sleep(Duration::from_secs(3600))
                }
                Some(Fault::Sleep(ms)) => std::thread::sleep(Duration::from_millis(ms)),
                _ => {}
            }
            if observer.step(&progress) == PackControl::Interrupt {
                for (index, lane, epoch, stop) in &lanes {
                    observer.interrupted(*index, state(&shape, lane, *epoch, stop));
                }
                return Ok(());
            }
            lanes.retain_mut(|(index, lane, epoch, stop)| {
                *epoch += 1;
                let diverges = match self.fault {
                    Some(Fault::Nan(at)) => at == *epoch && lane.config.learning_rate >= 3e-3,
                    Some(Fault::Even(at)) => at == *epoch && lane.config.seed.is_multiple_of(2),
                    _ => false,
                };
                if diverges {
                    let what = "training loss is NaN".to_owned();
                    return end_of(
                        observer,
                        *index,
                        LaneEnd::Diverged { epoch: *epoch, what },
                        state(&shape, lane, *epoch, stop),
                    );
                }
                let valid = loss(lane, hidden, *epoch);
                stop.observe(lane.config.early_stopping.as_ref(), *epoch, valid);
                let report = report(lane, series[lane.series].target_unit, hidden, *epoch, stop);
                let control = observer
                    .epoch(*index, &report, &|| Ok(state(&shape, lane, report.epoch, stop)));
                match lane.config.ending(*epoch, stop, control) {
                    Some(end) => end_of(observer, *index, end, state(&shape, lane, *epoch, stop)),
                    None => true,
                }
            });
        }
        Ok(())
    }

    /// What happens (0 where nobody knows) and the error that the weights stand for, above and
    /// below in turn; its quantiles are as far from that as their levels are from the median.
    fn predict(
        &self,
        series: &Series,
        shape: &Shape,
        weights: &Weights,
        ends: &[u32],
    ) -> Result<Vec<f32>, TrainError> {
        let distances: Vec<f32> = match &shape.head {
            Head::Point => vec![0.0],
            Head::Quantile { levels } => {
                levels.values().map(|level| (level - 0.5) as f32).collect()
            }
        };
        let target = |end: u32| {
            series
                .target
                .get(end as usize)
                .copied()
                .filter(|target| target.is_finite())
                .unwrap_or(0.0)
        };
        let loss =
            weights.0.first().and_then(|weight| weight.values.first()).copied().unwrap_or(0.0);
        let error = |place: usize| match (self.fault, place.is_multiple_of(2)) {
            (Some(Fault::Garbage), _) => 9.0,
            (_, true) => loss.sqrt(),
            (_, false) => -loss.sqrt(),
        };
        let point = |(place, &end): (usize, &u32)| target(end) + error(place);
        Ok(ends
            .iter()
            .enumerate()
            .map(point)
            .flat_map(|point| distances.iter().map(move |distance| point + distance))
            .collect())
    }
}

/// Tells the observer that a lane ended; `false`: the lane leaves the pack.
fn end_of(observer: &mut dyn Observer, lane: usize, end: LaneEnd, state: LaneState) -> bool {
    observer.ended(
        lane,
        LaneOutcome { end, epochs: state.epoch, best_epoch: state.stop.best_epoch, state },
    );
    false
}

#[cfg(test)]
mod tests;
