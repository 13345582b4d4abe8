//! Follows a sweep's folder as it grows, reading only what is new.

use crate::files;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folder::attempt_path;
use super::reader::{self, Depth};
use super::scan::{self, Told, Walk};
use super::trial_file::{self, TrialReader};
use super::{
    AttemptInfo, Change, FileError, Liveness, RunResult, SweepRecord, checksum, result_file,
};
use experiment::trial::TrialId;

/// Runs that are asked for news of every kind in one poll because it is their turn.
const ASKED: usize = 50;
/// Waiting runs in a row that have not begun, after which no more of the row are asked.
const MISSES: usize = 4;
/// Turns of a waiting run after which it is asked although its folder is as it was: not every file
/// system tells of changes.
const ASKED_ANYHOW: u64 = 10;
/// Polls between two turns of a run, at most.
const LONGEST_TURN: u64 = 50;
/// Open logs that are looked at in one poll; more than that take turns.
const LOOKED_AT: usize = 125;
/// Polls between two looks at an open log, at most.
const LONGEST_LOOK: u64 = 8;
/// Polls between two looks at a `progress.json`, which is replaced at most twice a second.
const PROGRESS_EVERY: u64 = 3;
/// Polls for which a folder is listed or asked after it changed: two changes within one tick of the
/// file system's clock look like one.
const SETTLES_AFTER: u64 = 20;

/// Tails every log of a sweep. Evaluations of the test split are not followed: they come after the
/// result.
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    /// Every name ever seen under `trials/`.
    known: HashSet<String>,
    /// Folders without `trial.toml` so far, with the number of looks at them.
    unready: Vec<(String, u64)>,
    trials: TrialReader,
    /// Runs without a result.
    runs: Vec<Followed>,
    /// When `trials/` last changed, by the file system's clock, and the poll that saw it.
    changed: (Option<SystemTime>, u64),
    polls: u64,
}

#[derive(Debug)]
struct Followed {
    id: TrialId,
    path: PathBuf,
    walk: Walk,
    /// The log's size when it was last read.
    size: u64,
    /// When `progress.json` was last replaced.
    progress: Option<SystemTime>,
    /// A result that cannot be read is told once.
    result_damaged: bool,
    /// When a waiting run's folder last changed, by the file system's clock, and the poll that saw
    /// it.
    changed: (Option<SystemTime>, u64),
    /// How often it was asked.
    turns: u64,
    /// Whether its newest log ended, and the poll that saw it end.
    ended: (bool, Option<u64>),
    /// It has a result: nothing more is to come.
    finished: bool,
}

impl Follower {
    /// Reads the folder as it is, then follows it.
    ///
    /// # Errors
    /// When the folder is not a sweep or cannot be listed.
    pub fn open(folder: &Path) -> Result<(SweepRecord, Self), FileError> {
        let (record, walks) = reader::read_to(folder, Depth::Events)?;
        let mut follower = Self {
            folder: folder.to_owned(),
            known: HashSet::new(),
            unready: Vec::new(),
            trials: TrialReader::default(),
            runs: Vec::new(),
            changed: (None, 0),
            polls: 0,
        };
        for (run, walk) in record.runs.iter().zip(walks) {
            follower.known.insert(run.trial.id.0.clone());
            if run.result.is_none() {
                let result_damaged = result_file::read(&run.folder).is_err();
                let ended = (walk.ended, None);
                let followed = Followed::new(run.trial.id.clone(), run.folder.clone());
                follower.runs.push(Followed { walk, result_damaged, ended, ..followed });
            }
        }
        for (id, _) in &record.damaged {
            let path = follower.folder.join("trials").join(id);
            if path.is_dir() {
                follower.known.insert(id.clone());
                if !trial_file::path_in(&path).exists() {
                    follower.unready.push((id.clone(), SETTLES_AFTER + 1));
                }
            }
        }
        Ok((record, follower))
    }

