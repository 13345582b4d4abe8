//! `trial.toml`: a trial as resolved, written once.

use crate::files;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::{FileError, checksum, manifest, plain_toml};
use experiment::space::Assignment;
use experiment::trial::{Trial, TrialId};
use experiment::{Backtest, Data, Model, Settings, Train};

/// The file's form: the trial, and the version of the format before it.
#[derive(Serialize, Deserialize)]
struct TrialFile<'a> {
    v: u32,
    id: Cow<'a, TrialId>,
    index: usize,
    repeat: usize,
    assignment: Cow<'a, Assignment>,
    settings: Cow<'a, Settings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backtest: Option<Backtest>,
}

/// The file's form without `settings.data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    v: u32,
    id: TrialId,
    index: usize,
    repeat: usize,
    assignment: Assignment,
    settings: RestOfSettings,
    #[serde(default)]
    backtest: Option<Backtest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestOfSettings {
    model: Model,
    train: Train,
}

/// Reads many trials of one sweep. Their data sections are nearly always one of a few texts (one
/// for each fold), and parsing TOML is most of the time that listing a sweep takes: each of the
/// first few is parsed once.
#[derive(Debug, Default)]
pub(super) struct TrialReader {
    data: RwLock<Vec<(String, Data)>>,
}

/// Data sections that are kept.
const KEPT_SECTIONS: usize = 16;

impl TrialReader {
    /// Reads a trial.
    pub(super) fn read(&self, folder: &Path) -> Result<Trial, FileError> {
        let path = path_in(folder);
        match files::read_if_there(&path)? {
            Some(bytes) => self.parse(&bytes).map_err(|why| FileError::at(&path, why)),
            None => Err(FileError::at(&path, "is missing")),
        }
    }

    /// Reads the text of a trial.
    pub(super) fn parse(&self, bytes: &[u8]) -> Result<Trial, Unread> {
        checksum::check_toml(bytes).map_err(Unread::Damaged)?;
        let found =
            std::str::from_utf8(bytes).ok().and_then(|text| Some((text, data_section(text)?)));
        if let Some((text, section)) = &found
            && let Some(data) = self.known(&text[section.clone()])
        {
            let rest = format!("{}{}", &text[..section.start], &text[section.end..]);
            let short =
                plain_toml::parse(&rest).and_then(|rest| serde_json::from_value::<Rest>(rest).ok());
            // What does not fit takes the long way, which says why.
            if let Some(Rest { v, id, index, repeat, assignment, settings, backtest }) =
                short.or_else(|| toml::from_str(&rest).ok())
                && v <= super::VERSION
            {
                let RestOfSettings { model, train } = settings;
                let settings = Settings { data, model, train };
                return Ok(Trial { id, index, repeat, assignment, settings, backtest });
            }
        }
        let trial = parse(bytes)?;
        if let Some((text, section)) = found {
            let mut kept = self.data.write().unwrap_or_else(PoisonError::into_inner);
            let is_new = kept.iter().all(|(known, _)| *known != text[section.clone()]);
            if is_new && kept.len() < KEPT_SECTIONS {
                kept.push((text[section].to_owned(), trial.settings.data.clone()));
            }
        }
        Ok(trial)
    }

    /// What a data section that was seen before comes to.
    fn known(&self, section: &str) -> Option<Data> {
        let kept = self.data.read().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == section).map(|(_, data)| data.clone())
    }
}

/// From the header of `[settings.data]` up to that of `[settings.model]`.
fn data_section(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find("\n[settings.data]\n")? + 1;
    let length = text[start..].find("\n[settings.model]\n")? + 1;
    Some(start..start + length)
}

/// Why a trial was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is not what was written.
    Damaged(String),
    /// It is of a later format than this program knows.
    Later(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(why) => write!(f, "{why}; run the sweep again: it writes the file anew"),
            Self::Later(why) => f.write_str(why),
        }
    }
}

/// Where a run's trial lies.
pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join("trial.toml")
}

/// Writes the trial unless there is one, which must then have the same settings.
pub(super) fn write(folder: &Path, trial: &Trial) -> Result<(), FileError> {
    let path = path_in(folder);
    let text = to_text(trial).map_err(|error| FileError::at(&path, error))?;
    if files::publish(&path, text.as_bytes())? {
        Ok(())
    } else {
        verify(&path, &read(folder)?, trial)
    }
}

