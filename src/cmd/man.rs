//! `kiln man`: man pages, one a verb.

use clap::{Args, CommandFactory};
use std::io::Write;
use std::path::PathBuf;

use super::{Cli, Failure, Outcome};
use runs::files::FileError;
use text::cleaned;

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder that the pages are written into, such as ~/.local/share/man/man1
    pub folder: PathBuf,
}

/// Writes them.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn run(args: &ManArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|error| FileError::io(folder, "man pages cannot be written into it", error))?;
    let shown = cleaned(&folder.to_string_lossy());
    writeln!(out, "man pages written into {shown}; read them with: man -l {shown}/kiln.1")?;
    Ok(Outcome::Done)
}
