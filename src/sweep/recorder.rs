//! Records a pack while it trains: events, checkpoints, forecasts and results of each lane, into
//! its own run folder.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn_lanes::{DeviceFailure, LaneOutcome, Observer, PackControl, Progress, TrainError};
use lane_types::{EpochReport, LaneControl, LaneEnd, LaneState, Shape};

use super::{Problem, Trainer, lost};
use experiment::event::{Cursor, End, Event};
use experiment::trial::{Trial, TrialId};
use market::{BaselineForecast, Inputs, Prepared, forecast_errors};
use runs::store::{
    Attempt, Baseline, FileError, Forecasts, ProgressFile, RunResult, Scores, Tried, skill,
};

/// What a supervisor asked for while a pack trains.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Checkpoint and exit.
    pub interrupt: AtomicBool,
    /// Stop these trials after their epoch.
    pub stop: Mutex<HashSet<TrialId>>,
}

impl Requests {
    fn stops(&self, trial: &TrialId) -> bool {
        self.stop.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(trial)
    }
}

/// The data of a lane, prepared: that of its fold, where there are folds.
#[derive(Debug)]
pub(super) struct LaneData {
    pub prepared: Prepared,
    /// What a forecast's bars are held against.
    pub inputs: Inputs,
    /// What each baseline says of the validation windows.
    pub baselines: Vec<BaselineForecast>,
    /// Their errors: what a skill is against, from the first epoch on.
    pub baseline_errors: Vec<Baseline>,
    /// Fingerprint of its source.
    pub fingerprint: String,
}

/// One lane's run.
#[derive(Debug)]
pub(super) struct LaneRun {
    pub trial: Trial,
    pub data: Rc<LaneData>,
    pub attempt: Attempt,
    /// Of earlier attempts up to where this one goes on, then of this one.
    pub reports: Vec<EpochReport>,
    /// Ended, interrupted or failed: nothing more is written.
    pub over: bool,
    /// Why its record could not be written.
    pub unrecorded: Option<Problem>,
    /// Ended by what was not its own: to be trained again.
    pub again: bool,
    checkpointed: Instant,
}

impl LaneRun {
    pub(super) fn new(
        trial: Trial,
        data: Rc<LaneData>,
        attempt: Attempt,
        reports: Vec<EpochReport>,
    ) -> Self {
        Self {
            trial,
            data,
            attempt,
            reports,
            over: false,
            unrecorded: None,
            again: false,
            checkpointed: Instant::now(),
        }
    }

    /// What it is tried on, for the ledger, whatever comes of it.
    fn tried(&self) -> Tried {
        let LaneData { prepared, fingerprint, .. } = &*self.data;
        let span = |ends: &[u32]| {
            Some((prepared.ts[*ends.first()? as usize], prepared.ts[*ends.last()? as usize]))
        };
        Tried {
            data: fingerprint.clone(),
            target: self.trial.settings.data.target.clone(),
            valid: span(&prepared.series.valid),
            test: span(&prepared.test),
        }
    }
}

/// Between two checkpoints of a lane, unless it ends or is interrupted. A kill loses at most this
/// much work, never a result.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// Between two replacements of `progress.json`; longer for large packs, so that all lanes together
/// replace at most 50 a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Downloads a lane's state.
type State<'a> = dyn Fn() -> Result<LaneState, TrainError> + 'a;

/// The observer that records.
pub(super) struct Recorder<'a> {
    pub runs: Vec<LaneRun>,
    pub trainer: &'a dyn Trainer,
    pub shape: Shape,
    pub requests: &'a Requests,
    /// The time for event lines, RFC 3339.
    pub clock: fn() -> String,
    pub started: Instant,
    pub progressed: Instant,
    /// Tells the supervisor that it goes on.
    pub pulse: &'a mut dyn FnMut(),
    /// Why the device can be trusted no more: no end is recorded after it.
    pub device_failure: Option<DeviceFailure>,
}

