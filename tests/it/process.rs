//! What happens to the processes of a sweep: readers that go away or stand still, hang-ups that are
//! ignored, pauses, workers that die or stand still, disks that fill up. With the fake trainer,
//! whose faults are chosen by name.

mod ends;

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::skip::skip;

/// Trials of one shape, which are trained in packs.
const EXPERIMENT: &str = r#"
name = "small"
[data]
synthetic = { bars = 600, beta2 = 0.1, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
hidden_size = 8
[train]
epochs = 6
early_stopping = false
schedule = { kind = "constant" }
[sweep.space]
"train.learning_rate" = [1e-3, 2e-3]
"#;

/// A folder with an experiment in it.
struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        Self::with(EXPERIMENT)
    }

    fn with(experiment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("small.toml"), experiment).unwrap();
        Self { folder }
    }

    /// 16 trials of one shape, the last of which has a learning rate of 1: in packs of four where
    /// there is one core.
    fn of_packs() -> Self {
        let rates: Vec<String> =
            (1..16).map(|rate| format!("{rate}e-4")).chain(["1.0".to_owned()]).collect();
        Self::with(&EXPERIMENT.replace("1e-3, 2e-3", &rates.join(", ")))
    }

    fn command(&self, program: &str, trainer: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("KILN_TRAINER", trainer)
            .env_remove("KILN_RUNS")
            .stdin(Stdio::null());
        command
    }

    fn kiln(&self, trainer: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_kiln"), trainer);
        command.args(arguments);
        command
    }

    fn sweep(&self, trainer: &str, more: &[&str]) -> Command {
        self.kiln(trainer, &[SWEEP, more].concat())
    }

    /// A sweep on one core, which has one worker.
    fn on_one_core(&self, trainer: &str, more: &[&str]) -> Output {
        let mut command = self.command("taskset", trainer);
        command.args(["-c", &first_core(), env!("CARGO_BIN_EXE_kiln")]).args(SWEEP).args(more);
        command.output().unwrap()
    }

    /// A shell's command, in which `$KILN` is the program.
    fn shell(&self, trainer: &str, script: &str) -> Command {
        let mut command = self.command("bash", trainer);
        command.args(["-c", script]).env("KILN", env!("CARGO_BIN_EXE_kiln"));
        command
    }

    fn trials(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("runs/small/trials")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn results(&self) -> usize {
        self.trials().iter().filter(|trial| trial.join("result.json").is_file()).count()
    }

    fn logs(&self) -> String {
        let Ok(trials) = std::fs::read_dir(self.folder.path().join("runs/small/trials")) else {
            return String::new();
        };
        let attempts = trials
            .flatten()
            .filter_map(|trial| std::fs::read_dir(trial.path().join("attempts")).ok())
            .flatten()
            .flatten();
        attempts
            .filter_map(|attempt| std::fs::read_to_string(attempt.path().join("events.jsonl")).ok())
            .collect()
    }
}

const SWEEP: &[&str] = &["sweep", "small.toml", "--backend", "flex", "--plain"];

/// The first core that this process may use.
fn first_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list =
        status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    list.split([',', '-']).next().unwrap().to_owned()
}

fn has(tool: &str) -> bool {
    let there =
        Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        skip(tool, &format!("there is no {tool}"));
    }
    there
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn wait_until(what: &str, seconds: u64, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(process: u32, name: &str) {
    assert!(
        Command::new("kill")
            .arg(format!("-{name}"))
            .arg(process.to_string())
            .status()
            .unwrap()
            .success()
    );
}

fn stat(process: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(stat.rsplit(") ").next()?.split_whitespace().map(str::to_owned).collect())
}

fn state(process: u32) -> Option<char> {
    stat(process)?.first()?.chars().next()
}

/// Processes whose parent is this one.
fn children(process: u32) -> Vec<u32> {
    let numbers = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|child| stat(*child).is_some_and(|stat| stat[1] == process.to_string()))
        .collect()
}

