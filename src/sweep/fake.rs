//! A trainer without training: its losses are a pure function of the lane's settings and the epoch, so that the command line, the
//! store and the dashboard can be tested with exact numbers and without waiting.
//!
//! `KILN_TRAINER=fake` selects it; `fake:FAULT` adds a fault: `abort:E`, `panic:E` (in epoch E), `nan:E` (lanes with a learning rate of 3e-3 or more
//! diverge in epoch E), `poison:E` and `poison-panic:E` (a lane with a learning rate of 1 or more takes its whole pack down in epoch E),
//! `sleep:MS` (each epoch takes so long), `stall:E` (epoch E never ends).

use burn_lanes::{
    EpochReport, Head, Lane, LaneControl, LaneEnd, LaneOutcome, LaneState, Observer, Pack, PackControl, Progress, ScheduleState,
    Series, Shape, SplitReport, StopState, TrainError, Weight, Weights,
};
use std::time::Duration;

use super::Trainer;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FakeTrainer {
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Abort(usize),
    Panic(usize),
    Nan(usize),
    Poison(usize),
    PoisonPanic(usize),
    Sleep(u64),
    Stall(usize),
}

impl FakeTrainer {
    /// From `fake` or `fake:FAULT`; an unknown fault is none.
    pub fn named(name: &str) -> Self {
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
            (Some("sleep"), Some(ms)) => Some(Fault::Sleep(ms as u64)),
            _ => None,
        };
        Self { fault }
    }
}

/// A loss that falls towards a floor; the floor is lowest at a learning rate of 3e-3 and falls with the hidden size.
fn loss(lane: &Lane, hidden: usize, epoch: usize) -> f64 {
    let config = &lane.config;
    let off = (config.learning_rate / 3e-3).ln().abs();
    let luck = (config.seed % 97) as f64 / 97.0;
    let floor = 0.01 * (1.0 + off) * (1.0 + 8.0 / hidden as f64) * (1.0 + 0.05 * luck);
    let overfit = if epoch > 8 { 0.0004 * (epoch - 8) as f64 } else { 0.0 };
    floor + overfit + 0.2 * (-(epoch as f64) / 3.0).exp()
}

fn report(lane: &Lane, unit: f64, hidden: usize, epoch: usize, stop: &StopState) -> EpochReport {
    let split = |loss: f64| SplitReport { loss, mse: loss * unit * unit, mae: 0.8 * loss.sqrt() * unit, rmse: loss.sqrt() * unit };
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

fn state(shape: &Shape, epoch: usize, stop: &StopState) -> LaneState {
    let layout = shape.layout();
    let sizes: Vec<usize> = layout.iter().map(|(_, dims)| dims.iter().product()).collect();
    let weights = |epoch: usize| {
        let weight = |((name, shape), size): (&(String, Vec<usize>), &usize)| Weight {
            name: name.clone(),
            shape: shape.clone(),
            values: vec![epoch as f32; *size],
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
    fn train(&self, series: &[&Series], pack: Pack, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let shape = pack.shape.clone();
        let hidden = shape.hidden;
        let mut lanes: Vec<(usize, Lane, usize, StopState)> = pack
            .lanes
            .into_iter()
            .enumerate()
            .map(|(index, lane)| {
                let (epoch, stop) =
                    lane.resume.as_ref().map_or((0, StopState::default()), |state| (state.epoch, state.stop.clone()));
                (index, lane, epoch, stop)
            })
            .collect();
        while !lanes.is_empty() {
            let progress = Progress { step: 1, steps: 1, lanes: lanes.len(), windows_per_second: 1000.0 };
            let next = lanes.iter().map(|lane| lane.2 + 1).min().unwrap_or(0);
            let poisoned = lanes.iter().any(|(_, lane, ..)| lane.config.learning_rate >= 1.0);
            match self.fault {
                Some(Fault::Abort(at)) if at == next => std::process::abort(),
                #[expect(clippy::panic, reason = "the fault that tests ask for")]
                Some(Fault::Panic(at)) if at == next => panic!("fake panic in epoch {at}"),
                Some(Fault::Poison(at)) if at == next && poisoned => std::process::abort(),
                #[expect(clippy::panic, reason = "the fault that tests ask for")]
                Some(Fault::PoisonPanic(at)) if at == next && poisoned => panic!("poisoned in epoch {at}"),
                Some(Fault::Stall(at)) if at == next => std::thread::sleep(Duration::from_secs(3600)),
                Some(Fault::Sleep(ms)) => std::thread::sleep(Duration::from_millis(ms)),
                _ => {}
            }
            if observer.step(&progress) == PackControl::Interrupt {
                for (index, _, epoch, stop) in &lanes {
                    observer.interrupted(*index, state(&shape, *epoch, stop));
                }
                return Ok(());
            }
            lanes.retain_mut(|(index, lane, epoch, stop)| {
                *epoch += 1;
                if lane.config.learning_rate >= 3e-3 && self.fault == Some(Fault::Nan(*epoch)) {
                    let what = "training loss is NaN".to_owned();
                    return end_of(observer, *index, LaneEnd::Diverged { epoch: *epoch, what }, state(&shape, *epoch, stop));
                }
                let valid = loss(lane, hidden, *epoch);
                if stop.best.is_none_or(|best| valid < best) {
                    *stop = StopState { best: Some(valid), best_epoch: *epoch, waited: 0 };
                } else {
                    stop.waited += 1;
                }
                let report = report(lane, series[lane.series].target_unit, hidden, *epoch, stop);
                let control = observer.epoch(*index, &report, &|| state(&shape, report.epoch, stop));
                let patience = lane.config.early_stopping.map(|rule| rule.patience);
                if control == LaneControl::Stop {
                    end_of(observer, *index, LaneEnd::Stopped, state(&shape, *epoch, stop))
                } else if patience.is_some_and(|patience| stop.waited >= patience) {
                    end_of(observer, *index, LaneEnd::EarlyStopped, state(&shape, *epoch, stop))
                } else if *epoch >= lane.config.epochs {
                    end_of(observer, *index, LaneEnd::Finished, state(&shape, *epoch, stop))
                } else {
                    true
                }
            });
        }
        Ok(())
    }

    /// What happens, 0 where nobody knows; its quantiles are as far from it as their levels are from the median.
    fn predict(&self, series: &Series, shape: &Shape, _weights: &Weights, ends: &[u32]) -> Result<Vec<f32>, TrainError> {
        let distances: Vec<f32> = match &shape.head {
            Head::Point => vec![0.0],
            Head::Quantile { levels } => levels.values().map(|level| (level - 0.5) as f32).collect(),
        };
        let target = |end: u32| series.target.get(end as usize).copied().filter(|target| target.is_finite()).unwrap_or(0.0);
        Ok(ends.iter().flat_map(|&end| distances.iter().map(move |distance| target(end) + distance)).collect())
    }
}

/// Tells the observer that a lane ended; `false`: the lane leaves the pack.
fn end_of(observer: &mut dyn Observer, lane: usize, end: LaneEnd, state: LaneState) -> bool {
    observer.ended(lane, LaneOutcome { end, epochs: state.epoch, best_epoch: state.stop.best_epoch, state });
    false
}
