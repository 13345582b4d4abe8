//! What counts of a search: lost lines, openings, what is printed afterwards.

use super::*;

/// A lost line is known again by the result that it tells of, anyone who writes next; a damaged one
/// is said.
#[test]
fn a_lost_line_of_the_ledger_changes_no_number() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let folder = lab.folder.path().join("runs/ledger");
    let files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    std::fs::remove_file(&files[0]).unwrap();
    let trials = |found: &Value| found["significance"]["trials"].as_u64();
    assert_eq!(trials(&lab.compared(&["small"])), Some(4));
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    assert_eq!(
        lab.ledger().len(),
        4,
        "a sweep that trains nothing writes down what is lacking: {:?}",
        lab.ledger()
    );
    // A whole sweep is lost with it now, and still counts.
    std::fs::remove_dir_all(lab.folder.path().join("runs/small")).unwrap();
    lab.write(&FAKE.replace("\"small\"", "\"again\"").replace("[8, 16]", "[24]"));
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    assert_eq!(trials(&lab.compared(&["again"])), Some(6));
    let file = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).next().unwrap();
    let damaged = std::fs::read_to_string(&file)
        .unwrap()
        .replacen("\"again\"", "\"agane\"", 1)
        .replacen("\"small\"", "\"smell\"", 1);
    std::fs::write(&file, damaged).unwrap();
    let shown = text(&lab.kiln("fake", &["compare", "again"]).output().unwrap());
    assert!(shown.contains("damaged line"), "{shown}");
}

/// The test split shows once, and to a search that is over.
#[test]
fn the_test_split_of_a_sweep_that_is_not_over_is_opened_only_when_asked_for() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let trials = lab.trials();
    let id = |place: usize| trials[place].file_name().unwrap().to_str().unwrap().to_owned();
    let evaluate =
        |more: &[&str]| lab.kiln("fake", &[&["evaluate", &id(0)], more].concat()).output().unwrap();
    let openings =
        || std::fs::read_to_string(trials[0].join("evaluations.jsonl")).unwrap_or_default();
    // One without a result, one that never began.
    std::fs::remove_file(trials[1].join("result.json")).unwrap();
    std::fs::remove_dir_all(&trials[2]).unwrap();
    let refused = evaluate(&[]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    for said in ["2 of the 4 trials of its sweep are still open", "--early"] {
        assert!(text(&refused).contains(said), "{said}: {}", text(&refused));
    }
    assert_eq!(openings(), "", "nothing was looked at");
    let early = evaluate(&["--early"]);
    assert!(
        early.status.success() && text(&early).contains("opened early: 2 of 4 trials"),
        "{}",
        text(&early)
    );
    assert!(openings().contains(r#""early":{"open":2,"trials":4}"#), "{}", openings());
    let shown = text(&lab.kiln("fake", &["show", &format!("small/{}", id(0))]).output().unwrap());
    assert!(shown.contains("opened early: 2 of 4 trials"), "{shown}");
    let report = text(&lab.kiln("fake", &["report", "small", "--format", "md"]).output().unwrap());
    assert!(
        report.contains("opened 1 time by 1 run, 1 time before the sweep was over"),
        "{report}"
    );
    // Once it is over, nothing has to be asked for.
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let json: Value = serde_json::from_slice(&evaluate(&["--json"]).stdout).unwrap();
    assert_eq!((&json["opening"], &json["early"]), (&2.into(), &Value::Null));
}

#[test]
fn looking_back_works_on_what_a_sweep_left() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("").status.code(), Some(0));
    let id = lab.trials()[0].file_name().unwrap().to_string_lossy().into_owned();
    for arguments in [
        vec!["runs"],
        vec!["runs", "small"],
        vec!["show", &id],
        vec!["compare", "small"],
        vec!["evaluate", &id],
        vec!["doctor"],
    ] {
        let output = lab.kiln("", &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        assert!(!output.stdout.is_empty(), "{arguments:?}");
        let mut json = arguments.clone();
        json.push("--json");
        let output = lab.kiln("", &json).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{json:?}: {}", text(&output));
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|error| panic!("{json:?}: {error}"));
    }
    let evaluations = std::fs::read_to_string(lab.trials()[0].join("evaluations.jsonl")).unwrap();
    assert_eq!(evaluations.lines().count(), 2, "each opening of the test split is recorded");
    let unknown = lab.kiln("", &["show", "nosuchrun"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
}

#[test]
fn commands_that_are_printed_name_the_folder_of_the_runs() {
    let lab = Lab::new(FAKE);
    let output = lab
        .kiln("fake", &["sweep", "small.toml", "--backend", "flex", "--runs", "my runs"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let refused = text(&lab.kiln("", &["show", "small", "--runs", "my runs"]).output().unwrap());
    assert!(refused.contains("kiln runs small --runs 'my runs'"), "{refused}");
    let nothing = text(&lab.kiln("", &["runs"]).output().unwrap());
    let whole = std::fs::canonicalize(lab.folder.path()).unwrap().join("runs");
    assert!(nothing.contains(&format!("no sweeps in {}", whole.display())), "{nothing}");
}
