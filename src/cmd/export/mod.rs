//! `export`: runs and models in the formats of others.

pub(super) mod args;
mod arguments;
mod folder;
#[cfg(feature = "mlflow")]
mod mlflow;
mod source;
mod table;
mod weights;

use std::io::Write;
use std::path::{Path, PathBuf};

use self::arguments::{Export, Output, export};
use super::selection::note;
use super::{ExportArgs, Failure, Outcome};
use crate::export::write_file;

/// Writes the source in the format that was asked for, and prints where.
///
/// # Errors
/// When an option does not belong to the format, the source is not what the format is about,
/// something is there already, or what is asked for cannot be written or sent.
pub fn run(args: ExportArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let (source, roots, export) = export(args)?;
    match export {
        Export::Weights(weights, output) => weights::run(&source, &roots, weights, &output, out)?,
        Export::Table(table, output) => table::run(&source, &roots, table, &output, out)?,
        Export::Folder(kind, output) => folder::run(&source, &roots, kind, &output, out)?,
        #[cfg(feature = "mlflow")]
        Export::Mlflow { to, experiment } => mlflow::run(&source, &roots, to, experiment, out)?,
    }
    Ok(Outcome::Done)
}

/// Where runs and models are.
struct Roots {
    runs: PathBuf,
    models: PathBuf,
}

/// Writes a file, or its content to stdout; `name` where no path was given.
fn deliver(bytes: &[u8], output: &Output, name: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let path = match &output.path {
        Some(path) if path == Path::new("-") => return Ok(out.write_all(bytes)?),
        Some(path) => path.clone(),
        None => PathBuf::from(file_name(name)),
    };
    write_file(&path, bytes, output.existing)?;
    Ok(writeln!(out, "{}", text::clean(&path.display().to_string()))?)
}

/// A name as that of a file here: what is a separator or a blank becomes `-`.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    name.chars().map(plain).collect::<String>().trim_start_matches(['.', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_that_of_a_file() {
        assert_eq!(file_name("grid/31d897f497c7.onnx"), "grid-31d897f497c7.onnx");
        assert_eq!(file_name("../../etc/pass wd"), "etc-pass-wd");
        assert_eq!(file_name("minute@3.onnx"), "minute-3.onnx");
    }
}
