//! `runs/views/NAME.toml`: a comparison that somebody wants to see again.

use crate::files;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::folder::check_name;
use super::{FileError, checksum, manifest};
use experiment::metric::Metric;

/// What was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Version of the format, 1.
    pub v: u32,
    /// Sweeps and runs, as they were named.
    pub selectors: Vec<String>,
    /// Ranked by this instead of the first sweep's objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
}

impl View {
    /// Where a view lies: `root/views/NAME.toml`, or where a path (with a slash, or ending in
    /// `.toml`) says.
    ///
    /// # Errors
    /// When the name is neither a path nor a plain name.
    pub fn path(root: &Path, name: &str) -> Result<PathBuf, FileError> {
        if name.contains(['/', '\\']) || name.ends_with(".toml") {
            return Ok(PathBuf::from(name));
        }
        let folder = root.join("views");
        check_name(&folder, name)?;
        if name == "sweep" {
            // It would make the folder of the views look like a sweep.
            return Err(FileError::at(&folder, "'sweep' cannot name a view; choose another name"));
        }
        Ok(folder.join(format!("{name}.toml")))
    }

    /// Saves the view; a former one of the same name is replaced, anything else is not.
    ///
    /// # Errors
    /// When the name is not plain, what has the name is not a view, or the file cannot be written.
    pub fn save(&self, root: &Path, name: &str) -> Result<PathBuf, FileError> {
        let path = Self::path(root, name)?;
        if let Some(former) = files::read_if_there(&path)?
            && let Err(why) = parse(&former)
        {
            return Err(FileError::at(
                &path,
                format_args!("is there already and is not a view: it is not overwritten ({why})"),
            ));
        }
        if path.parent() == Some(&root.join("views")) {
            files::make_folder(root)?;
            files::make_folder(&root.join("views"))?;
        }
        let text = toml::to_string_pretty(self).map_err(|error| FileError::at(&path, error))?;
        let text = checksum::seal_toml(format!(
            "# What `kiln compare --view` shows. Anyone who edits it removes the last line.\n{text}"
        ));
        files::replace(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Reads a view.
    ///
    /// # Errors
    /// When there is none of this name (with those that there are), or it cannot be read.
    pub fn read(root: &Path, name: &str) -> Result<Self, FileError> {
        let path = Self::path(root, name)?;
        match files::read_if_there(&path)? {
            Some(bytes) => parse(&bytes).map_err(|why| FileError::at(&path, why)),
            None => {
                Err(FileError::at(&path, format_args!("there is no such view ({})", known(root)?)))
            }
        }
    }
}

fn known(root: &Path) -> Result<String, FileError> {
    let mut names: Vec<String> = files::names_in(&root.join("views"))?;
    names.retain(|name| name.ends_with(".toml"));
    names.sort_unstable();
    let names: Vec<&str> =
        names.iter().map(|name| name.trim_end_matches(".toml")).take(10).collect();
    Ok(if names.is_empty() {
        "none was saved yet; save one with --save-view NAME".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    })
}

fn parse(bytes: &[u8]) -> Result<View, String> {
    checksum::check_toml(bytes)
        .map_err(|why| format!("{why}; if you edited it, remove its last line"))?;
    let text = manifest::toml_text(bytes)?;
    let view: View = toml::from_str(text).map_err(|error| manifest::toml_error(&error, text))?;
    manifest::check_version(view.v)?;
    if view.selectors.is_empty() {
        return Err("names nothing to compare: 'selectors' is empty".to_owned());
    }
    Ok(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(selectors: &[&str]) -> View {
        View {
            v: 1,
            selectors: selectors.iter().map(|selector| (*selector).to_owned()).collect(),
            metric: "valid.mae".parse().ok(),
        }
    }

    #[test]
    fn a_view_comes_back_and_its_successor_replaces_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("runs");
        for selectors in [&["grid", "wide"][..], &["grid/3f"]] {
            let path = view(selectors).save(&root, "best").unwrap();
            assert_eq!(path, root.join("views/best.toml"));
            assert_eq!(View::read(&root, "best").unwrap(), view(selectors));
        }
        assert!(super::super::list_sweeps(&root).unwrap().is_empty(), "views are not sweeps");
        let error = View::read(&root, "wurst").unwrap_err().to_string();
        assert!(error.contains("there are best"), "{error}");
    }

    #[test]
    fn what_is_no_view_is_not_overwritten_and_names_are_names() {
        let root = tempfile::tempdir().unwrap();
        let other = root.path().join("notes.toml");
        std::fs::write(&other, "mine = true\n").unwrap();
        let error =
            view(&["grid"]).save(root.path(), other.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("not a view"), "{error}");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine = true\n");
        for name in ["", "..", "sweep", ".hidden", "-x", "a b"] {
            assert!(view(&["grid"]).save(root.path(), name).is_err(), "{name}");
        }
        assert!(parse(b"v = 1\nselectors = []\n").unwrap_err().contains("selectors"));
        assert!(parse(b"v = 2\nselectors = [\"a\"]\n").unwrap_err().contains("format 2"));
    }
}
