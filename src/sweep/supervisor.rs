//! The supervisor: starts workers, hands them packs, records what a dead worker could not, stops them when asked.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::queue::{Queue, QueuedPack};
use super::{Control, DeviceVerdict, FromWorker, ToWorker};
use crate::store::{Log, SweepFolder};
use crate::trial::TrialId;

/// What there is to do.
#[derive(Debug)]
pub struct Job<'a> {
    pub folder: &'a SweepFolder,
    /// The program whose `worker` verb is started: this one.
    pub program: PathBuf,
    /// As resolved: `flex`, `cuda:0`, …
    pub device: String,
    pub workers: Workers,
    /// Packs to train, in order.
    pub packs: Vec<Vec<TrialId>>,
    /// The time for event lines, RFC 3339.
    pub clock: fn() -> String,
}

/// How many workers, and how many threads each may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    pub count: usize,
    pub threads: usize,
}

impl Workers {
    /// On the host's cores: a worker for each core (Burn's autodiff holds one lock for the whole process), as long as there are packs. On
    /// a GPU: one worker, which has the device for itself.
    #[must_use]
    pub fn plan(device: &burn_lanes::Device, cores: usize, packs: usize) -> Self {
        if device.is_cpu() {
            let count = cores.min(packs).max(1);
            Self { count, threads: (cores / count).max(1) }
        } else {
            Self { count: 1, threads: cores }
        }
    }
}

/// How a supervision ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// It was asked to stop before all packs were through.
    pub interrupted: bool,
    /// Trials whose failure could not even be recorded, with the reason.
    pub unrecorded: Vec<(TrialId, String)>,
    /// What a failed device left undone.
    pub device: Option<DeviceVerdict>,
}

/// From a worker's reader thread.
enum Heard {
    Said(FromWorker),
    Closed,
}

/// One worker process and the pack that it is training.
struct Slot {
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
    pack: QueuedPack,
    ready: bool,
    gone: bool,
}

/// Time from asking workers to stop to killing them: a step and a checkpoint fit well within.
const GRACE: Duration = Duration::from_secs(30);

