//! The registry as a whole: what it does, what a crash leaves, and what readers see while somebody
//! writes.

mod faults;

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
                    let line = concat!(
                        r#"{"v":1,"seq":99,"at":"x","event":"promoted","alias":"champion","#,
                        r#""from":2,"to":1,"forced":false}"#
                    )
                    .as_bytes();
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
