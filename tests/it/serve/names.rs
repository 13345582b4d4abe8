//! Names that are paths: S7.

use std::sync::atomic::Ordering;

use super::client::{get, post, predict};
use super::fake::{Running, WINDOW};

/// As they stand in a request: 17 ways out of a folder, and some more.
pub(super) fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "..",
        "..%2fx",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e%252f",
        "..%5c",
        "%2fabs",
        "C:%5cx",
        "a%2f..%2fb",
        "%20",
        ".",
        "%00",
        "m%00",
        "a%1b[31m",
        "m%e2%80%ae",
        "%d0%bc",
        "m.",
        "m%20",
        "CON",
        "m@",
        "m@..%2f..%2fx",
        "m@champion%2f..",
        "@champion",
        "m@99",
        "m@champion@1",
        "%ff%fe",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(300));
    names
}

#[test]
fn a_name_is_looked_up_and_never_a_path() {
    let running = Running::plain();
    let touched = || {
        (running.catalog.looks.load(Ordering::SeqCst), running.catalog.loads.load(Ordering::SeqCst))
    };
    let before = touched();
    for name in hostile() {
        for reply in [
            predict(running.at, &name, WINDOW),
            get(running.at, &format!("/v1/models/{name}")),
            get(running.at, &format!("/v1/models/{name}/drift")),
        ] {
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (404, "not_found"),
                "{name}: {reply:?}"
            );
            assert!(!reply.body.contains("passwd") && !reply.body.contains('\u{1b}'), "{reply:?}");
        }
    }
    for path in
        ["/v1/models//predict", "/v1/models/a/../b/predict", "/v1/models/%2e%2e/%2e%2e/predict"]
    {
        assert_eq!(post(running.at, path, WINDOW).status, 404, "{path}");
    }
    assert_eq!(touched(), before, "the catalog was asked about a name from a request");
}
