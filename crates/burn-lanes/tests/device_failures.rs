//! No failure of a device becomes a result: whatever fails, and whenever, what was told before is
//! what a device that works tells, and the training ends with the reason. Each training has a
//! process of its own, for a device that failed is not used again by a process. CUDA's failures are
//! those of the stand-in (`tests/cuda_standin`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod skip;

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use burn_lanes::{
    DeviceFailureKind, EpochReport, Head, Lane, LaneConfig, LaneControl, LaneOutcome, LaneState,
    Loss, Observer, OptimizerKind, Pack, PackControl, Progress, Series, Shape, TrainError,
    memory_estimate, open, train,
};
use skip::skip;

const CHILD: &str = "a_training_in_a_process_of_its_own";
const TASK: &str = "BURN_LANES_TASK";
const OUTPUT: &str = "BURN_LANES_OUTPUT";

#[test]
fn whatever_fails_on_cuda_nothing_wrong_is_told() {
    if !standin_is_there() {
        return;
    }
    let clean = training("cuda small", None);
    assert_eq!(clean.end, "trained");
    assert_eq!(clean.told.iter().filter(|line| line.starts_with("epoch")).count(), 2 + 3 + 3);
    assert_eq!(clean.told.iter().filter(|line| line.starts_with("ended")).count(), 3);
    assert!(clean.launches > 100, "{}", clean.launches);
    let at = |share: u64| 1 + (clean.launches - 1) * share / 6;
    for kind in ["launch", "late", "silent"] {
        for number in (0..=6).map(at) {
            let failed = training("cuda small", Some(&format!("{kind}:{number}")));
            assert!(
                failed.end.starts_with("failed Other: the device failed: "),
                "{kind}:{number}: {}",
                failed.end
            );
            assert!(failed.told.len() < clean.told.len(), "{kind}:{number}");
            assert_eq!(failed.told, clean.told[..failed.told.len()], "{kind}:{number}");
        }
    }
}

#[test]
fn an_allocation_that_fails_on_cuda_is_told_in_a_line() {
    if !standin_is_there() {
        return;
    }
    let clean = training("cuda small", None);
    let mut failed = 0;
    for bytes in [500, 2_000, 8_000, 32_000, 128_000, 1_000_000] {
        let training = training("cuda small", Some(&format!("alloc:{bytes}")));
        if training.end == "trained" {
            assert_eq!(training.told, clean.told, "{bytes}");
            continue;
        }
        failed += 1;
        assert!(
            training.end.starts_with(
                "failed OutOfMemory: the device failed: out of device memory (an allocation of "
            ),
            "{}",
            training.end
        );
        assert_eq!(training.told, clean.told[..training.told.len()], "{bytes}");
        assert!(
            training.stderr.len() < 1_000,
            "{} bytes on stderr: {}",
            training.stderr.len(),
            training.stderr
        );
    }
    assert!(failed >= 3, "{failed}");
}

#[test]
fn a_kernel_that_does_not_compile_is_told_once_and_short() {
    if !standin_is_there() {
        return;
    }
    // The first is the trial kernel by which `open` asks whether the compiler works.
    for number in [2, 4, 8] {
        let training = training("cuda small", Some(&format!("compile:{number}")));
        let expected = "failed Compilation: the device failed: a kernel does not compile \
            (default_program(7): error: ";
        assert!(
            training.end.starts_with(expected) && training.end.len() < 400,
            "{number}: {}",
            training.end
        );
        // The first step's kernels are known before the first epoch is over.
        assert!(training.told.is_empty(), "{number}: {:?}", training.told);
        assert!(training.stderr.len() < 1_000, "{} bytes on stderr", training.stderr.len());
    }
}

#[test]
fn cuda_takes_the_memory_that_was_estimated() {
    if !standin_is_there() {
        return;
    }
    let large = training("cuda large", None);
    assert_eq!(large.end, "trained");
    let estimate: f64 = large.estimate.parse().unwrap();
    let ratio = large.peak as f64 / estimate;
    assert!((0.75..=1.05).contains(&ratio), "took {} bytes, estimated {estimate}", large.peak);
}

#[test]
fn a_buffer_that_wgpu_does_not_take_is_told() {
    if let Err(problem) = open("wgpu".parse().unwrap()) {
        return skip("wgpu", &problem.to_string());
    }
    let training = training("wgpu huge", None);
    assert!(training.end.starts_with("failed "), "{}", training.end);
    assert!(training.end.contains(": the device failed: "), "{}", training.end);
    assert!(training.told.is_empty(), "{:?}", training.told);
}

fn standin_is_there() -> bool {
    let is_there = std::env::var_os("CUDA_STANDIN_HOME").is_some();
    if !is_there {
        skip("cuda", "failures are made on the stand-in alone (tests/cuda_standin)");
    }
    is_there
}

/// What came of a training.
struct Training {
    /// Lines of its observer.
    told: Vec<String>,
    /// `trained`, or `failed KIND: MESSAGE`.
    end: String,
    /// Bytes, as a number.
    estimate: String,
    stderr: String,
    peak: u64,
    launches: u64,
}

