//! The registry as a whole: what it does, what a crash leaves, and what readers see while somebody
//! writes.

use proptest::prelude::*;
use std::fs;
use std::path::Path;

use super::*;

const AT: &str = "2026-01-02T03:04:05.000Z";

/// A registry with a model of so many versions, whose folders hold a stand-in.
fn registry(versions: usize) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for _ in 0..versions {
        register(root.path()).unwrap();
    }
    root
}

fn register(root: &Path) -> Result<u32, RegistryError> {
    let registration =
        Registration { source: "grid/31d897f497c7".into(), weights: "ab".into(), tags: vec![] };
    writer(root)?.register(registration, stand_in)
}

fn stand_in(folder: &Path) -> std::io::Result<()> {
    fs::write(folder.join("SHA256SUMS"), b"whole")
}

fn writer(root: &Path) -> Result<Writer, RegistryError> {
    Writer::create(root, "minute", AT)
}

fn promote(root: &Path, alias: &str, to: u32) {
    writer(root).unwrap().promote(alias, to, vec![], None).unwrap();
}

fn number(root: &Path, reference: &str) -> u32 {
    resolve(root, reference).unwrap().version
}

#[test]
fn references_resolve_to_folders() {
    let root = registry(3);
    let root = root.path();
    promote(root, "champion", 2);
    promote(root, "shadow", 3);
    let found = resolve(root, "minute").unwrap();
    assert_eq!((found.version, found.alias.as_deref()), (2, Some("champion")));
    assert_eq!(found.folder, root.join("minute/versions/2"));
    assert_eq!(resolve(root, "minute@champion").unwrap(), found);
    assert_eq!(number(root, "minute@shadow"), 3);
    assert_eq!(resolve(root, "minute@1").unwrap().alias, None);
    assert_eq!(number(root, "minute@latest"), 3);
    let error = |reference: &str| resolve(root, reference).unwrap_err();
    let unknown = |reference: &str| match error(reference) {
        RegistryError::Unknown(message) => message,
        other => panic!("{other}"),
    };
    assert!(
        unknown("minut").contains("did you mean 'minute'? (there are minute)"),
        "{}",
        unknown("minut")
    );
    assert!(
        unknown("minute@7")
            .contains("no version 7 (there are minute@champion = 2, minute@shadow = 3, minute@3"),
        "{}",
        unknown("minute@7")
    );
    assert!(unknown("minute@live").contains("no alias 'live'"));
    assert!(matches!(error("../minute"), RegistryError::BadName(_)));
    assert_eq!(
        list(root).unwrap()[0].aliases,
        [("champion".to_owned(), 2), ("shadow".to_owned(), 3)].into()
    );
}

