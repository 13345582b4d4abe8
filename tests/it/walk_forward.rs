//! A walk-forward sweep through the binary, trained on flex: its folds, their windows, their
//! numbers, and what looks back on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use kiln::experiment::{Experiment, Split};
use kiln::market;
use kiln::store::{RunFolder, RunRecord, read_sweep};
use serde_json::Value;

const FOLDS: usize = 3;

fn experiment(split: &str) -> String {
    format!(
        r#"
name = "walk"
[data]
synthetic = {{ bars = 1500, session = 300, beta2 = 0.3, volatility = "constant" }}
features = ["close", "log_return"]
target = {{ horizon = 2, kind = "log_return" }}
window = 5
split = {{ {split} }}
[model]
hidden_size = 8
num_layers = 1
[train]
epochs = 3
batch_size = 50
early_stopping = false
schedule = {{ kind = "constant" }}
[sweep.space]
"train.learning_rate" = [3e-3, 1e-2]
[backtest]
costs = {{ commission_bps = 0.1, half_spread = "0 bps", slippage = "0 bps" }}
"#
    )
}

const EXPANDING: &str = r#"kind = "walk_forward", folds = 3, valid = 0.15, test = 0.1"#;

struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new(split: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(lab.folder.path().join("walk.toml"), experiment(split)).unwrap();
        lab
    }

    fn kiln(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command.env_remove("KILN_RUNS").env_remove("KILN_TRAINER").output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.kiln(arguments);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        text
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// By learning rate and fold.
    fn runs(&self) -> BTreeMap<(String, usize), RunRecord> {
        let record = read_sweep(&PathBuf::from(self.folder.path()).join("runs/walk")).unwrap();
        let key = |run: &RunRecord| {
            (run.trial.settings.train.learning_rate.to_string(), run.trial.fold().unwrap())
        };
        record.runs.into_iter().map(|run| (key(&run), run)).collect()
    }
}

fn valid(run: &RunRecord) -> Vec<i64> {
    RunFolder { path: run.folder.clone() }.forecasts("valid").unwrap().ts
}

