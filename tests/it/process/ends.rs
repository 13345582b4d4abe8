//! Signals, workers without progress, disks that are full.

use super::*;

#[test]
fn a_hang_up_that_nohup_ignores_stays_ignored_and_another_stops_the_sweep() {
    let lab = Lab::new();
    let mut child = training(
        &lab,
        lab.shell(
            "fake:sleep:200",
            "trap '' HUP; exec $KILN sweep small.toml --backend flex --plain",
        ),
    );
    signal(child.id(), "HUP");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lab.results(), 2);

    let lab = Lab::new();
    // the user may ignore hang-ups itself.
    let mut command = lab.command("env", "fake:sleep:200");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_kiln")]).args(SWEEP);
    let child = training(&lab, command);
    signal(child.id(), "HUP");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("goes on where it was"), "{}", text(&output));
}

#[test]
fn ctrl_z_without_a_dashboard_pauses_the_workers_too() {
    let lab = Lab::new();
    let mut child = training(&lab, lab.sweep("fake:sleep:200", &[]));
    let processes = [vec![child.id()], children(child.id())].concat();
    assert!(processes.len() > 1);
    signal(child.id(), "TSTP");
    wait_until("all are stopped", 20, || {
        processes.iter().all(|process| state(*process) == Some('T'))
    });
    let before = lab.logs().len();
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(lab.logs().len(), before, "nothing is trained meanwhile");
    signal(child.id(), "CONT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lab.results(), 2);
}

#[test]
fn a_worker_that_somebody_paused_does_not_delay_an_interrupt() {
    let lab = Lab::new();
    let child = training(&lab, lab.sweep("fake:sleep:200", &[]));
    for worker in children(child.id()) {
        signal(worker, "STOP");
    }
    let asked = Instant::now();
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(lab.logs().contains("\"end\":\"interrupted\""), "with a checkpoint: {}", lab.logs());
}

// Workers that stand still.

#[test]
fn a_worker_without_progress_is_told_with_what_to_do() {
    let lab = Lab::new();
    let child = training(&lab, lab.sweep("fake:sleep:200", &["--stall-warning", "1s"]));
    let workers = children(child.id());
    workers.iter().for_each(|worker| signal(*worker, "STOP"));
    std::thread::sleep(Duration::from_millis(2500));
    workers.iter().for_each(|worker| signal(*worker, "CONT"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), lab.results()), (Some(0), 2), "{}", text(&output));
    let said = text(&output);
    let told = format!("worker process {} is paused (kill -CONT {0} lets it go on)", workers[0]);
    assert!(
        said.contains("no progress for ") && said.contains(&told) && said.contains("--stall-limit"),
        "{said}"
    );
    assert!(said.contains("progress again after"), "{said}");
}

#[test]
fn a_worker_without_progress_is_replaced_where_that_is_asked_for() {
    let lab = Lab::new();
    let begun = Instant::now();
    let output = lab.sweep("fake:stall:3", &["--stall-limit", "2s"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(
        text(&output).contains("made no progress for 2 s and was replaced"),
        "{}",
        text(&output)
    );
    let output = lab.sweep("fake", &[]).output().unwrap();
    assert_eq!((output.status.code(), lab.results()), (Some(0), 2), "{}", text(&output));
}

// Whose failure it is.

#[test]
fn of_a_pack_that_takes_its_worker_down_only_the_culprit_has_failed() {
    if !has("taskset") {
        return;
    }
    for fault in ["fake:poison:2", "fake:poison-panic:2"] {
        let lab = Lab::of_packs();
        let output = lab.on_one_core(fault, &[]);
        let said = text(&output);
        assert_eq!((output.status.code(), lab.results()), (Some(3), 15), "{fault}: {said}");
        assert!(said.contains("which goes on in smaller ones"), "{fault}: {said}");
        let failures = lab.logs().matches("\"end\":\"failed\"").count();
        assert_eq!(failures, 1, "{fault}: the others were interrupted: {said}");
        for _ in 0..2 {
            let output = lab.on_one_core(fault, &[]);
            assert_eq!(output.status.code(), Some(3), "{fault}: {}", text(&output));
            assert!(text(&output).contains("15 done), 1 to train"), "{fault}: {}", text(&output));
        }
        // Given up, and said so with the reason and the way out, at the start and at the end.
        let output = lab.on_one_core(fault, &[]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("(15 done, 1 given up), 0 to train"), "{said}");
        assert_eq!(
            said.matches("1 trial given up after 3 failures (--retry-failed tries again)").count(),
            2,
            "{said}"
        );
        assert!(said.contains("failed 3 times, at last: "), "{said}");
        let output = lab.on_one_core("fake", &["--retry-failed"]);
        assert_eq!((output.status.code(), lab.results()), (Some(0), 16), "{}", text(&output));
    }
}

#[test]
fn interruptions_and_deaths_from_outside_use_nothing_up() {
    let lab = Lab::with(&EXPERIMENT.replace("epochs = 6", "epochs = 60"));
    for name in ["INT", "INT", "INT"] {
        let mut child = training(&lab, lab.sweep("fake:sleep:100", &[]));
        signal(child.id(), name);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
    let mut child = training(&lab, lab.sweep("fake:sleep:100", &[]));
    children(child.id()).into_iter().for_each(|worker| signal(worker, "KILL"));
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let output = lab.sweep("fake", &[]).output().unwrap();
    assert_eq!((output.status.code(), lab.results()), (Some(0), 2), "{}", text(&output));
}

// Machines that fail.

#[test]
fn a_full_disk_is_the_machines_failure() {
    let lab = Lab::new();
    assert_eq!(lab.sweep("fake", &[]).output().unwrap().status.code(), Some(0));
    for arguments in [
        &["compare", "small"][..],
        &["runs"],
        &["report", "small", "-o", "-"],
        &["schema"],
        &["doctor"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = lab.kiln("fake", arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains("No space left"), "{arguments:?}: {}", text(&output));
    }
}

#[test]
fn a_sweep_on_a_full_or_read_only_disk_ends_with_code_4_and_goes_on_later() {
    let lab = Lab::with(&EXPERIMENT.replace("epochs = 6", "epochs = 200"));
    let disk = lab.folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = |options: &str, then: &str| {
        let script = format!("mount -t tmpfs -o {options} none disk && {then}");
        let mut command = lab.command("unshare", "fake");
        command.args(["-m", "bash", "-c", &script]).env("KILN", env!("CARGO_BIN_EXE_kiln"));
        command.output().unwrap()
    };
    if !mounted("size=1m", "true").status.success() {
        return skip("root", "only root can mount a small disk");
    }
    let sweep = "$KILN sweep small.toml --backend flex --plain --runs disk/runs";
    // Room for the trials' folders and a few epochs.
    let output = mounted(
        "size=200k",
        &format!(
            "{sweep}; code=$?; mount -o remount,size=64m none disk; {sweep} >second; echo second \
                $?; exit $code"
        ),
    );
    let said = text(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("No space left") && said.contains("the same command goes on"), "{said}");
    assert!(said.contains("second 0"), "{said}");
    let output =
        mounted("size=1m", &format!("mkdir disk/runs; mount -o remount,ro none disk; {sweep}"));
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
}
