//! `kiln models` from one end to the other: the binary, a sweep that is really trained, and a
//! folder of models.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

const EXPERIMENT: &str = r#"
name = "tiny"
question = "Does the reversal show?"
[data]
synthetic = { bars = 1200, beta2 = 0.2, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
hidden_size = 4
[train]
epochs = 3
early_stopping = false
[sweep.space]
"train.learning_rate" = [1e-4, 1e-3, 1e-2]
"#;

/// The sweep, trained once; its runs, the best first. The folder stays until the process ends.
fn sweep() -> &'static (tempfile::TempDir, Vec<String>) {
    static SWEEP: OnceLock<(tempfile::TempDir, Vec<String>)> = OnceLock::new();
    SWEEP.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), EXPERIMENT).unwrap();
        let kiln = |arguments: &[&str]| {
            let output = binary(folder.path(), arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text(&output));
            output
        };
        kiln(&["sweep", "tiny.toml", "--backend", "flex"]);
        let compared: Value =
            serde_json::from_slice(&kiln(&["compare", "tiny", "--json"]).stdout).unwrap();
        let runs = compared["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("tiny/{}", row["runs"][0].as_str().unwrap()));
        let runs: Vec<String> = runs.collect();
        kiln(&["evaluate", &runs[0]]);
        kiln(&["evaluate", &runs[1]]);
        (folder, runs)
    })
}

fn binary(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    for variable in ["KILN_RUNS", "KILN_MODELS", "KILN_TRAINER"] {
        command.env_remove(variable);
    }
    command
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A folder of models of its own, over the sweep that all share.
struct Lab {
    models: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        Self { models: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary(sweep().0.path(), &["models"]);
        command.args(arguments).env("KILN_MODELS", self.models.path());
        command
    }

    /// What is printed, when it ends well.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything that is printed, when it is bad input.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        text(&output)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn register(&self, run: usize) -> String {
        self.done(&["register", &sweep().1[run], "--name", "minute"]).trim().to_owned()
    }

    fn champion(&self) -> Value {
        self.json(&["list"])[0]["aliases"]["champion"].clone()
    }

    fn history(&self) -> String {
        std::fs::read_to_string(self.models.path().join("minute/history.jsonl")).unwrap()
    }

    fn version(&self, number: u32) -> PathBuf {
        self.models.path().join(format!("minute/versions/{number}"))
    }
}

