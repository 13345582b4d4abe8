//! A worker: trains the packs that it is given and writes their run folders. It has no terminal and
//! no network.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use burn_lanes::{DeviceFailure, Lane, Pack, TrainError};
use lane_types::{EpochReport, LaneState, Series};

use super::recorder::{LaneData, LaneRun, Recorder, Requests};
use super::{FromWorker, Problem, ToWorker, Trainer};
use experiment::event::{Cursor, End, Event};
use experiment::trial::{Trial, TrialId};
use experiment::{Data, Source};
use market::{self, Inputs, KeptScaling, Unlocated};
use runs::store::{
    self, Attempt, AttemptInfo, Baseline, FileError, Resume, RunFolder, SweepFolder,
};

/// Works until told to finish, interrupted, or left alone by its supervisor. `arithmetic` is what
/// trains, an instruction set of the processor or a kind of GPU. `said` takes the lines for the
/// supervisor.
///
/// # Errors
/// When the supervisor can no longer be spoken to, or a run's folder can be neither read nor
/// written.
pub fn work(
    sweep: &Path,
    device: &str,
    arithmetic: &'static str,
    trainer: &dyn Trainer,
    clock: fn() -> String,
    said: &mut dyn Write,
) -> anyhow::Result<()> {
    let requests = Arc::new(Requests::default());
    let (sender, packs) = channel();
    let listening = Arc::clone(&requests);
    std::thread::spawn(move || listen(&listening, &sender));
    let panics = remember_panics();
    let folder = SweepFolder { path: sweep.to_owned() };
    let mut worker = Worker {
        folder,
        device,
        arithmetic,
        trainer,
        clock,
        requests: &requests,
        panics: &panics,
        data: Vec::new(),
    };
    worker.run(&packs, said)
}

struct Worker<'a> {
    folder: SweepFolder,
    device: &'a str,
    arithmetic: &'static str,
    trainer: &'a dyn Trainer,
    clock: fn() -> String,
    requests: &'a Requests,
    panics: &'a Mutex<String>,
    /// Prepared data, newest last: packs of a sweep mostly share it.
    data: Vec<(Data, Rc<LaneData>)>,
}

/// Prepared data sets that a worker keeps, if a split has no more folds.
const KEPT_DATA: usize = 4;

