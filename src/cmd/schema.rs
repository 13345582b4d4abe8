//! `kiln schema`: the JSON Schema of the experiment file.

use std::io::Write;

use super::{Failure, Outcome};

/// Prints it.
///
/// # Errors
/// When the output cannot be written.
pub fn run(out: &mut dyn Write) -> Result<Outcome, Failure> {
    writeln!(out, "{:#}", experiment::schema())?;
    out.flush()?;
    Ok(Outcome::Done)
}
