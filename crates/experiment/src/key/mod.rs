//! Every key of an experiment file: what it takes, its default, what it is for. The one list from
//! which files are checked, wrong names are put right, and the JSON Schema and the book's table are
//! made.

mod backtest;
mod data;
mod lists;
mod row;
mod source;
mod sweep;
mod takes;
mod train;

use super::mistake::Mistake;
use super::suggest::{listed, nearest};

pub(super) use sweep::name_problem;
pub(super) use takes::{Interval, Takes, canonical, set, shown};

/// A key.
pub(super) struct Key {
    /// Dotted: `model.hidden_size`.
    pub path: &'static str,
    pub takes: Takes,
    pub default: Fallback,
    /// A sentence or two.
    pub doc: &'static str,
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// A value, as in the file.
    Toml(&'static str),
    /// A rule, in words.
    Rule(&'static str),
    /// The defaults of its keys.
    Parts,
}

/// A key, for documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDoc {
    /// Dotted: `model.hidden_size`.
    pub path: &'static str,
    /// What it takes: type and legal values.
    pub legal: String,
    /// The default as in the file, or the rule that it follows.
    pub default: String,
    /// What it is for.
    pub doc: &'static str,
}

/// All keys, in the order of the file.
#[must_use]
pub fn keys() -> Vec<KeyDoc> {
    all()
        .map(|key| KeyDoc {
            path: key.path,
            legal: key.takes.to_string(),
            default: match key.default {
                Fallback::Toml(text) => text.to_owned(),
                Fallback::Rule(rule) => format!("({rule})"),
                Fallback::Parts => String::new(),
            },
            doc: key.doc,
        })
        .collect()
}

/// The greatest seed that a file can hold.
pub(super) const ANY_SEED: u64 = i64::MAX as u64;

/// All keys, in the order of the file.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    [sweep::HEAD, source::KEYS, data::KEYS, train::KEYS, sweep::KEYS, backtest::KEYS]
        .into_iter()
        .flatten()
}

/// The key with this dotted path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    all().find(|key| key.path == path)
}

/// The keys directly under a table; `""` for the root.
pub(super) fn parts(table: &str) -> impl Iterator<Item = &'static Key> {
    all().filter(move |key| key.path.rsplit_once('.').map_or("", |(above, _)| above) == table)
}

/// The last part of a dotted path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

/// Whether a sweep may vary a key.
///
/// # Errors
/// Why not.
pub(super) fn sweepable(key: &Key) -> Result<(), &'static str> {
    const BARS: [&str; 9] = [
        "data.source",
        "data.synthetic",
        "data.format",
        "data.columns",
        "data.ts_format",
        "data.ts_ambiguous",
        "data.zone",
        "data.bar_label",
        "data.bar",
    ];
    let within = |table: &str| {
        key.path == table || key.path.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
    };
    if ["data", "model", "train"].contains(&key.path) {
        return Err("a whole section cannot vary; name one of its keys");
    }
    if BARS.into_iter().any(within) {
        return Err(
            "the trials of a sweep are compared on the same bars; write one experiment per source",
        );
    }
    if key.path == "data.target.column" {
        return Err("it has one legal value");
    }
    if ["data", "model", "train"].into_iter().any(within) {
        return Ok(());
    }
    if within("backtest") {
        return Err("it changes no training; give `kiln backtest` other values as arguments");
    }
    Err("it belongs to the sweep, not to its trials; only keys of data, model and train can vary")
}

/// The mistake of a name that is not a key of a table (`""`: of the root).
pub(super) fn unknown(table: &str, name: &str) -> Mistake {
    let siblings: Vec<&str> = parts(table).map(|key| last(key.path)).collect();
    let place =
        if table.is_empty() { "at the top level".to_owned() } else { format!("in '{table}'") };
    let mistake = Mistake::name(format!("unknown key '{name}' {place}"));
    let known = format!("known keys {place}: {}", siblings.join(", "));
    if let Some(meant) = nearest(name, siblings.iter().copied()) {
        let meant_step = Some(super::mistake::key(meant));
        return Mistake {
            meant: meant_step,
            ..mistake.hint(format!("did you mean '{meant}'?")).note(known)
        };
    }
    let meant = nearest(name, all().map(|key| last(key.path)));
    let mut elsewhere: Vec<&str> =
        all().map(|key| key.path).filter(|path| Some(last(path)) == meant).collect();
    // A key of the same section is likelier than one of another.
    let section = |path: &str| {
        !table.is_empty() && path.starts_with(table.split('.').next().unwrap_or_default())
    };
    if elsewhere.iter().any(|path| section(path)) {
        elsewhere.retain(|path| section(path));
    }
    let quoted: Vec<String> = elsewhere.iter().map(|path| format!("'{path}'")).collect();
    let hint = (!quoted.is_empty()).then(|| format!("did you mean {}?", listed(&quoted)));
    mistake.note(known).maybe_hint(hint)
}
