//! `result.json`: published once, last, with a checksum of itself and of what it was made of.

use crate::files;
use std::path::{Path, PathBuf};

use super::covers::Covers;
use super::{FileError, RunResult, checksum, manifest};

/// Where a run's result lies.
pub(super) fn path_in(run: &Path) -> PathBuf {
    run.join("result.json")
}

/// Publishes a result; `false` when there is one.
pub(super) fn publish(run: &Path, result: &RunResult) -> Result<bool, FileError> {
    let path = path_in(run);
    let text = to_text(result, &Covers::of(run, result.attempt)?)
        .map_err(|error| FileError::at(&path, error))?;
    files::publish(&path, &text)
}

/// Reads a result; `None` when there is none.
pub(super) fn read(run: &Path) -> Result<Option<RunResult>, FileError> {
    let path = path_in(run);
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(None) };
    parse(&bytes).map(Some).map_err(|why| FileError::at(&path, why))
}

/// Reads a result and what it covers; `None` when there is none.
pub(super) fn read_with_covers(run: &Path) -> Result<Option<(RunResult, Covers)>, FileError> {
    let path = path_in(run);
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(None) };
    let result = parse(&bytes).map_err(|why| FileError::at(&path, why))?;
    Ok(Some((result, parse_covers(&bytes).map_err(|why| FileError::at(&path, why))?)))
}

/// Reads the text of a `result.json`.
pub(super) fn parse(bytes: &[u8]) -> Result<RunResult, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u32,
    }
    let damaged = |why: String| Err(format!("{why}; {REMEDY}"));
    if bytes.is_empty() {
        return damaged("is empty".to_owned());
    }
    if let Err(why) = checksum::check_json(bytes) {
        return damaged(why);
    }
    // The version first: a later format may not parse, and that is not damage.
    match serde_json::from_slice::<RunResult>(bytes) {
        Ok(result) => manifest::check_version(result.v).map(|()| result.with_one_number_a_name()),
        Err(error) => {
            if let Ok(Version { v }) = serde_json::from_slice(bytes) {
                manifest::check_version(v)?;
            }
            damaged(format!("is damaged: {error}"))
        }
    }
}

/// What to do about a damaged result: training is deterministic and every trial keeps its last
/// checkpoint.
const REMEDY: &str =
    "delete it and run the sweep again: the trial goes on from its last checkpoint";

fn parse_covers(bytes: &[u8]) -> Result<Covers, String> {
    #[derive(serde::Deserialize)]
    struct WithCovers {
        #[serde(default)]
        covers: Covers,
    }
    let WithCovers { covers } =
        serde_json::from_slice(bytes).map_err(|error| format!("is damaged: {error}; {REMEDY}"))?;
    Ok(covers)
}

/// The result with one more member, `covers`. (A flattened struct would be read at half the speed,
/// and ten thousand results are read to compare ten thousand runs.)
fn to_text(result: &RunResult, covers: &Covers) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec_pretty(result)?;
    if *covers != Covers::default() && text.ends_with(b"\n}") {
        text.truncate(text.len() - 2);
        text.extend_from_slice(b",\n  \"covers\": ");
        // On one line: a person reads the numbers above.
        text.extend(serde_json::to_vec(covers)?);
        text.extend_from_slice(b"\n}");
    }
    Ok(checksum::seal_json(text))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn every_end_comes_back_and_every_cut_is_an_error() {
        let failed = experiment::event::End::Failed { reason: "out of \"memory\"\n".into() };
        for result in [
            testing::result(1),
            RunResult { end: failed, valid: None, skill: None, ..testing::result(2) },
        ] {
            // As results were written before version 0.2, and as they are now.
            let sealed = to_text(&result, &Covers::default()).unwrap();
            for text in [serde_json::to_vec(&result).unwrap(), sealed] {
                assert_eq!(parse(&text).unwrap(), result);
                for length in 0..text.len() {
                    assert!(parse(&text[..length]).is_err());
                }
            }
        }
    }

    #[test]
    fn a_published_result_covers_its_files_and_no_changed_bit_of_it_is_read() {
        let (root, run) = testing::finished();
        let (result, covers) = read_with_covers(&run.path).unwrap().unwrap();
        assert_eq!(result, testing::result(1));
        let files: Vec<&str> = covers.files.iter().map(|sum| sum.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "attempts/1/scaling.json",
                "attempts/1/forecasts.parquet",
                "attempts/1/checkpoints/best-2-0.safetensors"
            ]
        );
        assert_eq!(covers.log.as_ref().map(String::len), Some(16));
        let bytes = std::fs::read(path_in(&run.path)).unwrap();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let why = parse(&changed).unwrap_err();
                assert!(
                    why.contains("checksum differs; delete it and run the sweep again"),
                    "{why}"
                );
            }
        }
        drop(root);
    }

    #[test]
    fn a_result_of_a_later_format_is_refused_as_such() {
        assert!(parse(b"{\"v\": 2, \"new\": []}").unwrap_err().contains("format 2"));
        let text = serde_json::to_string(&RunResult { v: 3, ..testing::result(1) }).unwrap();
        assert!(parse(text.as_bytes()).unwrap_err().contains("format 3"));
    }
}
