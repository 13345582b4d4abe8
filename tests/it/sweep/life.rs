//! Second calls, failures, interrupts and kills of a sweep.

use super::*;

#[test]
fn a_second_call_trains_nothing_and_an_edited_file_only_what_is_new() {
    let lab = Lab::new(FAKE);
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let before: Vec<_> = lab
        .trials()
        .iter()
        .map(|folder| std::fs::metadata(folder.join("result.json")).unwrap().modified().unwrap())
        .collect();
    let again = lab.sweep("fake");
    assert!(text(&again).contains("4 trials (4 done), 0 to train"), "{}", text(&again));
    let after: Vec<_> = lab
        .trials()
        .iter()
        .map(|folder| std::fs::metadata(folder.join("result.json")).unwrap().modified().unwrap())
        .collect();
    assert_eq!(before, after);

    lab.write(&FAKE.replace("[8, 16]", "[8, 16, 32]"));
    let edited = lab.sweep("fake");
    assert!(text(&edited).contains("6 trials (4 done), 2 to train"), "{}", text(&edited));
    assert!(lab.folder.path().join("runs/small/sweep.1.toml").is_file(), "the former file is kept");
}

#[test]
fn a_lane_that_diverges_and_a_trainer_that_panics_are_recorded_and_the_sweep_goes_on() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:nan:2");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let failed: Vec<Value> =
        lab.results().into_iter().filter(|result| result["end"] == "failed").collect();
    assert!(!failed.is_empty() && failed.len() < 4, "{failed:?}");
    assert!(failed[0]["reason"].as_str().unwrap().contains("NaN in epoch 2"), "{failed:?}");

    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:panic:2");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("fake panic in epoch 2"), "{}", text(&output));
    assert_eq!(lab.sweep("fake").status.code(), Some(0), "a panic is tried again");
}

#[test]
fn a_worker_that_aborts_takes_down_its_pack_and_nothing_else() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:abort:3");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("SIGABRT"), "{}", text(&output));
    let output = lab.sweep("fake");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(lab.results().len(), 4);
}

#[test]
fn one_sweep_at_a_time_holds_a_folder() {
    let lab = Lab::new(FAKE);
    let mut first = lab
        .kiln("fake:sleep:700", &["sweep", "small.toml", "--backend", "flex"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| lab.folder.path().join("runs/small/sweep.toml").is_file());
    let second = lab.sweep("fake");
    assert_eq!(second.status.code(), Some(2), "{}", text(&second));
    assert!(
        text(&second).contains(&first.id().to_string()),
        "the holder is named: {}",
        text(&second)
    );
    assert_eq!(first.wait().unwrap().code(), Some(0));
}

#[test]
fn an_interrupt_stops_cleanly_and_the_same_command_goes_on() {
    let lab = Lab::new(FAKE);
    let child = lab
        .kiln("fake:sleep:200", &["sweep", "small.toml", "--backend", "flex"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until(|| logs_contain(&lab, "\"event\":\"epoch\""));
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("goes on where it was"), "{}", text(&output));
    let output = lab.sweep("fake");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let undisturbed = Lab::new(FAKE);
    undisturbed.sweep("fake");
    let numbers_of = |lab: &Lab| lab.results().into_iter().map(numbers).collect::<Vec<_>>();
    assert_eq!(numbers_of(&lab), numbers_of(&undisturbed));
}

/// Real training on flex, killed twice in the middle of an epoch, supervisor and workers alike.
#[test]
fn a_sweep_that_is_killed_twice_ends_with_the_numbers_of_one_that_is_not() {
    let real = FAKE
        .replace("bars = 600", "bars = 3000")
        .replace("epochs = 6", "epochs = 8")
        .replace("num_layers = 1", "num_layers = 2\ndropout = 0.2")
        .replace("window = 4", "window = 12");
    let undisturbed = Lab::new(&real);
    let output = undisturbed.sweep("");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));

    let lab = Lab::new(&real);
    for pause in [300, 900] {
        let mut child = lab
            .kiln("", &["sweep", "small.toml", "--backend", "flex"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until(|| logs_contain(&lab, "\"event\":\"epoch\""));
        std::thread::sleep(Duration::from_millis(pause));
        for worker in workers_of(child.id()) {
            signal(worker, "KILL");
        }
        signal(child.id(), "KILL");
        child.wait().unwrap();
    }
    let output = lab.sweep("");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let numbers_of = |lab: &Lab| lab.results().into_iter().map(numbers).collect::<Vec<_>>();
    assert_eq!(numbers_of(&lab), numbers_of(&undisturbed));
}

#[test]
fn cuda_without_a_driver_is_one_clear_message() {
    if Path::new("/proc/driver/nvidia/version").exists() {
        return skip("no-nvidia-driver", "this machine has an NVIDIA driver");
    }
    let lab = Lab::new(FAKE);
    let output = lab.kiln("", &["sweep", "small.toml", "--backend", "cuda"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("cuda") && message.contains("flex"), "{message}");
    assert!(message.lines().count() <= 3, "{message}");
    assert!(!lab.folder.path().join("runs").exists(), "nothing is written");
}

fn logs_contain(lab: &Lab, needle: &str) -> bool {
    let trials = lab.folder.path().join("runs/small/trials");
    let Ok(entries) = std::fs::read_dir(trials) else { return false };
    entries.flatten().any(|entry| {
        std::fs::read_dir(entry.path().join("attempts")).is_ok_and(|attempts| {
            attempts.flatten().any(|attempt| {
                std::fs::read_to_string(attempt.path().join("events.jsonl"))
                    .is_ok_and(|text| text.contains(needle))
            })
        })
    })
}

fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited a minute for what never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(pid: u32, name: &str) {
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
}

/// Processes whose parent is `pid`.
fn workers_of(pid: u32) -> Vec<u32> {
    let mut workers = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) {
            workers.push(child);
        }
    }
    workers
}
