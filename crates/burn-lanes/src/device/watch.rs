//! Sees every failure of a GPU, so that none becomes a result.
//!
//! CubeCL 0.10 does its work in a thread of its own for each device, and tells what went wrong in
//! four ways, of which most readers of a tensor hear one:
//!
//! * an allocation that fails panics in that thread, and so does every later task that needs the
//!   buffer; CubeCL catches the panics, and the tasks around them go on with whatever the memory
//!   holds;
//! * a launch that fails is kept as an error of its stream: on CUDA the next read returns it, on
//!   wgpu only a synchronisation does;
//! * an error that the device meets later (an illegal access) is returned by the synchronisation
//!   after it;
//! * a lost device panics wherever it is next waited for, in the caller's thread too.
//!
//! So a panic hook notes the panics of CubeCL's threads and of the crates beneath it;
//! [`LstmBackend::health`] synchronises, lets the device compute something of which the result is
//! known, and asks for notes; and every read of a tensor ends with a synchronisation and the same
//! question. Tasks are done in the order in which they are asked for: what a read returned was
//! computed after everything before it, and nothing before it had failed.
//!
//! [`LstmBackend::health`]: crate::op::LstmBackend::health

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::{Once, OnceLock};

use super::DeviceFailure;
use crate::TrainError;

/// The first failure of this process. It stays: the memory of the device holds nobody knows what.
static FAILURE: OnceLock<DeviceFailure> = OnceLock::new();

/// The failure that was noted, if any. Costs the load of a word.
pub(crate) fn failure() -> Option<&'static DeviceFailure> {
    FAILURE.get()
}

/// Notes a failure. Returns the first one, which is the cause of those after it.
pub(crate) fn note(failure: DeviceFailure) -> DeviceFailure {
    FAILURE.get_or_init(|| failure).clone()
}

/// The error of a device, or what was noted while it worked.
///
/// # Errors
/// When there was any failure so far.
pub(crate) fn checked<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, DeviceFailure> {
    match (result, failure()) {
        (Err(error), Some(failure)) if failure.is_vague() => {
            Err(DeviceFailure::of_text(&error.to_string()))
        }
        (_, Some(failure)) => Err(failure.clone()),
        (Ok(value), None) => Ok(value),
        (Err(error), None) => Err(note(DeviceFailure::of_text(&error.to_string()))),
    }
}

/// Does something on a GPU with all its failures seen; a panic that a failure caused is the
/// failure.
///
/// # Errors
/// When the device has failed, before or now.
pub(crate) fn watched<T>(work: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
    install();
    if let Some(failure) = failure() {
        return Err(TrainError::Device(failure.clone()));
    }
    match (catch_unwind(AssertUnwindSafe(work)), failure()) {
        (Ok(result), _) => result,
        (Err(_), Some(failure)) => Err(TrainError::Device(failure.clone())),
        (Err(panic), None) => resume_unwind(panic),
    }
}

/// Puts the hook before the one that is there, once a process.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_of_device(info) {
                return former(info);
            }
            let first = FAILURE.get().is_none();
            let failure = note(DeviceFailure::of_text(panic_text(info.payload())));
            if first {
                // One line: all after it, thousands, have the same cause. If stderr is closed,
                // nobody reads it.
                drop(writeln!(std::io::stderr(), "{failure}"));
            }
        }));
    });
}

/// Whether a panic is CubeCL's or of what it stands on.
fn is_of_device(info: &PanicHookInfo<'_>) -> bool {
    let thread = std::thread::current();
    let is_runner =
        thread.name().is_some_and(|name| name.starts_with("DSU-") || name.starts_with("DSD-"));
    is_runner || info.location().is_some_and(|place| is_of_driver_crates(place.file()))
}

/// Whether a source file is of a crate between the trainer and the driver.
fn is_of_driver_crates(file: &str) -> bool {
    let crates = ["cubecl-", "burn-cubecl-", "cudarc-", "wgpu-", "naga-"];
    file.split(['/', '\\']).any(|part| crates.iter().any(|name| part.starts_with(name)))
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_devices_by_its_source_file() {
        let registry = "/home/a/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f";
        for name in [
            "cubecl-runtime-0.10.0",
            "cubecl-cuda-0.10.0",
            "burn-cubecl-0.21.0",
            "wgpu-core-29.0.4",
            "cudarc-0.19.10",
        ] {
            assert!(is_of_driver_crates(&format!("{registry}/{name}/src/lib.rs")), "{name}");
        }
        assert!(is_of_driver_crates(r"C:\registry\cubecl-wgpu-0.10.0\src\a.rs"));
        for file in [
            "crates/burn-lanes/src/epoch.rs",
            "src/sweep/worker.rs",
            "/registry/polars-core-0.55.0/src/a.rs",
        ] {
            assert!(!is_of_driver_crates(file), "{file}");
        }
    }
}
