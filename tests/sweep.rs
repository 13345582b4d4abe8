//! The binary from one end to the other: sweeps that are run twice, edited, broken, killed and interrupted. With the fake trainer where
//! training does not matter, with flex where its numbers do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const FAKE: &str = r#"
name = "small"
[data]
synthetic = { bars = 600, beta2 = 0.1, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
[train]
epochs = 6
early_stopping = false
schedule = { kind = "constant" }
[sweep.space]
"model.hidden_size" = [8, 16]
"train.learning_rate" = [1e-3, 3e-3]
"#;

/// A folder with an experiment in it.
struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new(experiment: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        lab.write(experiment);
        lab
    }

    fn write(&self, experiment: &str) {
        std::fs::write(self.folder.path().join("small.toml"), experiment).unwrap();
    }

    fn kiln(&self, trainer: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1").env_remove("KILN_RUNS").stdin(Stdio::null());
        if trainer.is_empty() {
            command.env_remove("KILN_TRAINER")
        } else {
            command.env("KILN_TRAINER", trainer)
        };
        command
    }

    fn sweep(&self, trainer: &str) -> Output {
        self.kiln(trainer, &["sweep", "small.toml", "--backend", "flex"]).output().unwrap()
    }

    fn trials(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            std::fs::read_dir(self.folder.path().join("runs/small/trials")).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    }

    fn results(&self) -> Vec<Value> {
        self.trials().iter().map(|folder| read(&folder.join("result.json"))).collect()
    }
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What must not depend on how often a trial was killed: everything but times and the attempt.
fn numbers(mut result: Value) -> Value {
    let fields = result.as_object_mut().unwrap();
    fields.remove("seconds");
    fields.remove("attempt");
    result
}

#[test]
fn a_sweep_trains_ranks_and_leaves_its_folder() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("4 trials (0 done), 4 to train"), "{out}");
    assert!(out.contains("epoch 6/6"), "{out}");
    assert!(out.contains("persistence"), "{out}");
    assert_eq!(lab.results().len(), 4);
    for folder in lab.trials() {
        for file in
            ["trial.toml", "attempts/1/attempt.json", "attempts/1/events.jsonl", "attempts/1/forecasts.parquet", "result.json"]
        {
            assert!(folder.join(file).is_file(), "{file} is missing");
        }
    }
    assert!(lab.folder.path().join("runs/small/sweep.toml").is_file());
}

