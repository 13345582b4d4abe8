//! `kiln completions`: what a shell needs to complete verbs, flags and their values.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;

use super::{Cli, Failure, Outcome};

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the script, for the shell to source.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &CompletionsArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    // Into memory first: clap_complete panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kiln", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(Outcome::Done)
}
