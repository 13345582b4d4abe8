//! Walks through a run's attempts in order: the one way in which both the reader and the follower
//! read events.

use crate::files;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::folder::{attempt_numbers, attempt_path};
use super::log::LogReader;
use super::{AttemptInfo, Liveness, checksum, writer_alive};
use experiment::event::{Event, Line};

/// What a walk tells.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// A line of an attempt's log.
    Line(u32, Box<Line>),
    /// An attempt's log is open, but its writer is gone, or a later attempt has begun.
    Lost,
    /// Something could not be read.
    Damage(String),
}

/// How far a run's attempts were walked through.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// The newest attempt seen; 0 before any.
    pub attempt: u32,
    log: LogReader,
    /// Epochs that the logs tell of so far.
    epochs: usize,
    /// Whether one of the logs is damaged; that epochs are missing is not news then.
    damaged: bool,
    /// Whether its log ended.
    pub ended: bool,
    lost: bool,
    info: Option<AttemptInfo>,
    info_told: bool,
}

impl Walk {
    /// Whether the newest attempt may still write.
    pub(super) fn open(&self) -> bool {
        self.attempt > 0 && !self.ended && !self.lost
    }

    /// Goes on to newer attempts, if there are any. What is new in the newest log is left to
    /// [`Self::drain`] unless it was just found.
    pub(super) fn advance(&mut self, run: &Path, tell: &mut impl FnMut(Told)) {
        let numbers = numbers(run, tell);
        self.go_through(run, numbers, tell);
    }

    /// Goes on to the end of the attempt that won. `sum` is the log's checksum as its result has
    /// it; results of before version 0.2 have none.
    pub(super) fn finish(
        &mut self,
        run: &Path,
        winner: u32,
        sum: Option<&str>,
        tell: &mut impl FnMut(Told),
    ) {
        // The first needs no listing: nearly every finished run is so.
        let numbers = if winner == 1 { vec![1] } else { numbers(run, tell) };
        self.go_through(
            run,
            numbers.into_iter().filter(|number| *number <= winner).collect(),
            tell,
        );
        self.drain(run, tell);
        let name = format!("attempts/{winner}/events.jsonl");
        if self.attempt != winner || (self.log.offset == 0 && !log_path(run, winner).exists()) {
            tell(Told::Damage(format!("{name}: is missing")));
        } else if sum.is_some() && self.log.end_sum() != sum && self.log.is_whole() {
            tell(Told::Damage(format!(
                "{name}: is damaged: lines that were there when the result was published are \
                    missing"
            )));
        }
    }

    fn go_through(&mut self, run: &Path, numbers: Vec<u32>, tell: &mut impl FnMut(Told)) {
        for number in numbers {
            if number > self.attempt {
                self.drain(run, tell);
                self.lose(tell);
                let (epochs, damaged) = (self.epochs, self.damaged);
                *self = Self { attempt: number, epochs, damaged, ..Self::default() };
                self.drain(run, tell);
            }
        }
    }