#[test]
fn a_model_without_champion_says_what_there_is() {
    let root = registry(1);
    let error = resolve(root.path(), "minute").unwrap_err().to_string();
    assert!(error.contains("no champion yet") && error.contains("minute@1"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    for root in [empty.path(), &empty.path().join("missing")] {
        assert!(resolve(root, "minute").unwrap_err().to_string().contains("kiln models register"));
        assert_eq!(list(root).unwrap(), []);
    }
}

#[test]
fn rollbacks_go_back_step_by_step_and_say_what_they_did() {
    let root = registry(4);
    let root = root.path();
    for version in [1, 2, 3] {
        promote(root, "champion", version);
    }
    let back = || writer(root).unwrap().roll_back("champion", None);
    assert_eq!(back().unwrap(), RolledBack { from: Some(3), to: 2, passed: vec![] });
    promote(root, "champion", 4);
    assert_eq!(back().unwrap().to, 2);
    writer(root).unwrap().unalias("champion").unwrap();
    assert!(resolve(root, "minute").is_err());
    assert_eq!(back().unwrap(), RolledBack { from: None, to: 2, passed: vec![] });
    assert_eq!(back().unwrap().to, 1);
    let error = back().unwrap_err().to_string();
    assert!(error.contains("'champion' points to version 1, and to nothing before it"), "{error}");
    assert_eq!(number(root, "minute"), 1);
    assert!(
        writer(root)
            .unwrap()
            .roll_back("shadow", None)
            .unwrap_err()
            .to_string()
            .contains("there are champion")
    );
}

#[test]
fn a_rollback_passes_over_what_was_removed() {
    let root = registry(3);
    let root = root.path();
    for version in [1, 2, 3] {
        promote(root, "champion", version);
    }
    let mut writer = writer(root).unwrap();
    writer.remove(2).unwrap();
    assert_eq!(
        writer.roll_back("champion", None).unwrap(),
        RolledBack { from: Some(3), to: 1, passed: vec![2] }
    );
}

#[test]
fn a_promotion_to_where_the_alias_points_changes_nothing() {
    let root = registry(1);
    promote(root.path(), "champion", 1);
    let before = fs::read(root.path().join("minute/history.jsonl")).unwrap();
    let error = writer(root.path()).unwrap().promote("champion", 1, vec![], None).unwrap_err();
    assert!(error.to_string().contains("already; nothing was changed"), "{error}");
    assert!(writer(root.path()).unwrap().promote("shadow", 9, vec![], None).is_err());
    assert_eq!(fs::read(root.path().join("minute/history.jsonl")).unwrap(), before);
}

#[test]
fn garbage_collection_keeps_what_is_named_and_no_number_is_given_twice() {
    let root = registry(7);
    let root = root.path();
    promote(root, "champion", 1);
    promote(root, "champion", 2);
    promote(root, "shadow", 4);
    writer(root).unwrap().tag(3, "keep").unwrap();
    let mut writer = writer(root).unwrap();
    let plan = plan(writer.state(), 1);
    assert_eq!(plan.removed().collect::<Vec<_>>(), [5, 6]);
    let kept = |version: u32| {
        plan.versions.iter().find(|(number, _)| *number == version).unwrap().1.clone()
    };
    assert_eq!(kept(1), Fate::Kept("champion before".into()));
    assert_eq!(kept(7), Fate::Kept("of the last 1".into()));
    for version in [5, 6] {
        writer.remove(version).unwrap();
    }
    assert!(writer.remove(2).unwrap_err().to_string().contains("was 'champion'"));
    drop(writer);
    assert!(!root.join("minute/versions/5").exists());
    assert!(resolve(root, "minute@5").unwrap_err().to_string().contains("removed"));
    assert_eq!(register(root).unwrap(), 8);
    let mut writer = self::writer(root).unwrap();
    writer.remove(8).unwrap();
    drop(writer);
    assert_eq!(register(root).unwrap(), 9, "a number is given once");
}

#[test]
fn tags_come_and_go() {
    let root = registry(1);
    let mut writer = writer(root.path()).unwrap();
    writer.tag(1, "note=first").unwrap();
    writer.tag(1, "note=second").unwrap();
    assert_eq!(writer.state().versions[&1].tags, [("note".to_owned(), "second".to_owned())].into());
    writer.untag(1, "note").unwrap();
    assert!(writer.untag(1, "note").unwrap_err().to_string().contains("it has no tags"));
    assert!(writer.tag(2, "note").is_err());
}

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
                br#"{"v":1,"seq":4,"at":"x","event":"promoted","alias":"champion","from":2,"to":1,"forced":false}"#,
            );
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
fn the_generation_changes_with_every_change_and_with_nothing_else() {
    let root = registry(2);
    let root = root.path();
    let take = || generation(root).unwrap();
    let changes: [&dyn Fn(); 6] = [
        &|| promote(root, "champion", 1),
        &|| promote(root, "champion", 2),
        &|| drop(writer(root).unwrap().roll_back("champion", None).unwrap()),
        &|| drop(writer(root).unwrap().tag(1, "note").unwrap()),
        &|| assert!(register(root).is_ok()),
        &|| {
            assert!(
                Writer::create(root, "other", AT)
                    .unwrap()
                    .register(Registration::default(), stand_in)
                    .is_ok()
            )
        },
    ];
    for change in changes {
        let before = take();
        assert_eq!(before, take());
        resolve(root, "minute@1").unwrap();
        drop(writer(root).unwrap());
        assert_eq!(before, take(), "looking and locking change nothing");
        change();
        assert_ne!(before, take());
    }
}

#[test]
fn readers_never_fail_and_never_see_half_a_promotion() {
    let root = registry(5);
    let root = root.path();
    promote(root, "champion", 1);
    let done = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    let reads: Vec<usize> = std::thread::scope(|scope| {
        let reader = || {
            let mut reads = 0;
            while !done.load(order) {
                let found = resolve(root, "minute").unwrap();
                assert!(
                    (1..=5).contains(&found.version) && found.folder.join("SHA256SUMS").exists(),
                    "{found:?}"
                );
                let entry = list(root).unwrap().remove(0);
                assert_eq!(entry.damage, None);
                assert!(entry.versions.len() >= 5 && entry.aliases["champion"] <= 5);
                reads += 1;
            }
            reads
        };
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(reader)).collect();
        for i in 0..200 {
            promote(root, "champion", 2 + i % 4);
            if i % 20 == 0 {
                let extra = register(root).unwrap();
                writer(root).unwrap().remove(extra).unwrap();
            }
        }
        done.store(true, order);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(reads.iter().all(|reads| *reads > 0), "{reads:?}");
    let promotions = history(root, "minute")
        .unwrap()
        .into_iter()
        .filter(|entry| matches!(entry.event, Event::Promoted { .. }))
        .count();
    assert_eq!(promotions, 201);
}

#[test]
fn writers_at_once_wait_for_each_other_and_share_no_number() {
    let root = tempfile::tempdir().unwrap();
    let mut numbers: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| register(root.path()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<u32>>());
}

/// What somebody does to a model.
#[derive(Clone, Debug)]
enum Act {
    Register,
    Promote(usize, u32),
    RollBack(usize),
    Drop(usize),
    Remove(u32),
    Tear(usize),
}

const ALIASES: [&str; 2] = ["champion", "shadow"];

fn act() -> impl Strategy<Value = Act> {
    let alias = 0..ALIASES.len();
    prop_oneof![
        2 => Just(Act::Register),
        4 => (alias.clone(), 1..6_u32).prop_map(|(alias, to)| Act::Promote(alias, to)),
        2 => alias.clone().prop_map(Act::RollBack),
        1 => alias.prop_map(Act::Drop),
        1 => (1..6_u32).prop_map(Act::Remove),
        1 => (1..200_usize).prop_map(Act::Tear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The aliases are where the last promotion or rollback put them, whatever else happened, and
    /// the same for anyone who reads the files.
    #[test]
    fn the_aliases_are_the_fold_of_the_history(acts in prop::collection::vec(act(), 1..40)) {
        let root = registry(1);
        let root = root.path();
        let mut expected: [(Option<u32>, Vec<u32>); 2] = Default::default();
        let mut there = std::collections::BTreeSet::from([1]);
        for act in acts {
            let mut writer = writer(root).unwrap();
            match act {
                Act::Register => {
                    let version = writer.register(Registration::default(), stand_in).unwrap();
                    prop_assert!(there.iter().all(|number| *number < version));
                    there.insert(version);
                }
                Act::Promote(alias, to) => {
                    let (now, former) = &mut expected[alias];
                    let legal = there.contains(&to) && *now != Some(to);
                    prop_assert_eq!(
                        writer.promote(ALIASES[alias], to, vec![], None).is_ok(),
                        legal
                    );
                    if legal {
                        former.extend(now.replace(to));
                    }
                }
                Act::RollBack(alias) => {
                    let (now, former) = &mut expected[alias];
                    let mut before = former.clone();
                    let target =
                        std::iter::from_fn(|| before.pop()).find(|version| there.contains(version));
                    prop_assert_eq!(
                        writer.roll_back(ALIASES[alias], None).ok().map(|back| back.to),
                        target
                    );
                    if target.is_some() {
                        (*now, *former) = (target, before);
                    }
                }
                Act::Drop(alias) => {
                    let (now, former) = &mut expected[alias];
                    prop_assert_eq!(writer.unalias(ALIASES[alias]).is_ok(), now.is_some());
                    former.extend(now.take());
                }
                Act::Remove(version) => {
                    let legal = there.contains(&version)
                        && expected.iter().all(|(now, _)| *now != Some(version));
                    prop_assert_eq!(writer.remove(version).is_ok(), legal);
                    if legal {
                        there.remove(&version);
                    }
                }
                Act::Tear(bytes) => {
                    use std::io::Write;
                    let line = br#"{"v":1,"seq":99,"at":"x","event":"promoted","alias":"champion","from":2,"to":1,"forced":false}"#;
                    let path = root.join("minute/history.jsonl");
                    fs::OpenOptions::new()
                        .append(true)
                        .open(path)
                        .unwrap()
                        .write_all(&line[..bytes.min(line.len())])
                        .unwrap();
                }
            }
            drop(writer);
            let state = model(root, "minute").unwrap();
            let numbers: Vec<u32> = state.versions.keys().copied().collect();
            prop_assert_eq!(&numbers, &there.iter().copied().collect::<Vec<_>>());
            for (alias, (now, _)) in ALIASES.iter().zip(&expected) {
                prop_assert_eq!(state.aliases.get(*alias).and_then(|alias| alias.version), *now);
            }
        }
    }
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
