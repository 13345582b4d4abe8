//! Tests that lack something of the machine: they say so where it is seen, or fail where the
//! machine must have it.
//!
//! `KILN_REQUIRE` names what must be there, with commas between: `wgpu,cuda,terminal`.

use std::io::Write;
use std::panic::Location;

/// Leaves a test out because this machine lacks `thing`: writes `skipped: TEST: WHY` to stderr
/// itself, past the capture of passed tests. The caller returns.
///
/// # Panics
/// When `KILN_REQUIRE` names the thing.
#[track_caller]
#[allow(
    dead_code,
    reason = "every test of the package includes this file, and not every one lacks something"
)]
pub(crate) fn skip(thing: &str, why: &str) {
    let required = std::env::var("KILN_REQUIRE").unwrap_or_default();
    let thread = std::thread::current();
    // With one test thread it is the main thread, which bears no test's name.
    let place = Location::caller().to_string();
    let test = thread.name().filter(|name| *name != "main").unwrap_or(&place);
    if is_required(&required, thing) {
        panic!("KILN_REQUIRE says that this machine has {thing}, which {test} lacks: {why}");
    }
    // Not eprintln!, which is captured.
    writeln!(std::io::stderr(), "skipped: {test}: {why}").ok();
}

/// Whether `required` names the thing.
#[allow(dead_code, reason = "as above")]
pub(crate) fn is_required(required: &str, thing: &str) -> bool {
    required.split(',').any(|name| name.trim() == thing)
}