fn training(task: &str, fault: Option<&str>) -> Training {
    let folder = tempfile();
    let (output, report) = (folder.join("output"), folder.join("report"));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", CHILD, "--ignored"])
        .env(TASK, task)
        .env(OUTPUT, &output)
        .env("CUDA_STANDIN_REPORT", &report);
    match fault {
        Some(fault) => child.env("CUDA_STANDIN_FAULT", fault),
        None => child.env_remove("CUDA_STANDIN_FAULT"),
    };
    let child = child.output().unwrap();
    let stderr = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(
        child.status.success(),
        "{task} {fault:?}: {}\n{stderr}",
        String::from_utf8_lossy(&child.stdout)
    );
    let mut told: Vec<String> =
        std::fs::read_to_string(&output).unwrap().lines().map(str::to_owned).collect();
    let (estimate, end) = (told.remove(0), told.pop().unwrap());
    let report = std::fs::read_to_string(report).unwrap_or_default();
    let numbers: Vec<u64> =
        report.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    std::fs::remove_dir_all(folder).unwrap();
    let [peak, launches]: [u64; 2] = numbers.try_into().unwrap_or_default();
    Training { told, end, estimate, stderr, peak, launches }
}

/// A folder of the running test's own.
fn tempfile() -> std::path::PathBuf {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("burn-lanes-device-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
#[ignore = "run by the others here"]
fn a_training_in_a_process_of_its_own() {
    let (Ok(task), Some(output)) = (std::env::var(TASK), std::env::var_os(OUTPUT)) else { return };
    let (device, size) = task.split_once(' ').unwrap();
    let device = open(device.parse().unwrap()).unwrap();
    // Time, lanes, batch, features, hidden; training windows.
    let [window, lanes, batch, features, hidden, windows] = match size {
        "small" => [4, 3, 16, 2, 8, 70],
        "large" => [24, 6, 64, 5, 32, 150],
        "huge" => [4096, 1, 512, 2, 64, 512],
        other => panic!("no size {other}"),
    };
    let shape = Shape {
        features,
        window,
        hidden,
        layers: 2,
        batch,
        loss: Loss::Mse,
        optimizer: OptimizerKind::Adam,
        head: Head::Point,
    };
    let rows = window + windows + 20;
    let series = Series {
        features: (0..rows * features).map(|index| (index as f32 * 0.37).sin()).collect(),
        columns: features,
        target: (0..rows).map(|row| (row as f32).sin()).collect(),
        target_unit: 1.0,
        train: (window as u32..(window + windows) as u32).collect(),
        valid: ((window + windows) as u32..rows as u32).collect(),
    };
    let lane = |lane: usize| Lane {
        config: LaneConfig {
            seed: lane as u64,
            epochs: 2 + lane.min(1),
            dropout: 0.1,
            clip_norm: Some(1.0),
            ..LaneConfig::default()
        },
        resume: None,
        series: 0,
    };
    let pack = Pack { shape: shape.clone(), lanes: (0..lanes).map(lane).collect() };
    let mut told = format!("{}\n", memory_estimate(&device, &shape, lanes, &[&series]));
    let end = match train(&device, &[&series], pack, &mut Scribe(&mut told)) {
        Ok(()) => "trained".to_owned(),
        Err(TrainError::Device(failure)) => {
            assert_eq!(
                failure.may_depend_on_lanes(),
                failure.kind != DeviceFailureKind::Compilation
            );
            // Once failed, never used again.
            let again =
                burn_lanes::predict(&device, &series, &shape, &zeros(&shape), &[window as u32]);
            assert!(matches!(again, Err(TrainError::Device(_))), "{again:?}");
            format!("failed {:?}: {failure}", failure.kind)
        }
        Err(TrainError::Refused(problem)) => panic!("{problem}"),
    };
    writeln!(told, "{end}").unwrap();
    std::fs::write(Path::new(&output), told).unwrap();
}

fn zeros(shape: &Shape) -> burn_lanes::Weights {
    let weight = |(name, shape): (String, Vec<usize>)| burn_lanes::Weight {
        values: vec![0.0; shape.iter().product()],
        name,
        shape,
    };
    burn_lanes::Weights(shape.layout().into_iter().map(weight).collect())
}

/// Writes down what it is told, to the bit; asks for every state.
struct Scribe<'a>(&'a mut String);

impl Observer for Scribe<'_> {
    fn epoch(
        &mut self,
        lane: usize,
        report: &EpochReport,
        state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        let EpochReport { epoch, train, valid, .. } = report;
        writeln!(
            self.0,
            "epoch {lane} {epoch} {:016x} {:016x}",
            train.loss.to_bits(),
            valid.mse.to_bits()
        )
        .unwrap();
        if let Ok(state) = state() {
            writeln!(self.0, "state {lane} {epoch} {}", fingerprint(&state)).unwrap();
        }
        LaneControl::Continue
    }

    fn step(&mut self, _: &Progress) -> PackControl {
        PackControl::Continue
    }

    fn interrupted(&mut self, lane: usize, _: LaneState) {
        panic!("lane {lane} was interrupted");
    }

    fn ended(&mut self, lane: usize, outcome: LaneOutcome) {
        writeln!(
            self.0,
            "ended {lane} {:?} {} {}",
            outcome.end,
            outcome.best_epoch,
            fingerprint(&outcome.state)
        )
        .unwrap();
    }
}

/// Of all numbers of a state.
fn fingerprint(state: &LaneState) -> String {
    let bytes = state.to_bytes().unwrap();
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{sum:016x}")
}