/// Trains all packs, or until it is told to stop: by `controls`, or when `interrupts` is counted up (once: stop with a checkpoint;
/// twice: kill). `tick` is called ten times a second.
///
/// # Errors
/// When no worker can be started.
pub fn supervise(
    job: Job,
    controls: &Receiver<Control>,
    interrupts: &AtomicUsize,
    tick: &mut dyn FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Summary> {
    let mut packs = Queue::new(&job.packs);
    let mut summary = Summary::default();
    let (sender, heard) = channel();
    let mut slots: Vec<Slot> = Vec::new();
    for _ in 0..job.workers.count.min(packs.len()) {
        slots.push(start(&job, slots.len(), &sender)?);
    }
    let mut stopping: Option<Instant> = None;
    let mut attached = true;
    let mut device_failed = false;
    while slots.iter().any(|slot| !slot.gone) {
        match heard.recv_timeout(Duration::from_millis(100)) {
            Ok((index, Heard::Said(FromWorker::Ready))) => {
                slots[index].ready = true;
                dispatch(&mut slots[index], &mut packs, stopping.is_some());
            }
            Ok((index, Heard::Said(FromWorker::PackEnded { unrecorded }))) => {
                summary.unrecorded.extend(unrecorded);
                packs.pack_ended();
                slots[index].pack.trials.clear();
                dispatch(&mut slots[index], &mut packs, stopping.is_some());
            }
            Ok((index, Heard::Said(FromWorker::DeviceFailed { failure, lanes, open, unrecorded }))) => {
                summary.unrecorded.extend(unrecorded);
                packs.device_failed(&std::mem::take(&mut slots[index].pack), lanes, &open, &failure);
                device_failed = true;
            }
            Ok((index, Heard::Closed)) => {
                let slot = &mut slots[index];
                slot.gone = true;
                let status = slot.child.wait().context("cannot wait for a worker")?;
                if !slot.ready && stopping.is_none() {
                    let reason = death(status, &slot.log);
                    anyhow::ensure!(device_failed, "a worker could not start: {reason}");
                    packs.device_is_gone(&reason);
                }
                if !slot.pack.trials.is_empty() {
                    let reason = death(status, &slot.log);
                    for trial in slot.pack.trials.drain(..) {
                        let closed = job.folder.run(&trial).and_then(|run| run.close_lost((job.clock)(), &reason));
                        if let Err(error) = closed {
                            summary.unrecorded.push((trial, format!("{reason}; and {error}")));
                        }
                    }
                }
                if packs.len() > 0 && stopping.is_none() {
                    slots.push(start(&job, slots.len(), &sender)?);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        loop {
            match controls.try_recv() {
                Ok(Control::StopTrial { trial }) => broadcast(&mut slots, &ToWorker::Stop { trial }),
                Ok(Control::Stop) => stop(&mut slots, &mut stopping),
                Ok(Control::Detach) => attached = false,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    if attached {
                        stop(&mut slots, &mut stopping);
                    }
                    break;
                }
            }
        }
        match interrupts.load(Ordering::Relaxed) {
            0 => {}
            1 => stop(&mut slots, &mut stopping),
            _ => kill(&mut slots),
        }
        if stopping.is_some_and(|since| since.elapsed() > GRACE) {
            kill(&mut slots);
        }
        tick()?;
    }
    summary.interrupted = stopping.is_some();
    summary.device = packs.verdict();
    tick()?;
    Ok(summary)
}

fn start(job: &Job, index: usize, sender: &Sender<(usize, Heard)>) -> anyhow::Result<Slot> {
    let (log, stderr) = job.folder.log(&format!("worker-{index}.log"), Log::Continued)?;
    let mut child = Command::new(&job.program)
        .arg("worker")
        .arg("--sweep")
        .arg(&job.folder.path)
        .arg("--device")
        .arg(&job.device)
        .env("RAYON_NUM_THREADS", job.workers.threads.to_string())
        .env("POLARS_MAX_THREADS", job.workers.threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(stderr))
        // Its own process group: Ctrl-C at the terminal reaches the supervisor alone, which then asks its workers to stop.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start a worker: {}", job.program.display()))?;
    let stdin = child.stdin.take();
    if let Some(stdout) = child.stdout.take() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(said) = serde_json::from_str(&line)
                    && sender.send((index, Heard::Said(said))).is_err()
                {
                    return;
                }
            }
            // The supervisor may be through already; then nobody has to hear it.
            drop(sender.send((index, Heard::Closed)));
        });
    }
    Ok(Slot { child, stdin, log, pack: QueuedPack::default(), ready: false, gone: false })
}

/// Gives a worker its next pack, or tells it that there is none.
fn dispatch(slot: &mut Slot, packs: &mut Queue, stopping: bool) {
    let next = if stopping { None } else { packs.next() };
    match next {
        Some(pack) => {
            slot.pack.clone_from(&pack);
            tell(slot, &ToWorker::Pack { trials: pack.trials });
        }
        None => {
            tell(slot, &ToWorker::Finish);
            slot.stdin = None;
        }
    }
}

/// A worker that cannot be told anything is gone; its reader thread says so.
fn tell(slot: &mut Slot, message: &ToWorker) {
    let Some(stdin) = &mut slot.stdin else { return };
    let Ok(line) = serde_json::to_string(message) else { return };
    if writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err() {
        slot.stdin = None;
    }
}

fn broadcast(slots: &mut [Slot], message: &ToWorker) {
    for slot in slots.iter_mut().filter(|slot| !slot.gone) {
        tell(slot, message);
    }
}

fn stop(slots: &mut [Slot], stopping: &mut Option<Instant>) {
    if stopping.is_none() {
        *stopping = Some(Instant::now());
        broadcast(slots, &ToWorker::Interrupt);
    }
}

fn kill(slots: &mut [Slot]) {
    for slot in slots.iter_mut().filter(|slot| !slot.gone) {
        // It fails only when the worker is gone already.
        drop(slot.child.kill());
    }
}

/// Why a worker died, for its trials: the signal or exit code, and the last line of its log.
fn death(status: ExitStatus, log: &Path) -> String {
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}{}", signal_name(signal)),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "unknown".into(),
    };
    let last = File::open(log)
        .ok()
        .and_then(|file| BufReader::new(file).lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()).last());
    match last {
        Some(line) => format!("the worker died ({how}); its last words: {line}"),
        None => format!("the worker died ({how})"),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL; out of memory?)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}
