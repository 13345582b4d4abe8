//! The binary from one end to the other: sweeps that are run twice, edited, broken, killed and
//! interrupted. With the fake trainer where training does not matter, with flex where its numbers
//! do.

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

/// A lost line is known again by the result that it tells of, anyone who writes next; a damaged one
/// is said.
#[test]
fn a_lost_line_of_the_ledger_changes_no_number() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let folder = lab.folder.path().join("runs/ledger");
    let files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    std::fs::remove_file(&files[0]).unwrap();
    let trials = |found: &Value| found["significance"]["trials"].as_u64();
    assert_eq!(trials(&lab.compared(&["small"])), Some(4));
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    assert_eq!(
        lab.ledger().len(),
        4,
        "a sweep that trains nothing writes down what is lacking: {:?}",
        lab.ledger()
    );
    // A whole sweep is lost with it now, and still counts.
    std::fs::remove_dir_all(lab.folder.path().join("runs/small")).unwrap();
    lab.write(&FAKE.replace("\"small\"", "\"again\"").replace("[8, 16]", "[24]"));
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    assert_eq!(trials(&lab.compared(&["again"])), Some(6));
    let file = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).next().unwrap();
    let damaged = std::fs::read_to_string(&file)
        .unwrap()
        .replacen("\"again\"", "\"agane\"", 1)
        .replacen("\"small\"", "\"smell\"", 1);
    std::fs::write(&file, damaged).unwrap();
    let shown = text(&lab.kiln("fake", &["compare", "again"]).output().unwrap());
    assert!(shown.contains("damaged line"), "{shown}");
}