    /// What is new. Cheap when nothing is: one stat of `trials/`, of each open log (up to 125; more
    /// take turns) and of 50 waiting runs. Runs without a result take turns in being asked for
    /// attempts, results and whether their writer lives, each at least every 50th poll. The trials
    /// of a pack are neighbours in the plan: of waiting runs those beside one that has begun are
    /// asked at once, and so are its other neighbours when one begins. A finished run is never
    /// looked at again. Folded by [`SweepRecord::apply`], the changes come to what
    /// [`super::read_sweep`] gives.
    ///
    /// # Errors
    /// When the sweep's folder cannot be listed.
    pub fn poll(&mut self) -> Result<Vec<Change>, FileError> {
        self.polls += 1;
        let mut changes = Vec::new();
        self.look_for_runs(&mut changes)?;
        let share =
            |among: usize, longest: u64| (self.runs.len().div_ceil(among) as u64).clamp(1, longest);
        let (turns, looks) = (share(ASKED, LONGEST_TURN), share(LOOKED_AT, LONGEST_LOOK));
        let mut alive = scan::remembered();
        let polls = self.polls;
        let (mut edges, mut begun, mut former_waits) = (0, Vec::new(), false);
        for (place, run) in self.runs.iter_mut().enumerate() {
            let number = polls + place as u64;
            let is_edge = run.waits() && !former_waits && edges < ASKED;
            edges += usize::from(is_edge);
            former_waits = run.waits();
            let turn = is_edge || run.turns == 0 || number.is_multiple_of(turns);
            let attempt = run.walk.attempt;
            if turn || run.walk.open() && number.is_multiple_of(looks) {
                run.read_log(&mut changes);
            }
            if number.is_multiple_of(turns.max(PROGRESS_EVERY)) {
                run.read_progress(&mut changes);
            }
            run.note_end(polls);
            if turn || run.ended_lately(polls) {
                run.ask(polls, &mut alive, &mut changes);
            }
            if run.walk.attempt != attempt {
                begun.push(place);
            }
        }
        for place in begun {
            let (before, after) = self.runs.split_at_mut(place);
            ask_row(before.iter_mut().rev(), polls, &mut alive, &mut changes);
            ask_row(after.iter_mut().skip(1), polls, &mut alive, &mut changes);
        }
        self.runs.retain(|run| !run.finished);
        Ok(changes)
    }

    fn look_for_runs(&mut self, changes: &mut Vec<Change>) -> Result<(), FileError> {
        let trials = self.folder.join("trials");
        let changed = modified(&trials);
        if changed != self.changed.0 {
            self.changed = (changed, self.polls);
        }
        if self.polls - self.changed.1 <= SETTLES_AFTER || self.polls.is_multiple_of(LONGEST_TURN) {
            for name in files::names_in(&trials)? {
                if self.known.insert(name.clone()) {
                    self.unready.push((name, 0));
                }
            }
        }
        for (name, looks) in std::mem::take(&mut self.unready) {
            let path = trials.join(&name);
            match reader::read_trial(&path, &self.trials) {
                Ok(trial) => {
                    self.runs.push(Followed::new(trial.id.clone(), path));
                    changes.push(Change::Run(Box::new(trial)));
                }
                // Its folder is made first; only one that stays without a trial is worth a word.
                Err(error) if !trial_file::path_in(&path).exists() => {
                    if looks == SETTLES_AFTER {
                        changes.push(Change::Damage(TrialId(name.clone()), error.to_string()));
                    }
                    self.unready.push((name, looks + 1));
                }
                Err(error) => changes.push(Change::Damage(TrialId(name), error.to_string())),
            }
        }
        Ok(())
    }
}

impl Followed {
    fn new(id: TrialId, path: PathBuf) -> Self {
        Self {
            id,
            path,
            walk: Walk::default(),
            size: 0,
            progress: None,
            result_damaged: false,
            changed: (None, 0),
            turns: 0,
            ended: (false, None),
            finished: false,
        }
    }

    /// Whether no attempt is known of it.
    fn waits(&self) -> bool {
        self.walk.attempt == 0 && !self.finished
    }

    /// Whether nothing came into a waiting run's folder since it was asked.
    fn is_as_it_was(&mut self, polls: u64) -> bool {
        let changed = modified(&self.path);
        if changed != self.changed.0 {
            self.changed = (changed, polls);
        }
        polls - self.changed.1 > SETTLES_AFTER && !self.turns.is_multiple_of(ASKED_ANYHOW)
    }

    /// Reads what was appended to the newest log.
    fn read_log(&mut self, changes: &mut Vec<Change>) {
        if self.walk.attempt == 0 {
            return;
        }
        let size = files::look(&scan::log_path(&self.path, self.walk.attempt))
            .map_or(0, |meta| meta.len());
        if size != self.size {
            self.size = size;
            self.walk.drain(&self.path, &mut teller(&self.id, changes));
        }
    }