#[test]
fn a_run_becomes_a_version_once_with_all_that_is_known_of_it() {
    let lab = Lab::new();
    let run = &sweep().1[0];
    assert_eq!(
        lab.done(&["register", run, "--name", "minute", "--tag", "note=first", "--tag", "keep"]),
        "minute@1\n"
    );
    let again = lab.command(&["register", run, "--name", "minute"]).output().unwrap();
    assert_eq!(again.stdout, b"minute@1\n");
    assert!(text(&again).contains("registered already, as minute@1") && again.status.success());
    assert_eq!(lab.json(&["register", run, "--name", "minute"])["new"], false);
    assert_eq!(lab.done(&["register", run, "--name", "minute", "--again"]), "minute@2\n");
    assert_eq!(lab.register(1), "minute@3");

    let shown = lab.json(&["show", "minute@1"]);
    let card = &shown["card"];
    assert_eq!(shown["tags"], serde_json::json!({ "note": "first", "keep": "" }));
    assert_eq!(
        (&card["verdict"]["rank"], &card["verdict"]["rows"]),
        (&Value::from(1), &Value::from(3))
    );
    assert!(card["verdict"]["sentences"][0].as_str().unwrap().contains("valid.skill"));
    assert_eq!(card["selection"]["ever"], 3);
    assert!(card["metrics"]["test"]["rmse"].is_f64());
    let shares = card["profile"][0]["shares"].as_array().unwrap();
    assert!((shares.iter().filter_map(Value::as_f64).sum::<f64>() - 1.0).abs() < 1e-9);
    let shown = lab.done(&["show", "minute@3"]);
    for part in [
        "minute@3 (no alias; no tags)",
        "number 2 of 3",
        "↑ valid.skill",
        "↓ test.rmse",
        "baselines on the same windows: persistence rmse",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let listed = lab.json(&["list", "minute"]);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(listed[0]["test_skill"].is_f64() && listed[0]["crowned"].is_boolean(), "{listed}");
    assert!(lab.done(&["list"]).contains("minute         3       3"), "{}", lab.done(&["list"]));
}

#[test]
fn a_saved_model_from_elsewhere_becomes_a_version_as_it_is() {
    let lab = Lab::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/v1/minute/versions/2");
    for _ in 0..2 {
        assert_eq!(lab.done(&["register", folder, "--name", "given"]), "given@1\n");
    }
    // The card of a former version goes by its present name; nothing in it changes.
    let version = lab.models.path().join("given/versions/1");
    for (former, name) in
        [("passport.json", "model_card.json"), ("weights.safetensors", "weights.safetensors")]
    {
        let former = std::fs::read(Path::new(folder).join(former)).unwrap();
        assert!(former == std::fs::read(version.join(name)).unwrap(), "{name}");
    }
    // One whose weights are not numbers is taken with a warning, and never promoted.
    let spoilt = lab.models.path().join("Spoilt");
    let mut model = kiln::model::SavedModel::read(Path::new(folder)).unwrap();
    model.weights.0[0].values[0] = f32::NAN;
    kiln::model::SavedModel::new(model.card, model.weights).unwrap().write(&spoilt).unwrap();
    let taken =
        lab.command(&["register", spoilt.to_str().unwrap(), "--name", "given"]).output().unwrap();
    assert!(
        taken.stdout == b"given@2\n" && text(&taken).contains("are not finite"),
        "{}",
        text(&taken)
    );
    assert!(
        lab.refused(&["promote", "given@2", "--force", "--reason", "x"]).contains("are not finite")
    );
    lab.done(&["verify"]);
    assert!(lab.refused(&["verify", "--strict"]).contains("1 of 2"));
}

#[test]
fn a_promotion_that_fails_a_rule_changes_nothing_and_force_needs_a_reason() {
    let lab = Lab::new();
    let (best, worst) = (lab.register(0), lab.register(2));
    assert!(
        lab.refused(&["gate", "minute", "valid.skil > 0", "crownd"])
            .contains("did you mean 'valid.skill'?")
    );
    let gate = lab.done(&["gate", "minute", "valid.skill >= -9", "test.rmse > 0", "trials <= 500"]);
    assert_eq!(gate, lab.done(&["gate", "minute"]));
    let before = lab.history();
    let refused = lab.refused(&["promote", &worst]);
    assert!(
        refused.contains("test.rmse > 0")
            && refused.contains("undefined: the test split was not opened"),
        "{refused}"
    );
    assert!(
        refused.contains("minute@2 does not become champion: 1 of 3 rules failed"),
        "{refused}"
    );
    assert!(refused.contains("trials <= 500            3    500  passed"), "{refused}");
    assert_eq!(lab.history(), before);
    assert!(lab.refused(&["promote", &worst, "--force"]).contains("--reason"));

    assert!(lab.done(&["promote", &best]).contains("minute@champion = minute@1 (before: nothing)"));
    let refused =
        lab.refused(&["promote", &worst, "--require", "valid.skill > champion.valid.skill"]);
    assert!(refused.contains("2 of 4 rules failed"), "{refused}");
    let forced =
        lab.json(&["promote", &worst, "--force", "--reason", "the other one's feed is down"]);
    assert_eq!(
        (&forced["forced"], &forced["from"], &forced["to"]),
        (&true.into(), &1.into(), &2.into())
    );
    assert_eq!(forced["findings"][1]["passed"], false);
    assert!(lab.history().contains("\"reason\":\"the other one's feed is down\""));
    // The rules are for champions.
    lab.done(&["promote", &best, "--to", "shadow"]);
    let refused =
        lab.refused(&["promote", "minute@1", "--to", "canary", "--require", "valid.ic_ir > 1e9"]);
    assert!(refused.contains("does not become canary"), "{refused}");
    lab.done(&["gate", "minute", "--clear"]);
    assert!(lab.done(&["gate", "minute"]).contains("has no rules"));
}

#[test]
fn rollback_goes_to_the_former_target_and_then_further_back() {
    let lab = Lab::new();
    for run in 0..3 {
        let version = lab.register(run);
        lab.done(&["promote", &version]);
    }
    let back = lab.done(&["rollback", "minute", "--reason", "drift"]);
    assert!(
        back.contains("minute@champion = minute@2, as it was (before: minute@3)")
            && back.contains("goes to minute@1"),
        "{back}"
    );
    assert_eq!(lab.champion(), 2);
    assert_eq!(lab.json(&["rollback", "minute"])["to"], 1);
    let before = lab.history();
    assert!(lab.refused(&["rollback", "minute"]).contains("nothing before it"));
    assert!(
        lab.refused(&["rollback", "minute", "--alias", "shadow"])
            .contains("no version was ever 'shadow'")
    );
    assert_eq!(lab.history(), before);

    let lineage = lab.json(&["lineage", "minute@2"]);
    assert_eq!((&lineage["parent"], &lineage["source"]["sweep"]), (&1.into(), &"tiny".into()));
    assert_eq!(lineage["history"].as_array().unwrap().len(), 5, "{lineage}");
    let lineage = lab.done(&["lineage", "minute@2"]);
    for part in [
        "experiment  tiny: Does the reversal show?, 3 trials",
        "parent      minute@1",
        "rolled back to minute@2 instead of minute@3: drift",
        "blake3",
    ] {
        assert!(lineage.contains(part), "{part}: {lineage}");
    }
    lab.done(&["unalias", "minute", "champion"]);
    assert!(lab.refused(&["tag", "minute", "x"]).contains("no champion yet"));
    assert!(
        lab.done(&["show", "minute"]).starts_with("minute@3"),
        "without a champion the newest is shown"
    );
}

#[test]
fn two_versions_differ_in_what_differs() {
    let lab = Lab::new();
    let (left, right) = (lab.register(0), lab.register(2));
    let diff = lab.json(&["diff", &left, &right]);
    let keys: Vec<&String> = diff["settings"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["train.learning_rate"]);
    assert!(
        diff["weights"]
            .as_array()
            .unwrap()
            .iter()
            .all(|weight| weight["distance"].as_f64().unwrap() > 0.0),
        "{diff}"
    );
    let rmse = diff["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|metric| metric["metric"] == "valid.rmse")
        .unwrap();
    assert!(
        rmse["left"].as_f64() < rmse["right"].as_f64() && rmse["left_interval"][0].is_f64(),
        "{rmse}"
    );
    let itself = lab.json(&["diff", &left, "minute@1"]);
    assert!(
        itself["settings"].as_object().unwrap().is_empty()
            && itself["weights"][0]["distance"] == 0.0
    );
    assert!(lab.done(&["diff", &left, &right]).contains("train.learning_rate"));
}

#[test]
fn garbage_collection_and_verification() {
    let lab = Lab::new();
    for _ in 0..6 {
        lab.done(&["register", &sweep().1[0], "--name", "minute", "--again"]);
    }
    for version in ["minute@2", "minute@3"] {
        lab.done(&["promote", version]);
    }
    lab.done(&["tag", "minute@1", "keep"]);
    let dry = lab.done(&["gc", "minute", "--keep", "1", "--dry-run"]);
    assert!(
        dry.contains("minute@4  would go  nothing names it")
            && dry.contains("minute@2  kept      champion before"),
        "{dry}"
    );
    assert!(lab.version(4).exists());
    let rows = lab.json(&["gc", "--all", "--keep", "1"]);
    let gone: Vec<u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["removed"] == true)
        .filter_map(|row| row["version"].as_u64())
        .collect();
    assert_eq!(gone, [4, 5]);
    assert!(!lab.version(4).exists() && lab.version(2).exists());
    assert_eq!(lab.json(&["rollback", "minute"])["to"], 2);

    assert!(lab.json(&["verify"]).as_array().unwrap().iter().all(|row| row["problem"].is_null()));
    let weights = lab.version(3).join("weights.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let refused = lab.refused(&["verify", "minute"]);
    assert!(
        refused.contains("its sha256 is not the recorded one")
            && refused.contains("1 of 4 cannot be used"),
        "{refused}"
    );
    assert!(
        lab.refused(&["promote", "minute@3", "--force", "--reason", "x"]).contains("sha256"),
        "what is damaged is not a champion"
    );
    assert!(lab.done(&["list", "minute"]).contains("damaged"));
}

#[test]
fn a_gate_that_was_removed_by_hand_is_missed_by_every_verb() {
    let lab = Lab::new();
    let version = lab.register(0);
    lab.done(&["gate", "minute", "valid.skill >= -9"]);
    std::fs::remove_file(lab.models.path().join("minute/gate.toml")).unwrap();
    let said = "the gate of minute was removed by hand: gate.toml is gone";
    let before = lab.history();
    assert!(lab.refused(&["promote", &version]).contains(said));
    assert_eq!(lab.history(), before);
    assert!(lab.refused(&["verify"]).contains(said));
    assert!(text(&lab.command(&["gate", "minute"]).output().unwrap()).contains(said));
    assert!(lab.done(&["list"]).contains("removed by hand"), "{}", lab.done(&["list"]));
    lab.done(&["promote", &version, "--to", "shadow"]);
    lab.done(&["gate", "minute", "valid.skill >= -9"]);
    lab.done(&["verify"]);
    assert!(lab.done(&["promote", &version]).contains("minute@champion = minute@1"));
}

#[test]
fn nothing_is_verified_where_there_is_nothing_to_verify() {
    let lab = Lab::new();
    lab.register(0);
    lab.done(&["promote", "minute@1"]);
    let history = lab.models.path().join("minute/history.jsonl");
    let whole = std::fs::read(&history).unwrap();
    std::fs::remove_file(&history).unwrap();
    for arguments in [&["verify"][..], &["verify", "minute"]] {
        let refused = lab.refused(arguments);
        assert!(
            refused.contains("history.jsonl: is missing or empty")
                && refused.contains("1 of 1 cannot be used"),
            "{refused}"
        );
    }
    assert!(lab.done(&["list"]).contains("damaged"), "{}", lab.done(&["list"]));
    std::fs::write(&history, whole).unwrap();
    lab.done(&["verify"]);
    let nowhere = lab
        .command(&["verify"])
        .env("KILN_MODELS", lab.models.path().join("nowhere"))
        .output()
        .unwrap();
    assert!(
        nowhere.status.code() == Some(2) && text(&nowhere).contains("there is no such folder"),
        "{}",
        text(&nowhere)
    );
}

#[test]
fn names_from_outside_make_no_path() {
    let lab = Lab::new();
    lab.register(0);
    let run = &sweep().1[0];
    for name in [
        "..",
        "../x",
        "..%2f",
        "..\\",
        "/abs",
        "C:\\x",
        "a/../b",
        "",
        ".",
        "CON",
        "a b",
        "a\u{1b}[31m",
        "\u{202e}",
        "a.\u{200b}",
        &"x".repeat(300),
    ] {
        for arguments in [
            &["register", run, "--name", name][..],
            &["show", name],
            &["list", name],
            &["promote", name],
            &["gc", name],
            &["verify", name],
        ] {
            let output = lab.refused(arguments);
            assert!(!output.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{output:?}");
        }
    }
    let names: Vec<_> = std::fs::read_dir(lab.models.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["minute"]);
    assert!(lab.refused(&["tag", "minute@1", "A=b"]).contains("cannot be a tag's key"));
    assert!(lab.refused(&["promote", "minute@1", "--to", "latest"]).contains("cannot be an alias"));
    lab.done(&["tag", "minute@1", "note=\u{1b}]0;title\u{7}"]);
    assert!(
        !lab.done(&["list", "minute"]).contains('\u{1b}')
            && !lab.done(&["show", "minute@1"]).contains('\u{1b}')
    );
}

/// Killed anywhere, a registration leaves a model that can be read and takes the next version.
#[test]
fn a_registration_that_is_killed_leaves_nothing_half_made() {
    let lab = Lab::new();
    lab.register(0);
    lab.done(&["promote", "minute@1"]);
    for i in 0..15 {
        let mut killed = lab
            .command(&["register", &sweep().1[0], "--name", "minute", "--again"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(4 * i));
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(lab.champion(), 1);
        assert!(
            lab.json(&["verify"]).as_array().unwrap().iter().all(|row| row["problem"].is_null())
        );
    }
    let last = lab.done(&["register", &sweep().1[1], "--name", "minute"]);
    assert_eq!(
        lab.done(&["promote", last.trim(), "--to", "shadow"]).trim(),
        format!("minute@shadow = {} (before: nothing)", last.trim())
    );
    lab.done(&["gc", "minute", "--keep", "1"]);
    let listed = lab.json(&["list", "minute"]);
    let folders = std::fs::read_dir(lab.models.path().join("minute/versions")).unwrap().count();
    assert_eq!(listed.as_array().unwrap().len(), folders, "nothing is left that nobody names");
}
