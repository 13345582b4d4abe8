//! `kiln models` from one end to the other: the binary, a sweep that is really trained, and a
//! folder of models.

mod kept;

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
