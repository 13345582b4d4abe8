//! Finds what a person names: a sweep, or a run by the first digits of its id.

use crate::files;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{FileError, list_sweeps, manifest, reader, trial_file};

/// What a selector names, by its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A sweep's folder.
    Sweep(PathBuf),
    /// A run's folder.
    Run(PathBuf),
}

/// Candidates that an error lists.
const LISTED: usize = 10;

/// Finds what a selector names, by one grammar for every verb:
///
/// - `SWEEP`: a sweep: its name, its folder, or `latest`, the one whose manifest was written last
/// - `SWEEP/ID`: a run; the id may be cut short as long as it is unique
/// - `ID`: a run of whichever sweep has it
/// - a run's folder: that run
///
/// (`SWEEP/best` takes a ranking, which the command line knows.)
///
/// # Errors
/// When nothing or more than one thing bears the name; the error lists what there is.
pub fn select(root: &Path, selector: &str) -> Result<Selection, FileError> {
    let sweeps = list_sweeps(root)?;
    let named = |name: &str| sweeps.iter().find(|sweep| name_of(sweep) == name);
    let plain = selector.trim_end_matches('/');
    if let Some(sweep) = named(plain) {
        return Ok(Selection::Sweep(sweep.clone()));
    }
    // Its name is not a path: `list_sweeps` left it out because of whose link it is.
    files::check_link(&root.join(selector))?;
    if plain == LATEST {
        return latest(root, &sweeps).map(Selection::Sweep);
    }
    if let Some((sweep, id)) = plain.split_once('/').filter(|(_, id)| is_id(id)) {
        let folder = match named(sweep) {
            Some(folder) => Some(folder.clone()),
            None if sweep == LATEST => Some(latest(root, &sweeps)?),
            None => None,
        };
        if let Some(folder) = folder {
            return one_of(root, selector, runs_of(&folder, id)?, &sweeps);
        }
    }
    let path = Path::new(selector);
    files::check_link(path)?;
    if path.is_dir() {
        if trial_file::path_in(path).is_file()
            || path.parent().and_then(Path::file_name).is_some_and(|name| name == "trials")
        {
            return Ok(Selection::Run(path.to_owned()));
        }
        if reader::is_sweep(path) {
            return Ok(Selection::Sweep(path.to_owned()));
        }
    }
    if let Some((folder, id)) = plain
        .rsplit_once('/')
        .filter(|(folder, id)| is_id(id) && reader::is_sweep(Path::new(folder)))
    {
        files::check_link(Path::new(folder))?;
        return one_of(root, selector, runs_of(Path::new(folder), id)?, &sweeps);
    }
    let mut runs = Vec::new();
    if is_id(selector) {
        for sweep in &sweeps {
            runs.extend(runs_of(sweep, selector)?);
        }
    }
    one_of(root, selector, runs, &sweeps)
}

/// Names the newest sweep.
const LATEST: &str = "latest";

fn latest(root: &Path, sweeps: &[PathBuf]) -> Result<PathBuf, FileError> {
    let written = |sweep: &&PathBuf| {
        fs::metadata(manifest::path_in(sweep)).and_then(|meta| meta.modified()).ok()
    };
    let newest = sweeps.iter().filter(|sweep| written(sweep).is_some()).max_by_key(written);
    newest.cloned().ok_or_else(|| {
        FileError::at(&whole(root), format_args!("there are no sweeps yet; {START}"))
    })
}

/// What to do where there are no sweeps.
const START: &str = "start one with `kiln sweep FILE.toml`, or say with --runs where they are";

/// Where a folder is, wherever the command was given: `runs` alone says little.
fn whole(root: &Path) -> PathBuf {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned())
}

fn one_of(
    root: &Path,
    selector: &str,
    mut runs: Vec<PathBuf>,
    sweeps: &[PathBuf],
) -> Result<Selection, FileError> {
    let shown = selector.escape_debug();
    match runs.len() {
        1 => Ok(Selection::Run(runs.remove(0))),
        0 => {
            let names: Vec<String> = sweeps.iter().map(name_of).collect();
            let near = names.iter().max_by(|a, b| {
                strsim::jaro_winkler(a, selector).total_cmp(&strsim::jaro_winkler(b, selector))
            });
            let hint = match near {
                Some(near) if strsim::jaro_winkler(near, selector) > 0.8 => {
                    format!("; did you mean '{near}'?")
                }
                _ => String::new(),
            };
            let there = if names.is_empty() {
                format!("no sweeps yet; {START}")
            } else {
                format!("the sweeps {}", list(&names))
            };
            Err(FileError::at(
                &whole(root),
                format_args!("no sweep or run is named '{shown}'{hint} (there are {there})"),
            ))
        }
        many => {
            let names: Vec<String> = runs
                .iter()
                .map(|run| {
                    format!(
                        "{}/{}",
                        run.parent().and_then(Path::parent).map(name_of).unwrap_or_default(),
                        name_of(run)
                    )
                })
                .collect();
            Err(FileError::at(
                &whole(root),
                format_args!("'{shown}' names {many} runs: {}; add digits", list(&names)),
            ))
        }
    }
}

