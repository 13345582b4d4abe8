//! What a device failed with, in a line: drivers and CubeCL tell it with backtraces and whole
//! sources of kernels.

#![cfg_attr(
    not(any(feature = "cuda", feature = "wgpu")),
    allow(dead_code, reason = "a host without GPU backends has no failures")
)]

use serde::{Deserialize, Serialize};

/// Why a device can no longer be trusted. After one, this process uses no GPU again: what its
/// memory holds is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the device failed: {message}")]
pub struct DeviceFailure {
    /// What is worth trying next.
    pub kind: DeviceFailureKind,
    /// A lower-case fragment of at most 300 characters.
    pub message: String,
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceFailureKind {
    /// An allocation failed: fewer lanes may fit.
    OutOfMemory,
    /// A kernel does not compile or load. Kernels are the same for any number of lanes.
    Compilation,
    /// Anything else: an illegal access, a lost device, a driver that is gone.
    Other,
}

/// Longest message, in characters.
const LONGEST: usize = 300;

impl DeviceFailure {
    /// From what a panic of CubeCL's threads or one of its errors says.
    pub(crate) fn of_text(text: &str) -> Self {
        let kind = kind(text);
        let message = match (kind, requested(text)) {
            (DeviceFailureKind::OutOfMemory, Some(bytes)) => {
                format!("out of device memory (an allocation of {} was refused)", amount(bytes))
            }
            (DeviceFailureKind::OutOfMemory, None) => {
                format!("out of device memory ({})", shortened(text))
            }
            (DeviceFailureKind::Compilation, _) => {
                format!("a kernel does not compile ({})", compiler_error(text))
            }
            (DeviceFailureKind::Other, _) => shortened(text),
        };
        Self { kind, message: cut(&message) }
    }

    /// Whether the message says nothing: CubeCL leaves the driver's words out of some of its
    /// errors.
    pub(crate) fn is_vague(&self) -> bool {
        self.message.starts_with("Unknown error")
    }

    /// Whether fewer lanes might do.
    #[must_use]
    pub fn may_depend_on_lanes(&self) -> bool {
        self.kind != DeviceFailureKind::Compilation
    }
}

fn kind(text: &str) -> DeviceFailureKind {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let compilation = [
        "CompilationError",
        "[Compilation Error]",
        "compilation error",
        "_PTX",
        "NO_BINARY_FOR_GPU",
        "NVRTC_ERROR",
    ];
    if has(&[
        "BufferTooBig",
        "can't allocate buffer",
        "OUT_OF_MEMORY",
        "OutOfMemory",
        "Out of Memory",
        "Not enough memory left",
    ]) {
        DeviceFailureKind::OutOfMemory
    } else if has(&compilation) {
        DeviceFailureKind::Compilation
    } else {
        DeviceFailureKind::Other
    }
}

fn amount(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{:.1} kB", bytes as f64 / 1e3)
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}

/// Bytes of the allocation that failed, where CubeCL tells them.
fn requested(text: &str) -> Option<u64> {
    let after = text.split_once("size: ")?.1;
    let digits = after.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The compiler's first error, without the source that CubeCL quotes after it.
fn compiler_error(text: &str) -> String {
    let text = text.split("[Source]").next().unwrap_or(text);
    // In a debug representation a new line is written as two characters.
    let lines = text.split('\n').flat_map(|line| line.split("\\n"));
    match lines.map(str::trim).find(|line| line.contains("error:") || line.contains("error :")) {
        Some(line) => cut(line),
        None => shortened(text.rsplit("[Compilation Error]").next().unwrap_or(text)),
    }
}

/// Without backtraces and with single spaces.
fn shortened(text: &str) -> String {
    let unwrapped = text.split_once("on an `Err` value: ").map_or(text, |(_, error)| error);
    let until = ["No backtrace", "backtrace", "Backtrace", "[Source]"]
        .iter()
        .filter_map(|word| unwrapped.find(word))
        .min();
    let text = &unwrapped[..until.unwrap_or(unwrapped.len())];
    let frames =
        ["An error happened during execution", "The server is in an invalid state", "Caused by:"];
    let text = frames.iter().fold(text.to_owned(), |text, frame| text.replace(frame, ""));
    let words: Vec<&str> = text.split_whitespace().collect();
    cut(words.join(" ").trim_end_matches([',', '{', ' ', ':']))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeviceFailureKind::{Compilation, Other, OutOfMemory};

    fn of(text: &str) -> (DeviceFailureKind, String) {
        let DeviceFailure { kind, message } = DeviceFailure::of_text(text);
        (kind, message)
    }

    #[test]
    fn a_refused_allocation_is_told_with_its_size() {
        let text = "called `Result::unwrap()` on an `Err` value: BufferTooBig \
            { size: 147221504, backtrace: No backtrace available }";
        assert_eq!(
            of(text),
            (
                OutOfMemory,
                "out of device memory (an allocation of 147.2 MB was refused)".to_owned()
            )
        );
        let text = "wgpu error: Out of Memory\n";
        assert_eq!(
            of(text),
            (OutOfMemory, "out of device memory (wgpu error: Out of Memory)".to_owned())
        );
        let text = "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")";
        assert_eq!(of(text).0, OutOfMemory);
    }

    #[test]
    fn a_kernel_that_does_not_compile_is_told_by_the_compilers_first_error() {
        let source = "x".repeat(100_000);
        let errors = "CompilationError(Generic \
            { reason: \"[Compilation Error] \\n    default_program(3): \
            error: identifier \\\"f\\\" is undefined\\n";
        let text = format!(
            "{errors}    1 error detected\\n[Source]  \\n{source}\", backtrace: none }}), {errors}"
        );
        let expected = "a kernel does not compile (default_program(3): error: identifier \\\"f\\\" \
            is undefined)";
        assert_eq!(of(&text), (Compilation, expected.to_owned()));
        let text = "Unable to load the PTX: DriverError(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, \"the \
            provided PTX was compiled with an unsupported toolchain.\")";
        assert!(of(text).1.contains("UNSUPPORTED_PTX_VERSION"), "{:?}", of(text));
        assert_eq!(of(text).0, Compilation);
    }

    #[test]
    fn any_other_error_is_one_short_line_without_its_backtrace() {
        let text = "The server is in an invalid state\nCaused by:\n  [Launch(Unknown \
            { reason: \"DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \\\"fake\\\")\", \
            backtrace:    0: a\n 1: b";
        let (kind, message) = of(text);
        assert_eq!(kind, Other);
        assert_eq!(
            message,
            "[Launch(Unknown { reason: \"DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \\\"fake\\\")\""
        );
        assert!(
            DeviceFailure::of_text(
                "Unknown error happened during execution\nNo backtrace available"
            )
            .is_vague()
        );
        let (_, message) = of(&"ä".repeat(10_000));
        assert_eq!(message.chars().count(), LONGEST);
    }
}
