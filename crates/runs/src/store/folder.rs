//! Sweep and run folders.

use rayon::prelude::*;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::lock::{self, SweepLock};
use super::trial_file::{TrialReader, Unread};
use super::{
    Attempt, AttemptInfo, Checkpoint, RunResult, StoreError, SweepManifest, access, checkpoint,
    manifest, publish, result_file, trial_file,
};
use experiment::trial::{Trial, TrialId};

/// `runs/<sweep>/`.
#[derive(Clone, Debug)]
pub struct SweepFolder {
    pub path: PathBuf,
}

impl SweepFolder {
    /// `root/<name>`; makes it (and `trials/`) where it is missing.
    ///
    /// # Errors
    /// When the name is no plain name of a folder, is another user's link, or a folder cannot be
    /// made.
    pub fn create(root: &Path, name: &str) -> Result<Self, StoreError> {
        check_name(root, name)?;
        let path = root.join(name);
        access::check_link(&path)?;
        make_folders(&path.join("trials"))?;
        Ok(Self { path })
    }

    /// Locks the sweep against a second supervisor from `since` (RFC 3339, UTC) on; the error says
    /// who holds it (host, pid, since).
    ///
    /// # Errors
    /// When another process holds the lock, or the lock file cannot be written.
    pub fn lock(&self, since: &str) -> Result<SweepLock, StoreError> {
        lock::lock(&self.path, since)
    }

    /// `logs/<name>` and the file to append to, without what was in it before if it is to be
    /// [`Log::New`].
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn log(&self, name: &str, log: Log) -> Result<(PathBuf, File), StoreError> {
        let logs = self.path.join("logs");
        check_name(&logs, name)?;
        make_folders(&logs)?;
        let path = logs.join(name);
        let failed = |error: io::Error| StoreError::io(&path, "cannot be opened", &error);
        let file = access::new_file().create(true).append(true).open(&path).map_err(failed)?;
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
    pub fn write_manifest(&self, manifest: &SweepManifest) -> Result<(), StoreError> {
        manifest::write(&self.path, manifest)
    }

    /// What is kept under a name because it takes long to compute; `None` where nothing is. It may
    /// be deleted at any moment, and anyone who reads it checks what it was computed from.
    #[must_use]
    pub fn cached(&self, name: &str) -> Option<Vec<u8>> {
        publish::read_if_there(&self.cache_path(name).ok()?).ok()?
    }

    /// Keeps something under a name, in place of what was there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn cache(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.cache_path(name)?;
        publish::make_folder(&self.path.join("cache"))?;
        publish::replace_fleeting(&path, bytes)
    }