/// Every run has its metrics with intervals, they can be ranked by, and every trial is in the ledger once.
#[test]
fn metrics_are_recorded_with_each_result_and_every_trial_is_written_down() {
    let lab = Lab::new(FAKE);
    for _ in 0..2 {
        assert_eq!(lab.sweep("fake").status.code(), Some(0));
    }
    let ledger = std::fs::read_to_string(lab.folder.path().join("runs/ledger.jsonl")).unwrap();
    assert_eq!(ledger.lines().count(), 4, "{ledger}");
    for result in lab.results() {
        let estimates = &result["scores"]["estimates"];
        for name in ["mse", "mae", "rmse", "skill", "mase", "r2"] {
            let [low, value, high] = ["low", "value", "high"].map(|part| estimates[name][part].as_f64().unwrap());
            assert!(low <= value && value <= high, "{name}: {estimates}");
        }
    }
    let compared = |arguments: &[&str]| {
        let output = lab.kiln("fake", &[&["compare", "small"], arguments].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        text(&output)
    };
    let by_default: Value = serde_json::from_str(&compared(&["--json"])).unwrap();
    assert_eq!(by_default["objective"], "valid.skill");
    let by_mase: Value = serde_json::from_str(&compared(&["--json", "--metric", "valid.mase"])).unwrap();
    assert_eq!((&by_mase["direction"], by_mase["rows"].as_array().unwrap().len()), (&Value::from("minimize"), 4));
    let first = &by_mase["rows"][0];
    assert!(first["interval"]["low"].as_f64() < first["value"]["mean"].as_f64(), "{first}");
    assert!(compared(&["--intervals"]).contains("; [95 % interval]"));
    assert!(!compared(&[]).contains("; [95 % interval]"), "a pipe has no width");

    let (sweep, trials) = ("small", lab.trials());
    let id = trials[0].file_name().unwrap().to_str().unwrap();
    let shown = text(&lab.kiln("fake", &["show", &format!("{sweep}/{id}")]).output().unwrap());
    assert!(shown.contains("↓ valid.mase") && shown.contains("↑ valid.r2") && shown.contains("95 % intervals"), "{shown}");
    let evaluated = lab.kiln("fake", &["evaluate", id, "--json"]).output().unwrap();
    let evaluated: Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert_eq!(evaluated["tries"]["trials"], 4);
    let metrics = evaluated["metrics"].as_array().unwrap();
    assert!(metrics.iter().any(|row| row["metric"] == "test.mase" && row["low"].is_f64() && row["direction"] == "minimize"));
}

#[test]
fn a_second_call_trains_nothing_and_an_edited_file_only_what_is_new() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let before: Vec<_> =
        lab.trials().iter().map(|folder| std::fs::metadata(folder.join("result.json")).unwrap().modified().unwrap()).collect();
    let again = lab.sweep("fake");
    assert!(text(&again).contains("4 trials (4 done), 0 to train"), "{}", text(&again));
    let after: Vec<_> =
        lab.trials().iter().map(|folder| std::fs::metadata(folder.join("result.json")).unwrap().modified().unwrap()).collect();
    assert_eq!(before, after);

    lab.write(&FAKE.replace("[8, 16]", "[8, 16, 32]"));
    let edited = lab.sweep("fake");
    assert!(text(&edited).contains("6 trials (4 done), 2 to train"), "{}", text(&edited));
    assert!(lab.folder.path().join("runs/small/sweep.1.toml").is_file(), "the former file is kept");
}

#[test]
fn a_lane_that_diverges_and_a_trainer_that_panics_are_recorded_and_the_sweep_goes_on() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:nan:2");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let failed: Vec<Value> = lab.results().into_iter().filter(|result| result["end"] == "failed").collect();
    assert!(!failed.is_empty() && failed.len() < 4, "{failed:?}");
    assert!(failed[0]["reason"].as_str().unwrap().contains("NaN in epoch 2"), "{failed:?}");

    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:panic:2");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("fake panic in epoch 2"), "{}", text(&output));
    assert_eq!(lab.sweep("fake").status.code(), Some(0), "a panic is tried again");
}

#[test]
fn a_worker_that_aborts_takes_down_its_pack_and_nothing_else() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:abort:3");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("SIGABRT"), "{}", text(&output));
    let output = lab.sweep("fake");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(lab.results().len(), 4);
}

#[test]
fn one_sweep_at_a_time_holds_a_folder() {
    let lab = Lab::new(FAKE);
    let mut first =
        lab.kiln("fake:sleep:700", &["sweep", "small.toml", "--backend", "flex"]).stdout(Stdio::null()).spawn().unwrap();
    wait_until(|| lab.folder.path().join("runs/small/sweep.toml").is_file());
    let second = lab.sweep("fake");
    assert_eq!(second.status.code(), Some(2), "{}", text(&second));
    assert!(text(&second).contains(&first.id().to_string()), "the holder is named: {}", text(&second));
    assert_eq!(first.wait().unwrap().code(), Some(0));
}

#[test]
fn an_interrupt_stops_cleanly_and_the_same_command_goes_on() {
    let lab = Lab::new(FAKE);
    let child = lab.kiln("fake:sleep:200", &["sweep", "small.toml", "--backend", "flex"]).stdout(Stdio::piped()).spawn().unwrap();
    wait_until(|| logs_contain(&lab, "\"event\":\"epoch\""));
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("goes on where it was"), "{}", text(&output));
    let output = lab.sweep("fake");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let undisturbed = Lab::new(FAKE);
    undisturbed.sweep("fake");
    let numbers_of = |lab: &Lab| lab.results().into_iter().map(numbers).collect::<Vec<_>>();
    assert_eq!(numbers_of(&lab), numbers_of(&undisturbed));
}

