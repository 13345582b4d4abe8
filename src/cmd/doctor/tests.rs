use super::*;

#[test]
fn a_folder_that_does_not_exist_yet_is_tried_where_it_would_be_made() {
    let root = tempfile::tempdir().unwrap();
    let disk = disk(&root.path().join("some/runs"));
    assert_eq!((disk.existing.as_path(), disk.problem), (root.path(), None));
    assert!(
        disk.free.is_some_and(|free| free > 0 && disk.total.is_some_and(|total| total >= free))
    );
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(disk(&file.path().join("runs")).problem.unwrap().contains("cannot make a folder"));
}

#[test]
fn this_machine_has_memory_and_a_processor() {
    let memory = memory();
    let total = memory.total.unwrap();
    assert!(total > 1 << 26 && memory.available.is_some_and(|free| free <= total), "{memory:?}");
    assert!(memory.limit.is_none_or(|limit| limit < total), "{memory:?}");
}

#[test]
fn a_device_that_does_not_work_says_why() {
    let device = |spec: &str, problem: Option<&str>| burn_lanes::DeviceInfo {
        spec: spec.parse().unwrap(),
        name: "x".into(),
        memory: Some(8 << 30),
        software: spec == "wgpu:0",
        integrated: spec == "wgpu:1",
        problem: problem.map(str::to_owned),
    };
    let report = Report {
        kiln: "0.1.0",
        devices: vec![
            device("cuda:0", Some("no driver\u{1b}[2J")),
            device("wgpu:0", None),
            device("wgpu:1", None),
            device("flex", None),
        ],
        cores: Some(2),
        cpu: None,
        memory: Memory::default(),
        terminal: terminal(),
        runs: disk(Path::new("/tmp")),
        git: None,
    };
    let text = report.text();
    assert!(text.contains("cuda:0  no: no driver\\u{1b}[2J"), "{text}");
    assert!(
        text.contains("wgpu:0  works (software")
            && text.contains("wgpu:1  works (integrated")
            && text.contains("flex    works "),
        "{text}"
    );
    assert!(text.contains("memory    unknown available of unknown\n"), "{text}");
    assert!(!text.contains('\u{1b}'));
}
