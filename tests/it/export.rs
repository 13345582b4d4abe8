//! `kiln export` and `kiln models import` as a person calls them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kiln::model::{SavedModel, Source};

const STORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/v1");

/// A folder to work in.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn kiln(&self, runs: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .env("KILN_RUNS", runs)
            .stdin(Stdio::null());
        for variable in [
            "KILN_TRAINER",
            "KILN_MODELS",
            "MLFLOW_TRACKING_URI",
            "MLFLOW_TRACKING_TOKEN",
            "HTTP_PROXY",
            "http_proxy",
        ] {
            command.env_remove(variable);
        }
        command.output().unwrap()
    }

    fn done(&self, runs: &str, arguments: &[&str]) -> String {
        let output = self.kiln(runs, arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn refused(&self, runs: &str, arguments: &[&str]) -> String {
        let output = self.kiln(runs, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        said
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn cells_that_a_spreadsheet_would_run_become_text_unless_raw() {
    let lab = Lab::new();
    let sweep = lab.path("runs/=1+1");
    copy(&Path::new(STORE).join("grid"), &sweep);
    // A text that a spreadsheet would run, and one that is a number.
    for (attempt, former, device) in [
        ("6ae5c693e4dd/attempts/1", "flex", "@SUM(A1:A9)"),
        ("31d897f497c7/attempts/2", "cuda:0", "-0.5"),
    ] {
        let log = sweep.join("trials").join(attempt).join("events.jsonl");
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.contains(&format!("\"device\":\"{former}\"")));
        std::fs::write(
            &log,
            text.replace(&format!("\"device\":\"{former}\""), &format!("\"device\":\"{device}\"")),
        )
        .unwrap();
    }
    let safe = lab.done("runs", &["export", "=1+1", "--format", "csv", "-o", "-"]);
    assert_eq!(safe.lines().count(), 4, "{safe}");
    for line in safe.lines().skip(1) {
        assert!(line.starts_with("'=1+1,"), "{line}");
    }
    assert!(safe.contains(",'@SUM(A1:A9),") && safe.contains(",-0.5,"), "{safe}");
    let raw = lab.done("runs", &["export", "=1+1", "--format", "csv", "-o", "-", "--raw"]);
    assert!(
        raw.lines().skip(1).all(|line| line.starts_with("=1+1,")) && raw.contains(",@SUM(A1:A9),"),
        "{raw}"
    );
}

#[test]
fn what_is_there_is_not_replaced_unless_forced() {
    let lab = Lab::new();
    assert_eq!(lab.done(STORE, &["export", "grid", "--format", "csv"]).trim_end(), "grid-runs.csv");
    let said = lab.refused(STORE, &["export", "grid", "--format", "csv"]);
    assert!(said.contains("grid-runs.csv: is there already (--force replaces it"), "{said}");
    std::fs::write(lab.path("grid-runs.csv"), "mine").unwrap();
    lab.refused(STORE, &["export", "grid", "--format", "csv"]);
    assert_eq!(std::fs::read_to_string(lab.path("grid-runs.csv")).unwrap(), "mine");
    lab.done(STORE, &["export", "grid", "--format", "csv", "--force"]);
    let table = std::fs::read_to_string(lab.path("grid-runs.csv")).unwrap();
    assert!(
        table.starts_with("sweep,run,state,") && table.contains("grid,31d897f497c7,early stopped,"),
        "{table}"
    );
    assert_eq!(table, lab.done(STORE, &["export", "grid", "--format", "csv", "-o", "-"]));
    let epochs =
        lab.done(STORE, &["export", "grid/31d", "--format", "csv", "--what", "epochs", "-o", "-"]);
    assert_eq!(epochs.lines().count(), 5, "{epochs}");
}

#[test]
fn folders_hold_a_folder_a_run() {
    let lab = Lab::new();
    assert_eq!(
        lab.done(STORE, &["export", "grid", "--format", "tensorboard", "-o", "tb/logs"]).trim_end(),
        "tb/logs"
    );
    assert!(lab.path("tb/logs/31d897f497c7/events.out.tfevents.1767323045.kiln").is_file());
    assert_eq!(std::fs::read_dir(lab.path("tb/logs")).unwrap().count(), 3);
    lab.refused(STORE, &["export", "grid", "--format", "tensorboard", "-o", "tb/logs"]);
    lab.done(STORE, &["export", "grid", "--format", "tensorboard", "-o", "tb/logs", "--force"]);
    assert_eq!(std::fs::read_dir(lab.path("tb/logs/31d897f497c7")).unwrap().count(), 1);
    assert_eq!(
        lab.done(STORE, &["export", "grid/31d", "--format", "jsonl"]).trim_end(),
        "grid-31d897f497c7-wandb"
    );
    let history = lab.path("grid-31d897f497c7-wandb/31d897f497c7/wandb-history.jsonl");
    assert_eq!(std::fs::read_to_string(history).unwrap().lines().count(), 4);
    let said = lab.refused(STORE, &["export", "grid", "--format", "jsonl", "-o", "-"]);
    assert!(said.contains("name a folder with -o"), "{said}");
}

#[test]
fn options_of_other_formats_and_other_sources_are_mistakes() {
    let lab = Lab::new();
    for (arguments, hint) in [
        (&["--format", "onnx", "--raw"][..], "--raw has an effect only with --format csv"),
        (&["--format", "csv", "--units", "own"], "--units has an effect only with --format onnx"),
        (
            &["--format", "csv", "--split", "test"],
            "--split has an effect only with --what forecasts",
        ),
        (
            &["--format", "jsonl", "--what", "runs"],
            "--what has an effect only with --format csv and parquet",
        ),
        (
            &["--format", "csv", "--to", "http://127.0.0.1:1"],
            "--to has an effect only with --format mlflow",
        ),
        (
            &["--format", "mlflow", "--to", "http://127.0.0.1:1", "-o", "x"],
            "-o has an effect only with the formats that write files",
        ),
        (&["--format", "mlflow"], "name the tracking server with --to URL"),
        (
            &["--format", "mlflow", "--to", "http://me:secret@127.0.0.1:1"],
            "set MLFLOW_TRACKING_TOKEN",
        ),
        (&["--format", "safetensors"], "'grid' is a sweep"),
    ] {
        let said = lab.refused(STORE, &[&["export", "grid"], arguments].concat());
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
    let said = lab.refused(
        STORE,
        &["export", "grid/ef53", "--format", "csv", "--what", "forecasts", "--split", "test"],
    );
    assert!(
        said.contains("no run has forecasts of the test split (kiln evaluate RUN opens"),
        "{said}"
    );
    let said = lab.refused(STORE, &["export", "gird", "--format", "csv"]);
    assert!(said.contains("did you mean 'grid'"), "{said}");
    assert_eq!(std::fs::read_dir(lab.0.path()).unwrap().count(), 0);
}

const SMALL: &str = r#"
name = "small"
[data]
synthetic = { bars = 600, beta2 = 0.1, volatility = "constant" }
features = ["log_return", "close"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
hidden_size = 5
num_layers = 2
[train]
epochs = 1
"#;

#[test]
fn weights_go_out_and_come_back_bit_by_bit() {
    let lab = Lab::new();
    std::fs::write(lab.path("small.toml"), SMALL).unwrap();
    lab.done("runs", &["sweep", "small.toml", "--backend", "flex"]);
    let trial = std::fs::read_dir(lab.path("runs/small/trials"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    let run = format!("small/{}", trial.to_str().unwrap());
    let file = format!("small-{}.safetensors", trial.to_str().unwrap());
    assert_eq!(lab.done("runs", &["export", &run, "--format", "safetensors"]).trim_end(), file);
    let onnx = lab.kiln("runs", &["export", &run, "--format", "onnx", "-o", "-"]);
    assert!(onnx.status.success() && onnx.stdout.windows(4).any(|bytes| bytes == b"LSTM"));

    let import = ["models", "import", &file, "--like", &run, "--name", "back"];
    assert_eq!(lab.done("runs", &import).trim_end(), "back@1");
    assert_eq!(lab.done("runs", &import).trim_end(), "back@1", "there already");
    let model = SavedModel::read(&lab.path("models/back/versions/1")).unwrap();
    let Source::Import { file: of, like, .. } = &model.card.source else { panic!() };
    assert_eq!((of, like), (&file, &run));
    assert!(
        model.card.metrics.valid.is_none()
            && model.card.best_epoch.is_none()
            && model.card.intervals.is_empty()
    );
    // Back again, by its name and by its folder, the tensors are the same.
    assert_eq!(
        lab.done("runs", &["export", "back@1", "--format", "safetensors"]).trim_end(),
        "back-1.safetensors"
    );
    lab.done(
        "runs",
        &[
            "export",
            "models/back/versions/1",
            "--format",
            "safetensors",
            "-o",
            "folder.safetensors",
        ],
    );
    let tensors = |name: &str| {
        let bytes = std::fs::read(lab.path(name)).unwrap();
        let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
        bytes[8 + header..].to_vec()
    };
    assert_eq!(tensors("back-1.safetensors"), tensors(&file));
    assert_eq!(tensors("folder.safetensors"), tensors(&file));

    std::fs::write(lab.path("torn.safetensors"), &std::fs::read(lab.path(&file)).unwrap()[..300])
        .unwrap();
    let said = lab.refused(
        "runs",
        &["models", "import", "torn.safetensors", "--like", "back@1", "--name", "other"],
    );
    assert!(said.contains("torn.safetensors: 300 bytes are not a safetensors file"), "{said}");
    std::fs::write(lab.path("long.safetensors"), vec![0; 3 << 20]).unwrap();
    let said = lab.refused(
        "runs",
        &["models", "import", "long.safetensors", "--like", "back@1", "--name", "other"],
    );
    assert!(said.contains("which weights of this network do not take"), "{said}");
    let said = lab.refused("runs", &["export", "other", "--format", "onnx"]);
    assert!(
        said.contains("no sweep or run is named 'other'") && said.contains("nor is it a model"),
        "{said}"
    );
    assert!(!lab.path("models/other").exists());
}