    /// Takes what is new in the newest attempt's log.
    pub(super) fn drain(&mut self, run: &Path, tell: &mut impl FnMut(Told)) {
        if self.attempt == 0 {
            return;
        }
        let number = self.attempt;
        match read_from(&log_path(run, number), self.log.offset) {
            Ok(bytes) => {
                let Self { log, ended, lost, epochs, damaged, .. } = self;
                log.take(&bytes, |told| match told {
                    Ok(line) => {
                        if let Err(why) = follow_epochs(&line.event, epochs)
                            && !*damaged
                        {
                            *damaged = true;
                            tell(Told::Damage(format!("attempts/{number}/events.jsonl: {why}")));
                        }
                        *ended |= matches!(line.event, Event::Ended { .. });
                        // Anyone who folds this line takes its writer for alive: if it is not, that
                        // is told again.
                        *lost = false;
                        tell(Told::Line(number, Box::new(line)));
                    }
                    Err(why) => {
                        *damaged = true;
                        tell(Told::Damage(format!("attempts/{number}/events.jsonl: {why}")));
                    }
                });
            }
            // The folder is made before the log.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tell(Told::Damage(format!(
                "attempts/{number}/events.jsonl: cannot be read: {error}"
            ))),
        }
    }

    /// Tells when the newest attempt's log is open but its writer, as `alive` judges it, is gone.
    pub(super) fn look_for_writer(
        &mut self,
        run: &Path,
        alive: &mut impl FnMut(&AttemptInfo) -> Liveness,
        tell: &mut impl FnMut(Told),
    ) {
        if !self.open() {
            return;
        }
        if self.info.is_none() {
            self.read_info(run, tell);
        }
        if self.info.as_ref().map(alive) == Some(Liveness::Gone) {
            // It may have written its end between our last look and its own.
            self.drain(run, tell);
            self.lose(tell);
        }
    }

    fn lose(&mut self, tell: &mut impl FnMut(Told)) {
        if self.open() {
            self.lost = true;
            tell(Told::Lost);
        }
    }

    fn read_info(&mut self, run: &Path, tell: &mut impl FnMut(Told)) {
        let path = attempt_path(run, self.attempt).join("attempt.json");
        let read =
            files::read_if_there(&path).map_err(|error| error.to_string()).and_then(|bytes| {
                match bytes {
                    Some(bytes) => checksum::check_json(&bytes)
                        .and_then(|()| {
                            serde_json::from_slice(&bytes)
                                .map_err(|error| format!("is damaged: {error}"))
                        })
                        .map(Some)
                        .map_err(|why| format!("attempts/{}/attempt.json: {why}", self.attempt)),
                    // It is published after the log is made.
                    None => Ok(None),
                }
            });
        match read {
            Ok(info) => self.info = info,
            Err(why) if !self.info_told => {
                self.info_told = true;
                tell(Told::Damage(why));
            }
            Err(_) => {}
        }
    }
}

/// Counts the epochs that the logs tell of.
///
/// # Errors
/// When an attempt goes on from an epoch that no attempt before it has told of: their lines were
/// lost since, as each was on the disk before the checkpoint was.
fn follow_epochs(event: &Event, epochs: &mut usize) -> Result<(), String> {
    match event {
        Event::Epoch(report) => *epochs = report.epoch,
        Event::Started { resumed, .. } => {
            let (before, from) = (*epochs, resumed.map_or(0, |cursor| cursor.epoch));
            *epochs = from;
            if from > before {
                return Err(format!(
                    "goes on after epoch {from}, but the logs before it end with epoch {before}: \
                        lines are missing"
                ));
            }
        }
        Event::Checkpoint(_) | Event::Warning { .. } | Event::Ended { .. } => {}
    }
    Ok(())
}

/// Attempts of a run, ascending.
fn numbers(run: &Path, tell: &mut impl FnMut(Told)) -> Vec<u32> {
    attempt_numbers(run).unwrap_or_else(|error| {
        tell(Told::Damage(error.to_string()));
        Vec::new()
    })
}

/// Where an attempt's log lies.
pub(super) fn log_path(run: &Path, attempt: u32) -> std::path::PathBuf {
    attempt_path(run, attempt).join("events.jsonl")
}

/// Whether a process still runs, by [`writer_alive`], which is asked once for each.
pub(super) fn remembered() -> impl FnMut(&AttemptInfo) -> Liveness {
    let mut known: Vec<(u32, u64, String, Liveness)> = Vec::new();
    move |info| {
        let same = |(pid, start, boot, _): &&(u32, u64, String, Liveness)| {
            *pid == info.pid && *start == info.pid_start && *boot == info.boot_id
        };
        if let Some((.., liveness)) = known.iter().find(same) {
            return *liveness;
        }
        let liveness = writer_alive(info);
        known.push((info.pid, info.pid_start, info.boot_id.clone(), liveness));
        liveness
    }
}

fn read_from(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut file = files::open(path)?;
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    files::read_rest(file)
}