/// [`write`] for many trials, each in its own folder: the first writes a trial. The disk is
/// not waited for; see [`sync`]. A trial whose place was taken meanwhile is told by itself.
pub(super) fn write_all(new: &[(&Path, &Trial)]) -> Result<Vec<Result<(), FileError>>, FileError> {
    let files: Vec<(PathBuf, String)> = new
        .par_iter()
        .map(|(folder, trial)| {
            let path = path_in(folder);
            let text = to_text(trial).map_err(|error| FileError::at(&path, error))?;
            Ok((path, text))
        })
        .collect::<Result<_, FileError>>()?;
    let won = files::publish_all_fleeting(&files)?;
    let written = |((folder, trial), won): (&(&Path, &Trial), bool)| match won {
        true => Ok(()),
        false => verify(&path_in(folder), &read(folder)?, trial),
    };
    Ok(new.iter().zip(won).map(written).collect())
}

/// Writes the trial in place of an empty file that a power cut left, without waiting for the disk.
pub(super) fn fill(folder: &Path, trial: &Trial) -> Result<(), FileError> {
    let path = path_in(folder);
    let text = to_text(trial).map_err(|error| FileError::at(&path, error))?;
    files::replace_fleeting(&path, text.as_bytes())
}

/// Brings a run's trial to the disk, with the names that lead to it.
pub(super) fn sync(folder: &Path) -> Result<(), FileError> {
    files::sync_file(&path_in(folder))?;
    files::sync_folder(folder)?;
    folder.parent().map_or(Ok(()), files::sync_folder)
}

/// Writes the trial in place of a damaged one, which is kept under another name; tells what was
/// done. The folder's name is the trial's identity, so that it can be of no other.
pub(super) fn write_anew(folder: &Path, trial: &Trial, why: &str) -> Result<String, FileError> {
    let path = path_in(folder);
    let kept = files::set_aside(&path)?;
    write(folder, trial)?;
    Ok(format!(
        "{}: {why}; it was written anew, and the damaged one is kept as {}",
        path.display(),
        kept.display()
    ))
}

/// Reads the trial.
pub(super) fn read(folder: &Path) -> Result<Trial, FileError> {
    TrialReader::default().read(folder)
}

/// An error that names the first difference when the trial on disk trains to something else: a
/// collision of ids, or an edited file.
pub(super) fn verify(path: &Path, former: &Trial, trial: &Trial) -> Result<(), FileError> {
    if former.settings.identity_bytes() == trial.settings.identity_bytes() {
        return Ok(());
    }
    let value = |trial: &Trial| serde_json::to_value(&trial.settings).unwrap_or_default();
    let what = difference("settings", &value(former), &value(trial))
        .unwrap_or_else(|| "settings differ".to_owned());
    Err(FileError::at(
        path,
        format_args!(
            "is of another trial than the one to be run under the same id: {what}; move its folder \
                away"
        ),
    ))
}

/// Reads the text of a `trial.toml`.
pub(super) fn parse(bytes: &[u8]) -> Result<Trial, Unread> {
    checksum::check_toml(bytes).map_err(Unread::Damaged)?;
    let text = manifest::toml_text(bytes).map_err(Unread::Damaged)?;
    let TrialFile { v, id, index, repeat, assignment, settings, backtest } =
        toml::from_str(text)
            .map_err(|error| Unread::Damaged(manifest::toml_error(&error, text)))?;
    manifest::check_version(v).map_err(Unread::Later)?;
    Ok(Trial {
        id: id.into_owned(),
        index,
        repeat,
        assignment: assignment.into_owned(),
        settings: settings.into_owned(),
        backtest,
    })
}

fn to_text(trial: &Trial) -> Result<String, String> {
    let Trial { id, index, repeat, assignment, settings, backtest } = trial;
    let file = TrialFile {
        v: super::VERSION,
        id: Cow::Borrowed(id),
        index: *index,
        repeat: *repeat,
        assignment: Cow::Borrowed(assignment),
        settings: Cow::Borrowed(settings),
        backtest: *backtest,
    };
    toml::to_string(&file)
        .map(checksum::seal_toml)
        .map_err(|error| format!("cannot be written as TOML: {error}"))
}

/// The first key, in the order of the file, at which two trees differ: `key is 1 there and 2 here`.
fn difference(key: &str, there: &serde_json::Value, here: &serde_json::Value) -> Option<String> {
    use serde_json::Value::Object;
    match (there, here) {
        (Object(a), Object(b)) => {
            let missing = serde_json::Value::Null;
            a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))).find_map(|name| {
                let path = format!("{key}.{name}");
                // The path of the data may differ: its content counts.
                if path == "settings.data.source.path" {
                    return None;
                }
                difference(&path, a.get(name).unwrap_or(&missing), b.get(name).unwrap_or(&missing))
            })
        }
        _ if there == here => None,
        _ => Some(format!("{key} is {there} there and {here} here")),
    }
}

#[cfg(test)]
mod tests;
