//! Where forecasts go, and as what.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cmd::{Failure, ForecastFormat};
use runs::files;

/// A format by the arguments: as said, else by the output file's name, else CSV.
///
/// # Errors
/// When the file's name says nothing, or a table of Parquet would go to a terminal or a pipe.
pub(super) fn format(
    asked: Option<ForecastFormat>,
    output: Option<&Path>,
) -> Result<ForecastFormat, Failure> {
    let Some(output) = output else {
        return match asked {
            Some(ForecastFormat::Parquet) => {
                Err(Failure::BadInput("Parquet goes into a file: add -o FILE.parquet".to_owned()))
            }
            asked => Ok(asked.unwrap_or(ForecastFormat::Csv)),
        };
    };
    let extension =
        output.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match (asked, extension.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, Some("csv")) => Ok(ForecastFormat::Csv),
        (None, Some("json")) => Ok(ForecastFormat::Json),
        (None, Some("jsonl" | "ndjson")) => Ok(ForecastFormat::Jsonl),
        (None, Some("parquet" | "pq")) => Ok(ForecastFormat::Parquet),
        (None, _) => Err(Failure::BadInput(format!(
            "{}: its name does not say what to write (.csv, .json, .jsonl, .parquet); add \
                --output-format",
            output.display()
        ))),
    }
}

/// A file to be replaced as a whole.
#[derive(Debug)]
pub(super) struct OutputFile(PathBuf);

impl OutputFile {
    /// Checked before anything is computed.
    ///
    /// # Errors
    /// When its folder is not there, it is there and no regular file, or it is the file of bars
    /// itself.
    pub(super) fn new(path: &Path, data: &Path) -> Result<Self, Failure> {
        let refused =
            |problem: &str| Err(Failure::BadInput(format!("{}: {problem}", path.display())));
        if path == Path::new("-") {
            return refused("is not a file; leave out -o for stdout");
        }
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return refused("its folder does not exist");
        }
        let Ok(there) = fs::metadata(path) else { return Ok(Self(path.to_owned())) };
        if !there.is_file() {
            return refused("is there and no regular file");
        }
        // Through a link to what it points to.
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::canonicalize(data).is_ok_and(|data| data == whole) {
            return refused("is the file of bars itself");
        }
        Ok(Self(whole))
    }

    /// All of it or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, bytes: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        files::replace(&self.0, bytes)?;
        writeln!(out, "{}", self.0.display())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: std::fmt::Debug>(found: Result<T, Failure>) -> String {
        match found {
            Err(Failure::BadInput(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_format_is_the_one_asked_for_and_else_the_files_own() {
        let of = |asked, output: Option<&str>| format(asked, output.map(Path::new));
        assert_eq!(of(None, None).unwrap(), ForecastFormat::Csv);
        assert_eq!(of(None, Some("a.PARQUET")).unwrap(), ForecastFormat::Parquet);
        assert_eq!(of(None, Some("a.ndjson")).unwrap(), ForecastFormat::Jsonl);
        assert_eq!(of(Some(ForecastFormat::Csv), Some("a.parquet")).unwrap(), ForecastFormat::Csv);
        assert!(refusal(of(None, Some("forecasts"))).contains("add --output-format"));
        assert!(refusal(of(Some(ForecastFormat::Parquet), None)).contains("add -o FILE.parquet"));
    }

    #[test]
    fn what_must_not_be_replaced_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bars = folder.path().join("bars.csv");
        fs::write(&bars, "ts").unwrap();
        let linked = folder.path().join("linked.csv");
        std::os::unix::fs::symlink(&bars, &linked).unwrap();
        assert!(refusal(OutputFile::new(&bars, &bars)).ends_with("is the file of bars itself"));
        assert!(refusal(OutputFile::new(&linked, &bars)).ends_with("is the file of bars itself"));
        assert!(
            refusal(OutputFile::new(folder.path(), &bars))
                .ends_with("is there and no regular file")
        );
        assert!(
            refusal(OutputFile::new(Path::new("/dev/null"), &bars))
                .ends_with("is there and no regular file")
        );
        assert!(
            refusal(OutputFile::new(&folder.path().join("no/such.csv"), &bars))
                .ends_with("its folder does not exist")
        );
        let output = OutputFile::new(&folder.path().join("new.csv"), &bars).unwrap();
        output.write(b"forecasts", &mut Vec::new()).unwrap();
        assert_eq!(fs::read(folder.path().join("new.csv")).unwrap(), b"forecasts");
    }
}
