//! Tests that need what a machine may lack: skipped aloud, or failed where the machine must have
//! it.

use std::io::Write;

/// Says on the process's own stderr, which no test's capture takes away, that the running test is
/// skipped, for lack of a thing (`wgpu`, `cuda`; a device such as `wgpu:0` counts as its backend).
///
/// # Panics
/// Where the variable `KILN_REQUIRE`, a list with commas, names the thing.
pub(crate) fn skip(thing: &str, reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let backend = thing.split(':').next().unwrap_or(thing);
    let required = std::env::var("KILN_REQUIRE").unwrap_or_default();
    let is_required = required.split(',').any(|name| name.trim() == backend);
    assert!(!is_required, "{test} needs {backend}, which KILN_REQUIRE names: {reason}");
    writeln!(std::io::stderr(), "skipped: {test}: no {thing}: {reason}").unwrap_or_default();
}
