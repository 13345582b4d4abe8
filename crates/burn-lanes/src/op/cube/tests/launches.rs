//! What a training step launches, Burn's own kernels included, as CubeCL's log of launches has it; and the same bits with bounds checks.
//!
//! CubeCL reads its configuration once a process, from the working directory: so the step is taken in a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use burn::backend::{Autodiff, Wgpu};

use super::{has_adapter, ours, values};
use crate::op::testing::Case;
use crate::op::{LstmBackend, UpdateRows, losses, primitive};
use crate::{Loss, OptimizerKind};

/// The test that is run in a process of its own, and where it finds what it is to do.
const CHILD: &str = "op::cube::tests::launches::a_step_in_a_process_of_its_own";
const FOLDER: &str = "BURN_LANES_LAUNCHES";
const LOG: &str = "launches.log";
/// How the log names the launch of a sine or a cosine, which the network has none of.
const MARK: &str = "UnaryFloat";

fn case() -> Case {
    Case::new(Loss::Mse, [5, 3, 10, 3, 7, 2], 2)
}

/// Runs a step under a configuration; what it wrote.
fn step_with(name: &str, configuration: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("burn-lanes-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cubecl.toml"), configuration).unwrap();
    let program = std::env::current_exe().unwrap();
    let child =
        Command::new(program).args(["--exact", CHILD, "--ignored"]).current_dir(&folder).env(FOLDER, &folder).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    folder
}

#[test]
#[ignore = "run by the others here"]
fn a_step_in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let case = case();
    let bits: Vec<String> = ours(&case).concat().iter().map(|value| format!("{:08x}", value.to_bits())).collect();
    std::fs::write(folder.join("bits"), bits.concat()).unwrap();

    // As the trainer does it, between two marks.
    let batch = case.batch::<Wgpu>();
    batch.windows.ends.tensor();
    let weights = case.weights::<Autodiff<Wgpu>>().require_grad();
    let (first, second) = (primitive(weights.clone().inner().zeros_like()), primitive(weights.clone().inner().zeros_like()));
    let lanes = vec![super::bits::NUMBERS; case.lanes];
    let mark = weights.clone().inner();
    values(mark.clone().sin());
    let (losses, _) = losses(&batch, weights.clone());
    let gradients = losses.backward();
    let gradient = primitive(weights.grad_remove(&mut { gradients }).unwrap());
    let rows = UpdateRows::<Wgpu> { weights: primitive(weights.inner()), first, second: Some(second) };
    let rows = Wgpu::update(OptimizerKind::Adam, &lanes, rows, gradient);
    values(mark.cos());
    drop(rows);
    // The log is written by a thread of its own.
    let started = Instant::now();
    let is_unfinished = || std::fs::read_to_string(folder.join(LOG)).is_ok_and(|log| log.matches(MARK).count() < 2);
    while is_unfinished() && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_training_step_of_two_layers_is_nine_launches() {
    if !has_adapter() {
        return;
    }
    let folder = step_with("log", &format!("[profiling.logger]\nlevel = \"minimal\"\nfile = \"{LOG}\"\n"));
    let log = std::fs::read_to_string(folder.join(LOG)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let names: Vec<&str> =
        log.lines().filter_map(|line| line.strip_prefix("Executing ")).filter_map(|line| line.split(" | ").next()).collect();
    let step = names.split(|name| *name == MARK).nth(1).unwrap_or_default();
    let expected = ["Forward", "Losses", "Transpose", "Backward", "Products", "FullKernel", "KernelBinop", "Squares", "Adam"];
    assert_eq!(step, expected, "{log}");
}

#[test]
fn bounds_checks_change_no_bit() {
    if !has_adapter() {
        return;
    }
    let folder = step_with("checked", "[compilation]\ncheck_mode = \"enforce\"\n");
    let checked = std::fs::read_to_string(folder.join("bits")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let unchecked: Vec<String> = ours(&case()).concat().iter().map(|value| format!("{:08x}", value.to_bits())).collect();
    assert_eq!(checked, unchecked.concat());
}
