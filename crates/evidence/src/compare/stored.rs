//! What the forecasts of many rows come to, kept beside them: reading ten thousand files takes
//! seconds, reading this one milliseconds.
//!
//! An index is a cache: it may be deleted at any moment, and is taken for what it says only while
//! everything that it was computed from is as it was.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::weighing::{Candidate, Settings, Weighed};
use crate::records::RunRecord;
use experiment::metric::{Quantity, Split};

/// Of fewer rows nothing is kept: their forecasts are read as quickly.
pub(super) const LEAST_ROWS: usize = 100;

/// Bumped when the same forecasts would come to other numbers.
const VERSION: u32 = 1;

/// Where it is kept, and what tells that a file has changed.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// Of a run's forecasts of a split: length and time of the last change; `None` where there is
    /// no file.
    pub stamp: &'a (dyn Fn(&RunRecord, Split) -> Option<(u64, u128)> + Sync),
    /// What is kept under a name.
    pub read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// Keeps it, or fails to, which loses nothing.
    pub write: &'a dyn Fn(&str, &[u8]),
}

/// The file: what it was computed from, a checksum, and what that came to.
#[derive(Serialize, Deserialize)]
struct File {
    key: String,
    /// blake3 of `weighed` as text.
    sum: String,
    weighed: String,
}

impl Stored<'_> {
    /// What is kept, if it was computed from just this.
    pub(super) fn get(&self, settings: Settings, key: &str) -> Option<Weighed> {
        let file: File = serde_json::from_slice(&(self.read)(&name(settings))?).ok()?;
        let is_whole =
            file.key == key && blake3::hash(file.weighed.as_bytes()).to_hex().as_str() == file.sum;
        serde_json::from_str(&file.weighed).ok().filter(|_| is_whole)
    }

    pub(super) fn put(&self, settings: Settings, key: &str, weighed: &Weighed) {
        let Ok(weighed) = serde_json::to_string(weighed) else { return };
        let sum = blake3::hash(weighed.as_bytes()).to_hex().to_string();
        if let Ok(bytes) = serde_json::to_vec(&File { key: key.to_owned(), sum, weighed }) {
            (self.write)(&name(settings), &bytes);
        }
    }
}

fn name(settings: Settings) -> String {
    let split = match settings.metric.split {
        Split::Train => "train",
        Split::Valid => "valid",
        Split::Test => "test",
    };
    format!("verdict-{split}-{}", loss(settings))
}

fn loss(settings: Settings) -> &'static str {
    if settings.metric.quantity == Quantity::Mae { "absolute" } else { "squared" }
}

/// Everything that the tests of these rows depend on.
pub(super) fn key(candidates: &[Candidate<'_>], settings: Settings, stored: Stored<'_>) -> String {
    let runs: Vec<&RunRecord> = candidates
        .iter()
        .flat_map(|candidate| candidate.repeats.iter().flatten().copied())
        .collect();
    let stamps: Vec<Option<(u64, u128)>> =
        runs.par_iter().map(|run| (stored.stamp)(run, settings.metric.split)).collect();
    let mut stamps = stamps.into_iter();
    let mut hasher = blake3::Hasher::new();
    hasher.update(
        format!("{VERSION} {} {} {}\n", loss(settings), settings.horizon, settings.resamples)
            .as_bytes(),
    );
    for candidate in candidates {
        hasher.update(if candidate.is_primary { b"primary\n" } else { b"other\n" });
        for run in candidate.repeats.iter().flat_map(|folds| folds.iter().map(Some).chain([None])) {
            let Some(run) = run else {
                hasher.update(b".\n");
                continue;
            };
            let attempt = run.result.as_ref().map_or(0, |result| result.attempt);
            let stamp = stamps.next().flatten();
            hasher.update(format!("{} {attempt} {stamp:?}\n", run.trial.id).as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}