impl Worker<'_> {
    fn run(&mut self, packs: &Receiver<Vec<TrialId>>, said: &mut dyn Write) -> anyhow::Result<()> {
        say(said, &FromWorker::Ready)?;
        while let Ok(trials) = packs.recv() {
            let mut pulse = Pulse { said, last: Instant::now() };
            let (unrecorded, again, device) = self.pack(&trials, &mut || pulse.beat());
            // What a failed device holds is not known any more, and this process cannot open it
            // anew.
            let ends = device.is_some();
            say(said, &FromWorker::PackEnded { unrecorded, again, device })?;
            if ends || self.requests.interrupt.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    /// Trains the trials of a pack that have no result yet. Returns what could not be recorded in
    /// the runs themselves, and what is to be trained again.
    fn pack(&mut self, ids: &[TrialId], pulse: &mut dyn FnMut()) -> Left {
        let mut unrecorded = Vec::new();
        let mut lanes = Vec::new();
        for id in ids {
            match self.waiting(id) {
                Ok(None) => {}
                Ok(Some(waiting)) => lanes.push(waiting),
                Err(error) => unrecorded.push((id.clone(), error.into())),
            }
        }
        let (more, again, device) = self.lanes(lanes, pulse);
        unrecorded.extend(more);
        (unrecorded, again, device)
    }

    fn waiting(&self, id: &TrialId) -> Result<Option<Waiting>, FileError> {
        let folder = self.folder.run(id)?;
        if folder.result()?.is_some() {
            return Ok(None);
        }
        let trial = folder.trial()?;
        let Resume { checkpoint, epochs, instruction_sets, mut warnings } = folder.resume()?;
        let resume =
            checkpoint.and_then(|checkpoint| match LaneState::from_bytes(&checkpoint.bytes) {
                Ok(state) => Some(state),
                Err(error) => {
                    warnings.push(format!(
                        "checkpoint of attempt {} cannot be used, starting over: {error}",
                        checkpoint.attempt
                    ));
                    None
                }
            });
        let (reports, mut instruction_sets) =
            if resume.is_some() { (epochs, instruction_sets) } else { Default::default() };
        let own = self.arithmetic;
        if instruction_sets.last().is_none_or(|last| last != own) {
            if !instruction_sets.is_empty() {
                let former = instruction_sets.join(" and ");
                warnings.push(format!(
                    "goes on with {own} from a checkpoint that was trained with {former}: the last \
                        bits will be those of neither"
                ));
            }
            instruction_sets.push(own.to_owned());
        }
        Ok(Some(Waiting { trial, folder, resume, reports, instruction_sets, warnings }))
    }

    /// Trains lanes, each on the data of its fold; one whose data cannot be prepared fails alone.
    fn lanes(&mut self, waiting: Vec<Waiting>, pulse: &mut dyn FnMut()) -> Left {
        let Some(first) = waiting.first() else { return Left::default() };
        let count = waiting.len();
        let mut pack =
            Pack { shape: first.trial.settings.shape(), lanes: Vec::with_capacity(count) };
        let mut data: Vec<Rc<LaneData>> = Vec::new();
        let mut runs = Vec::with_capacity(count);
        let mut unrecorded = Vec::new();
        for waiting in waiting {
            pulse();
            let id = waiting.trial.id.clone();
            let settings = &waiting.trial.settings;
            let (config, resume) = (settings.lane_config(), waiting.resume.clone());
            let started = match self.prepare(&waiting.trial) {
                Ok(own) => self.start(waiting, own, count).map(|run| {
                    let known = data.iter().position(|other| Rc::ptr_eq(other, &run.data));
                    let series = known.unwrap_or_else(|| {
                        data.push(Rc::clone(&run.data));
                        data.len() - 1
                    });
                    pack.lanes.push(Lane { config, resume, series });
                    runs.push(run);
                }),
                Err(error) => self.fail(waiting, count, format!("data: {error}")),
            };
            if let Err(error) = started {
                unrecorded.push((id, error.into()));
            }
        }
        let (more, again, device) = self.train(&data, pack, runs, pulse);
        unrecorded.extend(more);
        (unrecorded, again, device)
    }

    /// Records a run that cannot begin.
    fn fail(&self, waiting: Waiting, lanes: usize, reason: String) -> Result<(), FileError> {
        let mut attempt = self.attempt(&waiting, lanes, Vec::new())?;
        attempt.append((self.clock)(), Event::Ended { end: End::Failed { reason } })
    }

    /// Starts an attempt, with the scaling that its weights need.
    fn start(
        &self,
        waiting: Waiting,
        data: Rc<LaneData>,
        lanes: usize,
    ) -> Result<LaneRun, FileError> {
        let attempt = self.attempt(&waiting, lanes, data.baseline_errors.clone())?;
        let kept = KeptScaling {
            scaling: data.prepared.scaling.clone(),
            inputs: Some(data.inputs.clone()),
        };
        let json = serde_json::to_string_pretty(&kept)
            .map_err(|error| FileError::new(format!("scaling: {error}")))?;
        attempt.scaling(&json)?;
        Ok(LaneRun::new(waiting.trial, data, attempt, waiting.reports))
    }

    /// A new attempt: its folder and its first lines.
    fn attempt(
        &self,
        waiting: &Waiting,
        lanes: usize,
        baselines: Vec<Baseline>,
    ) -> Result<Attempt, FileError> {
        let Waiting { trial: _, folder, resume, reports: _, instruction_sets, warnings } = waiting;
        let now = (self.clock)();
        let resumed =
            resume.as_ref().map(|state| Cursor { epoch: state.epoch, batch: state.cursor });
        let argv: Vec<String> =
            std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let info = AttemptInfo {
            instruction_sets: instruction_sets.clone(),
            ..AttemptInfo::of_this_process(self.device.to_owned(), argv, now.clone())
        };
        let mut attempt = folder.start_attempt(&info)?;
        attempt.append(
            now.clone(),
            Event::Started { device: self.device.to_owned(), lanes, resumed, baselines },
        )?;
        for message in warnings {
            attempt.append(now.clone(), Event::Warning { message: message.clone() })?;
        }
        Ok(attempt)
    }

    fn train(
        &self,
        data: &[Rc<LaneData>],
        pack: Pack,
        runs: Vec<LaneRun>,
        pulse: &mut dyn FnMut(),
    ) -> Left {
        let now = Instant::now();
        let series: Vec<&Series> = data.iter().map(|data| &data.prepared.series).collect();
        let mut recorder = Recorder {
            runs,
            trainer: self.trainer,
            shape: pack.shape.clone(),
            requests: self.requests,
            clock: self.clock,
            started: now,
            progressed: now,
            pulse,
            device_failure: None,
        };
        let lanes = recorder.runs.len();
        let trained =
            catch_unwind(AssertUnwindSafe(|| self.trainer.train(&series, pack, &mut recorder)));
        match trained {
            Ok(Ok(())) if recorder.device_failure.is_some() => {}
            Ok(Ok(())) => recorder.fail_rest("the trainer ended without saying how"),
            Ok(Err(TrainError::Device(failure))) => recorder.device_failure = Some(failure),
            Ok(Err(error)) => recorder.fail_rest(&error.to_string()),
            Err(_) => {
                let reason = self.panics.lock().unwrap_or_else(PoisonError::into_inner).clone();
                recorder.fail_rest(&format!("panic: {reason}"));
            }
        }
        let device = recorder.device_failure.take();
        if let Some(failure) = &device {
            recorder.device_failed(failure, lanes);
        }
        let (mut unrecorded, mut again) = (Vec::new(), Vec::new());
        for LaneRun { trial, unrecorded: problem, again: once_more, .. } in recorder.runs {
            match problem {
                Some(problem) => unrecorded.push((trial.id, problem)),
                None if once_more => again.push(trial.id),
                None => {}
            }
        }
        (unrecorded, again, device)
    }

    /// The trial's data, found by its content: the folders may have been moved since the trial was
    /// written down.
    fn prepare(&mut self, trial: &Trial) -> Result<Rc<LaneData>, String> {
        let settings = &trial.settings.data;
        let is_it = |fingerprint: &str| trial.id.is_of(&trial.settings, fingerprint);
        if let Some((_, data)) =
            self.data.iter().find(|(other, data)| other == settings && is_it(&data.fingerprint))
        {
            return Ok(Rc::clone(data));
        }
        let places = match &settings.source {
            Source::File { path, .. } => store::data_places(&self.folder.path, path),
            Source::Synthetic(_) => Vec::new(),
        };
        let (source, fingerprint) =
            market::locate(&settings.source, &places, is_it).map_err(|problem| match problem {
                Unlocated::Missing(path) => format!("{} is not there any more", path.display()),
                Unlocated::Changed { path, .. } => {
                    format!(
                        "the content of '{}' has changed since the trials were planned",
                        path.display()
                    )
                }
                Unlocated::Unreadable(error) => error.to_string(),
            })?;
        let found = Data { source, ..settings.clone() };
        let prepared = market::prepare(&found).map_err(|error| error.to_string())?;
        prepared.report.check_zone(&found.features).map_err(|error| error.to_string())?;
        let inputs = Inputs::of(&found, &prepared);
        let baselines = market::baseline_forecasts(&found, &prepared, &prepared.series.valid);
        let baseline_errors = market::baselines(&prepared, &prepared.series.valid, &baselines);
        let data = Rc::new(LaneData { prepared, inputs, baselines, baseline_errors, fingerprint });
        if self.data.len() >= KEPT_DATA.max(settings.split.folds()) {
            self.data.remove(0);
        }
        self.data.push((settings.clone(), Rc::clone(&data)));
        Ok(data)
    }
}

/// What a pack leaves: trials whose record could not be written, and trials that are to be trained
/// again.
type Left = (Vec<(TrialId, Problem)>, Vec<TrialId>, Option<DeviceFailure>);

/// Tells the supervisor that a pack goes on.
struct Pulse<'a> {
    said: &'a mut dyn Write,
    last: Instant,
}

/// Between two words of progress.
const BEAT_EVERY: Duration = Duration::from_millis(500);

impl Pulse<'_> {
    fn beat(&mut self) {
        if self.last.elapsed() >= BEAT_EVERY {
            self.last = Instant::now();
            // A supervisor that is gone is noticed by its end of the line to us.
            drop(say(self.said, &FromWorker::Progress));
        }
    }
}

/// A trial that is to be trained, and where it goes on.
struct Waiting {
    trial: Trial,
    folder: RunFolder,
    resume: Option<LaneState>,
    /// Of the epochs up to where it goes on.
    reports: Vec<EpochReport>,
    /// What trained those, and this process's own last.
    instruction_sets: Vec<String>,
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
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned());
        let place = info
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        *kept.lock().unwrap_or_else(PoisonError::into_inner) =
            format!("{}{place}", text.unwrap_or_default());
        former(info);
    }));
    last
}
