//! S41: what the program is built of.

use std::path::Path;
use std::process::Command;

use crate::skip::skip;

/// `cargo deny` finds no forbidden package, license or source. It is not a part of a toolchain:
/// without it, that is said.
#[test]
fn no_forbidden_package_license_or_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = |arguments: &[&str]| {
        Command::new("cargo").arg("deny").args(arguments).current_dir(root).output()
    };
    if !deny(&["--version"]).is_ok_and(|output| output.status.success()) {
        return skip(
            "cargo-deny",
            "cargo-deny is not installed; get it with: cargo install cargo-deny --locked",
        );
    }
    let output =
        deny(&["--offline", "--workspace", "check", "bans", "licenses", "sources"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