impl Recorder<'_> {
    /// Ends every lane that has not ended. One that is alone has failed; of several nobody knows
    /// whose fault it was: they are to be trained again, in smaller packs.
    pub(super) fn fail_rest(&mut self, reason: &str) {
        let left = self.runs.iter().filter(|run| !run.over).count();
        self.close_rest(reason, left);
    }

    /// The same for a device that failed while the pack had so many lanes: one that is left of
    /// several is tried alone. Where no smaller pack would do, all have failed.
    pub(super) fn device_failed(&mut self, failure: &DeviceFailure, lanes: usize) {
        self.close_rest(
            &failure.to_string(),
            if failure.may_depend_on_lanes() { lanes } else { 1 },
        );
    }

    fn close_rest(&mut self, reason: &str, left: usize) {
        for run in self.runs.iter_mut().filter(|run| !run.over) {
            run.over = true;
            if !run.reports.is_empty() {
                // Its validation losses were seen: it was tried. What cannot be written down is
                // told by the sweep's folder.
                drop(run.attempt.record_tried((self.clock)(), &run.trial.id, &run.tried()));
            }
            run.again = left > 1;
            let ended = match left {
                1 => vec![Event::Ended { end: End::Failed { reason: reason.to_owned() } }],
                _ => lost::interrupted(reason, left),
            };
            for event in ended {
                if let Err(error) = run.attempt.append((self.clock)(), event) {
                    run.unrecorded.get_or_insert(Problem::from(error).after(reason));
                }
            }
        }
    }

    fn record_epoch(
        &mut self,
        lane: usize,
        report: &EpochReport,
        state: &State<'_>,
    ) -> Result<(), FileError> {
        let run = &mut self.runs[lane];
        run.reports.push(report.clone());
        run.attempt.append((self.clock)(), Event::Epoch(report.clone()))?;
        // Without a state the training ends after this call, with the reason.
        if run.checkpointed.elapsed() >= CHECKPOINT_EVERY
            && let Ok(state) = state()
        {
            self.checkpoint(lane, &state)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, lane: usize, state: &LaneState) -> Result<(), FileError> {
        let run = &mut self.runs[lane];
        let cursor = Cursor { epoch: state.epoch, batch: state.cursor };
        let unwritable =
            |error: lane_types::BadCheckpoint| FileError::new(format!("checkpoint: {error}"));
        let best = state
            .best
            .as_ref()
            .map(lane_types::Weights::to_bytes)
            .transpose()
            .map_err(unwritable)?;
        run.attempt.checkpoint(cursor, &state.to_bytes().map_err(unwritable)?, best.as_deref())?;
        run.attempt.append((self.clock)(), Event::Checkpoint(cursor))?;
        run.checkpointed = Instant::now();
        Ok(())
    }

    fn record_end(&mut self, lane: usize, outcome: &LaneOutcome) -> Result<(), FileError> {
        let end = match &outcome.end {
            LaneEnd::Finished => End::Finished,
            LaneEnd::EarlyStopped => End::EarlyStopped,
            LaneEnd::Stopped => End::Stopped,
            LaneEnd::Diverged { epoch, what } => {
                End::Failed { reason: format!("{what} in epoch {epoch}") }
            }
        };
        self.checkpoint(lane, &outcome.state)?;
        let run = &self.runs[lane];
        let mut scores = None;
        if let Some(best) = &outcome.state.best {
            let LaneData { prepared, baselines, .. } = &*run.data;
            let ends = &prepared.series.valid;
            match self.trainer.predict(&prepared.series, &self.shape, best, ends) {
                Ok(scaled) => {
                    let forecasts = prepared.forecasts(ends, &scaled, &self.shape.head, baselines);
                    if let Some(reason) = disagreement(run, outcome.best_epoch, &forecasts) {
                        // No result: whatever came of the weights, it is not what was trained.
                        return self.runs[lane]
                            .attempt
                            .append((self.clock)(), Event::Ended { end: End::Failed { reason } });
                    }
                    scores = prepared.scores(ends, &forecasts, &run.trial.settings.data.target);
                    run.attempt.forecasts("valid", &forecasts)?;
                }
                Err(TrainError::Device(failure)) => {
                    self.device_failure = Some(failure);
                    return Ok(());
                }
                Err(error) => {
                    let message = format!("no validation forecasts: {error}");
                    self.runs[lane].attempt.append((self.clock)(), Event::Warning { message })?;
                }
            }
        }
        let result = self.result(lane, outcome, end.clone(), scores);
        let run = &mut self.runs[lane];
        run.attempt.append((self.clock)(), Event::Ended { end })?;
        if !run.attempt.publish(&result)? {
            let message =
                "another attempt published its result first; this one does not count".to_owned();
            run.attempt.append((self.clock)(), Event::Warning { message })?;
        } else if let Some(tried) = &result.tried
            && let Err(error) = run.attempt.record_tried((self.clock)(), &run.trial.id, tried)
        {
            // The result holds the same: anyone who reads the ledger adds it.
            run.attempt.append((self.clock)(), Event::Warning { message: error.to_string() })?;
        }
        Ok(())
    }

    fn result(
        &self,
        lane: usize,
        outcome: &LaneOutcome,
        end: End,
        scores: Option<Scores>,
    ) -> RunResult {
        let run = &self.runs[lane];
        let best = run.reports.iter().find(|report| report.epoch == outcome.best_epoch);
        let LaneData { baseline_errors, prepared, .. } = &*run.data;
        let skill = best.and_then(|best| skill(best.valid.mse, baseline_errors));
        let result = RunResult {
            v: 1,
            attempt: run.attempt.number,
            end,
            epochs: outcome.epochs,
            best_epoch: best.map(|report| report.epoch),
            train: best.map(|report| report.train),
            valid: best.map(|report| report.valid),
            skill,
            baselines: baseline_errors.clone(),
            windows: prepared.report.windows,
            scores,
            tried: Some(run.tried()),
            seconds: self.started.elapsed().as_secs_f64(),
            instruction_sets: run.attempt.instruction_sets.clone(),
        };
        result.with_one_number_a_name()
    }
}

