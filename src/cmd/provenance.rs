//! Where a sweep came from.

use std::path::Path;
use std::process::Command;

use experiment::Experiment;
use runs::store::Origin;

/// Program, commit, data and command line of this process. What is not known (no git, no checkout)
/// is `None`.
#[must_use]
pub(super) fn origin(experiment: &Experiment, data_fingerprint: String) -> Origin {
    let folder = experiment
        .file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Origin {
        kiln_version: env!("CARGO_PKG_VERSION").into(),
        git_revision: git(folder, &["rev-parse", "HEAD"]),
        git_dirty: git(folder, &["status", "--porcelain"]).map(|status| !status.is_empty()),
        data_fingerprint,
        argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        overrides: experiment.overrides.clone(),
        data_file: None,
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
