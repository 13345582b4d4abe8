//! Crashes, damage, links and pipes.

use super::*;

#[test]
fn a_failed_registration_leaves_nothing() {
    let root = registry(1);
    let refused = |_: &Path| Err(std::io::Error::other("no room"));
    let error =
        writer(root.path()).unwrap().register(Registration::default(), refused).unwrap_err();
    assert!(error.to_string().contains("no room"));
    assert!(!root.path().join("minute/versions/2").exists());
    assert_eq!(list(root.path()).unwrap()[0].versions.len(), 1);
}

/// What a kill between any two steps of a registration, a promotion or a removal leaves: everything
/// can be read, the next change works, and nothing that was half made is ever named.
#[test]
fn every_point_of_a_crash_leaves_something_readable() {
    let history = |root: &Path| root.join("minute/history.jsonl");
    let crashes: [(&str, fn(&Path)); 9] = [
        ("the model's folder alone", |root| fs::create_dir(root.join("other")).unwrap()),
        ("its folder of versions", |root| fs::create_dir_all(root.join("other/versions")).unwrap()),
        ("an empty version", |root| fs::create_dir(root.join("minute/versions/3")).unwrap()),
        ("weights without checksums", |root| {
            fs::create_dir(root.join("minute/versions/3")).unwrap();
            fs::write(root.join("minute/versions/3/weights.safetensors"), b"half").unwrap();
        }),
        ("a whole version that the history does not name", |root| {
            fs::create_dir(root.join("minute/versions/3")).unwrap();
            stand_in(&root.join("minute/versions/3")).unwrap();
        }),
        ("a removed version with its folder", |root| {
            let mut writer = writer(root).unwrap();
            writer.remove(1).unwrap();
            fs::create_dir(root.join("minute/versions/1")).unwrap();
        }),
        ("a torn promotion", |root| {
            let path = root.join("minute/history.jsonl");
            let mut bytes = fs::read(&path).unwrap();
            bytes
                .extend_from_slice(br#"{"v":1,"seq":4,"at":"x","event":"promoted","alias":"champ"#);
            fs::write(&path, bytes).unwrap();
        }),
        ("a promotion without its line's end", |root| {
            let path = root.join("minute/history.jsonl");
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend_from_slice(
                br#"{"v":1,"seq":4,"at":"x","event":"promoted","alias":"champion","from":2,"#,
            );
            bytes.extend_from_slice(br#""to":1,"forced":false}"#);
            fs::write(&path, bytes).unwrap();
        }),
        ("bytes that were never written", |root| {
            let path = root.join("minute/history.jsonl");
            let bytes = [fs::read(&path).unwrap(), vec![0; 100]].concat();
            fs::write(&path, bytes).unwrap();
        }),
    ];
    for (name, crash) in crashes {
        let root = registry(2);
        let root = root.path();
        promote(root, "champion", 2);
        crash(root);
        assert_eq!(number(root, "minute"), 2, "{name}");
        let models = list(root).unwrap();
        assert_eq!((models.len(), &models[0].damage), (1, &None), "{name}");
        let version = register(root).unwrap();
        assert!(
            version >= 3
                && root
                    .join("minute/versions")
                    .join(version.to_string())
                    .join("SHA256SUMS")
                    .exists(),
            "{name}"
        );
        promote(root, "champion", version);
        assert_eq!(number(root, "minute"), version, "{name}");
        assert_eq!(writer(root).unwrap().roll_back("champion", None).unwrap().to, 2, "{name}");
        let writer = writer(root).unwrap();
        for orphan in writer.orphans().unwrap() {
            writer.remove_folder(orphan).unwrap();
        }
        assert!(
            writer.orphans().unwrap().is_empty() && fs::metadata(history(root)).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_history_that_is_cut_anywhere_has_the_lines_before_and_takes_the_next() {
    let root = registry(1);
    promote(root.path(), "champion", 1);
    let path = root.path().join("minute/history.jsonl");
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let lines = if length == whole.len() { 2 } else { usize::from(length >= first) };
        assert_eq!(
            super::history::read(&root.path().join("minute")).unwrap().len(),
            lines,
            "{length}"
        );
        if lines > 0 {
            promote(root.path(), "shadow", 1);
            assert_eq!(number(root.path(), "minute@shadow"), 1, "{length}");
            let has_champion = resolve(root.path(), "minute").is_ok();
            assert_eq!(
                has_champion,
                lines == 2,
                "what was not acknowledged never happened: {length}"
            );
            let entries = history(root.path(), "minute").unwrap();
            assert_eq!(entries.len(), lines + 1);
        }
    }
}

#[test]
fn a_damaged_history_is_told_and_not_guessed_at() {
    let root = registry(2);
    promote(root.path(), "champion", 2);
    let path = root.path().join("minute/history.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let later = lines[2].replace("\"v\":1", "\"v\":2");
    let damaged = [
        format!("{}\n{}\n", lines[0], lines[2]),
        format!("{}\n{}\n{}\n{}\n", lines[0], lines[1], lines[1], lines[2]),
        format!("{}\nnonsense\n{}\n", lines[0], lines[2]),
        format!("{}\n{}\n{later}\n", lines[0], lines[1]),
        whole.replace("\"to\":2", "\"to\":7"),
        // Another version that is there: only the line's checksum tells.
        whole.replace("\"to\":2", "\"to\":1"),
        whole.replace("\"event\":\"promoted\"", "\"event\":\"crowned\""),
        whole.replace("\"version\":2", "\"version\":1"),
        format!("{}\n\n{}\n{}\n", lines[0], lines[1], lines[2]),
    ];
    for text in damaged {
        fs::write(&path, &text).unwrap();
        assert!(matches!(resolve(root.path(), "minute"), Err(RegistryError::Damaged(_))), "{text}");
        assert!(list(root.path()).unwrap()[0].damage.is_some());
        assert!(register(root.path()).is_err(), "nothing is appended to what cannot be read");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(number(root.path(), "minute"), 2);
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_refused_unread() {
    use std::os::unix::fs::symlink;
    let outside = registry(1);
    promote(outside.path(), "champion", 1);
    let there = outside.path().join("minute");
    let root = tempfile::tempdir().unwrap();
    let is_refused = |root: &Path| {
        assert!(
            matches!(resolve(root, "minute@1"), Err(RegistryError::Damaged(_))),
            "{:?}",
            resolve(root, "minute@1")
        );
        assert!(
            matches!(writer(root), Err(RegistryError::Damaged(_)))
                || matches!(register(root), Err(RegistryError::Damaged(_)))
        );
    };
    symlink(&there, root.path().join("minute")).unwrap();
    is_refused(root.path());
    assert!(list(root.path()).unwrap()[0].damage.as_ref().unwrap().contains("symbolic link"));
    for name in ["versions", "history.jsonl"] {
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("minute");
        fs::create_dir(&model).unwrap();
        for part in ["versions", "history.jsonl"] {
            let (from, to) = (there.join(part), model.join(part));
            if part == name {
                symlink(from, to).unwrap();
            } else if part == "versions" {
                fs::create_dir_all(to.join("1")).unwrap();
            } else {
                fs::copy(from, to).unwrap();
            }
        }
        is_refused(root.path());
    }
    let root = registry(1);
    fs::remove_dir_all(root.path().join("minute/versions/1")).unwrap();
    symlink(there.join("versions/1"), root.path().join("minute/versions/1")).unwrap();
    assert!(matches!(resolve(root.path(), "minute@1"), Err(RegistryError::Damaged(_))));
    let root = registry(1);
    let history = root.path().join("minute/history.jsonl");
    fs::remove_file(&history).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&history).status().unwrap().success());
    assert!(matches!(resolve(root.path(), "minute@1"), Err(RegistryError::Damaged(_))));
}

#[test]
fn what_is_left_of_a_model_is_damage_and_not_nothing() {
    let damage = |root: &Path| {
        let models = list(root).unwrap();
        let error = resolve(root, "minute").unwrap_err();
        assert!(matches!(error, RegistryError::Damaged(_)), "{error}");
        (models.len(), models[0].damage.clone().unwrap())
    };
    let lost = registry(2);
    promote(lost.path(), "champion", 2);
    let history = lost.path().join("minute/history.jsonl");
    fs::write(&history, b"").unwrap();
    assert!(
        damage(lost.path()).1.contains("is missing or empty, though there are versions (1, 2)")
    );
    fs::remove_file(&history).unwrap();
    let (models, why) = damage(lost.path());
    assert!(models == 1 && why.contains("history.jsonl: is missing or empty"), "{why}");
    // A first registering that was cut off before its version was whole is not a model, and the
    // next one is.
    fs::remove_file(lost.path().join("minute/versions/1/SHA256SUMS")).unwrap();
    fs::remove_file(lost.path().join("minute/versions/2/SHA256SUMS")).unwrap();
    assert_eq!(list(lost.path()).unwrap(), []);
    assert!(matches!(resolve(lost.path(), "minute").unwrap_err(), RegistryError::Unknown(_)));
    assert_eq!(register(lost.path()).unwrap(), 3);

    let empty = registry(1);
    fs::remove_dir_all(empty.path().join("minute/versions")).unwrap();
    assert!(
        damage(empty.path())
            .1
            .contains("versions: is gone, and the history tells of versions in it")
    );
}

#[test]
fn a_history_that_was_lost_is_not_begun_anew() {
    let root = registry(2);
    let history = root.path().join("minute/history.jsonl");
    let whole = fs::read(&history).unwrap();
    fs::remove_file(&history).unwrap();
    let error = register(root.path()).unwrap_err().to_string();
    assert!(error.contains("is missing or empty, though there are versions (1, 2)"), "{error}");
    assert!(!history.exists() && !root.path().join("minute/versions/3").exists());
    fs::write(&history, whole).unwrap();
    assert_eq!(register(root.path()).unwrap(), 3);
    fs::remove_dir_all(root.path().join("minute/versions")).unwrap();
    let error = register(root.path()).unwrap_err().to_string();
    assert!(error.contains("versions: is gone"), "{error}");
}

#[test]
fn a_gate_is_known_to_the_history_and_missed_when_its_file_is_gone() {
    let root = registry(1);
    let root = root.path();
    let rules =
        |text: &[&str]| text.iter().map(|rule| rule.parse().unwrap()).collect::<Vec<Rule>>();
    let file = root.join("minute/gate.toml");
    let remark = || Gate::remark(root, "minute").unwrap();
    assert_eq!(remark(), None);
    writer(root).unwrap().gate(&rules(&["trials <= 500"])).unwrap();
    assert_eq!((remark(), file.exists()), (None, true));
    let written = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let Some(removed @ Remark::Removed { .. }) = remark() else { panic!("{:?}", remark()) };
    assert!(
        removed
            .in_words("minute")
            .contains(r#"kiln models gate minute "trials <= 500" brings it back"#)
    );
    fs::write(&file, String::from_utf8(written).unwrap().replace("500", "900")).unwrap();
    assert_eq!(remark(), Some(Remark::Changed));
    writer(root).unwrap().gate(&[]).unwrap();
    assert_eq!((remark(), file.exists()), (None, false));
    // One of a former version becomes known; a gate that never was is none.
    let events = history(root, "minute").unwrap().len();
    writer(root).unwrap().gate(&[]).unwrap();
    assert_eq!(history(root, "minute").unwrap().len(), events);
    writer(root).unwrap().remember_gate(&rules(&["crowned"])).unwrap();
    assert!(matches!(remark(), Some(Remark::Removed { .. })));
}