/// Real training on flex, killed twice in the middle of an epoch, supervisor and workers alike.
#[test]
fn a_sweep_that_is_killed_twice_ends_with_the_numbers_of_one_that_is_not() {
    let real = FAKE
        .replace("bars = 600", "bars = 3000")
        .replace("epochs = 6", "epochs = 8")
        .replace("num_layers = 1", "num_layers = 2\ndropout = 0.2")
        .replace("window = 4", "window = 12");
    let undisturbed = Lab::new(&real);
    let output = undisturbed.sweep("");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));

    let lab = Lab::new(&real);
    for pause in [300, 900] {
        let mut child = lab.kiln("", &["sweep", "small.toml", "--backend", "flex"]).stdout(Stdio::null()).spawn().unwrap();
        wait_until(|| logs_contain(&lab, "\"event\":\"epoch\""));
        std::thread::sleep(Duration::from_millis(pause));
        for worker in workers_of(child.id()) {
            signal(worker, "KILL");
        }
        signal(child.id(), "KILL");
        child.wait().unwrap();
    }
    let output = lab.sweep("");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let numbers_of = |lab: &Lab| lab.results().into_iter().map(numbers).collect::<Vec<_>>();
    assert_eq!(numbers_of(&lab), numbers_of(&undisturbed));
}

#[test]
fn cuda_without_a_driver_is_one_clear_message() {
    if Path::new("/proc/driver/nvidia/version").exists() {
        eprintln!("skipped: this machine has an NVIDIA driver");
        return;
    }
    let lab = Lab::new(FAKE);
    let output = lab.kiln("", &["sweep", "small.toml", "--backend", "cuda"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("cuda") && message.contains("flex"), "{message}");
    assert!(message.lines().count() <= 3, "{message}");
    assert!(!lab.folder.path().join("runs").exists(), "nothing is written");
}

#[test]
fn looking_back_works_on_what_a_sweep_left() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("").status.code(), Some(0));
    let id = lab.trials()[0].file_name().unwrap().to_string_lossy().into_owned();
    for arguments in
        [vec!["runs"], vec!["runs", "small"], vec!["show", &id], vec!["compare", "small"], vec!["evaluate", &id], vec!["doctor"]]
    {
        let output = lab.kiln("", &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        assert!(!output.stdout.is_empty(), "{arguments:?}");
        let mut json = arguments.clone();
        json.push("--json");
        let output = lab.kiln("", &json).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{json:?}: {}", text(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{json:?}: {error}"));
    }
    let evaluations = std::fs::read_to_string(lab.trials()[0].join("evaluations.jsonl")).unwrap();
    assert_eq!(evaluations.lines().count(), 2, "each opening of the test split is recorded");
    let unknown = lab.kiln("", &["show", "nosuchrun"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
}

fn logs_contain(lab: &Lab, needle: &str) -> bool {
    let trials = lab.folder.path().join("runs/small/trials");
    let Ok(entries) = std::fs::read_dir(trials) else { return false };
    entries.flatten().any(|entry| {
        std::fs::read_dir(entry.path().join("attempts")).is_ok_and(|attempts| {
            attempts
                .flatten()
                .any(|attempt| std::fs::read_to_string(attempt.path().join("events.jsonl")).is_ok_and(|text| text.contains(needle)))
        })
    })
}

fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited a minute for what never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(pid: u32, name: &str) {
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
}

/// Processes whose parent is `pid`.
fn workers_of(pid: u32) -> Vec<u32> {
    let mut workers = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) {
            workers.push(child);
        }
    }
    workers
}
