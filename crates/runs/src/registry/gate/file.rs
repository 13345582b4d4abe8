//! `models/<name>/gate.toml`: the rules that every promotion to champion must pass.

use crate::files;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::Rule;
use crate::registry::{RegistryError, list};

/// A stored gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Version of the format, 1.
    pub v: u32,
    /// All must hold.
    pub rules: Vec<Rule>,
}

/// A gate of more bytes is none.
const MOST_BYTES: u64 = 64 << 10;

impl Gate {
    /// A model's gate; `None` where it has none.
    ///
    /// # Errors
    /// When there is no such model, or the file is damaged or not to be trusted.
    pub fn read(root: &Path, name: &str) -> Result<Option<Self>, RegistryError> {
        let path = path(root, name)?;
        let Some(bytes) = files::bounded_if_there(&path, MOST_BYTES, files::Links::Refuse)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| RegistryError::damaged(&path, "is damaged: not UTF-8"))?;
        let gate: Self =
            toml::from_str(text).map_err(|error| RegistryError::damaged(&path, error.message()))?;
        if gate.v == 1 {
            Ok(Some(gate))
        } else {
            Err(RegistryError::damaged(
                &path,
                format_args!("has format {}, this version reads 1", gate.v),
            ))
        }
    }

    /// What deserves a warning about a model's gate: its file was removed, or changed, without the
    /// history being told.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn remark(root: &Path, name: &str) -> Result<Option<Remark>, RegistryError> {
        let Some(known) = list::model(root, name)?.gate else { return Ok(None) };
        let there = Self::read(root, name)?;
        let rules: Vec<String> =
            there.iter().flat_map(|gate| &gate.rules).map(ToString::to_string).collect();
        Ok(match (there, known == rules) {
            (_, true) => None,
            (None, false) => Some(Remark::Removed { rules: known }),
            (Some(_), false) => Some(Remark::Changed),
        })
    }

    /// Stores rules in place of former ones.
    pub(in crate::registry) fn write_in(
        folder: &Path,
        name: &str,
        rules: &[Rule],
    ) -> Result<(), RegistryError> {
        let path = folder.join(FILE);
        let text = toml::to_string_pretty(&Self { v: 1, rules: rules.to_vec() })
            .map_err(|error| RegistryError::io(&path, error))?;
        let text = format!(
            "# What a version must pass to become the champion: kiln models gate {name}\n{text}"
        );
        files::replace(&path, text.as_bytes()).map_err(RegistryError::from)
    }

    /// Removes a model's gate; `false` where it had none.
    pub(in crate::registry) fn clear_in(folder: &Path) -> Result<bool, RegistryError> {
        let path = folder.join(FILE);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(RegistryError::io(&path, format_args!("cannot be removed: {error}"))),
        }
    }
}

/// What happened to a gate's file behind the history's back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// It is gone.
    Removed {
        /// Those that it held.
        rules: Vec<String>,
    },
    /// It holds other rules, which count.
    Changed,
}

impl Remark {
    /// For a person.
    #[must_use]
    pub fn in_words(&self, name: &str) -> String {
        match self {
            Self::Removed { rules } => {
                let quoted: Vec<String> = rules.iter().map(|rule| format!("\"{rule}\"")).collect();
                format!(
                    "the gate of {name} was removed by hand: {FILE} is gone, and the history knows \
                        of {}; kiln models gate {name} {} brings it back, kiln models gate {name} \
                        --clear drops it",
                    if rules.len() == 1 {
                        "1 rule".to_owned()
                    } else {
                        format!("{} rules", rules.len())
                    },
                    quoted.join(" ")
                )
            }
            Self::Changed => {
                format!(
                    "the gate of {name} was changed by hand: the rules of {FILE} count, and the \
                        history knows of others"
                )
            }
        }
    }
}

const FILE: &str = "gate.toml";

fn path(root: &Path, name: &str) -> Result<PathBuf, RegistryError> {
    list::model(root, name)?;
    Ok(list::model_folder(root, name)?.join(FILE))
}
