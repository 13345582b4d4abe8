//! Sweep and run folders.

use crate::files::{self, Lock};
use rayon::prelude::*;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::trial_file::{TrialReader, Unread};
use super::{
    Attempt, AttemptInfo, Checkpoint, FileError, RunResult, SweepManifest, checkpoint, manifest,
    result_file, trial_file,
};
use experiment::trial::{Trial, TrialId};

/// `runs/<sweep>/`.
#[derive(Clone, Debug)]
pub struct SweepFolder {
    /// Where it is.
    pub path: PathBuf,
}

impl SweepFolder {
    /// `root/<name>`; makes it (and `trials/`) where it is missing.
    ///
    /// # Errors
    /// When the name is no plain name of a folder, is another user's link, or a folder cannot be
    /// made.
    pub fn create(root: &Path, name: &str) -> Result<Self, FileError> {
        check_name(root, name)?;
        let path = root.join(name);
        files::check_link(&path)?;
        make_folders(&path.join("trials"))?;
        Ok(Self { path })
    }

    /// Locks the sweep against a second supervisor from `since` (RFC 3339, UTC) on; the error says
    /// who holds it (host, pid, since).
    ///
    /// # Errors
    /// When another process holds the lock, or the lock file cannot be written.
    pub fn lock(&self, since: &str) -> Result<Lock, FileError> {
        files::lock(
            &self.path,
            "the sweep is being run",
            since,
            files::Links::Follow,
            files::Patience::None,
        )
    }

    /// `logs/<name>` and the file to append to, without what was in it before if it is to be
    /// [`Log::New`].
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn log(&self, name: &str, log: Log) -> Result<(PathBuf, File), FileError> {
        let logs = self.path.join("logs");
        check_name(&logs, name)?;
        make_folders(&logs)?;
        let path = logs.join(name);
        let failed = |error: io::Error| FileError::io(&path, "cannot be opened", error);
        let file = files::new_file().create(true).append(true).open(&path).map_err(failed)?;
        if log == Log::New {
            file.set_len(0).map_err(failed)?;
        }
        Ok((path, file))
    }

