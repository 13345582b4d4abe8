//! What is recorded of a run besides its numbers, and what is tidied up.

use super::*;

#[test]
fn a_sweep_is_listed_with_the_trials_of_its_present_plan() {
    let project = Project::swept();
    let file = project.folder.join("experiments/small.toml");
    fs::write(&file, EXPERIMENT.replace("[1e-3, 3e-3]", "[3e-3]")).unwrap();
    assert_eq!(project.sweep(&[]).status.code(), Some(0));
    let output = project.kiln(&["runs", "--json"]);
    let sweeps: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = ["trials", "finished", "failed", "running", "open"]
        .map(|key| sweeps[0][key].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 0, 0, 0], "{sweeps}");
}

#[test]
fn temporary_files_of_a_dead_process_go_at_the_next_start() {
    let project = Project::swept();
    let dead = fs::read_to_string("/proc/sys/kernel/random/boot_id").is_ok().then(|| {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    });
    let Some(dead) = dead else { return };
    let short = |path: &str| {
        let text = fs::read_to_string(path).unwrap();
        blake3::hash(text.trim().as_bytes()).to_hex()[..8].to_owned()
    };
    let (host, boot) =
        (short("/proc/sys/kernel/hostname"), short("/proc/sys/kernel/random/boot_id"));
    let left =
        project.trials()[0].join(format!("attempts/1/.tmp-{host}-{boot}-{dead}-12345-AbCdEf"));
    let of_another = project.trials()[0].join(".tmp-00000000-00000000-1-12345-AbCdEf");
    fs::write(&left, "half").unwrap();
    fs::write(&of_another, "half").unwrap();
    assert_eq!(project.sweep(&[]).status.code(), Some(0));
    assert!(!left.exists() && of_another.exists());
}

#[test]
fn two_openings_at_once_are_two() {
    let project = Project::swept();
    let evaluate = || {
        project
            .command(&["evaluate", "small/best", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut openings: Vec<u64> = [evaluate(), evaluate(), evaluate()]
        .map(|child| child.wait_with_output().unwrap())
        .iter()
        .map(|output| {
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["opening"]
                .as_u64()
                .unwrap()
        })
        .collect();
    openings.sort_unstable();
    assert_eq!(openings, [1, 2, 3]);
}

#[test]
fn an_instruction_set_that_there_is_not_is_refused_and_the_one_that_trained_is_recorded() {
    let project = Project::new();
    let mut command = project.command(&["sweep", "experiments/small.toml", "--plain"]);
    let output = command.env("KILN_SIMD", "nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("KILN_SIMD is 'nonsense'")
            && text(&output).contains("it takes portable"),
        "{}",
        text(&output)
    );
    assert!(!project.folder.join("runs").exists());
    assert_eq!(project.sweep(&[]).status.code(), Some(0));
    let own = sets(&project.trials()[0].join("attempts/1/attempt.json"));
    assert_eq!(own.len(), 1);
    assert_eq!(sets(&project.trials()[0].join("result.json")), own);
}

/// On a processor that has only one set nobody can resume on another.
#[test]
fn a_run_that_was_resumed_on_another_instruction_set_says_so() {
    let project = Project::swept();
    let own = sets(&project.trials()[0].join("result.json"));
    if own == ["portable"] {
        return;
    }
    let project = Project::new();
    interrupted(&project, &[("KILN_SIMD", "portable")]);
    let output = project.sweep(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let both = ["portable".to_owned(), own[0].clone()];
    let resumed: Vec<PathBuf> =
        project.trials().into_iter().filter(|run| sets(&run.join("result.json")) == both).collect();
    assert!(!resumed.is_empty(), "{:?}", project.trials());
    let id = name(&resumed[0]);
    let told = text(&project.kiln(&["show", &format!("small/{id}")]));
    assert!(told.contains(&format!("trained with portable, then {}", own[0])), "{told}");
    assert!(
        told.contains(&format!(
            "goes on with {} from a checkpoint that was trained with portable",
            own[0]
        )),
        "{told}"
    );
    let told = text(&project.kiln(&["compare", "small"]));
    assert!(
        told.contains("trained with more than one instruction set") && told.contains(&id),
        "{told}"
    );
}

#[test]
fn a_run_that_was_resumed_on_another_kind_of_device_says_so() {
    let project = Project::new();
    let devices = project.kiln(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&devices.stdout).unwrap();
    let is_usable = |device: &serde_json::Value| {
        device["spec"].as_str().unwrap().starts_with("wgpu") && device["problem"].is_null()
    };
    if !report["devices"].as_array().unwrap().iter().any(is_usable) {
        return crate::skip::skip("wgpu", "there is no adapter");
    }
    interrupted(&project, &[("KILN_SIMD", "portable")]);
    let output = project.sweep(&["--backend", "wgpu"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let both = ["portable".to_owned(), "wgpu".to_owned()];
    let resumed: Vec<PathBuf> =
        project.trials().into_iter().filter(|run| sets(&run.join("result.json")) == both).collect();
    assert!(!resumed.is_empty(), "{:?}", project.trials());
    let told = text(&project.kiln(&["show", &format!("small/{}", name(&resumed[0]))]));
    assert!(
        told.contains("trained with portable, then wgpu") && told.contains("goes on with wgpu"),
        "{told}"
    );
}

fn sets(path: &Path) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    value["instruction_sets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set.as_str().unwrap().to_owned())
        .collect()
}