/// Why the validation forecasts of the kept weights are not those of the epoch that they are said
/// to be of: a device that no longer computes, or weights that were not kept. Both errors are of
/// the same windows, so that more than rounding is between them only then.
fn disagreement(run: &LaneRun, epoch: usize, forecasts: &Forecasts) -> Option<String> {
    let stated = run.reports.iter().find(|report| report.epoch == epoch)?.valid.mse;
    let Some(found) =
        forecast_errors(&forecasts.target, &forecasts.forecast).map(|errors| errors.mse)
    else {
        return Some(format!(
            "a validation forecast of the weights of epoch {epoch} is not a number"
        ));
    };
    // What single precision leaves of a forecast, in scaled units.
    let rounding = (1e-5 * run.data.prepared.series.target_unit).powi(2);
    let is_close = (found - stated).abs() <= 1e-3 * stated.max(found) + rounding;
    (!is_close).then(|| {
        format!(
            "the forecasts of the weights of epoch {epoch} have a valid.mse of {found:e}, but the \
                epoch was recorded with {stated:e}: the device or its memory cannot be trusted"
        )
    })
}

impl Observer for Recorder<'_> {
    fn epoch(&mut self, lane: usize, report: &EpochReport, state: &State<'_>) -> LaneControl {
        if let Err(error) = self.record_epoch(lane, report, state) {
            self.runs[lane].unrecorded = Some(error.into());
        }
        (self.pulse)();
        if self.runs[lane].unrecorded.is_some() || self.requests.stops(&self.runs[lane].trial.id) {
            return LaneControl::Stop;
        }
        LaneControl::Continue
    }

    fn step(&mut self, progress: &Progress) -> PackControl {
        (self.pulse)();
        let every = PROGRESS_EVERY.max(Duration::from_millis(20 * self.runs.len() as u64));
        if self.progressed.elapsed() >= every {
            self.progressed = Instant::now();
            let memory = resident_memory();
            for run in self.runs.iter().filter(|run| !run.over) {
                let file = ProgressFile {
                    epoch: run.reports.last().map_or(0, |report| report.epoch) + 1,
                    step: progress.step,
                    steps: progress.steps,
                    windows_per_second: progress.windows_per_second,
                    lanes: progress.lanes,
                    memory,
                };
                // A lost progress file loses nothing: the next event tells where the run is.
                drop(run.attempt.progress(&file));
            }
        }
        if self.requests.interrupt.load(Ordering::Relaxed) {
            PackControl::Interrupt
        } else {
            PackControl::Continue
        }
    }

    fn interrupted(&mut self, lane: usize, state: LaneState) {
        let recorded = self.checkpoint(lane, &state).and_then(|()| {
            let now = (self.clock)();
            self.runs[lane].attempt.append(now, Event::Ended { end: End::Interrupted })
        });
        let run = &mut self.runs[lane];
        run.over = true;
        if let Err(error) = recorded {
            run.unrecorded = Some(error.into());
        }
    }

    fn ended(&mut self, lane: usize, outcome: LaneOutcome) {
        if self.runs[lane].unrecorded.is_none()
            && self.device_failure.is_none()
            && let Err(error) = self.record_end(lane, &outcome)
        {
            self.runs[lane].unrecorded = Some(error.into());
        }
        (self.pulse)();
        self.runs[lane].over =
            self.device_failure.is_none() || self.runs[lane].unrecorded.is_some();
    }
}

/// Resident memory of this process, bytes, where the system tells it.
fn resident_memory() -> Option<u64> {
    let own = sysinfo::get_current_pid().ok()?;
    let mut system = sysinfo::System::new();
    system.refresh_processes_specifics(
        sysinfo::ProcessesToUpdate::Some(&[own]),
        false,
        sysinfo::ProcessRefreshKind::nothing().with_memory(),
    );
    Some(system.process(own)?.memory())
}
