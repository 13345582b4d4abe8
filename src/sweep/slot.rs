//! A worker process, as its supervisor sees it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::lost::Handed;
use super::supervisor::Job;
use super::{FromWorker, ToWorker};
use crate::signal;
use experiment::event::WORKER_DIED;
use runs::store::Log;

/// From a worker's reader thread.
pub(super) enum Heard {
    Said(FromWorker),
    Closed,
}

/// One worker process and the pack that it is training.
pub(super) struct Slot {
    pub child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
    pub pack: Vec<Handed>,
    pub ready: bool,
    pub gone: bool,
    /// When it last said that it goes on.
    pub heard: Instant,
    pub stall: Stall,
}

/// What was done about a worker that makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    None,
    /// Since when it makes none.
    Told(Instant),
    /// It was killed after so long.
    Killed(Duration),
}

impl Slot {
    /// Starts a worker; what it says comes through `sender` with its index.
    pub(super) fn start(
        job: &Job,
        index: usize,
        sender: &Sender<(usize, Heard)>,
    ) -> anyhow::Result<Self> {
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
            // Its own process group: Ctrl-C at the terminal reaches the supervisor alone, which
            // then asks its workers to stop.
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
        let heard = Instant::now();
        Ok(Self {
            child,
            stdin,
            log,
            pack: Vec::new(),
            ready: false,
            gone: false,
            heard,
            stall: Stall::None,
        })
    }

    /// A worker that cannot be told anything is gone; its reader thread says so.
    pub(super) fn tell(&mut self, message: &ToWorker) {
        let Some(stdin) = &mut self.stdin else { return };
        let Ok(line) = serde_json::to_string(message) else { return };
        if writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err() {
            self.stdin = None;
        }
    }

    /// Gives it a pack, or tells it that there is none.
    pub(super) fn hand(&mut self, pack: Option<Vec<Handed>>) {
        (self.heard, self.stall) = (Instant::now(), Stall::None);
        match pack {
            Some(pack) => {
                let trials = pack.iter().map(|handed| handed.trial.clone()).collect();
                self.pack = pack;
                self.tell(&ToWorker::Pack { trials });
            }
            None => {
                self.tell(&ToWorker::Finish);
                self.stdin = None;
            }
        }
    }

    /// Asks it to write checkpoints and end. One that was paused, by whomever, goes on to do so.
    pub(super) fn interrupt(&mut self) {
        self.tell(&ToWorker::Interrupt);
        signal::go_on(self.child.id());
    }

    pub(super) fn kill(&mut self) {
        // It fails only when the worker is gone already.
        drop(self.child.kill());
    }

    /// Why it died, for its trials: what the supervisor did, or the signal or exit code, and the
    /// last line of its log.
    pub(super) fn death(&self, status: ExitStatus) -> String {
        let how = match (self.stall, status.signal(), status.code()) {
            (Stall::Killed(after), ..) => {
                format!("it made no progress for {} s and was replaced", after.as_secs())
            }
            (_, Some(signal), _) => format!("killed by signal {signal}{}", signal_name(signal)),
            (_, None, Some(code)) => format!("exit code {code}"),
            (_, None, None) => "unknown".into(),
        };
        match last_line(&self.log) {
            Some(line) => format!("{WORKER_DIED} ({how}); its last words: {line}"),
            None => format!("{WORKER_DIED} ({how})"),
        }
    }

    /// Its process, for a person: whether somebody paused it, where the system tells.
    pub(super) fn described(&self) -> String {
        let process = self.child.id();
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let paused = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'));
        let what = if paused {
            format!(" is paused (kill -CONT {process} lets it go on)")
        } else {
            String::new()
        };
        format!("worker process {process}{what}")
    }
}

fn last_line(log: &Path) -> Option<String> {
    let file = File::open(log).ok()?;
    BufReader::new(file).lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()).last()
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