/// The test split shows once, and to a search that is over.
#[test]
fn the_test_split_of_a_sweep_that_is_not_over_is_opened_only_when_asked_for() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let trials = lab.trials();
    let id = |place: usize| trials[place].file_name().unwrap().to_str().unwrap().to_owned();
    let evaluate =
        |more: &[&str]| lab.kiln("fake", &[&["evaluate", &id(0)], more].concat()).output().unwrap();
    let openings =
        || std::fs::read_to_string(trials[0].join("evaluations.jsonl")).unwrap_or_default();
    // One without a result, one that never began.
    std::fs::remove_file(trials[1].join("result.json")).unwrap();
    std::fs::remove_dir_all(&trials[2]).unwrap();
    let refused = evaluate(&[]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    for said in ["2 of the 4 trials of its sweep are still open", "--early"] {
        assert!(text(&refused).contains(said), "{said}: {}", text(&refused));
    }
    assert_eq!(openings(), "", "nothing was looked at");
    let early = evaluate(&["--early"]);
    assert!(
        early.status.success() && text(&early).contains("opened early: 2 of 4 trials"),
        "{}",
        text(&early)
    );
    assert!(openings().contains(r#""early":{"open":2,"trials":4}"#), "{}", openings());
    let shown = text(&lab.kiln("fake", &["show", &format!("small/{}", id(0))]).output().unwrap());
    assert!(shown.contains("opened early: 2 of 4 trials"), "{shown}");
    let report = text(&lab.kiln("fake", &["report", "small", "--format", "md"]).output().unwrap());
    assert!(
        report.contains("opened 1 time by 1 run, 1 time before the sweep was over"),
        "{report}"
    );
    // Once it is over, nothing has to be asked for.
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let json: Value = serde_json::from_slice(&evaluate(&["--json"]).stdout).unwrap();
    assert_eq!((&json["opening"], &json["early"]), (&2.into(), &Value::Null));
}

#[test]
fn a_second_call_trains_nothing_and_an_edited_file_only_what_is_new() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let before: Vec<_> = lab
        .trials()
        .iter()
        .map(|folder| std::fs::metadata(folder.join("result.json")).unwrap().modified().unwrap())
        .collect();
    let again = lab.sweep("fake");
    assert!(text(&again).contains("4 trials (4 done), 0 to train"), "{}", text(&again));
    let after: Vec<_> = lab
        .trials()
        .iter()
        .map(|folder| std::fs::metadata(folder.join("result.json")).unwrap().modified().unwrap())
        .collect();
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
    let failed: Vec<Value> =
        lab.results().into_iter().filter(|result| result["end"] == "failed").collect();
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
    let mut first = lab
        .kiln("fake:sleep:700", &["sweep", "small.toml", "--backend", "flex"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| lab.folder.path().join("runs/small/sweep.toml").is_file());
    let second = lab.sweep("fake");
    assert_eq!(second.status.code(), Some(2), "{}", text(&second));
    assert!(
        text(&second).contains(&first.id().to_string()),
        "the holder is named: {}",
        text(&second)
    );
    assert_eq!(first.wait().unwrap().code(), Some(0));
}

#[test]
fn an_interrupt_stops_cleanly_and_the_same_command_goes_on() {
    let lab = Lab::new(FAKE);
    let child = lab
        .kiln("fake:sleep:200", &["sweep", "small.toml", "--backend", "flex"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
        let mut child = lab
            .kiln("", &["sweep", "small.toml", "--backend", "flex"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
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
        return skip("no-nvidia-driver", "this machine has an NVIDIA driver");
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
    for arguments in [
        vec!["runs"],
        vec!["runs", "small"],
        vec!["show", &id],
        vec!["compare", "small"],
        vec!["evaluate", &id],
        vec!["doctor"],
    ] {
        let output = lab.kiln("", &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        assert!(!output.stdout.is_empty(), "{arguments:?}");
        let mut json = arguments.clone();
        json.push("--json");
        let output = lab.kiln("", &json).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{json:?}: {}", text(&output));
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|error| panic!("{json:?}: {error}"));
    }
    let evaluations = std::fs::read_to_string(lab.trials()[0].join("evaluations.jsonl")).unwrap();
    assert_eq!(evaluations.lines().count(), 2, "each opening of the test split is recorded");
    let unknown = lab.kiln("", &["show", "nosuchrun"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
}

/// Bars to forecast from: 30 minutes of a slow wave.
fn write_bars(lab: &Lab) {
    let bar = |minute: u32| {
        let close = 100.0 + f64::from(minute).sin();
        format!("2026-01-05T00:{minute:02}:00Z,{close},{},{},{close},1\n", close + 0.5, close - 0.5)
    };
    let bars: String = (0..30).map(bar).collect();
    std::fs::write(
        lab.folder.path().join("bars.csv"),
        format!("ts,open,high,low,close,volume\n{bars}"),
    )
    .unwrap();
}

/// Columns of a CSV text by their names.
fn columns(text: &str) -> std::collections::BTreeMap<String, Vec<Option<f64>>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            ((*name).to_owned(), rows.iter().map(|row| row[at].parse().ok()).collect())
        })
        .collect()
}

#[test]
fn quantiles_and_intervals_reach_every_verb() {
    let head = "head = { kind = \"quantile\", levels = [0.05, 0.5, 0.9] }\n[train]";
    let lab = Lab::new(
        &FAKE.replace("[train]", head).replace("[8, 16]", "[8]").replace("[1e-3, 3e-3]", "[3e-3]"),
    );
    write_bars(&lab);
    let run = |arguments: &[&str]| {
        let output = lab.kiln("", arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["check", "small.toml", "--backend", "flex"]).contains("quantiles 0.05 0.5 0.9"));
    assert_eq!(lab.sweep("").status.code(), Some(0));
    let id = lab.trials()[0].file_name().unwrap().to_string_lossy().into_owned();

    let shown = run(&["show", &id]);
    assert!(
        shown.contains("levels = [0.05, 0.5, 0.9]")
            && shown.contains("quantiles of the validation rows"),
        "{shown}"
    );
    let table = run(&["evaluate", &id]);
    for part in [
        "q0.05",
        "mean",
        "q0.05 to q0.9, as forecast: 85 % nominal",
        "quantiles crossed in",
        "conformal, q0.05",
        "80 % nominal",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    let json: Value =
        serde_json::from_str(&run(&["evaluate", &id, "--coverage", "0.9", "--json"])).unwrap();
    let (quantiles, interval) = (&json["quantiles"], &json["interval"]);
    assert_eq!(quantiles["levels"].as_array().unwrap().len(), 3);
    assert_eq!(
        (interval["nominal"].as_f64(), &interval["between"]),
        (Some(0.9), &serde_json::json!([0.05, 0.9]))
    );
    assert_eq!(interval["covered"]["count"], json["windows"]);
    assert!(run(&["show", &id]).contains("conformal, q0.05"), "what was evaluated is shown");

    let csv = run(&["predict", &id, "--data", "bars.csv"]);
    let of = columns(&csv);
    assert_eq!(
        csv.lines().next(),
        Some("bar_start,forecast,persistence,actual,q0.05,q0.5,q0.9,lower,upper")
    );
    let values = |name: &str| -> Vec<f64> { of[name].iter().map(|value| value.unwrap()).collect() };
    assert_eq!(values("forecast"), values("q0.5"));
    assert!(values("q0.05").iter().zip(values("q0.5")).all(|(low, middle)| *low <= middle));
    assert!(values("q0.5").iter().zip(values("q0.9")).all(|(middle, high)| *middle <= high));
    let wider = |coverage: &str| {
        let json: Value = serde_json::from_str(&run(&[
            "predict",
            &id,
            "--data",
            "bars.csv",
            "--coverage",
            coverage,
            "--json",
        ]))
        .unwrap();
        let last = json["forecasts"].as_array().unwrap().last().unwrap().clone();
        last["upper"].as_f64().unwrap() - last["lower"].as_f64().unwrap()
    };
    assert!(wider("0.95") > wider("0.6"));
    let refused = lab.kiln("", &["evaluate", &id, "--coverage", "80"]).output().unwrap();
    assert!(
        refused.status.code() == Some(2) && text(&refused).contains("such as 0.9"),
        "{}",
        text(&refused)
    );
}

#[test]
fn a_point_forecast_has_the_same_interval_everywhere_and_none_without_its_validation_forecasts() {
    let lab = Lab::new(&FAKE.replace("[8, 16]", "[8]").replace("[1e-3, 3e-3]", "[3e-3]"));
    write_bars(&lab);
    assert_eq!(lab.sweep("").status.code(), Some(0));
    let id = lab.trials()[0].file_name().unwrap().to_string_lossy().into_owned();
    let predicted = || {
        let output = lab.kiln("", &["predict", &id, "--data", "bars.csv"]).output().unwrap();
        columns(&String::from_utf8(output.stdout).unwrap())
    };
    let evaluated = || text(&lab.kiln("", &["evaluate", &id]).output().unwrap());
    let of = predicted();
    let half = |row: usize| (of["upper"][row].unwrap() - of["lower"][row].unwrap()) / 2.0;
    assert!(
        half(0) > 0.0 && (0..of["upper"].len()).all(|row| (half(row) - half(0)).abs() < 1e-12),
        "{of:?}"
    );
    assert!(
        of["lower"].iter().zip(&of["forecast"]).all(|(lower, forecast)| (forecast.unwrap()
            - lower.unwrap()
            - half(0))
        .abs()
            < 1e-12)
    );
    assert!(evaluated().contains("conformal, forecast ± "), "{}", evaluated());
    std::fs::remove_file(lab.trials()[0].join("attempts/1/forecasts.parquet")).unwrap();
    assert!(evaluated().contains("no conformal interval: "), "{}", evaluated());
    assert!(predicted()["lower"].iter().all(Option::is_none));
}

/// What is shown live under a metric's name is what the result says under it: a run that loses its
/// result shows the same numbers.
#[test]
fn a_live_number_is_the_results_number() {
    let stopping = "early_stopping = { patience = 2, min_delta = 0.02 }";
    let lab = Lab::new(
        &FAKE.replace("early_stopping = false", stopping).replace("epochs = 6", "epochs = 30"),
    );
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let metrics =
        ["valid.skill", "valid.mse", "valid.mae", "valid.rmse", "valid.loss", "train.rmse"];
    // By run: where it is ranked its value, else what it has so far.
    let values = |metric: &str| -> std::collections::BTreeMap<String, Value> {
        let output =
            lab.kiln("", &["compare", "small", "--metric", metric, "--json"]).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |list: &Value| list.as_array().unwrap().clone();
        let name = |row: &Value| row["run"].as_str().unwrap().to_owned();
        let ranked = of(&json["rows"]).into_iter().filter(|row| !row["value"].is_null());
        let ranked = ranked.map(|row| (name(&row), row["value"]["mean"].clone()));
        ranked
            .chain(of(&json["unranked"]).into_iter().map(|row| (name(&row), row["so_far"].clone())))
            .collect()
    };
    let best_epochs = || -> Vec<Value> {
        let rows: Value = serde_json::from_slice(
            &lab.kiln("", &["runs", "small", "--json"]).output().unwrap().stdout,
        )
        .unwrap();
        rows.as_array().unwrap().iter().map(|row| row["best_epoch"].clone()).collect()
    };
    let (finished, kept): (Vec<_>, _) =
        (metrics.iter().map(|metric| values(metric)).collect(), best_epochs());
    assert_eq!(finished[0].len(), 4);
    for result in lab.results() {
        let scores = &result["scores"]["estimates"];
        for name in ["mse", "mae", "rmse"] {
            assert_eq!(scores[name]["value"], result["valid"][name], "one number under {name}");
        }
        assert_eq!(scores["skill"]["value"], result["skill"]);
        let persistence = result["baselines"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "persistence")
            .unwrap();
        let against =
            1.0 - result["valid"]["mse"].as_f64().unwrap() / persistence["mse"].as_f64().unwrap();
        assert_ne!(
            result["skill"].as_f64().unwrap(),
            against,
            "the test needs a baseline that is better than persistence"
        );
    }
    for folder in lab.trials() {
        std::fs::remove_file(folder.join("result.json")).unwrap();
    }
    for (metric, finished) in metrics.iter().zip(finished) {
        let live = values(metric);
        assert_eq!(live, finished, "{metric}");
        assert!(live.values().all(Value::is_f64), "{metric}: {live:?}");
    }
    assert_eq!(best_epochs(), kept);
    // Of forecasts nothing is known before they are made.
    assert!(values("valid.mase").values().all(Value::is_null));
}

#[test]
fn seeds_that_diverge_or_are_gone_are_missed() {
    let lab = Lab::new(&FAKE.replace("[sweep.space]", "[sweep]\nrepeats = 4\n[sweep.space]"));
    assert_eq!(lab.sweep("fake:even:2").status.code(), Some(3));
    let compared = || -> Value {
        serde_json::from_slice(
            &lab.kiln("", &["compare", "small", "--json"]).output().unwrap().stdout,
        )
        .unwrap()
    };
    let comparison = compared();
    for row in comparison["rows"].as_array().unwrap() {
        assert_eq!(row["seeds"], serde_json::json!({ "counted": 2, "planned": 4 }));
    }
    assert_eq!(comparison["significance"]["crowned"], false);
    assert!(
        comparison["verdict"].as_str().unwrap().contains("with 2 of 4 seeds it cannot be crowned"),
        "{comparison}"
    );
    let best = comparison["rows"][0]["run"].as_str().unwrap().to_owned();
    let shown: Value = serde_json::from_slice(
        &lab.kiln("", &["show", "small/best", "--json"]).output().unwrap().stdout,
    )
    .unwrap();
    assert_eq!(shown["run"], best.as_str());
    for arguments in [vec!["compare", "small/best"], vec!["runs", "latest/best"]] {
        let output = lab.kiln("", &arguments).output().unwrap();
        assert!(
            output.status.code() == Some(0) && text(&output).contains(&best),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    // Of an assignment that lost its best seed's folder the others are survivors.
    let whole = Lab::new(&FAKE.replace("[sweep.space]", "[sweep]\nrepeats = 2\n[sweep.space]"));
    assert_eq!(whole.sweep("fake").status.code(), Some(0));
    let compared = || -> Value {
        serde_json::from_slice(
            &whole.kiln("", &["compare", "small", "--json"]).output().unwrap().stdout,
        )
        .unwrap()
    };
    let before = compared();
    let first = before["rows"][0]["runs"].as_array().unwrap().clone();
    assert_eq!(before["significance"]["crowned"], true, "{before}");
    std::fs::remove_dir_all(
        whole.folder.path().join("runs/small/trials").join(first[1].as_str().unwrap()),
    )
    .unwrap();
    let after = compared();
    assert_ne!(after["rows"][0]["runs"][0], first[0], "a survivor does not come first");
    assert_eq!(after["rows"][3]["runs"], serde_json::json!([first[0]]));
}

#[test]
fn forecasts_that_are_not_those_of_the_best_epoch_give_no_result() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:garbage");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("but the epoch was recorded with"), "{}", text(&output));
    assert!(lab.trials().iter().all(|folder| !folder.join("result.json").exists()));
    assert_eq!(lab.sweep("fake").status.code(), Some(0), "they are tried again");
}

#[test]
fn commands_that_are_printed_name_the_folder_of_the_runs() {
    let lab = Lab::new(FAKE);
    let output = lab
        .kiln("fake", &["sweep", "small.toml", "--backend", "flex", "--runs", "my runs"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let refused = text(&lab.kiln("", &["show", "small", "--runs", "my runs"]).output().unwrap());
    assert!(refused.contains("kiln runs small --runs 'my runs'"), "{refused}");
    let nothing = text(&lab.kiln("", &["runs"]).output().unwrap());
    let whole = std::fs::canonicalize(lab.folder.path()).unwrap().join("runs");
    assert!(nothing.contains(&format!("no sweeps in {}", whole.display())), "{nothing}");
}

fn logs_contain(lab: &Lab, needle: &str) -> bool {
    let trials = lab.folder.path().join("runs/small/trials");
    let Ok(entries) = std::fs::read_dir(trials) else { return false };
    entries.flatten().any(|entry| {
        std::fs::read_dir(entry.path().join("attempts")).is_ok_and(|attempts| {
            attempts.flatten().any(|attempt| {
                std::fs::read_to_string(attempt.path().join("events.jsonl"))
                    .is_ok_and(|text| text.contains(needle))
            })
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
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) {
            workers.push(child);
        }
    }
    workers
}
