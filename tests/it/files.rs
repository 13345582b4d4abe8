//! The binary and the files that it finds: damaged, moved, left over, recorded on another
//! processor.

mod marks;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const EXPERIMENT: &str = r#"
name = "small"
backend = "flex"
[data]
source = "../data/bars.csv"
zone = "UTC"
bar_label = "start"
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
"train.learning_rate" = [1e-3, 3e-3]
[backtest]
rule = { kind = "sign" }
costs = { commission_bps = 0.5, half_spread = "0 bps", slippage = "0 bps" }
"#;

/// A project: `experiments/small.toml`, `data/bars.csv`, `runs/`.
struct Project {
    root: tempfile::TempDir,
    /// Within the root; moved by some tests.
    folder: PathBuf,
}

impl Project {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("here");
        fs::create_dir_all(folder.join("experiments")).unwrap();
        fs::create_dir_all(folder.join("data")).unwrap();
        fs::write(folder.join("experiments/small.toml"), EXPERIMENT).unwrap();
        fs::write(folder.join("data/bars.csv"), bars(None)).unwrap();
        Self { root, folder }
    }

    fn swept() -> Self {
        let project = Self::new();
        let output = project.sweep(&[]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        project
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("NO_COLOR", "1")
            .env("KILN_TRAINER", "fake");
        command.env_remove("KILN_RUNS").env_remove("KILN_SIMD").stdin(Stdio::null());
        command
    }

    fn kiln(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn sweep(&self, arguments: &[&str]) -> Output {
        self.kiln(&[&["sweep", "experiments/small.toml", "--plain"], arguments].concat())
    }

    fn trials(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.join("runs/small/trials")).unwrap();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    }
}

/// 600 minutes of a price that wanders; with a value that is not a number in one of them.
fn bars(broken: Option<usize>) -> String {
    let mut text = "ts,open,high,low,close,volume\n".to_owned();
    let mut state = 7_u64;
    let mut close = 100.0_f64;
    for minute in 0..600 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let open = close;
        close *= 1.0 + ((state >> 33) as f64 / (1_u64 << 31) as f64 - 0.5) * 0.002;
        let (high, low) = (open.max(close), open.min(close));
        let shown = if broken == Some(minute) { "NaN".to_owned() } else { format!("{close:.6}") };
        let (hour, minute) = (minute / 60, minute % 60);
        writeln!(
            text,
            "2026-01-05T{hour:02}:{minute:02}:00Z,{open:.6},{high:.6},{low:.6},{shown},10"
        )
        .unwrap();
    }
    text
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Makes the first digit behind a word another.
fn change_digit(path: &Path, behind: &str) {
    let mut bytes = fs::read(path).unwrap();
    let start = String::from_utf8_lossy(&bytes).find(behind).unwrap() + behind.len();
    let place = (start..bytes.len()).find(|place| (b'1'..=b'8').contains(&bytes[*place])).unwrap();
    bytes[place] += 1;
    fs::write(path, bytes).unwrap();
}

