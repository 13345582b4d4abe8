//! The book's way from a sweep to a service, run as it stands there.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::skip::skip;

/// The commands of the book's recipe.
fn recipe() -> Vec<String> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/models.md"))
            .unwrap();
    let (_, section) =
        readme.split_once("## From sweep to service\n").expect("the page has the recipe");
    let (_, rest) = section.split_once("```console\n").unwrap();
    let (commands, _) = rest.split_once("```").unwrap();
    commands.lines().map(str::to_owned).collect()
}

#[test]
fn ten_commands_lead_from_a_sweep_to_a_service() {
    if !["zcat", "sed", "curl"]
        .iter()
        .all(|tool| Command::new(tool).arg("--version").output().is_ok())
    {
        return skip("curl", "the recipe needs zcat, sed and curl");
    }
    let commands = recipe();
    assert_eq!(commands.len(), 10);
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments"),
        folder.path().join("experiments"),
    )
    .unwrap();
    // Another port than the page's, which may be taken here.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // A program of that name, not a shell's function: what runs in the background is then the
    // server itself, which a signal reaches.
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kiln"), folder.path().join("kiln")).unwrap();
    let mut script = "set -euo pipefail\nexport PATH=\"$PWD:$PATH\"\ntrap 'kill $(jobs -p) \
        2>/dev/null; wait' EXIT\n"
        .to_owned();
    for (number, command) in commands.iter().enumerate() {
        let command = command
            .replace("kiln serve minute", &format!("kiln serve minute --listen 127.0.0.1:{port}"));
        let command = command.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
        script.push_str(&format!("printf '\\n== {}\\n'\n{command}\n", number + 1));
        if command.ends_with('&') {
            script.push_str(&format!(
                "for i in $(seq 100); do curl -sf http://127.0.0.1:{port}/readyz >/dev/null && \
                    break; sleep 0.1; done\n"
            ));
        }
    }
    let ran = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, log) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{log}");
    let step = |number: usize| {
        let (_, rest) = out.split_once(&format!("== {number}\n")).unwrap();
        rest.split("\n== ").next().unwrap()
    };
    assert!(step(2).contains("this is more than chance"), "{}", step(2));
    assert!(step(4).contains("minute@1"), "{}", step(4));
    // The same bits over HTTP as from the file.
    let predicted: f64 =
        step(7).trim().lines().last().unwrap().split(',').nth(1).unwrap().parse().unwrap();
    let served: serde_json::Value = serde_json::from_str(step(9).trim()).unwrap();
    assert_eq!((&served["model"], &served["version"]), (&"minute".into(), &1.into()));
    assert_eq!(
        served["forecasts"][0]["forecast"].as_f64().unwrap().to_bits(),
        predicted.to_bits(),
        "{served}"
    );
    assert!(std::fs::metadata(folder.path().join("minute.onnx")).unwrap().len() > 1000);
}
