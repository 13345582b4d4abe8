//! A terminal that goes away, takes nothing more, or is dumb.

use super::*;

#[cfg(target_os = "linux")]
#[test]
fn a_sweep_that_was_started_to_outlive_its_terminal_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), EXPERIMENT).unwrap();
    let script = "trap '' HUP; exec \"$0\" sweep small.toml --backend flex";
    let ignoring =
        program("sh", folder.path(), "fake:sleep:300", &["-c", script, env!("CARGO_BIN_EXE_kiln")]);
    let (code, _) = close_terminal_of(ignoring);
    assert_eq!(code, 0);
    let trials = folder.path().join("runs/small/trials");
    wait_until("the sweep goes on to its end", 60, || {
        std::fs::read_dir(&trials)
            .unwrap()
            .all(|trial| trial.unwrap().path().join("result.json").is_file())
    });
}

/// Nobody reads the terminal any more, as when a connection hangs: the dashboard waits in a write,
/// and ends all the same when it is asked.
#[cfg(target_os = "linux")]
#[test]
fn a_dashboard_whose_terminal_takes_nothing_more_still_ends_when_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), EXPERIMENT).unwrap();
    let PtyPair { slave, master } = terminal(60, 200);
    let mut child = slave.spawn_command(kiln(folder.path(), "fake:sleep:3000", SWEEP)).unwrap();
    drop(slave);
    let process = child.process_id().unwrap();
    let written = || {
        let io = std::fs::read_to_string(format!("/proc/{process}/io")).unwrap();
        io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<u64>().ok()).unwrap()
    };
    // Each size is drawn anew, until nothing more goes in: then it waits in a write.
    let begun = Instant::now();
    let mut before = 0;
    while written() < 10_000 || written() != before {
        before = written();
        for columns in [199, 198, 197, 200] {
            master
                .resize(PtySize { rows: 60, cols: columns, pixel_width: 0, pixel_height: 0 })
                .unwrap();
            std::thread::sleep(Duration::from_millis(250));
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the terminal takes all");
    }
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &process.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait_until("the dashboard ends", 10, || state(process) == Some('Z'));
    child.wait().unwrap();
    let log = folder.path().join("runs/small/logs/sweep.log");
    wait_until("its sweep stops", 30, || {
        std::fs::read_to_string(&log).unwrap().contains("goes on where it was")
    });
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_pauses_dashboard_supervisor_and_workers_and_all_go_on_together() {
    let mut session = Session::start("fake:sleep:300", 30, 110);
    session.see("trials 4");
    let dashboard = session.child.process_id().unwrap();
    let supervisor = *children(dashboard).first().unwrap();
    wait_until("workers are there", 20, || !children(supervisor).is_empty());
    let processes: Vec<u32> = [vec![dashboard, supervisor], children(supervisor)].concat();
    session.press("\x1a");
    wait_until("all are stopped", 20, || {
        processes.iter().all(|process| state(*process) == Some('T'))
    });
    while let Ok(bytes) = session.bytes.recv_timeout(Duration::from_millis(100)) {
        session.screen.process(&bytes);
    }
    assert!(!session.screen.screen().alternate_screen(), "the shell has its screen");
    assert!(
        std::process::Command::new("kill")
            .args(["-CONT", &dashboard.to_string()])
            .status()
            .unwrap()
            .success()
    );
    session.see("trials 4");
    assert!(session.screen.screen().alternate_screen(), "the dashboard is back");
    wait_until("all go on", 20, || processes.iter().all(|process| state(*process) != Some('T')));
    session.see("the sweep is done");
    session.press("q");
    assert_eq!(session.exit_code(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_dumb_terminal_and_another_charset_get_plain_lines_with_a_reason() {
    for (environment, reason) in
        [(("TERM", "dumb"), "TERM is dumb"), (("LC_ALL", "de_DE.ISO-8859-1"), "is not UTF-8")]
    {
        let mut session = Session::start_in("fake", 30, 110, &[environment]);
        assert_eq!(session.exit_code(), 0);
        let contents = session.screen.screen().contents();
        assert!(contents.contains("persistence"), "{contents}");
        let mut session = Session::start_in("fake:sleep:50", 30, 110, &[environment]);
        session.see(reason);
        session.see("epoch 2/12");
        assert!(!session.screen.screen().alternate_screen());
        assert_eq!(session.exit_code(), 0);
    }
}