/// Flips a bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// A changed digit of a result is named by every verb that leaves the run out, and by `sweep`,
/// which says what to do; then it is done.
#[test]
fn a_result_with_a_changed_digit_is_named_by_every_verb_and_comes_back_from_the_checkpoint() {
    let project = Project::swept();
    let [broken, whole] = project.trials().try_into().unwrap();
    let path = broken.join("result.json");
    let before = fs::read(&path).unwrap();
    change_digit(&path, "\"valid\": {");
    let id = name(&broken);
    let of_sweep: [&[&str]; 7] = [
        &["runs", "small"],
        &["compare", "small"],
        &["compare", "small", "--json"],
        &["report", "small", "--format", "md"],
        &["backtest", "small"],
        &["show", "small/best"],
        &["export", "small", "--format", "csv", "--what", "runs", "-o", "-"],
    ];
    for arguments in of_sweep {
        let output = project.kiln(arguments);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
        assert!(
            told.contains(&id) && told.contains("result.json: is damaged: its checksum differs"),
            "{arguments:?}: {told}"
        );
    }
    assert!(
        text(&project.kiln(&["show", "small/best"])).contains(&name(&whole)),
        "the best of those that can be read"
    );
    assert_eq!(project.kiln(&["evaluate", "small/best", "--early"]).status.code(), Some(0));
    let of_run = format!("small/{id}");
    let of_run: [&[&str]; 3] = [
        &["evaluate", &of_run],
        &["predict", &of_run, "--data", "data/bars.csv"],
        &["backtest", &of_run],
    ];
    for arguments in of_run {
        let output = project.kiln(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(
            text(&output).contains("result.json: is damaged: its checksum differs"),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    let output = project.sweep(&[]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let advice = format!("{id} is left out: ");
    assert!(
        text(&output).contains(&advice)
            && text(&output).contains("delete it and run the sweep again"),
        "{}",
        text(&output)
    );
    fs::remove_file(&path).unwrap();
    let output = project.sweep(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let numbers = |bytes: &[u8]| {
        let result: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        (result["valid"].clone(), result["scores"].clone(), result["best_epoch"].clone())
    };
    assert_eq!(
        numbers(&fs::read(&path).unwrap()),
        numbers(&before),
        "the last checkpoint comes to the same result"
    );
}

#[test]
fn damaged_forecasts_have_no_part_in_tests_and_are_named() {
    let project = Project::swept();
    let [broken, _] = project.trials().try_into().unwrap();
    flip(&broken.join("attempts/1/forecasts.parquet"));
    let id = name(&broken);
    let of_run = format!("small/{id}");
    let verbs: [(&[&str], i32); 7] = [
        (&["compare", "small"], 0),
        (&["report", "small", "--format", "md"], 0),
        (&["backtest", "small"], 0),
        (&["show", &of_run], 0),
        (&["export", "small", "--format", "csv", "--what", "forecasts", "-o", "-"], 0),
        (&["predict", &of_run, "--data", "data/bars.csv"], 2),
        (&["sweep", "experiments/small.toml", "--plain"], 0),
    ];
    for (arguments, code) in verbs {
        let output = project.kiln(arguments);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(
            told.contains(&id)
                && told.contains("forecasts.parquet: is damaged: its checksum differs"),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn an_empty_trial_is_written_anew_and_an_empty_result_blocks_that_trial_alone() {
    let project = Project::swept();
    let [first, second] = project.trials().try_into().unwrap();
    let whole = fs::read(first.join("trial.toml")).unwrap();
    fs::write(first.join("trial.toml"), "").unwrap();
    fs::write(second.join("result.json"), "").unwrap();
    let told = text(&project.kiln(&["compare", "small"]));
    assert!(
        told.contains("trial.toml: is empty; run the sweep again")
            && told.contains("result.json: is empty"),
        "{told}"
    );
    fs::write(
        project.folder.join("experiments/small.toml"),
        EXPERIMENT.replace("[1e-3, 3e-3]", "[1e-3, 3e-3, 9e-3]"),
    )
    .unwrap();
    let output = project.sweep(&[]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("3 trials (1 done), 1 to train"), "{told}");
    assert!(
        told.contains("trial.toml: is empty; it was written anew, and the damaged one is kept as"),
        "{told}"
    );
    assert!(
        told.contains(&format!("{} is left out: ", name(&second)))
            && told.contains("result.json: is empty; delete it"),
        "{told}"
    );
    assert_eq!(fs::read(first.join("trial.toml")).unwrap(), whole);
}

/// A run that was cut off in the middle, with a changed digit in its log: its result is that of a
/// run that was never cut off.
#[test]
fn a_changed_digit_in_the_log_of_a_run_that_was_cut_off_never_enters_its_result() {
    let (clean, project) = (Project::swept(), Project::new());
    interrupted(&project, &[]);
    let cut_off: Vec<PathBuf> =
        project.trials().into_iter().filter(|run| !run.join("result.json").exists()).collect();
    let run = cut_off
        .iter()
        .find(|run| log(run).contains("\"event\":\"epoch\""))
        .expect("some epoch was trained");
    change_digit(&run.join("attempts/1/events.jsonl"), "\"event\":\"epoch\"");
    let output = project.sweep(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let told = text(&project.kiln(&["show", &format!("small/{}", name(run))]));
    assert!(
        told.contains("is skipped: its")
            && told.contains("line 2 is damaged: its checksum differs"),
        "{told}"
    );
    let numbers =
        |project: &Project| -> Vec<(serde_json::Value, serde_json::Value, serde_json::Value)> {
            let result = |run: &PathBuf| -> serde_json::Value {
                serde_json::from_slice(&fs::read(run.join("result.json")).unwrap()).unwrap()
            };
            project
                .trials()
                .iter()
                .map(result)
                .map(|it| (it["train"].clone(), it["valid"].clone(), it["scores"].clone()))
                .collect()
        };
    assert_eq!(numbers(&project), numbers(&clean));
}

fn log(run: &Path) -> String {
    fs::read_to_string(run.join("attempts/1/events.jsonl")).unwrap_or_default()
}

/// Starts the sweep slowly, and interrupts it once two epochs of a trial are recorded.
fn interrupted(project: &Project, environment: &[(&str, &str)]) {
    let mut command = project.command(&["sweep", "experiments/small.toml", "--plain"]);
    command
        .env("KILN_TRAINER", "fake:sleep:100")
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let has_two = |run: &PathBuf| log(run).matches("\"event\":\"epoch\"").count() >= 2;
    while !project.folder.join("runs/small/trials").is_dir()
        || !project.trials().iter().any(has_two)
    {
        assert!(begun.elapsed() < Duration::from_secs(60), "no epoch was recorded in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person moves the folder")]
fn a_project_that_was_moved_is_evaluated_traded_and_trained_on_as_before() {
    let mut project = Project::new();
    interrupted(&project, &[]);
    let there = project.root.path().join("moved/further/there");
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::rename(&project.folder, &there).unwrap();
    project.folder = there;
    let output = project.sweep(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&project.kiln(&["backtest", "small"])).contains("the best, small/"));
    assert_eq!(project.kiln(&["evaluate", "small/best"]).status.code(), Some(0));

    // The runs alone, away from the data: found no more, but named.
    let alone = project.root.path().join("alone");
    fs::create_dir_all(&alone).unwrap();
    fs::rename(project.folder.join("runs"), alone.join("runs")).unwrap();
    let data = project.root.path().join("elsewhere.csv");
    fs::rename(project.folder.join("data/bars.csv"), &data).unwrap();
    project.folder = alone;
    for verb in ["evaluate", "backtest"] {
        let run = if verb == "evaluate" { "small/best" } else { "small" };
        let output = project.kiln(&[verb, run]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(
            text(&output).contains("is not there any more")
                && text(&output).contains("--data FILE"),
            "{}",
            text(&output)
        );
        let output = project.kiln(&[verb, run, "--data", data.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let other = project.root.path().join("other.csv");
        fs::write(&other, bars(None).replace(",10\n", ",11\n")).unwrap();
        let output = project.kiln(&[verb, run, "--data", other.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(
            text(&output).contains("is not the one that the run was trained on"),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn a_value_that_is_no_number_is_found_once_before_any_trial_begins() {
    let project = Project::new();
    fs::write(project.folder.join("data/bars.csv"), bars(Some(321))).unwrap();
    let output = project.sweep(&[]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.matches("bars.csv").count(), 1, "{told}");
    assert!(!project.folder.join("runs/small").exists(), "{told}");
}

#[test]
fn names_that_stand_for_something_else_are_refused_where_they_are_written() {
    let project = Project::new();
    for reserved in ["ledger.jsonl", "ledger", "views", "latest", "Best"] {
        let file = project.folder.join("experiments/small.toml");
        fs::write(&file, EXPERIMENT.replace("\"small\"", &format!("\"{reserved}\""))).unwrap();
        let output = project.sweep(&[]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        let told = text(&output);
        assert!(
            told.contains("small.toml:2:8")
                && told.contains("is taken in the folder of all sweeps"),
            "{told}"
        );
    }
}

/// `/proc/self/mem` can be opened, and gives an input/output error when its start is read, as a
/// broken disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fails_is_the_machines_fault_whatever_is_read_from_it() {
    const BROKEN: &str = "/proc/self/mem";
    let project = Project::swept();
    let experiment = project.folder.join("experiments/broken.toml");
    let source = format!("\"{BROKEN}\"\nformat = \"csv\"");
    fs::write(&experiment, EXPERIMENT.replace("\"../data/bars.csv\"", &source)).unwrap();
    let run = format!("small/{}", name(&project.trials()[0]));
    let verbs: [&[&str]; 4] = [
        &["check", BROKEN],
        &["check", "experiments/broken.toml"],
        &["sweep", "experiments/broken.toml", "--plain"],
        &["predict", &run, "--format", "csv", "--data", BROKEN],
    ];
    for arguments in verbs {
        let output = project.kiln(arguments);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {told}");
        assert!(told.contains("cannot be read: Input/output error"), "{arguments:?}: {told}");
    }
}
