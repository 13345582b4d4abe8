//! `evaluations.jsonl`: each opening of the test split is a line, with a checksum of its own and of
//! the forecasts that it made.
//!
//! The forecasts lie beside those of the validation split, named by their content (`test-<16 hex
//! digits>.parquet`), so that two openings at once share a file or have one each, and nothing is
//! replaced. Before version 0.2 they were in `forecasts.parquet`.

use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::checksum::{self, FileSum, SHORT};
use super::folder::{attempt_numbers, attempt_path};
use super::{Evaluation, FileError, Forecasts, forecasts, manifest};

/// A line.
#[derive(Serialize, Deserialize)]
struct Opening {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// What was forecast; none in lines of before version 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forecasts: Option<FileSum>,
}

/// The split whose rows are opened.
const SPLIT: &str = "test";

/// Writes down an opening by the winning attempt, forecasts first; durable when it returns. Tells
/// which opening of the run it is, from 1.
pub(super) fn record(
    run: &Path,
    winner: u32,
    evaluation: &Evaluation,
    forecasts: &Forecasts,
) -> Result<usize, FileError> {
    let bytes = forecasts::to_bytes(&path_in(run), SPLIT, forecasts)?;
    let sum = FileSum::of(String::new(), &bytes);
    let sum = FileSum { file: file_of(winner, &sum.checksum), ..sum };
    let file = run.join(&sum.file);
    // The same forecasts of a former opening stay; what became of them since is put right.
    if !files::publish(&file, &bytes)? && files::read_if_there(&file)?.as_deref() != Some(&bytes) {
        files::replace(&file, &bytes)?;
    }
    append(run, &Opening { evaluation: evaluation.clone(), forecasts: Some(sum) })
}

/// The openings of a run that can be read; why others cannot goes to `damage`.
pub(super) fn read(run: &Path, damage: &mut Vec<String>) -> Vec<Evaluation> {
    openings(run, damage).into_iter().map(|opening| opening.evaluation).collect()
}

/// The forecasts of the newest opening; `None` when none has any.
pub(super) fn forecasts(run: &Path, winner: u32) -> Result<Option<Forecasts>, FileError> {
    let mut damage = Vec::new();
    let openings = openings(run, &mut damage);
    let Some(sum) = openings.into_iter().rev().find_map(|opening| opening.forecasts) else {
        return match damage.first() {
            Some(why) => Err(FileError::at(run, why)),
            None => Ok(None),
        };
    };
    if sum.file != file_of(winner, &sum.checksum) {
        let what = format_args!(
            "is damaged: '{}' is not where test forecasts lie",
            sum.file.escape_debug()
        );
        return Err(FileError::at(&path_in(run), what));
    }
    forecasts::read(&run.join(&sum.file), SPLIT, Some(&sum)).map(Some)
}

fn path_in(run: &Path) -> PathBuf {
    run.join("evaluations.jsonl")
}

/// Where test forecasts lie, within the run's folder.
fn file_of(winner: u32, checksum: &str) -> String {
    format!("attempts/{winner}/{SPLIT}-{}.parquet", checksum.get(..SHORT).unwrap_or(checksum))
}

fn append(run: &Path, opening: &Opening) -> Result<usize, FileError> {
    let path = path_in(run);
    let failed =
        |error: io::Error| FileError::io(&path, "the evaluation cannot be recorded", error);
    let mut line = serde_json::to_vec(opening).map_err(|error| failed(error.into()))?;
    checksum::seal_line(&mut line);
    line.push(b'\n');
    // A line that a kill left torn must not swallow this one.
    if files::read_if_there(&path)?
        .is_some_and(|former| !former.is_empty() && !former.ends_with(b"\n"))
    {
        line.insert(0, b'\n');
    }
    let mut file = files::new_file().create(true).append(true).open(&path).map_err(failed)?;
    file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed)?;
    files::sync_folder(run)?;
    // Another process may have written at the same moment: a line's place in the file is its
    // number.
    let end = usize::try_from(file.stream_position().map_err(failed)?).unwrap_or(usize::MAX);
    let all = files::read_if_there(&path)?.unwrap_or_default();
    Ok(whole_lines(&all[..end.min(all.len())]).count())
}

fn openings(run: &Path, damage: &mut Vec<String>) -> Vec<Opening> {
    let bytes = match files::read_if_there(&path_in(run)) {
        Ok(Some(bytes)) => bytes,
        // Nothing more is looked at: a comparison reads thousands of runs of which none was ever
        // opened.
        Ok(None) => return Vec::new(),
        Err(error) => {
            damage.push(error.to_string());
            return Vec::new();
        }
    };
    let (told_before, mut unread) = (damage.len(), 0);
    let mut openings = Vec::new();
    for (number, line) in whole_lines(&bytes) {
        let opening = checksum::check_line(line).and_then(|()| {
            let opening: Opening =
                serde_json::from_slice(line).map_err(|error| format!("is damaged: {error}"))?;
            manifest::check_version(opening.evaluation.v).map(|()| opening)
        });
        match opening {
            Ok(opening) => openings.push(opening),
            Err(why) => damage.push(format!("evaluations.jsonl: line {number} {why}")),
        }
    }
    let tail = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if checksum::has_lost_its_end(tail) {
        damage.push("evaluations.jsonl: its last line is damaged: it does not end".to_owned());
    } else if !tail.is_empty() {
        // Torn: being written, or its writer was killed.
        unread += 1;
    }
    // A line that cannot be read is told already, and so are the forecasts that it tells of.
    let unreadable = unread + damage.len() - told_before;
    damage.extend(unrecorded(run, &openings).into_iter().skip(unreadable));
    openings
}

