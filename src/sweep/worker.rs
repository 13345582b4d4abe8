//! A worker: trains the packs that it is given and writes their run folders. It has no terminal and no network.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use burn_lanes::{Lane, LaneState, Pack, Shape};

use super::recorder::{LaneRun, PackData, Recorder, Requests};
use super::{FromWorker, ToWorker, Trainer, lane_config, shape};
use crate::event::{Cursor, Event};
use crate::market;
use crate::spec::Data;
use crate::store::{self, AttemptInfo, RunFolder, StoreError, SweepFolder};
use crate::trial::{Trial, TrialId};

/// Works until told to finish, interrupted, or left alone by its supervisor. `said` takes the lines for the supervisor.
///
/// # Errors
/// When the supervisor can no longer be spoken to, or a run's folder can be neither read nor written.
pub fn work(sweep: &Path, device: &str, trainer: &dyn Trainer, clock: fn() -> String, said: &mut dyn Write) -> anyhow::Result<()> {
    let requests = Arc::new(Requests::default());
    let (sender, packs) = channel();
    let listening = Arc::clone(&requests);
    std::thread::spawn(move || listen(&listening, &sender));
    let panics = remember_panics();
    let folder = SweepFolder { path: sweep.to_owned() };
    let mut worker = Worker { folder, device, trainer, clock, requests: &requests, panics: &panics, data: Vec::new() };
    worker.run(&packs, said)
}

struct Worker<'a> {
    folder: SweepFolder,
    device: &'a str,
    trainer: &'a dyn Trainer,
    clock: fn() -> String,
    requests: &'a Requests,
    panics: &'a Mutex<String>,
    /// Prepared data, newest last: packs of a sweep mostly share it.
    data: Vec<(Data, Rc<PackData>)>,
}

/// Prepared data sets that a worker keeps.
const KEPT_DATA: usize = 4;