    fn cache_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let folder = self.path.join("cache");
        check_name(&folder, name)?;
        Ok(folder.join(format!("{name}.json")))
    }

    /// Makes a trial's folder with its `trial.toml`, or finds it (and checks that it says the
    /// same).
    ///
    /// # Errors
    /// When the folder cannot be made, or holds a trial with other settings.
    pub fn create_run(&self, trial: &Trial) -> Result<RunFolder, StoreError> {
        let run = self.make_run(trial, &TrialReader::default())?;
        if let MadeRun::New(run) = &run {
            trial_file::write(&run.path, trial)?;
        }
        publish::sync_folder(&self.path.join("trials"))?;
        match run {
            MadeRun::New(run) | MadeRun::Whole(run) | MadeRun::Repaired(run, _) => Ok(run),
            MadeRun::Refused(_, why) => Err(StoreError::new(why)),
        }
    }

    /// [`Self::create_run`] for many trials at once, without waiting for the disk: a run is brought
    /// there before its first attempt, and what a power cut takes of those that had none is made
    /// anew by the next call. A trial whose folder holds something else is refused alone; a damaged
    /// `trial.toml` is written anew.
    ///
    /// # Errors
    /// When a folder cannot be made or a file not be written.
    pub fn create_runs(&self, trials: &[Trial]) -> Result<MadeRuns, StoreError> {
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
    pub fn run_names(&self) -> Result<Vec<String>, StoreError> {
        names_in(&self.path.join("trials"))
    }

    /// A trial's folder, which must exist.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(&self, id: &TrialId) -> Result<RunFolder, StoreError> {
        let path = self.run_path(id)?;
        if path.is_dir() {
            Ok(RunFolder { path })
        } else {
            Err(StoreError::at(&path, "there is no such run"))
        }
    }

    fn run_path(&self, id: &TrialId) -> Result<PathBuf, StoreError> {
        let trials = self.path.join("trials");
        check_name(&trials, &id.0)?;
        Ok(trials.join(&id.0))
    }

    /// A trial's folder, made where it is missing; a new trial is still to be written there.
    fn make_run(&self, trial: &Trial, known: &TrialReader) -> Result<MadeRun, StoreError> {
        let path = self.run_path(&trial.id)?;
        let file = trial_file::path_in(&path);
        let refused = |error: StoreError| MadeRun::Refused(trial.id.clone(), error.to_string());
        let bytes = match publish::read_if_there(&file) {
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
            Err(later @ Unread::Later(_)) => Ok(refused(StoreError::at(&file, later))),
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
    pub path: PathBuf,
}

impl RunFolder {
    /// Its trial.
    ///
    /// # Errors
    /// When `trial.toml` is missing or damaged.
    pub fn trial(&self) -> Result<Trial, StoreError> {
        trial_file::read(&self.path)
    }

    /// `result.json`, if it was published.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn result(&self) -> Result<Option<RunResult>, StoreError> {
        result_file::read(&self.path)
    }

    /// Makes the next `attempts/<n>/` (create-new: two processes never share one) with
    /// `attempt.json` and an empty log.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn start_attempt(&self, info: &AttemptInfo) -> Result<Attempt, StoreError> {
        let attempts = self.path.join("attempts");
        if !attempts.is_dir() {
            // It was made without waiting for the disk; what is recorded from now on must not
            // outlive it.
            trial_file::sync(&self.path)?;
            publish::make_folder(&attempts)?;
        }
        let next = |number: u32| {
            number
                .checked_add(1)
                .ok_or_else(|| StoreError::at(&attempts, "has no number left for an attempt"))
        };
        let mut number =
            attempt_numbers(&self.path)?.last().map_or(Ok(1), |newest| next(*newest))?;
        while !publish::make_folder(&attempts.join(number.to_string()))? {
            number = next(number)?;
        }
        Attempt::start(self.path.clone(), number, info)
    }

    /// The folder of the newest attempt; `None` before any.
    ///
    /// # Errors
    /// When the attempts cannot be listed.
    pub fn newest_attempt(&self) -> Result<Option<PathBuf>, StoreError> {
        Ok(attempt_numbers(&self.path)?.last().map(|number| self.attempt_path(*number)))
    }

    /// The newest whole checkpoint of any attempt (by epoch and batch), with a warning for each
    /// newer one that was skipped because it is damaged.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn newest_checkpoint(&self) -> Result<(Option<Checkpoint>, Vec<String>), StoreError> {
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
pub(super) fn attempt_numbers(run: &Path) -> Result<Vec<u32>, StoreError> {
    let path = run.join("attempts");
    let mut numbers: Vec<u32> =
        names_in(&path)?.iter().filter_map(|name| name.parse().ok()).filter(|n| *n > 0).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Names in a folder, without hidden ones; none when there is no such folder.
pub(super) fn names_in(path: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |error: io::Error| StoreError::io(path, "the folder cannot be listed", &error);
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// What is a path, or could be taken for an option or a hidden file, is not a name.
pub(super) fn check_name(folder: &Path, name: &str) -> Result<(), StoreError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty()
        || name.len() > 100
        || name.starts_with(['.', '-'])
        || !name.chars().all(plain)
    {
        let shown = name.escape_debug();
        return Err(StoreError::at(
            folder,
            format_args!(
                "'{shown}' cannot name a folder (letters, digits, '_', '-' and '.', not first, at \
                    most 100 bytes)"
            ),
        ));
    }
    Ok(())
}

fn make_folders(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folders(parent)?;
    }
    publish::make_folder(path).map(|_| ())
}

