//! `models/<name>/history.jsonl`: everything that ever happened to a model, appended and never
//! changed.
//!
//! One write(2) a line; durable before it is acknowledged. A last line without its end is not
//! there: its writer was killed. The next writer ends it with `#torn`, so that it never becomes
//! one. Each line has a checksum (not those of before version 0.2). Everything else that cannot be
//! read, or is out of order, is damage, and damage is told: an alias must not point to where it did
//! not.

use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Finding, RegistryError};
use crate::store;

/// Version of the format.
const VERSION: u32 = 1;

/// Ends a line that was never finished.
const TORN: &[u8] = b"#torn";

/// A history of more bytes is none: a line has a few hundred.
const MOST_BYTES: u64 = 64 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the format, 1.
    pub v: u32,
    /// Running number, from 1.
    pub seq: u64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A version is there, whole.
    Registered {
        /// Its number.
        version: u32,
        /// Where it came from: `sweep/run`, or the name of an imported file.
        source: String,
        /// sha256 of its weights, hexadecimal.
        weights: String,
        /// Its first tags.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
    },
    /// A version has a tag, or another value of it.
    Tagged {
        /// Which.
        version: u32,
        /// The tag.
        key: String,
        /// May be empty.
        value: String,
    },
    /// A version has a tag no more.
    Untagged {
        /// Which.
        version: u32,
        /// The tag.
        key: String,
    },
    /// An alias points to a version.
    Promoted {
        /// Which alias.
        alias: String,
        /// Where it pointed before.
        from: Option<u32>,
        /// Where it points now.
        to: u32,
        /// What the gate found.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
        /// Whether a rule failed and somebody promoted all the same.
        forced: bool,
        /// Why, in somebody's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An alias points to a version that it pointed to before.
    RolledBack {
        /// Which alias.
        alias: String,
        /// Where it pointed; `None` when it was dropped.
        from: Option<u32>,
        /// Where it points now.
        to: u32,
        /// Why, in somebody's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An alias points nowhere.
    Unaliased {
        /// Which alias.
        alias: String,
        /// Where it pointed.
        from: u32,
    },
    /// What a version must pass to become the champion from now on, in place of former rules; none
    /// lets any pass.
    Gated {
        /// As they are written in `gate.toml`.
        rules: Vec<String>,
    },
    /// A version is gone; its folder follows.
    Removed {
        /// Which.
        version: u32,
    },
}

/// Where a model's history lies.
pub(super) fn path_in(model: &Path) -> PathBuf {
    model.join("history.jsonl")
}

/// All lines; none when there is no file.
pub(super) fn read(model: &Path) -> Result<Vec<Entry>, RegistryError> {
    let path = path_in(model);
    let bytes =
        files::bounded_if_there(&path, MOST_BYTES, files::Links::Refuse)?.unwrap_or_default();
    parse(&bytes).map_err(|why| {
        RegistryError::damaged(
            &path,
            format_args!("{why}; where the aliases point is unknown: restore the file from a copy"),
        )
    })
}

/// Appends a line and brings it to the disk.
pub(super) fn append(
    model: &Path,
    seq: u64,
    at: &str,
    event: Event,
) -> Result<Entry, RegistryError> {
    let path = path_in(model);
    let failed = |error: io::Error| {
        RegistryError::system(&path, "nothing was changed: the line cannot be written", &error)
    };
    let entry = Entry { v: VERSION, seq, at: at.to_owned(), event };
    let mut line = serde_json::to_vec(&entry).map_err(|error| failed(error.into()))?;
    store::seal_line(&mut line);
    line.push(b'\n');
    let mut options = files::new_file();
    options.read(true).append(true).create(true);
    let (mut file, _) =
        files::open_with(&path, &mut options, files::Links::Refuse).map_err(failed)?;
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    if length == 0 {
        files::sync_folder(model)?;
    } else {
        file.seek(SeekFrom::End(-1)).map_err(failed)?;
        let mut last = [0];
        file.read_exact(&mut last).map_err(failed)?;
        if last != *b"\n" {
            line = [TORN, b"\n", &line].concat();
        }
    }
    // Not `write_all`: a line that a full disk cuts short must not be mended by a second write.
    let written = file.write(&line).map_err(failed)?;
    if written < line.len() {
        return Err(failed(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("{written} of {} bytes were taken", line.len()),
        )));
    }
    file.sync_all().map_err(failed)?;
    Ok(entry)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        if line.ends_with(TORN) {
            continue;
        }
        let number = i + 1;
        store::check_line(line).map_err(|why| format!("line {number} {why}"))?;
        let Version { v } = serde_json::from_slice(line)
            .map_err(|error| format!("line {number} is damaged: {error}"))?;
        if v != VERSION {
            return Err(format!(
                "line {number} has format {v}, this version of kiln reads {VERSION}"
            ));
        }
        let entry: Entry = serde_json::from_slice(line)
            .map_err(|error| format!("line {number} is damaged: {error}"))?;
        let expected = entries.len() as u64 + 1;
        if entry.seq != expected {
            return Err(format!(
                "line {number} has number {} instead of {expected}: lines are missing or doubled",
                entry.seq
            ));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Looked at first: a later format may have other fields.
#[derive(Deserialize)]
struct Version {
    v: u32,
}