#[test]
fn the_folds_of_every_assignment_are_trained_and_together_are_one_stretch() {
    let lab = Lab::new(EXPANDING);
    let out = lab.done(&["sweep", "walk.toml", "--backend", "flex", "--plain"]);
    assert!(out.contains("6 trials (0 done)"), "{out}");
    let runs = lab.runs();
    assert_eq!(runs.len(), 2 * FOLDS);

    // What one long validation stretch over the three blocks would have.
    let mut whole = Experiment::load(&lab.folder.path().join("walk.toml"), &[]).unwrap().base.data;
    whole.split = Split { valid: 0.45, walk_forward: None, ..whole.split };
    let whole = market::prepare(&whole).unwrap();
    let stretch: Vec<i64> = whole.series.valid.iter().map(|&row| whole.ts[row as usize]).collect();
    for rate in ["0.003", "0.01"] {
        let of = |fold| &runs[&(rate.to_owned(), fold)];
        let joined: Vec<i64> = (0..FOLDS).flat_map(|fold| valid(of(fold))).collect();
        assert_eq!(joined, stretch);
        let trained: Vec<usize> =
            (0..FOLDS).map(|fold| of(fold).result.as_ref().unwrap().windows.train).collect();
        assert!(
            trained.is_sorted_by(|a, b| a < b),
            "an expanding split trains on more from fold to fold: {trained:?}"
        );
        let tests: Vec<usize> =
            (0..FOLDS).map(|fold| of(fold).result.as_ref().unwrap().windows.test).collect();
        assert_eq!(tests, [whole.test.len(); FOLDS]);
    }
    // Each fold has scalers and baselines of its own.
    let scaling = |fold| {
        RunFolder { path: runs[&("0.01".to_owned(), fold)].folder.clone() }.scaling().unwrap()
    };
    assert!(scaling(0) != scaling(1) && scaling(1) != scaling(2));

    let again = lab.done(&["sweep", "walk.toml", "--backend", "flex", "--plain"]);
    assert!(again.contains("6 trials (6 done), 0 to train"), "{again}");

    let compared = lab.json(&["compare", "walk"]);
    let rows = compared["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "a row an assignment");
    assert!(
        rows.iter().all(|row| row["value"]["n"] == 3 && row["runs"].as_array().unwrap().len() == 3)
    );
    assert_eq!(compared["spread_over"], "folds");
    assert_eq!(
        compared["significance"]["windows"],
        stretch.len(),
        "the folds' forecasts are weighed as one stretch"
    );
    let best = rows[0]["settings"]["train.learning_rate"].to_string();
    let of_folds: Vec<f64> = (0..FOLDS)
        .map(|fold| runs[&(best.clone(), fold)].result.as_ref().unwrap().skill.unwrap())
        .collect();
    let mean = of_folds.iter().sum::<f64>() / 3.0;
    assert!((rows[0]["value"]["mean"].as_f64().unwrap() - mean).abs() < 1e-12);

    let traded = lab.done(&["backtest", "walk"]);
    assert!(
        traded.contains(" +2"),
        "the folds of an assignment are traded as one stretch: {traded}"
    );
    let first = runs.values().next().unwrap().trial.id.to_string();
    assert!(lab.done(&["show", &first]).contains("fold 0"));
    assert!(lab.done(&["runs", "walk"]).contains("fold"));
    let evaluated = lab.json(&["evaluate", &runs[&("0.01".to_owned(), 2)].trial.id.to_string()]);
    assert_eq!(evaluated["windows"], whole.test.len());
    let advice = "that of fold 2 was trained on the rows nearest to the test split";
    assert!(lab.done(&["evaluate", &first]).contains(advice));
}

/// A fold in a pack with the others has the numbers of the same training rows and block in a sweep
/// of one holdout.
#[test]
fn a_fold_trains_to_what_a_holdout_over_the_same_rows_trains_to() {
    let folds = Lab::new(EXPANDING);
    folds.done(&["sweep", "walk.toml", "--backend", "flex", "--plain"]);
    // The last fold is a holdout with the block's share.
    let holdout = Lab::new("valid = 0.15, test = 0.1");
    holdout.done(&["sweep", "walk.toml", "--backend", "flex", "--plain"]);
    let record = read_sweep(&PathBuf::from(holdout.folder.path()).join("runs/walk")).unwrap();
    let runs = folds.runs();
    for run in record.runs {
        let same = &runs[&(run.trial.settings.train.learning_rate.to_string(), FOLDS - 1)];
        assert_ne!(run.trial.id, same.trial.id);
        let (own, theirs) = (run.result.unwrap(), same.result.clone().unwrap());
        assert_eq!(
            (own.train, own.valid, own.baselines, own.windows),
            (theirs.train, theirs.valid, theirs.baselines, theirs.windows)
        );
        let forecasts =
            |folder: &PathBuf| RunFolder { path: folder.clone() }.forecasts("valid").unwrap();
        assert_eq!(forecasts(&run.folder), forecasts(&same.folder), "to the bit");
    }
}

#[test]
fn check_and_leakcheck_know_the_folds() {
    let lab = Lab::new(&EXPANDING.replace("test = 0.1", "test = 0.1, train = \"rolling\""));
    let checked = lab.json(&["check", "walk.toml", "--backend", "flex"]);
    let folds = checked["folds"].as_array().unwrap();
    assert_eq!(folds.len(), FOLDS);
    let numbers = |split: &str| -> Vec<u64> {
        folds.iter().map(|fold| fold["windows"][split].as_u64().unwrap()).collect()
    };
    // As many rows in each; but six windows are lost where a session ends.
    assert!(
        numbers("train").iter().all(|windows| windows.abs_diff(numbers("train")[0]) <= 12),
        "{:?}",
        numbers("train")
    );
    let at = |fold: usize, split: &str, end: &str| {
        folds[fold]["spans"][split][end].as_str().unwrap().to_owned()
    };
    for fold in 0..FOLDS {
        assert!(
            at(fold, "train", "last") < at(fold, "valid", "first")
                && at(fold, "valid", "last") < at(fold, "test", "first")
        );
        if fold > 0 {
            assert!(
                at(fold - 1, "train", "first") < at(fold, "train", "first"),
                "a rolling split forgets"
            );
            assert!(at(fold - 1, "valid", "last") < at(fold, "valid", "first"));
        }
    }
    let text = lab.done(&["check", "walk.toml", "--backend", "flex"]);
    assert!(text.contains("valid windows") && text.contains("fold 2"), "{text}");
    assert!(!lab.folder.path().join("runs").exists());
    let leaks = lab.done(&["leakcheck", "walk.toml"]);
    for fold in 0..FOLDS {
        assert!(leaks.contains(&format!(", fold {fold}\n")), "{leaks}");
    }
    assert!(!leaks.contains("LEAK"), "{leaks}");
}

#[test]
fn folds_without_rows_to_train_on_are_refused_with_the_numbers() {
    let lab = Lab::new(r#"kind = "walk_forward", folds = 3, valid = 0.299, test = 0.1"#);
    let output = lab.kiln(&["check", "walk.toml", "--backend", "flex"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        message.contains("3 folds of")
            && message.contains("rows lie before the first fold's block"),
        "{message}"
    );
}
