//! Tolerant reading: a damaged file is a row with its reason, and never hides another.

use crate::files;
use rayon::prelude::*;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::covers::Covers;
use super::scan::{Told, Walk};
use super::trial_file::{self, TrialReader};
use super::{
    FileError, RunProgress, RunRecord, RunState, SweepManifest, SweepRecord, evaluations, manifest,
    result_file,
};
use experiment::metric::{Direction, Metric, Quantity, Split};
use experiment::trial::Trial;

/// How much of a run is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// All.
    Events,
    /// Not the events of a run that has a result.
    Summary,
}

/// Folders of all sweeps under `root`, by name.
///
/// # Errors
/// When `root` cannot be listed; a root that is missing holds no sweeps, and another user's link is
/// none.
pub fn list_sweeps(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut names = files::names_in(root)?;
    names.sort_unstable();
    let folders = names.into_iter().map(|name| root.join(name));
    Ok(folders.filter(|path| files::check_link(path).is_ok() && is_sweep(path)).collect())
}

/// Reads a sweep: every run in the order of the plan, then runs of former versions of the file, by
/// id.
///
/// # Errors
/// When the folder is not a sweep or cannot be listed; everything else that cannot be read is told
/// in the record.
pub fn read_sweep(folder: &Path) -> Result<SweepRecord, FileError> {
    read_to(folder, Depth::Events).map(|(record, _)| record)
}

/// Reads a sweep without the events of the runs that have a result: their progress holds the
/// winning attempt and the state, but no epochs, device, checkpoint or warnings. Runs without a
/// result are read as by [`read_sweep`].
///
/// # Errors
/// As [`read_sweep`].
pub fn read_sweep_summaries(folder: &Path) -> Result<SweepRecord, FileError> {
    read_to(folder, Depth::Summary).map(|(record, _)| record)
}

/// Reads one run. Whether it is in the current plan, and where, is known to [`read_sweep`] alone.
///
/// # Errors
/// When `trial.toml` is missing or damaged; everything else that cannot be read is told in the
/// record.
pub fn read_run(folder: &Path) -> Result<RunRecord, FileError> {
    scan_run(folder, Depth::Events, &TrialReader::default()).map(|(record, _)| record)
}

/// Reads the events of a run that [`read_sweep_summaries`] left out: it comes to what
/// [`read_sweep`] gives.
pub fn read_events(run: &mut RunRecord) {
    let Some(result) = run.result.take() else { return };
    run.progress = RunProgress::default();
    let folder = run.folder.clone();
    // That the result itself cannot be read was told when it was.
    let covers = result_file::read_with_covers(&folder)
        .ok()
        .flatten()
        .map(|(_, covers)| covers)
        .unwrap_or_default();
    Walk::default()
        .finish(&folder, result.attempt, covers.log.as_deref(), &mut |told| take(run, told));
    run.take_result(result);
}

/// Reads a sweep, with the walk through each run of [`SweepRecord::runs`].
pub(super) fn read_to(folder: &Path, depth: Depth) -> Result<(SweepRecord, Vec<Walk>), FileError> {
    if !is_sweep(folder) {
        return Err(FileError::at(folder, "is not a sweep (no sweep.toml and no trials/ in it)"));
    }
    let mut damaged = Vec::new();
    let manifest = manifest::read(folder).unwrap_or_else(|error| {
        damaged.push(("sweep.toml".to_owned(), error.to_string()));
        unknown_manifest(folder)
    });
    let ids = ordered_ids(folder, &manifest)?;
    let trials = TrialReader::default();
    let scanned: Vec<_> = ids
        .par_iter()
        .map(|(id, position)| {
            let (mut run, walk) = scan_run(&folder.join("trials").join(id), depth, &trials)
                .map_err(|error| (id.clone(), error.to_string()))?;
            run.place(*position, &manifest);
            Ok((run, walk))
        })
        .collect();
    let (mut runs, mut walks) =
        (Vec::with_capacity(scanned.len()), Vec::with_capacity(scanned.len()));
    for scanned in scanned {
        match scanned {
            Ok((run, walk)) => {
                runs.push(run);
                walks.push(walk);
            }
            Err(why) => damaged.push(why),
        }
    }
    Ok((SweepRecord { folder: folder.to_owned(), manifest, runs, damaged }, walks))
}

/// Reads one run, and how far its attempts were walked through.
pub(super) fn scan_run(
    folder: &Path,
    depth: Depth,
    trials: &TrialReader,
) -> Result<(RunRecord, Walk), FileError> {
    let trial = read_trial(folder, trials)?;
    let mut run = RunRecord::new(trial, folder.to_owned());
    let read = match depth {
        Depth::Events => result_file::read_with_covers(folder),
        Depth::Summary => {
            result_file::read(folder).map(|result| result.map(|result| (result, Covers::default())))
        }
    };
    let result = read.unwrap_or_else(|error| {
        run.damage.push(error.to_string());
        None
    });
    run.evaluations = evaluations::read(folder, &mut run.damage);
    let mut walk = Walk::default();
    match result {
        Some((result, covers)) => {
            if depth == Depth::Events {
                walk.finish(folder, result.attempt, covers.log.as_deref(), &mut |told| {
                    take(&mut run, told)
                });
            }
            run.take_result(result);
        }
        None => {
            walk.advance(folder, &mut |told| take(&mut run, told));
            walk.look_for_writer(folder, &mut super::writer_alive, &mut |told| {
                take(&mut run, told)
            });
        }
    }
    Ok((run, walk))
}

/// The trial of a folder that bears its id.
pub(super) fn read_trial(folder: &Path, trials: &TrialReader) -> Result<Trial, FileError> {
    let trial = trials.read(folder)?;
    match folder.file_name().and_then(OsStr::to_str) {
        Some(name) if name != trial.id.0 => Err(FileError::at(
            &trial_file::path_in(folder),
            format_args!("is of trial {}: its folder was renamed or copied", trial.id),
        )),
        _ => Ok(trial),
    }
}

/// Takes what a walk through a run's attempts tells.
fn take(run: &mut RunRecord, told: Told) {
    match told {
        Told::Line(attempt, line) => run.progress.fold(attempt, &line),
        Told::Lost => run.progress.state = RunState::Lost,
        Told::Damage(why) => run.damage.push(why),
    }
}

/// Whether a folder is a sweep's.
pub(super) fn is_sweep(folder: &Path) -> bool {
    manifest::path_in(folder).is_file() || folder.join("trials").is_dir()
}

fn ordered_ids(
    folder: &Path,
    manifest: &SweepManifest,
) -> Result<Vec<(String, Option<usize>)>, FileError> {
    let there: HashSet<String> = files::names_in(&folder.join("trials"))?.into_iter().collect();
    let planned: HashSet<&String> = manifest.trials.iter().collect();
    let mut others: Vec<&String> = there.iter().filter(|id| !planned.contains(id)).collect();
    others.sort_unstable();
    let current = manifest
        .trials
        .iter()
        .enumerate()
        .filter(|(_, id)| there.contains(*id))
        .map(|(i, id)| (id.clone(), Some(i)));
    Ok(current.chain(others.into_iter().map(|id| (id.clone(), None))).collect())
}

/// What stands in for a manifest that cannot be read, so that the runs are shown all the same.
fn unknown_manifest(folder: &Path) -> SweepManifest {
    let metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };
    SweepManifest {
        v: super::VERSION,
        name: folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        question: None,
        objective: metric,
        direction: Direction::Minimize,
        repeats: 1,
        target_unit: String::new(),
        trials: Vec::new(),
        backtest: None,
        origin: super::Origin::default(),
        experiment: String::new(),
    }
}