    fn read_progress(&mut self, changes: &mut Vec<Change>) {
        if !self.walk.open() {
            return;
        }
        let path = attempt_path(&self.path, self.walk.attempt).join("progress.json");
        let Some(replaced) = modified(&path) else { return };
        if self.progress != Some(replaced) {
            self.progress = Some(replaced);
            // A hint that is gone at the next moment: what cannot be read is passed over.
            let whole = |bytes: Vec<u8>| {
                checksum::check_line(&bytes).ok().and_then(|()| serde_json::from_slice(&bytes).ok())
            };
            if let Some(progress) = files::read(&path).ok().and_then(whole) {
                changes.push(Change::Progress(self.id.clone(), progress));
            }
        }
    }

    /// Asks for a result, for newer attempts and for the writer.
    fn ask(
        &mut self,
        polls: u64,
        alive: &mut impl FnMut(&AttemptInfo) -> Liveness,
        changes: &mut Vec<Change>,
    ) {
        self.turns += 1;
        if self.waits() && self.is_as_it_was(polls) {
            return;
        }
        if !self.result_damaged {
            match result_file::read_with_covers(&self.path) {
                Ok(Some((result, covers))) => {
                    return self.finish(result, covers.log.as_deref(), changes);
                }
                Ok(None) => {}
                Err(error) => {
                    self.result_damaged = true;
                    changes.push(Change::Damage(self.id.clone(), error.to_string()));
                }
            }
        }
        let attempt = self.walk.attempt;
        // Attempts are numbered without gaps, so that one look tells whether there is a newer one.
        if files::look(&attempt_path(&self.path, attempt.saturating_add(1))).is_some() {
            self.walk.advance(&self.path, &mut teller(&self.id, changes));
        }
        self.walk.look_for_writer(&self.path, alive, &mut teller(&self.id, changes));
        if self.walk.attempt != attempt {
            (self.size, self.progress) = (0, None);
        }
        self.note_end(polls);
    }

    fn note_end(&mut self, polls: u64) {
        if self.walk.ended != self.ended.0 {
            self.ended = (self.walk.ended, self.walk.ended.then_some(polls));
        }
    }

    /// Whether its log ended a moment ago: its result is on its way.
    fn ended_lately(&self, polls: u64) -> bool {
        self.ended.1.is_some_and(|ended| polls - ended <= SETTLES_AFTER)
    }

    /// Tells the rest of a run up to its winning attempt, then its result.
    fn finish(&mut self, result: RunResult, sum: Option<&str>, changes: &mut Vec<Change>) {
        self.finished = true;
        if self.walk.attempt > result.attempt {
            // An attempt that was given up won; what came after it does not count.
            if let Ok(trial) = reader::read_trial(&self.path, &TrialReader::default()) {
                changes.push(Change::Run(Box::new(trial)));
                self.walk = Walk::default();
            }
        }
        self.walk.finish(&self.path, result.attempt, sum, &mut teller(&self.id, changes));
        changes.push(Change::Result(self.id.clone(), Box::new(result)));
    }
}

/// Asks the waiting runs of a row until some in a row have not begun, or one did so long ago.
fn ask_row<'a>(
    row: impl Iterator<Item = &'a mut Followed>,
    polls: u64,
    alive: &mut impl FnMut(&AttemptInfo) -> Liveness,
    changes: &mut Vec<Change>,
) {
    let mut misses = 0;
    for run in row.take_while(|run| run.waits()) {
        run.ask(polls, alive, changes);
        misses = if run.waits() { misses + 1 } else { 0 };
        if misses == MISSES {
            return;
        }
    }
}

/// When something last changed, by the file system's clock.
fn modified(path: &Path) -> Option<SystemTime> {
    files::look(path)?.modified().ok()
}

fn teller<'a>(id: &'a TrialId, changes: &'a mut Vec<Change>) -> impl FnMut(Told) + 'a {
    move |told| {
        changes.push(match told {
            Told::Line(attempt, line) => Change::Line(id.clone(), attempt, line),
            Told::Lost => Change::Lost(id.clone()),
            Told::Damage(why) => Change::Damage(id.clone(), why),
        });
    }
}
