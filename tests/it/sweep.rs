//! The binary from one end to the other: sweeps that are run twice, edited, broken, killed and
//! interrupted. With the fake trainer where training does not matter, with flex where its numbers
//! do.

mod life;
mod numbers;
mod search;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::skip::skip;

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
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("KILN_RUNS")
            .stdin(Stdio::null());
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
            std::fs::read_dir(self.folder.path().join("runs/small/trials"))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
        folders.sort();
        folders
    }

    /// Lines of all files of the ledger.
    fn ledger(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path().join("runs/ledger")).unwrap();
        files
            .flat_map(|file| {
                std::fs::read_to_string(file.unwrap().path())
                    .unwrap()
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn results(&self) -> Vec<Value> {
        self.trials().iter().map(|folder| read(&folder.join("result.json"))).collect()
    }
}

fn read(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What must not depend on how often a trial was killed: everything but times, the attempt and the
/// checksums of its files.
fn numbers(mut result: Value) -> Value {
    let fields = result.as_object_mut().unwrap();
    for name in ["seconds", "attempt", "covers", "checksum"] {
        fields.remove(name);
    }
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
        for file in [
            "trial.toml",
            "attempts/1/attempt.json",
            "attempts/1/events.jsonl",
            "attempts/1/forecasts.parquet",
            "result.json",
        ] {
            assert!(folder.join(file).is_file(), "{file} is missing");
        }
    }
    assert!(lab.folder.path().join("runs/small/sweep.toml").is_file());
}

/// Every run has its metrics with intervals, they can be ranked by, and every trial is in the
/// ledger once.
#[test]
fn metrics_are_recorded_with_each_result_and_every_trial_is_written_down() {
    let lab = Lab::new(FAKE);
    for _ in 0..2 {
        assert_eq!(lab.sweep("fake").status.code(), Some(0));
    }
    assert_eq!(lab.ledger().len(), 4, "{:?}", lab.ledger());
    for result in lab.results() {
        let estimates = &result["scores"]["estimates"];
        for name in ["mse", "mae", "rmse", "skill", "mase", "r2"] {
            let [low, value, high] =
                ["low", "value", "high"].map(|part| estimates[name][part].as_f64().unwrap());
            assert!(low <= value && value <= high, "{name}: {estimates}");
        }
    }
    let compared = |arguments: &[&str]| {
        let output =
            lab.kiln("fake", &[&["compare", "small"], arguments].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        text(&output)
    };
    let by_default: Value = serde_json::from_str(&compared(&["--json"])).unwrap();
    assert_eq!(by_default["objective"], "valid.skill");
    let by_mase: Value =
        serde_json::from_str(&compared(&["--json", "--metric", "valid.mase"])).unwrap();
    assert_eq!(
        (&by_mase["direction"], by_mase["rows"].as_array().unwrap().len()),
        (&Value::from("minimize"), 4)
    );
    let first = &by_mase["rows"][0];
    assert!(first["interval"]["low"].as_f64() < first["value"]["mean"].as_f64(), "{first}");
    assert!(compared(&["--intervals"]).contains("; [95 % interval]"));
    assert!(!compared(&[]).contains("; [95 % interval]"), "a pipe has no width");

    let (sweep, trials) = ("small", lab.trials());
    let id = trials[0].file_name().unwrap().to_str().unwrap();
    let shown = text(&lab.kiln("fake", &["show", &format!("{sweep}/{id}")]).output().unwrap());
    assert!(
        shown.contains("↓ valid.mase")
            && shown.contains("↑ valid.r2")
            && shown.contains("95 % intervals"),
        "{shown}"
    );
    let evaluated = lab.kiln("fake", &["evaluate", id, "--json"]).output().unwrap();
    let evaluated: Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert_eq!(evaluated["tries"]["trials"], 4);
    let metrics = evaluated["metrics"].as_array().unwrap();
    assert!(metrics.iter().any(|row| row["metric"] == "test.mase"
        && row["low"].is_f64()
        && row["direction"] == "minimize"));
}

impl Lab {
    /// `compare --json` of these.
    fn compared(&self, selectors: &[&str]) -> Value {
        let output =
            self.kiln("fake", &[&["compare", "--json"], selectors].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Two series with the same timestamps: neither's trials are said to be worse than the other's, and
/// the reason is said once.
#[test]
fn sweeps_over_different_series_with_the_same_timestamps_are_not_tested_against_each_other() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    lab.write(
        &FAKE.replace("\"small\"", "\"other\"").replace("bars = 600,", "bars = 600, seed = 7,"),
    );
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let compared = lab.compared(&["small", "other"]);
    assert!(compared["significance"].is_null(), "{}", compared["significance"]);
    assert_eq!(compared["sweeps"]["bests"][0]["windows"], Value::Null);
    let shown = lab.kiln("fake", &["compare", "small", "other"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(
        shown.matches("2 different series (other | small): no test compares them").count(),
        1,
        "{shown}"
    );
    for claim in ["worse than", "cannot be told", "same windows", "≈"] {
        assert!(!shown.contains(claim), "{claim}: {shown}");
    }
    assert!(!lab.compared(&["small"])["significance"].is_null());
}

/// What a selection leaves out, what a former version of the file planned, what was deleted, and
/// other sweeps on the same windows count.
#[test]
fn the_verdict_counts_the_whole_search() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let whole = lab.compared(&["small"])["significance"].clone();
    let counts =
        |found: &Value| ["trials", "weighed", "shown"].map(|name| found[name].as_u64().unwrap());
    assert_eq!(
        (counts(&whole), &whole["by_ledger"], &whole["spa"]),
        ([4, 4, 4], &Value::from(true), &whole["spa_raw"]),
        "{whole}"
    );
    let compared = lab.compared(&["small"]);
    let runs: Vec<&str> = compared["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["runs"][0].as_str().unwrap())
        .collect();
    let picked = lab.compared(&[&format!("small/{}", runs[0])])["significance"].clone();
    assert_eq!((counts(&picked), &picked["spa"]), ([4, 4, 1], &whole["spa"]), "{picked}");

    // A former version of the file on the same windows, then two trials deleted.
    lab.write(&FAKE.replace("[8, 16]", "[8, 16, 24]"));
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    lab.write(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    assert_eq!(counts(&lab.compared(&["small"])["significance"]), [6, 6, 4]);
    for trial in lab
        .trials()
        .into_iter()
        .filter(|trial| !runs.contains(&trial.file_name().unwrap().to_str().unwrap()))
    {
        std::fs::remove_dir_all(trial).unwrap();
    }
    let found = lab.compared(&["small"])["significance"].clone();
    assert_eq!(counts(&found), [6, 4, 4]);
    // A thousand resamples cannot tell a p from one below 1 / 1001.
    let raw = found["spa_raw"].as_f64().unwrap().max(1.0 / 1001.0);
    let expected = 1.0 - (1.0 - raw).powf(1.5);
    assert!((found["spa"].as_f64().unwrap() - expected).abs() < 1e-9, "{found}");
    let shown = text(&lab.kiln("fake", &["compare", "small"]).output().unwrap());
    let told = shown.lines().find(|line| line.contains("SPA p = ")).unwrap();
    assert!(told.contains("over the 4 that could be weighed, widened to all 6"), "{told}");
    let evaluated =
        text(&lab.kiln("fake", &["evaluate", &format!("small/{}", runs[0])]).output().unwrap());
    assert!(evaluated.contains(" of 6 tried on this span"), "the same number: {evaluated}");
}
