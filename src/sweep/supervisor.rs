//! The supervisor: starts workers, hands them packs, records what a dead worker could not, stops
//! them when asked.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use burn_lanes::{DeviceFailure, DeviceFailureKind};

use super::lost::{self, Cause, Death, Handed, Left};
use super::queue::{GivenUp, Queue, Queued};
use super::slot::{Heard, Slot, Stall};
use super::{Control, FromWorker, Making, Problem, ToWorker};
use crate::signal;
use experiment::trial::TrialId;
use runs::store::SweepFolder;

/// What there is to do.
#[derive(Debug)]
pub struct Job<'a> {
    /// Where it is recorded.
    pub folder: &'a SweepFolder,
    /// The program whose `worker` verb is started: this one.
    pub program: PathBuf,
    /// As resolved: `flex`, `cuda:0`, …
    pub device: String,
    /// How many, on how many threads.
    pub workers: Workers,
    /// Packs to train, in order.
    pub packs: Vec<Vec<TrialId>>,
    /// Runs that may still have no folder.
    pub making: &'a Making,
    /// How long workers may make no progress.
    pub patience: Patience,
    /// The time for event lines, RFC 3339.
    pub clock: fn() -> String,
}

/// How many workers, and how many threads each may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// How many processes.
    pub count: usize,
    /// Of each.
    pub threads: usize,
}

impl Workers {
    /// On the host's cores: a worker for each core (Burn's autodiff holds one lock for the whole
    /// process), as long as there are packs. On a GPU: one worker, which has the device for itself.
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

/// When a worker that makes no progress is told, and when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long a worker may be silent before that is said.
    pub warn: Duration,
    /// How long before it is replaced; never where this is `None`.
    pub replace: Option<Duration>,
}

/// How a supervision ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// It was asked to stop before all packs were through.
    pub interrupted: bool,
    /// Trials whose record could not be written, with the reason.
    pub unrecorded: Vec<(TrialId, Problem)>,
    /// Why no further packs were begun: the disk, the memory or the device failed.
    pub machine: Option<String>,
}

/// What a person asks of a supervisor, beside [`Control`]: asked ten times a second.
pub trait Ask {
    /// How often it was asked to stop: once with checkpoints, twice at once.
    fn stops(&self) -> usize;

    /// Whether it was asked to pause since this was last asked.
    fn pauses(&self) -> bool;

    /// Pauses this process; returns when it goes on.
    fn pause_here(&self);

    /// Whatever else is to be done; `notices` are new lines for a person.
    ///
    /// # Errors
    /// When the supervision cannot go on.
    fn tick(&mut self, notices: &[String]) -> anyhow::Result<()>;
}

/// Time from asking workers to stop to killing them: a step and a checkpoint fit well within.
const GRACE: Duration = Duration::from_secs(30);

/// The exit code of a worker whose machine failed.
const MACHINE_FAILED: i32 = 4;

/// Between two turns of the loop this process, too, was standing still: it was stopped, or the
/// machine was.
const ASLEEP: Duration = Duration::from_secs(5);

/// Trains all packs, or until it is told to stop: by `controls`, or by `ask`.
///
/// # Errors
/// When the first workers cannot be started.
pub fn supervise(
    job: Job,
    controls: &Receiver<Control>,
    ask: &mut dyn Ask,
) -> anyhow::Result<Summary> {
    let (sender, heard) = channel();
    let mut supervisor = Supervisor {
        job: &job,
        packs: Queue::new(&job.packs),
        slots: Vec::new(),
        planned: Vec::new(),
        device: None,
        untried: 0,
        sender,
        stopping: None,
        summary: Summary::default(),
        notices: Vec::new(),
        broken: None,
    };
    for _ in 0..job.workers.count.min(supervisor.packs.len()) {
        supervisor.start()?;
    }
    let mut attached = true;
    let mut turned = Instant::now();
    while supervisor.slots.iter().any(|slot| !slot.gone) {
        match heard.recv_timeout(Duration::from_millis(100)) {
            Ok((index, heard)) => supervisor.hear(index, heard)?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        loop {
            match controls.try_recv() {
                Ok(Control::StopTrial { trial }) => supervisor.broadcast(&ToWorker::Stop { trial }),
                Ok(Control::Stop) => supervisor.stop(),
                Ok(Control::Detach) => attached = false,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    if attached {
                        supervisor.stop();
                    }
                    break;
                }
            }
        }
        match ask.stops() {
            0 => {}
            1 => supervisor.stop(),
            _ => supervisor.kill(),
        }
        if ask.pauses() {
            supervisor.pause(ask);
        }
        let slept = turned.elapsed();
        turned = Instant::now();
        if slept > ASLEEP {
            supervisor.forgive(slept);
        }
        supervisor.look_for_stalls();
        if supervisor.stopping.is_some_and(|since| since.elapsed() > GRACE) {
            supervisor.kill();
        }
        ask.tick(&std::mem::take(&mut supervisor.notices))?;
    }
    supervisor.judge_device();
    let Supervisor { mut summary, stopping, notices, broken, .. } = supervisor;
    summary.interrupted = stopping.is_some();
    ask.tick(&notices)?;
    match broken {
        Some(reason) => Err(anyhow::anyhow!(reason)),
        None => Ok(summary),
    }
}