fn make_quickly(path: &Path) -> Result<(), StoreError> {
    match access::make_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::io(path, "the folder cannot be made", &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn a_name_that_is_a_path_or_a_hidden_file_makes_no_folder() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/abs",
            "a\\b",
            ".hidden",
            "-rf",
            "a\nb",
            "a\u{1b}[31m",
            &"x".repeat(101),
        ] {
            assert!(SweepFolder::create(root.path(), name).is_err(), "{name:?}");
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        assert!(SweepFolder::create(&root.path().join("new/root"), "grid-2.b_é").is_ok());
    }

    #[test]
    fn a_run_is_made_once_and_found_again() {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::create(root.path(), "grid").unwrap();
        let trials: Vec<Trial> = (0..5).map(testing::trial).collect();
        assert!(sweep.run(&trials[0].id).is_err());
        sweep.create_run(&trials[0]).unwrap();
        let runs = sweep.create_runs(&trials).unwrap().runs;
        for (run, trial) in runs.iter().zip(&trials) {
            assert_eq!(run.trial().unwrap(), *trial);
            assert_eq!(sweep.run(&trial.id).unwrap().path, run.path);
        }
    }

    /// Of ext4 each sync is a commit of its journal: 10,000 trials took 25 to 70 seconds. A sync of
    /// the whole file system waits for what others write: 1 to 5 seconds.
    #[test]
    fn runs_are_made_without_the_disk_and_brought_there_before_their_first_attempt() {
        let syncs = |count: usize| {
            let root = tempfile::tempdir().unwrap();
            let sweep = SweepFolder::create(root.path(), "grid").unwrap();
            let trials: Vec<Trial> = (0..count).map(testing::trial).collect();
            let syncs = publish::counted::syncs_of(|| drop(sweep.create_runs(&trials).unwrap()));
            for trial in &trials {
                assert_eq!(sweep.run(&trial.id).unwrap().trial().unwrap(), *trial);
                assert_eq!(
                    fs::read_dir(sweep.run_path(&trial.id).unwrap()).unwrap().count(),
                    1,
                    "no temporary file stays"
                );
            }
            let run = sweep.run(&trials[0].id).unwrap();
            let started =
                publish::counted::syncs_of(|| drop(run.start_attempt(&testing::info()).unwrap()));
            let again =
                publish::counted::syncs_of(|| drop(run.start_attempt(&testing::info()).unwrap()));
            // The trial, the run's folder, the folder of all runs, and the name of the folder of
            // attempts.
            assert_eq!(started - again, 4);
            syncs
        };
        assert_eq!((syncs(1), syncs(200)), (0, 0));
    }

    #[test]
    fn of_runs_made_at_once_by_several_each_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::create(root.path(), "grid").unwrap();
        let trials: Vec<Trial> = (0..60).map(testing::trial).collect();
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    assert_eq!(sweep.create_runs(&trials).unwrap().runs.len(), 60);
                });
            }
        });
        let mut other = trials.clone();
        other[7].settings.model.hidden_size += 1;
        let refused = sweep.create_runs(&other).unwrap().refused;
        assert!(
            refused.len() == 1 && refused[0].1.contains("settings.model.hidden_size is"),
            "{refused:?}"
        );
    }

    #[test]
    fn a_damaged_trial_is_written_anew_and_one_of_other_settings_is_refused_alone() {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::create(root.path(), "grid").unwrap();
        let trials: Vec<Trial> = (0..4).map(testing::trial).collect();
        sweep.create_runs(&trials).unwrap();
        let file = |index: usize| trial_file::path_in(&sweep.run(&trials[index].id).unwrap().path);
        let whole = fs::read(file(0)).unwrap();
        fs::write(file(0), b"v = 1\n").unwrap();
        fs::write(file(1), whole.as_slice()).unwrap();
        fs::remove_file(file(2)).unwrap();
        fs::create_dir(file(2)).unwrap();
        let made = sweep.create_runs(&trials).unwrap();
        assert_eq!(fs::read(file(0)).unwrap(), whole);
        assert_eq!(fs::read(file(0).with_file_name("trial.toml.damaged")).unwrap(), b"v = 1\n");
        assert_eq!(made.runs.len(), 2);
        assert!(
            made.repaired.len() == 1 && made.repaired[0].contains("it was written anew"),
            "{:?}",
            made.repaired
        );
        let refused: Vec<_> =
            made.refused.iter().map(|(id, why)| (id, why.contains("trial.toml"))).collect();
        assert_eq!(refused, [(&trials[1].id, true), (&trials[2].id, true)]);
    }

    #[test]
    fn an_empty_trial_is_filled_without_a_word_unless_an_attempt_was_made_at_it() {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::create(root.path(), "grid").unwrap();
        let trials: Vec<Trial> = (0..3).map(testing::trial).collect();
        sweep.create_runs(&trials).unwrap();
        let run = |index: usize| sweep.run(&trials[index].id).unwrap();
        drop(run(2).start_attempt(&testing::info()).unwrap());
        for (index, left) in [b"".as_slice(), &[0; 900], b""].into_iter().enumerate() {
            fs::write(trial_file::path_in(&run(index).path), left).unwrap();
        }
        let made = sweep.create_runs(&trials).unwrap();
        assert_eq!((made.runs.len(), made.refused.len()), (3, 0));
        assert!(
            made.repaired.len() == 1 && made.repaired[0].contains("trial.toml: is empty"),
            "{:?}",
            made.repaired
        );
        (0..3).for_each(|index| assert_eq!(run(index).trial().unwrap(), trials[index]));
    }

    #[test]
    fn a_folder_whose_trial_was_never_written_gets_it() {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::create(root.path(), "grid").unwrap();
        let trial = testing::trial(1);
        fs::create_dir(sweep.path.join("trials").join(&trial.id.0)).unwrap();
        assert_eq!(sweep.create_run(&trial).unwrap().trial().unwrap(), trial);
    }

    #[test]
    fn attempts_started_at_once_never_share_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let run = SweepFolder::create(root.path(), "grid")
            .unwrap()
            .create_run(&testing::trial(1))
            .unwrap();
        let mut numbers: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| run.start_attempt(&testing::info()).unwrap().number))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    }
}
