//! S52 to S55: who may read and write what is under `runs/`, and what is in it.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use super::lab::{EXPERIMENT, Lab, below, text};
use crate::skip::skip;

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A sweep under a umask.
fn swept(umask: &str) -> Lab {
    let lab = Lab::new();
    let sweep = lab.kiln(&["sweep", "small.toml", "--backend", "flex", "--plain"]);
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("umask {umask}; exec \"$@\""))
        .arg("sh")
        .arg(sweep.get_program())
        .args(sweep.get_args());
    shell
        .current_dir(lab.path())
        .env("KILN_TRAINER", "fake")
        .env_remove("KILN_RUNS")
        .stdin(Stdio::null());
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    lab
}

/// The umask decides; others never write, whatever it is.
#[test]
fn what_is_under_runs_is_as_open_as_the_umask_says_and_never_writable_for_others() {
    for (umask, folders, files) in
        [("027", 0o750, 0o640), ("077", 0o700, 0o600), ("022", 0o755, 0o644), ("000", 0o775, 0o664)]
    {
        let lab = swept(umask);
        let found = below(&lab.path().join("runs"));
        assert!(found.len() > 20, "{found:?}");
        for path in found {
            let wanted = if path.is_dir() { folders } else { files };
            assert_eq!(mode(&path), wanted, "umask {umask}: {}", path.display());
        }
        assert_eq!(mode(&lab.path().join("runs")), folders);
    }
}

/// What is kept of a process is named here: its environment is not, and no argument of a worker
/// says more than where and on what.
#[test]
fn no_secret_of_the_environment_is_kept() {
    let lab = Lab::new();
    let mut command = lab.kiln(&["sweep", "small.toml", "--backend", "flex", "--plain"]);
    for name in
        ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "WANDB_API_KEY", "KILN_TOKEN", "HOME_OF_SECRETS"]
    {
        command.env(name, "swordfish-4711");
    }
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    for path in below(&lab.path().join("runs")).iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(path).unwrap();
        assert!(!bytes.windows(14).any(|bytes| bytes == b"swordfish-4711"), "{}", path.display());
    }
    for run in lab.runs() {
        let text = std::fs::read_to_string(run.join("attempts/1/attempt.json")).unwrap();
        let attempt: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&str> = attempt.as_object().unwrap().keys().map(String::as_str).collect();
        let known = [
            "argv",
            "boot_id",
            "checksum",
            "device",
            "engine",
            "host",
            "instruction_sets",
            "kiln_version",
            "pid",
            "pid_start",
            "started",
            "v",
        ];
        assert_eq!(keys.iter().filter(|key| !known.contains(key)).count(), 0, "{keys:?}");
        let argv: Vec<&str> =
            attempt["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let [_, verb, of, _, on, device] = argv[..] else { panic!("{argv:?}") };
        assert_eq!([verb, of, on, device], ["worker", "--sweep", "--device", "flex"]);
    }
}

/// There are no job scripts yet, and no shell anywhere: a worker is started with its arguments as a
/// list, and keeps them as one.
#[test]
fn paths_with_spaces_and_quotes_reach_a_worker_whole() {
    let lab = Lab::new();
    let runs = "my runs; touch pwned \"'$(touch pwned)";
    let output = lab.run(&["sweep", "small.toml", "--backend", "flex", "--plain", "--runs", runs]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!lab.path().join("pwned").exists());
    let trials = lab.path().join(runs).join("small/trials");
    for run in std::fs::read_dir(trials).unwrap() {
        let text =
            std::fs::read_to_string(run.unwrap().path().join("attempts/1/attempt.json")).unwrap();
        let attempt: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(attempt["argv"][3], format!("{runs}/small"));
    }
}

#[test]
fn a_sweep_that_is_another_users_link_is_not_followed() {
    let lab = Lab::new();
    lab.sweep();
    let elsewhere = lab.path().join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let link = lab.path().join("runs/other");
    symlink(&elsewhere, &link).unwrap();
    std::fs::write(lab.path().join("other.toml"), EXPERIMENT.replace("\"small\"", "\"other\""))
        .unwrap();
    let sweep = || lab.run(&["sweep", "other.toml", "--backend", "flex", "--plain"]);
    // Our own link, to another disk say, is followed.
    let output = sweep();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(elsewhere.join("sweep.toml").is_file());
    if std::os::unix::fs::lchown(&link, Some(4711), None).is_err()
        || std::fs::symlink_metadata(&link).unwrap().uid() != 4711
    {
        return skip("root", "only root can make a link of another user");
    }
    let before = below(&elsewhere).len();
    for arguments in [
        &["sweep", "other.toml", "--backend", "flex", "--plain"][..],
        &["watch", "other"],
        &["runs", "other"],
        &["compare", "other"],
        &["compare", "runs/other"],
        &["report", "other", "-o", "-"],
    ] {
        let output = lab.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(
            text(&output).contains("belongs to another user (uid 4711)"),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    assert_eq!(below(&elsewhere).len(), before);
    // The other sweeps are there as before.
    let output = lab.run(&["runs"]);
    assert!(
        output.status.success()
            && text(&output).contains("small")
            && !text(&output).contains("other"),
        "{}",
        text(&output)
    );
}

/// Whatever stands where a file of a run should: it is neither waited for nor read for ever, and
/// the other runs are shown.
#[test]
fn pipes_devices_folders_and_loops_in_place_of_files_are_damage() {
    let lab = Lab::new();
    lab.sweep();
    let run = lab.runs()[0].clone();
    for (file, make) in [
        ("result.json", "pipe"),
        ("trial.toml", "device"),
        ("result.json", "loop"),
        ("result.json", "folder"),
        ("trial.toml", "sparse"),
    ] {
        let path = run.join(file);
        let kept = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        match make {
            "pipe" => {
                assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success())
            }
            "device" => symlink("/dev/zero", &path).unwrap(),
            "loop" => symlink(&path, &path).unwrap(),
            "folder" => std::fs::create_dir(&path).unwrap(),
            _ => std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap(),
        }
        for verb in [&["runs"][..], &["runs", "small"], &["compare", "small"]] {
            let command = lab.kiln(verb);
            let output = super::lab::confined(&command, 4096, 10);
            let said = text(&output);
            assert!(output.status.success(), "{make}: {verb:?}: {:?} {said}", output.status);
            assert!(
                said.contains("damage") || verb[0] == "compare" && said.contains(file),
                "{make}: {verb:?}: {said}"
            );
        }
        if path.is_dir() {
            std::fs::remove_dir(&path).unwrap()
        } else {
            std::fs::remove_file(&path).unwrap()
        }
        std::fs::write(&path, kept).unwrap();
    }
}