struct Supervisor<'a> {
    job: &'a Job<'a>,
    packs: Queue,
    slots: Vec<Slot>,
    /// Of which planned pack each slot's is a part.
    planned: Vec<usize>,
    /// What a device failed with when it was given up for a pack.
    device: Option<DeviceFailure>,
    /// Trials that were not tried because of it.
    untried: usize,
    sender: Sender<(usize, Heard)>,
    /// Since when it has been stopping.
    stopping: Option<Instant>,
    summary: Summary,
    /// For a person, not passed on yet.
    notices: Vec<String>,
    /// Why a worker could not start.
    broken: Option<String>,
}

impl Supervisor<'_> {
    fn start(&mut self) -> anyhow::Result<()> {
        let slot = Slot::start(self.job, self.slots.len(), &self.sender)?;
        self.slots.push(slot);
        self.planned.push(0);
        Ok(())
    }

    fn hear(&mut self, index: usize, heard: Heard) -> anyhow::Result<()> {
        match heard {
            Heard::Said(FromWorker::Ready) => {
                self.slots[index].ready = true;
                self.dispatch(index);
            }
            Heard::Said(FromWorker::Progress) => {
                let slot = &mut self.slots[index];
                if let Stall::Told(since) = slot.stall {
                    let still = since.elapsed().as_secs();
                    self.notices.push(format!(
                        "progress again after {still} s: worker process {}",
                        slot.child.id()
                    ));
                    slot.stall = Stall::None;
                }
            }
            Heard::Said(FromWorker::PackEnded { unrecorded, again, device }) => {
                self.slots[index].pack.clear();
                // A worker whose device failed ends by itself.
                let ends = device.is_some();
                match device {
                    None => self.packs.pack_ended(),
                    Some(failure) if again.is_empty() => self.give_up(self.planned[index], failure),
                    Some(failure) => self
                        .notices
                        .push(format!("{failure}; {} trials go on in smaller packs", again.len())),
                }
                self.take(index, Left { again, unrecorded });
                if !ends {
                    self.dispatch(index);
                }
            }
            Heard::Closed => self.bury(index)?,
        }
        self.slots[index].heard = Instant::now();
        Ok(())
    }

    /// A device failed with a trial alone, or for any number of lanes.
    fn give_up(&mut self, planned: usize, failure: DeviceFailure) {
        let GivenUp { in_a_row, untried } = self.packs.give_up(planned);
        self.untried += untried;
        // Other packs may need less memory; but of what else is wrong with it, two are enough.
        if failure.kind != DeviceFailureKind::OutOfMemory && in_a_row >= 2 {
            self.fail_machine(failure.to_string());
        }
        self.device = Some(failure);
    }

    /// Says at the end what a device that failed left undone.
    fn judge_device(&mut self) {
        let Some(failure) = &self.device else { return };
        let left = self.untried + self.packs.trials();
        let left = if left == 0 {
            String::new()
        } else {
            format!("; {left} trials were not tried because of it")
        };
        self.summary.machine = Some(format!("{failure}{left}"));
    }

    /// Takes what a slot's pack left.
    fn take(&mut self, index: usize, Left { again, unrecorded }: Left) {
        self.packs.again(self.planned[index], again);
        let machine = unrecorded
            .iter()
            .find(|(_, problem)| problem.of_machine)
            .map(|(_, problem)| problem.reason.clone());
        if let Some(reason) = machine {
            self.fail_machine(reason);
        }
        self.summary.unrecorded.extend(unrecorded);
    }

    fn fail_machine(&mut self, reason: String) {
        if self.summary.machine.is_none() {
            self.notices.push(format!("no further trials are begun: {reason}"));
            self.summary.machine = Some(reason);
        }
    }

    /// Whether further packs are begun.
    fn goes_on(&self) -> bool {
        self.stopping.is_none() && self.summary.machine.is_none() && self.broken.is_none()
    }

    /// Gives a worker its next pack, or tells it that there is none.
    fn dispatch(&mut self, index: usize) {
        let next = if self.goes_on() { self.packs.next() } else { None };
        let next = next.filter(|pack| match self.job.making.wait_for(&pack.trials) {
            Ok(()) => true,
            Err(error) => {
                self.fail_machine(error.to_string());
                false
            }
        });
        let hand = |Queued { trials, planned }: Queued| {
            self.planned[index] = planned;
            trials.into_iter().map(|trial| Handed::new(self.job.folder, trial)).collect()
        };
        let pack = next.map(hand);
        self.slots[index].hand(pack);
    }

    /// A worker has ended: as it was told, or not.
    fn bury(&mut self, index: usize) -> anyhow::Result<()> {
        let slot = &mut self.slots[index];
        slot.gone = true;
        let status = slot.child.wait().context("cannot wait for a worker")?;
        let reason = slot.death(status);
        if !slot.ready && self.stopping.is_none() {
            // Another one will fare no better.
            if status.code() == Some(MACHINE_FAILED) {
                self.fail_machine(format!("a worker could not start: {reason}"));
            } else if self.broken.is_none() {
                self.broken = Some(format!("a worker could not start: {reason}"));
            }
        }
        let pack = std::mem::take(&mut self.slots[index].pack);
        if !pack.is_empty() {
            let cause = if self.stopping.is_some() { Cause::Stopping } else { Cause::Unknown };
            let death =
                Death { reason: &reason, at: &(self.job.clock)(), device: &self.job.device, cause };
            let left = lost::close(self.job.folder, pack, death);
            if left.again.len() > 1 {
                self.notices
                    .push(format!("{reason}; its {} trials go on in two halves", left.again.len()));
            }
            self.take(index, left);
        }
        if self.packs.len() > 0 && self.goes_on() {
            self.start()?;
        }
        Ok(())
    }

    fn broadcast(&mut self, message: &ToWorker) {
        for slot in self.slots.iter_mut().filter(|slot| !slot.gone) {
            slot.tell(message);
        }
    }

    fn stop(&mut self) {
        if self.stopping.is_none() {
            self.stopping = Some(Instant::now());
            self.slots.iter_mut().filter(|slot| !slot.gone).for_each(Slot::interrupt);
        }
    }

    fn kill(&mut self) {
        self.slots.iter_mut().filter(|slot| !slot.gone).for_each(Slot::kill);
    }

    /// Pauses the workers, then this process, until it is told to go on.
    fn pause(&mut self, ask: &dyn Ask) {
        let since = Instant::now();
        let processes: Vec<u32> =
            self.slots.iter().filter(|slot| !slot.gone).map(|slot| slot.child.id()).collect();
        processes.iter().copied().for_each(signal::pause);
        ask.pause_here();
        processes.iter().copied().for_each(signal::go_on);
        self.forgive(since.elapsed());
    }

    /// Time in which nothing could happen counts against nobody.
    fn forgive(&mut self, time: Duration) {
        let now = Instant::now();
        for slot in &mut self.slots {
            slot.heard = (slot.heard + time).min(now);
        }
        self.stopping = self.stopping.map(|since| (since + time).min(now));
    }

    /// Tells workers that make no progress, and replaces them where that is wanted.
    fn look_for_stalls(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        let Patience { warn, replace } = self.job.patience;
        for slot in self
            .slots
            .iter_mut()
            .filter(|slot| !slot.gone && (!slot.ready || !slot.pack.is_empty()))
        {
            let still = slot.heard.elapsed();
            let trials = || match &slot.pack[..] {
                [] => "nothing to do yet".to_owned(),
                [only] => only.trial.to_string(),
                [first, others @ ..] => format!("{} and {} more", first.trial, others.len()),
            };
            if replace.is_some_and(|limit| still >= limit)
                && !matches!(slot.stall, Stall::Killed(_))
            {
                self.notices.push(format!(
                    "no progress for {} s: {} with {}; it is replaced",
                    still.as_secs(),
                    slot.described(),
                    trials()
                ));
                slot.stall = Stall::Killed(still);
                slot.kill();
            } else if still >= warn && slot.stall == Stall::None {
                let hint =
                    if replace.is_none() { "; --stall-limit replaces such a worker" } else { "" };
                self.notices.push(format!(
                    "no progress for {} s: {} with {}{hint}",
                    still.as_secs(),
                    slot.described(),
                    trials()
                ));
                slot.stall = Stall::Told(slot.heard);
            }
        }
    }
}
