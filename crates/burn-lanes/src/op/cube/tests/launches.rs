//! What a training step launches, Burn's own kernels included, as CubeCL's log of launches has it;
//! and the same bits with bounds checks.
//!
//! CubeCL reads its configuration once a process, from the working directory: so the step is taken
//! in a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use burn::backend::Autodiff;
use burn::tensor::Tensor;

use super::{BoolElement, CubeRuntime, Gpu, ours, values};
use crate::op::testing::{Case, assert_near};
use crate::op::{LstmBackend, UpdateRows, losses, primitive, tensor};
use crate::{Loss, OptimizerKind};

/// The test that is run in a process of its own, and where it finds what it is to do.
const CHILD: &str = "op::cube::tests::launches::a_step_in_a_process_of_its_own";
const FOLDER: &str = "BURN_LANES_LAUNCHES";
const BACKEND: &str = "BURN_LANES_BACKEND";
const LOG: &str = "launches.log";
/// How the log names the launch of a sine or a cosine, which the network has none of.
const MARK: &str = "UnaryFloat";

on_each_gpu!(a_training_step_of_two_layers_is_nine_launches, bounds_checks_change_no_bit);

fn case() -> Case {
    Case::new(Loss::Mse, [5, 3, 10, 3, 7, 2], 2)
}

/// Runs a step of a backend under a configuration; what it wrote.
fn step_with<R: CubeRuntime>(name: &str, configuration: &str) -> std::path::PathBuf {
    let backend = backend::<R>();
    let folder =
        std::env::temp_dir().join(format!("burn-lanes-{name}-{backend}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cubecl.toml"), configuration).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", CHILD, "--ignored"])
        .current_dir(&folder)
        .env(FOLDER, &folder)
        .env(BACKEND, backend);
    let child = child.output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    folder
}

/// The name of a runtime's backend.
fn backend<R: CubeRuntime>() -> &'static str {
    if std::any::type_name::<R>().contains("Cuda") { "cuda" } else { "wgpu" }
}

#[test]
#[ignore = "run by the others here"]
fn a_step_in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    match std::env::var(BACKEND).unwrap().as_str() {
        #[cfg(feature = "cuda")]
        "cuda" => two_steps::<cubecl::cuda::CudaRuntime, u8>(folder),
        #[cfg(feature = "wgpu")]
        "wgpu" => two_steps::<cubecl::wgpu::WgpuRuntime, u32>(folder),
        other => panic!("{other} is not in this build"),
    }
}

/// Two steps as the trainer does them, the second between two marks: in the first, CUDA copies what
/// was uploaded in rows some distance apart.
fn two_steps<R: CubeRuntime, BT: BoolElement>(folder: &Path) {
    let case = case();
    let bits: Vec<String> = ours::<R, BT>(&case)
        .concat()
        .iter()
        .map(|value| format!("{:08x}", value.to_bits()))
        .collect();
    std::fs::write(folder.join("bits"), bits.concat()).unwrap();

    let batch = case.batch::<Gpu<R, BT>>();
    batch.windows.ends.tensor();
    let weights = case.weights::<Gpu<R, BT>>();
    let (first, second) = (primitive(weights.zeros_like()), primitive(weights.zeros_like()));
    let mark = weights.clone();
    let rows =
        UpdateRows::<Gpu<R, BT>> { weights: primitive(weights), first, second: Some(second) };
    let step = |rows: UpdateRows<Gpu<R, BT>>| {
        let lanes = vec![super::bits::NUMBERS; case.lanes];
        let weights = Tensor::<Autodiff<Gpu<R, BT>>, 2>::from_inner(tensor(rows.weights.clone()))
            .require_grad();
        let (losses, _) = losses(&batch, weights.clone());
        let gradients = losses.backward();
        let gradient = primitive(weights.grad_remove(&mut { gradients }).unwrap());
        drop(weights);
        Gpu::<R, BT>::update(OptimizerKind::Adam, &lanes, rows, gradient)
    };
    let rows = step(rows);
    values(mark.clone().sin());
    let rows = step(rows);
    values(mark.cos());
    drop(rows);
    // The log is written by a thread of its own.
    let started = Instant::now();
    let is_unfinished =
        || std::fs::read_to_string(folder.join(LOG)).is_ok_and(|log| log.matches(MARK).count() < 2);
    while is_unfinished() && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[expect(clippy::extra_unused_type_parameters, reason = "all tests of a GPU are functions of both")]
fn a_training_step_of_two_layers_is_nine_launches<R: CubeRuntime, BT: BoolElement>() {
    let folder = step_with::<R>(
        "log",
        &format!("[profiling.logger]\nlevel = \"minimal\"\nfile = \"{LOG}\"\n"),
    );
    let log = std::fs::read_to_string(folder.join(LOG)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let names: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("Executing "))
        .filter_map(|line| line.split(" | ").next())
        .collect();
    let step = names.split(|name| *name == MARK).nth(1).unwrap_or_default();
    let expected = [
        "Forward",
        "Losses",
        "Transpose",
        "Backward",
        "Products",
        "FullKernel",
        "KernelBinop",
        "Squares",
        "Adam",
    ];
    assert_eq!(step, expected, "{log}");
}

fn bounds_checks_change_no_bit<R: CubeRuntime, BT: BoolElement>() {
    let folder = step_with::<R>("checked", "[compilation]\ncheck_mode = \"enforce\"\n");
    let checked = std::fs::read_to_string(folder.join("bits")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let unchecked = ours::<R, BT>(&case()).concat();
    if backend::<R>() == "cuda" && std::env::var_os("CUDA_STANDIN_HOME").is_none() {
        // NVRTC contracts a product and a sum into one rounding where it finds them together, which
        // checks between them may change.
        let number = |at: usize| {
            f32::from_bits(u32::from_str_radix(&checked[8 * at..8 * (at + 1)], 16).unwrap())
        };
        let checked: Vec<f32> = (0..checked.len() / 8).map(number).collect();
        return assert_near("with bounds checks", &checked, &unchecked, 1e-5);
    }
    let unchecked: Vec<String> =
        unchecked.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
    assert_eq!(checked, unchecked.concat());
}
