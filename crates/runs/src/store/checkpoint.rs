//! Checkpoints of an attempt: the last, the one before, and the best weights.
//!
//! ```text
//! checkpoints/<epoch>-<batch>/state.safetensors   then COMMIT, which holds its length and checksum
//! checkpoints/best-<epoch>-<batch>.safetensors    then best.json, which names it and holds its
//!                                                 length and checksum
//! ```
//! What has no marker was never committed; what does not match its marker is damaged. Either way
//! the one before is taken.

use crate::files;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::{attempt_numbers, attempt_path};
use super::{Checkpoint, FileError, manifest};
use experiment::event::Cursor;

/// States kept per attempt: the last and the one before.
const KEPT: usize = 2;

/// `COMMIT` and `best.json`.
#[derive(Serialize, Deserialize)]
struct Marker {
    v: u32,
    /// The file's name, in the marker's folder.
    file: String,
    /// Bytes.
    length: u64,
    /// blake3, hex.
    checksum: String,
}

/// Commits a state; durable when it returns. One that is committed already stays as it is.
pub(super) fn write(attempt: &Path, cursor: Cursor, state: &[u8]) -> Result<(), FileError> {
    let folder = attempt.join("checkpoints");
    files::make_folder(&folder)?;
    let path = folder.join(name_of(cursor));
    if !files::make_folder(&path)? {
        if read_marked(&path, "COMMIT").is_ok() {
            return Ok(());
        }
        discard(&path)?;
        files::make_folder(&path)?;
    }
    create(&path.join("state.safetensors"), state)?;
    create(&path.join("COMMIT"), &marker("state.safetensors", state)?)?;
    files::sync_folder(&path)?;
    let committed = cursors(&folder)?;
    for old in committed.iter().rev().filter(|old| **old != cursor).skip(KEPT - 1) {
        discard(&folder.join(name_of(*old)))?;
    }
    Ok(())
}

/// Keeps the best weights under a new name, points the marker to them, and only then removes the
/// former ones.
pub(super) fn write_best(attempt: &Path, cursor: Cursor, weights: &[u8]) -> Result<(), FileError> {
    let folder = attempt.join("checkpoints");
    files::make_folder(&folder)?;
    let file = format!("best-{}.safetensors", name_of(cursor));
    files::replace(&folder.join(&file), weights)?;
    files::replace(&folder.join("best.json"), &marker(&file, weights)?)?;
    for name in files::names_in(&folder)? {
        if name.starts_with("best-") && name != file {
            let path = folder.join(name);
            fs::remove_file(&path)
                .map_err(|error| FileError::io(&path, "cannot be removed", error))?;
        }
    }
    Ok(())
}

/// The best weights of an attempt, and their file's name; `None` when it kept none.
pub(super) fn best(attempt: &Path) -> Result<Option<(String, Vec<u8>)>, FileError> {
    let folder = attempt.join("checkpoints");
    if !folder.join("best.json").exists() {
        return Ok(None);
    }
    read_marked(&folder, "best.json")
        .map(Some)
        .map_err(|why| FileError::at(&folder.join("best.json"), why))
}

/// The best weights for the result of an attempt, and their path within the run's folder: an
/// attempt that was resumed and did not improve has them with the attempt that it went on from.
pub(super) fn best_of(run: &Path, attempt: u32) -> Result<Option<(String, Vec<u8>)>, FileError> {
    for number in attempt_numbers(run)?.into_iter().rev().filter(|number| *number <= attempt) {
        if let Some((file, bytes)) = best(&attempt_path(run, number))? {
            return Ok(Some((format!("attempts/{number}/checkpoints/{file}"), bytes)));
        }
    }
    Ok(None)
}