    /// Writes `sweep.toml`; a different former one is kept as `sweep.1.toml`, `sweep.2.toml`, … One
    /// that asks for the same (text, overrides, trials) stays as it is.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_manifest(&self, manifest: &SweepManifest) -> Result<(), FileError> {
        manifest::write(&self.path, manifest)
    }

    /// What is kept under a name because it takes long to compute; `None` where nothing is. It may
    /// be deleted at any moment, and anyone who reads it checks what it was computed from.
    #[must_use]
    pub fn cached(&self, name: &str) -> Option<Vec<u8>> {
        files::read_if_there(&self.cache_path(name).ok()?).ok()?
    }

    /// Keeps something under a name, in place of what was there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn cache(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.cache_path(name)?;
        files::make_folder(&self.path.join("cache"))?;
        files::replace_fleeting(&path, bytes)
    }

    fn cache_path(&self, name: &str) -> Result<PathBuf, FileError> {
        let folder = self.path.join("cache");
        check_name(&folder, name)?;
        Ok(folder.join(format!("{name}.json")))
    }

    /// Makes a trial's folder with its `trial.toml`, or finds it (and checks that it says the
    /// same).
    ///
    /// # Errors
    /// When the folder cannot be made, or holds a trial with other settings.
    pub fn create_run(&self, trial: &Trial) -> Result<RunFolder, FileError> {
        let run = self.make_run(trial, &TrialReader::default())?;
        if let MadeRun::New(run) = &run {
            trial_file::write(&run.path, trial)?;
        }
        files::sync_folder(&self.path.join("trials"))?;
        match run {
            MadeRun::New(run) | MadeRun::Whole(run) | MadeRun::Repaired(run, _) => Ok(run),
            MadeRun::Refused(_, why) => Err(FileError::new(why)),
        }
    }

    /// [`Self::create_run`] for many trials at once, without waiting for the disk: a run is brought
    /// there before its first attempt, and what a power cut takes of those that had none is made
    /// anew by the next call. A trial whose folder holds something else is refused alone; a damaged
    /// `trial.toml` is written anew.
    ///
    /// # Errors
    /// When a folder cannot be made or a file not be written.
    pub fn create_runs(&self, trials: &[Trial]) -> Result<MadeRuns, FileError> {
        let known = TrialReader::default();
        let mut runs: Vec<MadeRun> = trials
            .par_iter()
            .map(|trial| self.make_run(trial, &known))
            .collect::<Result<Vec<_>, _>>()?;
        let new =
            runs.iter().zip(trials).enumerate().filter_map(|(place, (run, trial))| match run {
                MadeRun::New(run) => Some((place, run.path.clone(), trial)),
                MadeRun::Whole(_) | MadeRun::Repaired(..) | MadeRun::Refused(..) => None,
            });
        let new: Vec<(usize, PathBuf, &Trial)> = new.collect();
        let files: Vec<(&Path, &Trial)> =
            new.iter().map(|(_, path, trial)| (path.as_path(), *trial)).collect();
        let written = trial_file::write_all(&files)?;
        for ((place, _, trial), written) in new.iter().zip(written) {
            if let Err(other) = written {
                runs[*place] = MadeRun::Refused(trial.id.clone(), other.to_string());
            }
        }
        let mut made = MadeRuns::default();
        for run in runs {
            match run {
                MadeRun::New(run) | MadeRun::Whole(run) => made.runs.push(run),
                MadeRun::Repaired(run, told) => {
                    made.runs.push(run);
                    made.repaired.push(told);
                }
                MadeRun::Refused(id, why) => made.refused.push((id, why)),
            }
        }
        Ok(made)
    }

    /// The names of the runs that have a folder.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn run_names(&self) -> Result<Vec<String>, FileError> {
        files::names_in(&self.path.join("trials"))
    }

    /// A trial's folder, which must exist.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(&self, id: &TrialId) -> Result<RunFolder, FileError> {
        let path = self.run_path(id)?;
        if path.is_dir() {
            Ok(RunFolder { path })
        } else {
            Err(FileError::at(&path, "there is no such run"))
        }
    }

    fn run_path(&self, id: &TrialId) -> Result<PathBuf, FileError> {
        let trials = self.path.join("trials");
        check_name(&trials, &id.0)?;
        Ok(trials.join(&id.0))
    }

    /// A trial's folder, made where it is missing; a new trial is still to be written there.
    fn make_run(&self, trial: &Trial, known: &TrialReader) -> Result<MadeRun, FileError> {
        let path = self.run_path(&trial.id)?;
        let file = trial_file::path_in(&path);
        let refused = |error: FileError| MadeRun::Refused(trial.id.clone(), error.to_string());
        let bytes = match files::read_if_there(&file) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(refused(error)),
        };
        let Some(bytes) = bytes else {
            make_quickly(&path)?;
            return Ok(MadeRun::New(RunFolder { path }));
        };
        match known.parse(&bytes) {
            Ok(former) => match trial_file::verify(&file, &former, trial) {
                Ok(()) => Ok(MadeRun::Whole(RunFolder { path })),
                Err(other) => Ok(refused(other)),
            },
            // What a power cut leaves of a run that was never begun: nothing is lost with it.
            Err(Unread::Damaged(_))
                if bytes.iter().all(|byte| *byte == 0) && !path.join("attempts").exists() =>
            {
                trial_file::fill(&path, trial)?;
                Ok(MadeRun::Whole(RunFolder { path }))
            }
            Err(Unread::Damaged(why)) => {
                let told = trial_file::write_anew(&path, trial, &why)?;
                Ok(MadeRun::Repaired(RunFolder { path }, told))
            }
            Err(later @ Unread::Later(_)) => Ok(refused(FileError::at(&file, later))),
        }
    }
}

/// The folders of a plan's trials.
#[derive(Debug, Default)]
pub struct MadeRuns {
    /// Those that can be trained, in the order of the trials.
    pub runs: Vec<RunFolder>,
    /// What was damaged and put right.
    pub repaired: Vec<String>,
    /// Trials whose folder holds something else, and what.
    pub refused: Vec<(TrialId, String)>,
}