impl Worker<'_> {
    fn run(&mut self, packs: &Receiver<Vec<TrialId>>, said: &mut dyn Write) -> anyhow::Result<()> {
        say(said, &FromWorker::Ready)?;
        while let Ok(trials) = packs.recv() {
            let unrecorded = self.pack(&trials)?;
            say(said, &FromWorker::PackEnded { unrecorded })?;
            if self.requests.interrupt.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    /// Trains the trials of a pack that have no result yet; lanes that were interrupted at different batches train one after the
    /// other. Returns what could not be recorded in the runs themselves.
    fn pack(&mut self, ids: &[TrialId]) -> anyhow::Result<Vec<(TrialId, String)>> {
        let mut unrecorded = Vec::new();
        let mut groups: Vec<(usize, Vec<Waiting>)> = Vec::new();
        for id in ids {
            match self.waiting(id) {
                Ok(None) => {}
                Ok(Some(waiting)) => {
                    let cursor = waiting.resume.as_ref().map_or(0, |state| state.cursor);
                    match groups.iter_mut().find(|(other, _)| *other == cursor) {
                        Some((_, group)) => group.push(waiting),
                        None => groups.push((cursor, vec![waiting])),
                    }
                }
                Err(error) => unrecorded.push((id.clone(), error.to_string())),
            }
        }
        for (_, group) in groups {
            unrecorded.extend(self.group(group)?);
            if self.requests.interrupt.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(unrecorded)
    }

    fn waiting(&self, id: &TrialId) -> Result<Option<Waiting>, StoreError> {
        let folder = self.folder.run(id)?;
        if folder.result()?.is_some() {
            return Ok(None);
        }
        let trial = folder.trial()?;
        let (checkpoint, mut warnings) = folder.newest_checkpoint()?;
        let resume = checkpoint.and_then(|checkpoint| match LaneState::from_bytes(&checkpoint.bytes) {
            Ok(state) => Some(state),
            Err(error) => {
                warnings.push(format!("checkpoint of attempt {} cannot be used, starting over: {error}", checkpoint.attempt));
                None
            }
        });
        Ok(Some(Waiting { trial, folder, resume, warnings }))
    }

    fn group(&mut self, group: Vec<Waiting>) -> anyhow::Result<Vec<(TrialId, String)>> {
        let Some(first) = group.first() else { return Ok(Vec::new()) };
        let settings = first.trial.settings.clone();
        let shape = shape(&settings);
        let data = self.prepare(&settings.data);
        let lanes = group.len();
        let mut runs = Vec::with_capacity(lanes);
        let mut pack = Pack { shape: shape.clone(), lanes: Vec::with_capacity(lanes) };
        let mut unrecorded = Vec::new();
        for waiting in group {
            let id = waiting.trial.id.clone();
            pack.lanes.push(Lane { config: lane_config(&waiting.trial.settings), resume: waiting.resume.clone(), series: 0 });
            let scaling = data.as_ref().ok().map(|data| &data.prepared.scaling);
            match self.start(waiting, lanes, scaling) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    pack.lanes.pop();
                    unrecorded.push((id, error.to_string()));
                }
            }
        }
        match data {
            Ok(data) => unrecorded.extend(self.train(&data, shape, pack, runs)),
            Err(error) => {
                for mut run in runs {
                    let end = crate::event::End::Failed { reason: format!("data: {error}") };
                    if let Err(error) = run.attempt.append((self.clock)(), Event::Ended { end }) {
                        unrecorded.push((run.trial.id, error.to_string()));
                    }
                }
            }
        }
        Ok(unrecorded)
    }

    /// Starts an attempt: its folder, its first line, the scaling that its weights need.
    fn start(&self, waiting: Waiting, lanes: usize, scaling: Option<&market::Scaling>) -> Result<LaneRun, StoreError> {
        let Waiting { trial, folder, resume, warnings } = waiting;
        let now = (self.clock)();
        let resumed = resume.as_ref().map(|state| Cursor { epoch: state.epoch, batch: state.cursor });
        let reports = match resumed {
            Some(cursor) => {
                let mut epochs = store::read_run(&folder.path)?.progress.epochs;
                epochs.retain(|report| report.epoch <= cursor.epoch);
                epochs
            }
            None => Vec::new(),
        };
        let argv: Vec<String> = std::env::args().collect();
        let mut attempt = folder.start_attempt(&AttemptInfo::of_this_process(self.device.to_owned(), argv, now.clone()))?;
        attempt.append(now.clone(), Event::Started { device: self.device.to_owned(), lanes, resumed })?;
        for message in warnings {
            attempt.append(now.clone(), Event::Warning { message })?;
        }
        if let Some(scaling) = scaling {
            let json = serde_json::to_string_pretty(scaling).map_err(|error| StoreError(format!("scaling: {error}")))?;
            attempt.scaling(&json)?;
        }
        Ok(LaneRun::new(trial, attempt, reports))
    }

    fn train(&self, data: &PackData, shape: Shape, pack: Pack, runs: Vec<LaneRun>) -> Vec<(TrialId, String)> {
        let now = Instant::now();
        let mut recorder = Recorder {
            runs,
            data,
            trainer: self.trainer,
            shape,
            requests: self.requests,
            clock: self.clock,
            started: now,
            progressed: now,
        };
        let trained = catch_unwind(AssertUnwindSafe(|| self.trainer.train(&[&data.prepared.series], pack, &mut recorder)));
        match trained {
            Ok(Ok(())) => recorder.fail_rest("the trainer ended without saying how"),
            Ok(Err(error)) => recorder.fail_rest(&error.to_string()),
            Err(_) => {
                let reason = self.panics.lock().unwrap_or_else(PoisonError::into_inner).clone();
                recorder.fail_rest(&format!("panic: {reason}"));
            }
        }
        recorder.runs.into_iter().filter_map(|run| run.unrecorded.map(|reason| (run.trial.id, reason))).collect()
    }

    fn prepare(&mut self, settings: &Data) -> Result<Rc<PackData>, market::MarketError> {
        if let Some((_, data)) = self.data.iter().find(|(other, _)| other == settings) {
            return Ok(Rc::clone(data));
        }
        let prepared = market::prepare(settings)?;
        let baselines = market::baseline_forecasts(settings, &prepared, &prepared.series.valid);
        let fingerprint = market::fingerprint(&settings.source)?;
        let data = Rc::new(PackData { prepared, baselines, fingerprint });
        if self.data.len() == KEPT_DATA {
            self.data.remove(0);
        }
        self.data.push((settings.clone(), Rc::clone(&data)));
        Ok(data)
    }
}

/// A trial that is to be trained, and where it goes on.
struct Waiting {
    trial: Trial,
    folder: RunFolder,
    resume: Option<LaneState>,
    warnings: Vec<String>,
}

fn say(said: &mut dyn Write, message: &FromWorker) -> anyhow::Result<()> {
    writeln!(said, "{}", serde_json::to_string(message)?)?;
    said.flush()?;
    Ok(())
}

/// Takes the supervisor's lines until stdin closes, which means that it is gone.
fn listen(requests: &Requests, packs: &Sender<Vec<TrialId>>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(ToWorker::Pack { trials }) => {
                if packs.send(trials).is_err() {
                    return;
                }
            }
            Ok(ToWorker::Stop { trial }) => {
                requests.stop.lock().unwrap_or_else(PoisonError::into_inner).insert(trial);
            }
            Ok(ToWorker::Finish) => return,
            Ok(ToWorker::Interrupt) | Err(_) => break,
        }
    }
    requests.interrupt.store(true, Ordering::Relaxed);
}

/// Keeps the last panic's message and place, which `catch_unwind` does not tell.
fn remember_panics() -> Arc<Mutex<String>> {
    let last = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&last);
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().map(ToString::to_string).or_else(|| payload.downcast_ref::<String>().cloned());
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = format!("{}{place}", text.unwrap_or_default());
        former(info);
    }));
    last
}
