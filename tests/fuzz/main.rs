//! Mutated bytes for each parser of outside bytes: no panic, no end of the process, no more memory
//! than a multiple of the input.
//!
//! A case is its target and its number, from which its bytes follow: the same everywhere. `cargo
//! test` runs a few hundred of each target.
//!
//! ```text
//! KILN_FUZZ_SECONDS=300 cargo test --release --test fuzz         each target so long
//! KILN_FUZZ_ONLY=bars_csv,trial_toml …                           these alone
//! KILN_FUZZ_CASE=4711 KILN_FUZZ_ONLY=bars_csv …                  one case again; its bytes are
//!                                                                left in a file
//! ```
//!
//! What ends the process leaves the number of its case in the file that is named at the start.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod memory;
mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

/// Cases of a target unless told otherwise, in thousandths of what a target asks for.
const CASES: u64 = 400;

#[test]
fn mutated_bytes_do_no_harm() {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let seconds =
        variable("KILN_FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let only: Option<Vec<String>> =
        variable("KILN_FUZZ_ONLY").map(|names| names.split(',').map(str::to_owned).collect());
    let case: Option<u64> = variable("KILN_FUZZ_CASE").map(|case| case.parse().unwrap());
    let place = std::env::temp_dir().join(format!("kiln-fuzz-{}", std::process::id()));
    println!("the case that runs is in {}", place.display());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut findings = Vec::new();
    for target in TARGETS.iter().filter(|target| {
        only.as_ref().is_none_or(|only| only.iter().any(|name| name == target.name))
    }) {
        let mut run = Run { target, corpus: (target.corpus)(), place: &place };
        let (begun, mut count) = (Instant::now(), 0);
        let more = |count: u64| match (case, seconds) {
            (Some(_), _) => count == 0,
            (None, Some(seconds)) => begun.elapsed() < seconds,
            (None, None) => count < CASES,
        };
        while more(count) {
            let number = case.unwrap_or(count);
            if let Err(problem) = run.case(number) {
                let bytes = keep(target.name, number, &run.bytes(number));
                let finding = format!(
                    "{} case {number}: {problem} (its bytes: {})",
                    target.name,
                    bytes.display()
                );
                println!("{finding}");
                findings.push(finding);
                if findings.len() > 20 {
                    break;
                }
            } else if case.is_some() {
                println!(
                    "{} case {number} does no harm: {}",
                    target.name,
                    keep(target.name, number, &run.bytes(number)).display()
                );
            }
            count += 1;
        }
        println!(
            "{:<20} {count:>9} cases, {:>9.0} a second",
            target.name,
            count as f64 / begun.elapsed().as_secs_f64()
        );
    }
    std::panic::set_hook(hook);
    drop(std::fs::remove_file(&place));
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// A target that is being run.
struct Run<'a> {
    target: &'a Target,
    corpus: Vec<Vec<u8>>,
    place: &'a Path,
}

impl Run<'_> {
    fn bytes(&self, number: u64) -> Vec<u8> {
        mutate::mutated(&self.corpus, mutate::Draws::of(self.target.name, number))
    }

    fn case(&mut self, number: u64) -> Result<(), String> {
        let bytes = self.bytes(number);
        std::fs::write(self.place, format!("{} {number}\n", self.target.name)).unwrap();
        let before =
            memory::start(self.target.floor + self.target.per_byte * bytes.len() + memory::SLACK);
        let ended = catch_unwind(AssertUnwindSafe(|| (self.target.run)(&bytes)));
        let peak = memory::peak().saturating_sub(before);
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => return Err(problem),
            Err(payload) => {
                let text = payload
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| payload.downcast_ref().cloned());
                return Err(format!("a panic: {}", text.unwrap_or_default()));
            }
        }
        let allowed = self.target.floor + self.target.per_byte * bytes.len();
        if peak > allowed {
            Err(format!("{peak} bytes of memory for {} (allowed: {allowed})", bytes.len()))
        } else {
            Ok(())
        }
    }
}

fn keep(target: &str, number: u64, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kiln-fuzz-{target}-{number}"));
    std::fs::write(&path, bytes).unwrap();
    path
}
