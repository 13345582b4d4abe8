//! A device that fails never gives a result: its packs are halved, down to single trials, and what
//! still fails is told, with exit code 4. With the fake trainer, and with real trainings on the
//! stand-in for CUDA (`crates/burn-lanes/tests/cuda_standin`).

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Enough trials that packs on the host's cores have more than one lane.
const EXPERIMENT: &str = r#"
name = "small"
[data]
synthetic = { bars = 700, beta2 = 0.1, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
hidden_size = 8
[train]
epochs = 4
early_stopping = false
schedule = { kind = "constant" }
[sweep]
repeats = 4
[sweep.space]
"train.learning_rate" = [1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3, 7e-3, 8e-3]
"#;

struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(lab.folder.path().join("small.toml"), EXPERIMENT).unwrap();
        lab
    }

    fn sweep(&self, backend: &str, variables: &[(&str, &str)], settings: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(["sweep", "small.toml", "--backend", backend])
            .args(settings.iter().flat_map(|setting| ["--set", setting]));
        command
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("KILN_RUNS")
            .env_remove("KILN_TRAINER");
        command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap()
    }

    /// What each finished trial came to, but for times and attempts.
    fn results(&self) -> BTreeMap<String, Value> {
        let trials = std::fs::read_dir(self.folder.path().join("runs/small/trials")).unwrap();
        trials
            .filter_map(|entry| {
                let entry = entry.unwrap();
                let mut result: Value =
                    serde_json::from_slice(&std::fs::read(entry.path().join("result.json")).ok()?)
                        .unwrap();
                let fields = result.as_object_mut().unwrap();
                for field in ["seconds", "attempt", "checksum", "covers"] {
                    fields.remove(field);
                }
                Some((entry.file_name().into_string().unwrap(), result))
            })
            .collect()
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn a_pack_for_which_there_is_no_room_is_halved_until_there_is() {
    let (clean, small) = (Lab::new(), Lab::new());
    assert_eq!(clean.sweep("flex", &[("KILN_TRAINER", "fake")], &[]).status.code(), Some(0));
    let output = small.sweep("flex", &[("KILN_TRAINER", "fake:memory:1")], &[]);
    let out = text(&output);
    assert_eq!(output.status.code(), Some(0), "{out}");
    // On many cores packs have one lane each, and nothing is halved.
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(cores > 4 || out.contains("in its pack, which goes on in smaller ones"), "{out}");
    assert!(!out.contains("  failed: "), "{out}");
    assert_eq!(small.results().len(), 32);
    assert_eq!(small.results(), clean.results());
    let again = small.sweep("flex", &[("KILN_TRAINER", "fake")], &[]);
    assert!(text(&again).contains("32 trials (32 done), 0 to train"), "{}", text(&again));
}

#[test]
fn where_one_lane_does_not_fit_its_trial_fails_and_the_machine_is_named() {
    let lab = Lab::new();
    let output = lab.sweep("flex", &[("KILN_TRAINER", "fake:memory:0")], &[]);
    let out = text(&output);
    assert_eq!(output.status.code(), Some(4), "{out}");
    assert!(
        out.contains(
            "failed: the device failed: out of device memory (an allocation for 1 \
        lanes was refused)"
        ),
        "{out}"
    );
    assert!(out.contains("once that is mended the same command goes on"), "{out}");
    assert!(lab.results().is_empty());
    // Nothing is lost: with a device that works, every trial is trained.
    let again = lab.sweep("flex", &[("KILN_TRAINER", "fake")], &[]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    assert_eq!(lab.results().len(), 32);
}

#[test]
fn a_device_that_is_gone_ends_the_sweep() {
    let lab = Lab::new();
    let output = lab.sweep("flex", &[("KILN_TRAINER", "fake:device:1")], &[]);
    let out = text(&output);
    assert_eq!(output.status.code(), Some(4), "{out}");
    assert!(out.contains("an illegal memory access was encountered"), "{out}");
    assert!(lab.results().is_empty());
}

/// Trials of one pack on CUDA.
const FEW: [&str; 2] = ["sweep.repeats=2", "sweep.space.\"train.learning_rate\"=[3e-3, 1e-2]"];

#[test]
fn an_allocation_that_fails_on_cuda_ends_in_halves_with_right_numbers_or_in_exit_code_4() {
    if std::env::var_os("CUDA_STANDIN_HOME").is_none() {
        return crate::skip::skip(
            "cuda",
            "failures are made on the stand-in alone (crates/burn-lanes/tests/cuda_standin)",
        );
    }
    let (clean, halved, failed) = (Lab::new(), Lab::new(), Lab::new());
    let output = clean.sweep("cuda", &[], &FEW);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(clean.results().len(), 4);

    // Four lanes' activations of a batch do not fit, two lanes' do.
    let output = halved.sweep("cuda", &[("CUDA_STANDIN_FAULT", "alloc:60000")], &FEW);
    let out = text(&output);
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(out.contains("in its pack, which goes on in smaller ones"), "{out}");
    assert_eq!(halved.results(), clean.results());

    for fault in ["alloc:4000", "late:300"] {
        let output = failed.sweep("cuda", &[("CUDA_STANDIN_FAULT", fault)], &FEW);
        let out = text(&output);
        assert_eq!(output.status.code(), Some(4), "{fault}: {out}");
        assert!(
            out.contains("the device failed: ") && out.contains("nothing to rank"),
            "{fault}: {out}"
        );
        assert!(out.len() < 20_000, "{fault}: {} bytes", out.len());
        assert!(failed.results().is_empty(), "{fault}");
    }
}
