//! `sweep.toml` and its former versions.

use crate::files;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FileError, Origin, SweepManifest, checksum};

/// Where a sweep's manifest lies.
pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join("sweep.toml")
}

/// Writes the manifest. One that asks for the same trials stays as it is (where it came from was
/// true then), but for where its data file lies now; another one is kept as `sweep.1.toml`,
/// `sweep.2.toml`, … by link before it is replaced, so that there is a whole manifest at any
/// moment.
pub(super) fn write(folder: &Path, manifest: &SweepManifest) -> Result<(), FileError> {
    let path = path_in(folder);
    let text = to_text(manifest).map_err(|error| FileError::at(&path, error))?;
    let Some(former) = files::read_if_there(&path)? else {
        return match files::publish(&path, text.as_bytes())? {
            true => Ok(()),
            false => Err(FileError::at(
                &path,
                "another process wrote it at the same moment; run the sweep again",
            )),
        };
    };
    if let Ok(former) = parse(&former)
        && same(&former, manifest)
    {
        let data_file = manifest.origin.data_file.clone();
        if former.origin.data_file == data_file {
            return Ok(());
        }
        // A folder was moved: where the rest came from is still true.
        let moved =
            SweepManifest { origin: Origin { data_file, ..former.origin.clone() }, ..former };
        let text = to_text(&moved).map_err(|error| FileError::at(&path, error))?;
        return files::replace(&path, text.as_bytes());
    }
    keep_former(folder, &path, &former)?;
    files::replace(&path, text.as_bytes())
}

/// Reads the `sweep.toml` of a sweep's folder.
///
/// # Errors
/// When it is missing or damaged.
pub fn read(folder: &Path) -> Result<SweepManifest, FileError> {
    let path = path_in(folder);
    match files::read_if_there(&path)? {
        Some(bytes) => parse(&bytes).map_err(|why| FileError::at(&path, why)),
        None => Err(FileError::at(&path, "is missing")),
    }
}

/// Whether two manifests ask for the same: the text of the experiment, its overrides and the trials
/// that they come to.
fn same(a: &SweepManifest, b: &SweepManifest) -> bool {
    a.experiment == b.experiment && a.origin.overrides == b.origin.overrides && a.trials == b.trials
}

fn to_text(manifest: &SweepManifest) -> Result<String, String> {
    let body = toml::to_string_pretty(manifest)
        .map_err(|error| format!("cannot be written as TOML: {error}"))?;
    Ok(checksum::seal_toml(format!(
        "# The experiment as kiln resolved it, and where it came from. Written by kiln: edit the \
            experiment file instead.\n{body}"
    )))
}

fn parse(bytes: &[u8]) -> Result<SweepManifest, String> {
    checksum::check_toml(bytes)
        .map_err(|why| format!("{why}; run the sweep again: it writes the file anew"))?;
    let text = toml_text(bytes)?;
    let manifest: SweepManifest = toml::from_str(text).map_err(|error| toml_error(&error, text))?;
    check_version(manifest.v)?;
    Ok(manifest)
}

/// The text of a TOML file that this program wrote.
pub(super) fn toml_text(bytes: &[u8]) -> Result<&str, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    std::str::from_utf8(bytes).map_err(|_| "is damaged: not UTF-8".to_owned())
}

/// A parser's error on one line, with the line that it is about.
pub(super) fn toml_error(error: &toml::de::Error, text: &str) -> String {
    let place = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    let line = place.map_or_else(String::new, |line| format!(" at line {line}"));
    format!("is damaged{line}: {}", error.message().replace('\n', ", "))
}

/// An error when a file is of a later format than this program knows.
pub(super) fn check_version(v: u32) -> Result<(), String> {
    if v > super::VERSION {
        return Err(format!(
            "format {v} is of a later kiln (this one reads up to {}); use that one",
            super::VERSION
        ));
    }
    Ok(())
}

fn keep_former(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut number = 1_u32;
    loop {
        let kept = folder.join(format!("sweep.{number}.toml"));
        match fs::hard_link(path, &kept) {
            Ok(()) => return files::sync_folder(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A kill between the link and the replacement leaves the newest one linked already.
                let newest = !folder.join(format!("sweep.{}.toml", number + 1)).exists();
                if newest && files::read_if_there(&kept)?.as_deref() == Some(bytes) {
                    return Ok(());
                }
                number += 1;
            }
            Err(error) => {
                return Err(FileError::io(&kept, "the former manifest cannot be kept", error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing;
    use super::*;

    fn manifest(text: &str) -> SweepManifest {
        SweepManifest { experiment: text.to_owned(), ..testing::manifest(&["a", "b"]) }
    }

    #[test]
    fn a_manifest_that_asks_for_the_same_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &manifest("x")).unwrap();
        let mut again = manifest("x");
        again.origin.argv = vec!["another".into()];
        write(folder.path(), &again).unwrap();
        assert_eq!(read(folder.path()).unwrap(), manifest("x"));
        assert!(!folder.path().join("sweep.1.toml").exists());
    }

    #[test]
    fn former_manifests_are_kept_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["first", "second", "first"] {
            write(folder.path(), &manifest(text)).unwrap();
        }
        let at =
            |name: &str| parse(&fs::read(folder.path().join(name)).unwrap()).unwrap().experiment;
        assert_eq!(
            [at("sweep.1.toml"), at("sweep.2.toml"), at("sweep.toml")],
            ["first", "second", "first"]
        );
    }

    #[test]
    fn a_kill_before_the_replacement_does_not_keep_the_former_twice() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &manifest("first")).unwrap();
        keep_former(
            folder.path(),
            &path_in(folder.path()),
            &fs::read(path_in(folder.path())).unwrap(),
        )
        .unwrap();
        write(folder.path(), &manifest("second")).unwrap();
        assert!(
            folder.path().join("sweep.1.toml").exists()
                && !folder.path().join("sweep.2.toml").exists()
        );
    }

    #[test]
    fn a_damaged_manifest_is_an_error_with_its_line_and_is_kept_when_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path_in(folder.path()), "v = 1\nname = ").unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("sweep.toml: is damaged at line 2"), "{error}");
        write(folder.path(), &manifest("x")).unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("sweep.1.toml")).unwrap(),
            "v = 1\nname = "
        );
    }

    #[test]
    fn a_manifest_of_a_later_format_is_refused() {
        let text = to_text(&SweepManifest { v: 2, ..manifest("x") }).unwrap();
        assert!(parse(text.as_bytes()).unwrap_err().contains("format 2"));
    }

    #[test]
    fn the_experiment_is_readable_in_the_manifest() {
        let text = to_text(&manifest("name = \"grid\"\n[data]\nwindow = 60\n")).unwrap();
        assert!(text.contains("\nname = \"grid\"\n[data]\nwindow = 60\n"), "{text}");
    }

    #[test]
    fn no_changed_bit_of_a_manifest_is_read() {
        let text = to_text(&manifest("x")).unwrap().into_bytes();
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[place] ^= 1 << bit;
                assert!(parse(&changed).is_err(), "{place}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_manifest_comes_back_as_it_was_written(
            text in "[a-z'\"\\\\ \r\n\t#\u{1}é]{0,60}",
            question in proptest::option::of("\\PC{0,20}"),
        ) {
            let manifest = SweepManifest { question, ..manifest(&text) };
            prop_assert_eq!(parse(to_text(&manifest).unwrap().as_bytes()).unwrap(), manifest);
        }
    }
}