/// Starts a sweep whose output is kept, and waits until it trains.
fn training(lab: &Lab, mut command: Command) -> Child {
    let epochs = || lab.logs().matches("\"event\":\"epoch\"").count();
    let before = epochs();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("an epoch", 60, || epochs() > before);
    child
}

#[test]
fn skipping_is_refused_where_the_thing_is_required() {
    assert!(
        crate::skip::is_required("wgpu, cuda", "cuda") && crate::skip::is_required("wgpu", "wgpu")
    );
    assert!(!crate::skip::is_required("", "wgpu") && !crate::skip::is_required("wgpu2", "wgpu"));
}

// Readers.

#[test]
fn a_reader_that_goes_away_is_told_once_and_the_sweep_trains_on() {
    let lab = Lab::new();
    let output = lab
        .shell(
            "fake:sleep:50",
            "set -o pipefail; $KILN sweep small.toml --backend flex --plain | (exec <&-; sleep 2)",
        )
        .output()
        .unwrap();
    assert_eq!((output.status.code(), lab.results()), (Some(0), 2), "{}", text(&output));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors.matches("the sweep goes on").count(), 1, "{errors}");
}

#[test]
fn an_output_that_is_full_does_not_stop_a_sweep() {
    let lab = Lab::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = lab.sweep("fake", &[]).stdout(full).output().unwrap();
    assert_eq!((output.status.code(), lab.results()), (Some(0), 2), "{}", text(&output));
    assert_eq!(text(&output).matches("No space left").count(), 1, "{}", text(&output));
}

/// As `| less` does at the end of its first screen.
#[test]
fn a_reader_that_stands_still_holds_no_sweep_up() {
    let lab = Lab::with(&EXPERIMENT.replace("epochs = 6", "epochs = 900"));
    let mut child = lab.sweep("fake", &[]).stdout(Stdio::piped()).spawn().unwrap();
    wait_until("both results", 60, || {
        lab.folder.path().join("runs/small/trials").is_dir() && lab.results() == 2
    });
    let mut read = String::new();
    child.stdout.take().unwrap().read_to_string(&mut read).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        read.contains("epoch 900/900") && read.contains("persistence"),
        "all of it comes once it is read"
    );
}

#[test]
fn paths_that_are_no_text_are_paths() {
    let lab = Lab::new();
    let runs = lab.folder.path().join(std::ffi::OsStr::from_bytes(b"ru\xff\xfens"));
    let with_runs = |arguments: &[&str]| {
        let output = lab.kiln("fake", arguments).arg("--runs").arg(&runs).output().unwrap();
        assert!(!text(&output).contains("panicked"), "{arguments:?}: {}", text(&output));
        output
    };
    let output = with_runs(SWEEP);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(runs.join("small/sweep.toml").is_file());
    for arguments in [
        &["runs"][..],
        &["runs", "small"],
        &["runs", "--json"],
        &["show", "small/best"],
        &["show", "small/best", "--json"],
        &["compare", "small"],
        &["compare", "small", "--json"],
        &["report", "small", "-o", "-"],
        &["watch", "small"],
        &["evaluate", "small/best"],
        &["export", "small", "--format", "csv", "-o", "-"],
        &["doctor", "--json"],
    ] {
        let output = with_runs(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    }
    // An experiment with such a name, and data.
    let file = lab.folder.path().join(std::ffi::OsStr::from_bytes(b"sm\xffall.toml"));
    std::fs::copy(lab.folder.path().join("small.toml"), &file).unwrap();
    for arguments in [&["check"][..], &["leakcheck"], &["sweep", "--plain", "--runs", "other"]] {
        let output = lab.kiln("fake", arguments).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    }
    let output = lab
        .kiln("fake", &["predict", "small/best", "--runs"])
        .arg(&runs)
        .arg("--data")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.code() == Some(2) && !text(&output).contains("panicked"),
        "{}",
        text(&output)
    );
}

// Signals.