fn runs_of(sweep: &Path, prefix: &str) -> Result<Vec<PathBuf>, FileError> {
    let trials = sweep.join("trials");
    let mut ids: Vec<String> =
        files::names_in(&trials)?.into_iter().filter(|id| id.starts_with(prefix)).collect();
    ids.sort_unstable();
    Ok(ids.into_iter().map(|id| trials.join(id)).collect())
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn name_of(path: impl AsRef<Path>) -> String {
    path.as_ref().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        // Writing to a string cannot fail.
        write!(text, " and {} more", names.len() - LISTED).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{SweepFolder, testing};
    use super::*;
    use experiment::trial::{Trial, TrialId};

    fn store() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, ids) in
            [("grid", ["aa11", "ab22", "cc33"]), ("random", ["aa99", "dd44", "cc33"])]
        {
            let sweep = SweepFolder::create(root.path(), name).unwrap();
            sweep.write_manifest(&testing::manifest(&ids)).unwrap();
            for id in ids {
                sweep.create_run(&Trial { id: TrialId(id.into()), ..testing::trial(1) }).unwrap();
            }
        }
        root
    }

    #[test]
    fn names_folders_and_unique_beginnings_are_found() {
        let root = store();
        let at = |path: &str| root.path().join(path);
        let found = |selector: &str| select(root.path(), selector).unwrap();
        assert_eq!(found("grid"), Selection::Sweep(at("grid")));
        assert_eq!(found(at("grid").to_str().unwrap()), Selection::Sweep(at("grid")));
        assert_eq!(found("grid/c"), Selection::Run(at("grid/trials/cc33")));
        assert_eq!(found("aa9"), Selection::Run(at("random/trials/aa99")));
        assert_eq!(found("d"), Selection::Run(at("random/trials/dd44")));
        assert_eq!(
            found(at("grid/trials/aa11").to_str().unwrap()),
            Selection::Run(at("grid/trials/aa11"))
        );
        assert_eq!(found("grid/"), Selection::Sweep(at("grid")));
        assert_eq!(found(at("grid/c").to_str().unwrap()), Selection::Run(at("grid/trials/cc33")));
    }

    #[test]
    fn the_latest_sweep_is_the_one_whose_manifest_was_written_last() {
        let root = store();
        let old = fs::File::open(root.path().join("random/sweep.toml")).unwrap();
        old.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(
            select(root.path(), "latest").unwrap(),
            Selection::Sweep(root.path().join("grid"))
        );
        assert_eq!(
            select(root.path(), "latest/ab").unwrap(),
            Selection::Run(root.path().join("grid/trials/ab22"))
        );
        assert!(
            select(root.path(), "latest/dd").unwrap_err().to_string().contains("'latest/dd'"),
            "that is of the other sweep"
        );
    }

    #[test]
    fn what_is_unknown_or_ambiguous_is_an_error_that_lists_what_there_is() {
        let root = store();
        let error = |selector: &str| select(root.path(), selector).unwrap_err().to_string();
        assert!(
            error("gird").contains("did you mean 'grid'? (there are the sweeps grid, random)"),
            "{}",
            error("gird")
        );
        assert!(error("cc33").contains("grid/cc33, random/cc33"), "{}", error("cc33"));
        assert!(error("grid/a").contains("grid/aa11, grid/ab22"), "{}", error("grid/a"));
        assert!(error("").contains("no sweep or run"), "{}", error(""));
        let empty = tempfile::tempdir().unwrap();
        assert!(select(empty.path(), "latest").unwrap_err().to_string().contains("kiln sweep"));
        assert!(
            select(&empty.path().join("missing"), "x")
                .unwrap_err()
                .to_string()
                .contains("no sweeps yet")
        );
        let relative =
            select(Path::new("a-folder-that-is-not-there"), "latest").unwrap_err().to_string();
        assert!(Path::new(relative.split(": ").next().unwrap()).is_absolute(), "{relative}");
    }
}
