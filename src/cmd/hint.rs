//! Commands that a message tells a person to run.

use std::path::Path;

/// The folder that every verb looks into unless told otherwise.
const USUAL: &str = "runs";

/// `kiln ARGUMENTS`, with the folder of the sweeps where it is not the usual one: a command that is
/// printed works when it is copied.
pub(super) fn command(arguments: &str, runs: &Path) -> String {
    let is_usual = |usual: &Path| {
        runs == usual || std::fs::canonicalize(usual).is_ok_and(|usual| usual == runs)
    };
    if is_usual(Path::new(USUAL)) {
        return format!("kiln {arguments}");
    }
    format!("kiln {arguments} --runs {}", quoted(&runs.to_string_lossy()))
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '@' | '=' | ',' | '%')
    };
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_folder_unless_it_is_the_usual_one() {
        assert_eq!(command("watch grid", Path::new("runs")), "kiln watch grid");
        assert_eq!(
            command("watch grid", Path::new("/tmp/a b")),
            "kiln watch grid --runs '/tmp/a b'"
        );
        assert_eq!(command("watch grid", Path::new("it's")), r"kiln watch grid --runs 'it'\''s'");
    }
}
