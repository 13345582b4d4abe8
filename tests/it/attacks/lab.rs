//! A folder with an experiment in it, and the program run there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Two trials on synthetic bars.
pub(super) const EXPERIMENT: &str = r#"
name = "small"
[data]
synthetic = { bars = 600, beta2 = 0.1, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
[train]
epochs = 3
early_stopping = false
schedule = { kind = "constant" }
[sweep.space]
"model.hidden_size" = [8, 16]
"#;

/// The text of a run's file without its checksums, as it was written before there were any: what
/// another program changes is read then.
pub(super) fn unsealed(text: &str) -> String {
    let of_document = ["# checksum: ", "  \"checksum\": ", "  \"covers\": "];
    let kept = text.lines().filter(|line| !of_document.iter().any(|start| line.starts_with(start)));
    let without = |line: &str| match line.rfind(",\"sum\":\"") {
        Some(at) if line.len() == at + ",\"sum\":\"0123456789abcdef\"}".len() => {
            format!("{}}}\n", &line[..at])
        }
        _ => format!("{line}\n"),
    };
    let text: String = kept.map(without).collect();
    match text.strip_suffix(",\n}\n") {
        Some(before) => format!("{before}\n}}\n"),
        None => text,
    }
}

/// See the module.
pub(super) struct Lab {
    pub folder: tempfile::TempDir,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::with(EXPERIMENT)
    }

    pub(super) fn with(experiment: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        lab.write("small.toml", experiment.as_bytes());
        lab
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn kiln(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("KILN_RUNS")
            .stdin(Stdio::null());
        command.env("KILN_TRAINER", "fake");
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.kiln(arguments).output().unwrap()
    }

    /// `kiln check` of `small.toml`: its exit code and all that it says.
    pub(super) fn check(&self) -> (i32, String) {
        let output = self.run(&["check", "small.toml", "--backend", "flex"]);
        (output.status.code().unwrap(), text(&output))
    }

    /// Trains `small.toml`.
    pub(super) fn sweep(&self) {
        let output = self.run(&["sweep", "small.toml", "--backend", "flex", "--plain"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }

    /// The folders of the sweep's runs.
    pub(super) fn runs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path().join("runs/small/trials")).unwrap();
        let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        runs.sort();
        runs
    }
}

/// All that a command said.
pub(super) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Every file and folder below a folder.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

/// Runs a command with its address space limited to so many MiB, and for so many seconds at most.
#[cfg(target_os = "linux")]
pub(super) fn confined(command: &Command, mebibytes: u64, seconds: u64) -> Output {
    let mut shell = Command::new("bash");
    shell
        .arg("-c")
        .arg(format!("ulimit -v {}; ulimit -t {seconds}; exec \"$@\"", mebibytes * 1024))
        .arg("confined");
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    shell.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}