/// Forecasts of the test split that no line tells of: their opening was not written down, or its
/// line was taken away.
fn unrecorded(run: &Path, openings: &[Opening]) -> Vec<String> {
    let recorded: HashSet<&str> = openings
        .iter()
        .filter_map(|opening| opening.forecasts.as_ref())
        .map(|sum| sum.file.as_str())
        .collect();
    let mut missing = Vec::new();
    for number in attempt_numbers(run).unwrap_or_default() {
        let names = files::names_in(&attempt_path(run, number)).unwrap_or_default();
        let files = names
            .into_iter()
            .filter(|name| name.starts_with(&format!("{SPLIT}-")) && name.ends_with(".parquet"));
        missing.extend(
            files
                .map(|name| format!("attempts/{number}/{name}"))
                .filter(|file| !recorded.contains(file.as_str())),
        );
    }
    missing.sort_unstable();
    missing
        .iter()
        .map(|file| {
            format!(
                "evaluations.jsonl: no line records the opening of the test split that made {file}"
            )
        })
        .collect()
}

/// Lines with their numbers. A torn last line is being written, or its writer was killed.
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').zip(1..);
    lines.filter_map(|(line, number)| Some((number, line.strip_suffix(b"\n")?)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing;
    use super::*;

    #[test]
    fn an_opening_has_its_own_forecasts_and_leaves_those_of_the_validation_split_alone() {
        let (_root, run) = testing::finished();
        let before = fs::read(run.path.join("attempts/1/forecasts.parquet")).unwrap();
        assert!(run.forecasts("test").unwrap().ts.is_empty());
        for (opening, seconds) in [(1, &[10, 11][..]), (2, &[20]), (3, &[20])] {
            assert_eq!(
                run.record_opening(&testing::evaluation(), &testing::forecasts(seconds)).unwrap(),
                opening
            );
            assert_eq!(run.forecasts("test").unwrap(), testing::forecasts(seconds));
        }
        assert_eq!(fs::read(run.path.join("attempts/1/forecasts.parquet")).unwrap(), before);
        assert_eq!(read(&run.path, &mut Vec::new()).len(), 3);
    }

    #[test]
    fn openings_at_once_are_all_counted_each_with_its_own_number() {
        let (_root, run) = testing::finished();
        let mut numbers: Vec<usize> = std::thread::scope(|scope| {
            let open = |seconds: i64| {
                run.record_opening(&testing::evaluation(), &testing::forecasts(&[seconds])).unwrap()
            };
            let threads: Vec<_> = (0..6).map(|i| scope.spawn(move || open(i))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        assert_eq!(read(&run.path, &mut Vec::new()).len(), 6);
    }

    #[test]
    fn an_evaluation_after_a_torn_one_is_not_swallowed() {
        let (_root, run) = testing::finished();
        let record =
            || run.record_opening(&testing::evaluation(), &testing::forecasts(&[10])).unwrap();
        record();
        let path = path_in(&run.path);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"v\":1,\"at\"")).unwrap();
        record();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{whole}{{\"v\":1,\"at\"\n{whole}"));
        let mut damage = Vec::new();
        assert_eq!(read(&run.path, &mut damage).len(), 2);
        assert!(damage[0].starts_with("evaluations.jsonl: line 2 is damaged"), "{damage:?}");
    }

    #[test]
    fn a_line_that_was_taken_away_is_missed() {
        let (_root, run) = testing::finished();
        for seconds in [10, 20] {
            run.record_opening(&testing::evaluation(), &testing::forecasts(&[seconds])).unwrap();
        }
        let text = fs::read_to_string(path_in(&run.path)).unwrap();
        let (first, _) = text.split_once('\n').unwrap();
        for (left, openings, missing) in
            [(text.as_str(), 2, 0), (&format!("{first}\n"), 1, 1), ("", 0, 2)]
        {
            fs::write(path_in(&run.path), left).unwrap();
            let mut damage = Vec::new();
            assert_eq!(
                (read(&run.path, &mut damage).len(), damage.len()),
                (openings, missing),
                "{damage:?}"
            );
            assert!(
                damage
                    .iter()
                    .all(|why| why.contains("no line records") && why.contains("attempts/1/test-")),
                "{damage:?}"
            );
        }
    }

    #[test]
    fn a_changed_digit_of_an_opening_or_of_its_forecasts_is_told() {
        let (_root, run) = testing::finished();
        run.record_opening(&testing::evaluation(), &testing::forecasts(&[10])).unwrap();
        let path = path_in(&run.path);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"mse\":0.1", "\"mse\":0.01")).unwrap();
        let mut damage = Vec::new();
        assert!(read(&run.path, &mut damage).is_empty());
        assert_eq!(damage, ["evaluations.jsonl: line 1 is damaged: its checksum differs"]);
        assert!(run.forecasts("test").is_err());
        fs::write(&path, text).unwrap();
        let file =
            fs::read_dir(run.path.join("attempts/1")).unwrap().map(|entry| entry.unwrap().path());
        let file = file.into_iter().find(|path| path.to_string_lossy().contains("/test-")).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes[40] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let error = run.forecasts("test").unwrap_err().to_string();
        assert!(error.contains("test-") && error.contains("checksum differs"), "{error}");
    }
}
