//! What stays and what goes: differences, collection, verification, names, a crash.

use super::*;

#[test]
fn two_versions_differ_in_what_differs() {
    let lab = Lab::new();
    let (left, right) = (lab.register(0), lab.register(2));
    let diff = lab.json(&["diff", &left, &right]);
    let keys: Vec<&String> = diff["settings"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["train.learning_rate"]);
    assert!(
        diff["weights"]
            .as_array()
            .unwrap()
            .iter()
            .all(|weight| weight["distance"].as_f64().unwrap() > 0.0),
        "{diff}"
    );
    let rmse = diff["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|metric| metric["metric"] == "valid.rmse")
        .unwrap();
    assert!(
        rmse["left"].as_f64() < rmse["right"].as_f64() && rmse["left_interval"][0].is_f64(),
        "{rmse}"
    );
    let itself = lab.json(&["diff", &left, "minute@1"]);
    assert!(
        itself["settings"].as_object().unwrap().is_empty()
            && itself["weights"][0]["distance"] == 0.0
    );
    assert!(lab.done(&["diff", &left, &right]).contains("train.learning_rate"));
}

#[test]
fn garbage_collection_and_verification() {
    let lab = Lab::new();
    for _ in 0..6 {
        lab.done(&["register", &sweep().1[0], "--name", "minute", "--again"]);
    }
    for version in ["minute@2", "minute@3"] {
        lab.done(&["promote", version]);
    }
    lab.done(&["tag", "minute@1", "keep"]);
    let dry = lab.done(&["gc", "minute", "--keep", "1", "--dry-run"]);
    assert!(
        dry.contains("minute@4  would go  nothing names it")
            && dry.contains("minute@2  kept      champion before"),
        "{dry}"
    );
    assert!(lab.version(4).exists());
    let rows = lab.json(&["gc", "--all", "--keep", "1"]);
    let gone: Vec<u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["removed"] == true)
        .filter_map(|row| row["version"].as_u64())
        .collect();
    assert_eq!(gone, [4, 5]);
    assert!(!lab.version(4).exists() && lab.version(2).exists());
    assert_eq!(lab.json(&["rollback", "minute"])["to"], 2);

    assert!(lab.json(&["verify"]).as_array().unwrap().iter().all(|row| row["problem"].is_null()));
    let weights = lab.version(3).join("weights.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let refused = lab.refused(&["verify", "minute"]);
    assert!(
        refused.contains("its sha256 is not the recorded one")
            && refused.contains("1 of 4 cannot be used"),
        "{refused}"
    );
    assert!(
        lab.refused(&["promote", "minute@3", "--force", "--reason", "x"]).contains("sha256"),
        "what is damaged is not a champion"
    );
    assert!(lab.done(&["list", "minute"]).contains("damaged"));
}

#[test]
fn a_gate_that_was_removed_by_hand_is_missed_by_every_verb() {
    let lab = Lab::new();
    let version = lab.register(0);
    lab.done(&["gate", "minute", "valid.skill >= -9"]);
    std::fs::remove_file(lab.models.path().join("minute/gate.toml")).unwrap();
    let said = "the gate of minute was removed by hand: gate.toml is gone";
    let before = lab.history();
    assert!(lab.refused(&["promote", &version]).contains(said));
    assert_eq!(lab.history(), before);
    assert!(lab.refused(&["verify"]).contains(said));
    assert!(text(&lab.command(&["gate", "minute"]).output().unwrap()).contains(said));
    assert!(lab.done(&["list"]).contains("removed by hand"), "{}", lab.done(&["list"]));
    lab.done(&["promote", &version, "--to", "shadow"]);
    lab.done(&["gate", "minute", "valid.skill >= -9"]);
    lab.done(&["verify"]);
    assert!(lab.done(&["promote", &version]).contains("minute@champion = minute@1"));
}

#[test]
fn nothing_is_verified_where_there_is_nothing_to_verify() {
    let lab = Lab::new();
    lab.register(0);
    lab.done(&["promote", "minute@1"]);
    let history = lab.models.path().join("minute/history.jsonl");
    let whole = std::fs::read(&history).unwrap();
    std::fs::remove_file(&history).unwrap();
    for arguments in [&["verify"][..], &["verify", "minute"]] {
        let refused = lab.refused(arguments);
        assert!(
            refused.contains("history.jsonl: is missing or empty")
                && refused.contains("1 of 1 cannot be used"),
            "{refused}"
        );
    }
    assert!(lab.done(&["list"]).contains("damaged"), "{}", lab.done(&["list"]));
    std::fs::write(&history, whole).unwrap();
    lab.done(&["verify"]);
    let nowhere = lab
        .command(&["verify"])
        .env("KILN_MODELS", lab.models.path().join("nowhere"))
        .output()
        .unwrap();
    assert!(
        nowhere.status.code() == Some(2) && text(&nowhere).contains("there is no such folder"),
        "{}",
        text(&nowhere)
    );
}

#[test]
fn names_from_outside_make_no_path() {
    let lab = Lab::new();
    lab.register(0);
    let run = &sweep().1[0];
    for name in [
        "..",
        "../x",
        "..%2f",
        "..\\",
        "/abs",
        "C:\\x",
        "a/../b",
        "",
        ".",
        "CON",
        "a b",
        "a\u{1b}[31m",
        "\u{202e}",
        "a.\u{200b}",
        &"x".repeat(300),
    ] {
        for arguments in [
            &["register", run, "--name", name][..],
            &["show", name],
            &["list", name],
            &["promote", name],
            &["gc", name],
            &["verify", name],
        ] {
            let output = lab.refused(arguments);
            assert!(!output.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{output:?}");
        }
    }
    let names: Vec<_> = std::fs::read_dir(lab.models.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["minute"]);
    assert!(lab.refused(&["tag", "minute@1", "A=b"]).contains("cannot be a tag's key"));
    assert!(lab.refused(&["promote", "minute@1", "--to", "latest"]).contains("cannot be an alias"));
    lab.done(&["tag", "minute@1", "note=\u{1b}]0;title\u{7}"]);
    assert!(
        !lab.done(&["list", "minute"]).contains('\u{1b}')
            && !lab.done(&["show", "minute@1"]).contains('\u{1b}')
    );
}

/// Killed anywhere, a registration leaves a model that can be read and takes the next version.
#[test]
fn a_registration_that_is_killed_leaves_nothing_half_made() {
    let lab = Lab::new();
    lab.register(0);
    lab.done(&["promote", "minute@1"]);
    for i in 0..15 {
        let mut killed = lab
            .command(&["register", &sweep().1[0], "--name", "minute", "--again"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(4 * i));
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(lab.champion(), 1);
        assert!(
            lab.json(&["verify"]).as_array().unwrap().iter().all(|row| row["problem"].is_null())
        );
    }
    let last = lab.done(&["register", &sweep().1[1], "--name", "minute"]);
    assert_eq!(
        lab.done(&["promote", last.trim(), "--to", "shadow"]).trim(),
        format!("minute@shadow = {} (before: nothing)", last.trim())
    );
    lab.done(&["gc", "minute", "--keep", "1"]);
    let listed = lab.json(&["list", "minute"]);
    let folders = std::fs::read_dir(lab.models.path().join("minute/versions")).unwrap().count();
    assert_eq!(listed.as_array().unwrap().len(), folders, "nothing is left that nobody names");
}
