//! Writes a file whole or not at all.

use std::io::ErrorKind;
use std::path::Path;

use super::ExportError;
use runs::files;

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the export is refused.
    Refused,
    /// The new one takes its place.
    Replaced,
}

/// Whether a file may be written under this name: asked before anything is computed.
///
/// # Errors
/// When something is there that must not be replaced.
pub fn check_free(path: &Path, existing: Existing) -> Result<(), ExportError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(ExportError::new(format!("{}: is a folder; name a file with -o", path.display())))
        }
        Ok(_) if existing == Existing::Refused => Err(taken(path)),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ExportError::new(format!("{}: cannot be looked at: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Gives `bytes` the name `path`: a kill leaves all of them or nothing.
///
/// # Errors
/// When the name is taken and [`Existing::Refused`], or the file cannot be written.
pub fn write_file(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), ExportError> {
    check_free(path, existing)?;
    match existing {
        Existing::Replaced => Ok(files::replace(path, bytes)?),
        Existing::Refused if files::publish(path, bytes)? => Ok(()),
        Existing::Refused => Err(taken(path)),
    }
}

fn taken(path: &Path) -> ExportError {
    ExportError::new(format!(
        "{}: is there already (--force replaces it, -o names another)",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_stays_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        write_file(&path, b"first", Existing::Refused).unwrap();
        let complaint = write_file(&path, b"second", Existing::Refused).unwrap_err().to_string();
        assert!(complaint.contains("model.onnx: is there already (--force"), "{complaint}");
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write_file(&path, b"second", Existing::Replaced).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_and_a_missing_folder_are_errors_that_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let complaint =
            write_file(folder.path(), b"x", Existing::Replaced).unwrap_err().to_string();
        assert!(complaint.contains("is a folder"), "{complaint}");
        let complaint = write_file(&folder.path().join("gone/x"), b"x", Existing::Refused)
            .unwrap_err()
            .to_string();
        assert!(complaint.contains("gone/x: 1 bytes cannot be written"), "{complaint}");
    }
}