/// The newest whole checkpoint over all attempts of a run that `accept` takes, and why others were
/// skipped on the way to it.
pub(super) fn newest(
    run: &Path,
    accept: impl Fn(Cursor) -> Result<(), String>,
) -> Result<(Option<Checkpoint>, Vec<String>), FileError> {
    let mut found: Vec<(Cursor, u32)> = Vec::new();
    for attempt in attempt_numbers(run)? {
        found.extend(
            cursors(&attempt_path(run, attempt).join("checkpoints"))?
                .into_iter()
                .map(|cursor| (cursor, attempt)),
        );
    }
    found.sort_by_key(|(cursor, attempt)| (cursor.epoch, cursor.batch, *attempt));
    let mut warnings = Vec::new();
    for (cursor, attempt) in found.into_iter().rev() {
        let folder = attempt_path(run, attempt).join("checkpoints").join(name_of(cursor));
        match accept(cursor).and_then(|()| read_marked(&folder, "COMMIT")) {
            Ok((_, bytes)) => return Ok((Some(Checkpoint { attempt, cursor, bytes }), warnings)),
            Err(why) => warnings.push(format!(
                "checkpoint {} of attempt {attempt} is skipped: {why}",
                name_of(cursor)
            )),
        }
    }
    Ok((None, warnings))
}

fn name_of(cursor: Cursor) -> String {
    format!("{}-{}", cursor.epoch, cursor.batch)
}

/// Cursors of the states in a folder of checkpoints, ascending.
fn cursors(folder: &Path) -> Result<Vec<Cursor>, FileError> {
    let parse = |name: &String| {
        let (epoch, batch) = name.split_once('-')?;
        Some(Cursor { epoch: epoch.parse().ok()?, batch: batch.parse().ok()? })
    };
    let mut cursors: Vec<Cursor> = files::names_in(folder)?.iter().filter_map(parse).collect();
    cursors.sort_by_key(|cursor| (cursor.epoch, cursor.batch));
    Ok(cursors)
}

/// The file that a marker vouches for: its name and its bytes.
fn read_marked(folder: &Path, name: &str) -> Result<(String, Vec<u8>), String> {
    let text = match files::read(&folder.join(name)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "it was never committed ({name} is missing: killed while it was written)"
            ));
        }
        Err(error) => return Err(format!("{name} cannot be read: {error}")),
    };
    let marker: Marker =
        serde_json::from_slice(&text).map_err(|error| format!("{name} is damaged: {error}"))?;
    manifest::check_version(marker.v)?;
    let Marker { v: _, file, length, checksum } = marker;
    // A marker names a file beside it, never a path.
    if file.contains(['/', '\\']) {
        return Err(format!("{name} is damaged: '{}' is not a file's name", file.escape_debug()));
    }
    let bytes = files::read(&folder.join(&file))
        .map_err(|error| format!("{file} cannot be read: {error}"))?;
    if bytes.len() as u64 != length {
        return Err(format!("{file} is damaged: {} bytes instead of {length}", bytes.len()));
    }
    if blake3::hash(&bytes).to_hex().as_str() != checksum {
        return Err(format!("{file} is damaged: its checksum differs"));
    }
    Ok((file, bytes))
}

fn marker(file: &str, bytes: &[u8]) -> Result<Vec<u8>, FileError> {
    let marker = Marker {
        v: super::VERSION,
        file: file.to_owned(),
        length: bytes.len() as u64,
        checksum: blake3::hash(bytes).to_hex().to_string(),
    };
    let mut line =
        serde_json::to_vec(&marker).map_err(|error| FileError::new(format!("{file}: {error}")))?;
    line.push(b'\n');
    Ok(line)
}

/// A new file, on the disk when it returns.
fn create(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    files::new_file()
        .create_new(true)
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| {
            FileError::io(path, format_args!("{} bytes cannot be written", bytes.len()), error)
        })
}

/// Removes a checkpoint; the marker first, so that half of it is never taken for all.
fn discard(path: &Path) -> Result<(), FileError> {
    let gone = |path: PathBuf| match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(path.join("COMMIT"))
        .and_then(|()| fs::remove_dir_all(path))
        .map_err(|error| FileError::io(path, "the former checkpoint cannot be removed", error))
}

#[cfg(test)]
mod tests;