/// The folder of one trial.
enum MadeRun {
    /// Its `trial.toml` is to be written.
    New(RunFolder),
    Whole(RunFolder),
    Repaired(RunFolder, String),
    Refused(TrialId, String),
}

/// What becomes of a log that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// It goes on.
    Continued,
    /// It begins anew.
    New,
}

/// `runs/<sweep>/trials/<id>/`.
#[derive(Clone, Debug)]
pub struct RunFolder {
    /// Where it is.
    pub path: PathBuf,
}

impl RunFolder {
    /// Its trial.
    ///
    /// # Errors
    /// When `trial.toml` is missing or damaged.
    pub fn trial(&self) -> Result<Trial, FileError> {
        trial_file::read(&self.path)
    }

    /// `result.json`, if it was published.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn result(&self) -> Result<Option<RunResult>, FileError> {
        result_file::read(&self.path)
    }

    /// Makes the next `attempts/<n>/` (create-new: two processes never share one) with
    /// `attempt.json` and an empty log.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn start_attempt(&self, info: &AttemptInfo) -> Result<Attempt, FileError> {
        let attempts = self.path.join("attempts");
        if !attempts.is_dir() {
            // It was made without waiting for the disk; what is recorded from now on must not
            // outlive it.
            trial_file::sync(&self.path)?;
            files::make_folder(&attempts)?;
        }
        let next = |number: u32| {
            number
                .checked_add(1)
                .ok_or_else(|| FileError::at(&attempts, "has no number left for an attempt"))
        };
        let mut number =
            attempt_numbers(&self.path)?.last().map_or(Ok(1), |newest| next(*newest))?;
        while !files::make_folder(&attempts.join(number.to_string()))? {
            number = next(number)?;
        }
        Attempt::start(self.path.clone(), number, info)
    }

    /// The folder of the newest attempt; `None` before any.
    ///
    /// # Errors
    /// When the attempts cannot be listed.
    pub fn newest_attempt(&self) -> Result<Option<PathBuf>, FileError> {
        Ok(attempt_numbers(&self.path)?.last().map(|number| self.attempt_path(*number)))
    }

    /// The newest whole checkpoint of any attempt (by epoch and batch), with a warning for each
    /// newer one that was skipped because it is damaged.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn newest_checkpoint(&self) -> Result<(Option<Checkpoint>, Vec<String>), FileError> {
        checkpoint::newest(&self.path, |_| Ok(()))
    }

    fn attempt_path(&self, number: u32) -> PathBuf {
        attempt_path(&self.path, number)
    }
}

/// Where an attempt lies.
pub(super) fn attempt_path(run: &Path, number: u32) -> PathBuf {
    run.join("attempts").join(number.to_string())
}

/// Numbers of a run's attempts, ascending.
pub(super) fn attempt_numbers(run: &Path) -> Result<Vec<u32>, FileError> {
    let path = run.join("attempts");
    let mut numbers: Vec<u32> = files::names_in(&path)?
        .iter()
        .filter_map(|name| name.parse().ok())
        .filter(|n| *n > 0)
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// What is a path, or could be taken for an option or a hidden file, is not a name.
pub(super) fn check_name(folder: &Path, name: &str) -> Result<(), FileError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty()
        || name.len() > 100
        || name.starts_with(['.', '-'])
        || !name.chars().all(plain)
    {
        let shown = name.escape_debug();
        return Err(FileError::at(
            folder,
            format_args!(
                "'{shown}' cannot name a folder (letters, digits, '_', '-' and '.', not first, at \
                    most 100 bytes)"
            ),
        ));
    }
    Ok(())
}

fn make_folders(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folders(parent)?;
    }
    files::make_folder(path).map(|_| ())
}

fn make_quickly(path: &Path) -> Result<(), FileError> {
    match files::make_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(FileError::io(path, "the folder cannot be made", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
