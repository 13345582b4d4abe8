//! The real binary in a pseudo-terminal: the dashboard appears, answers keys, stays for a look at the end, and puts the terminal back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

const EXPERIMENT: &str = r#"
name = "small"
question = "does the dashboard work?"
[data]
synthetic = { bars = 600, beta2 = 0.1, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
[train]
epochs = 12
early_stopping = false
schedule = { kind = "constant" }
[sweep.space]
"model.hidden_size" = [8, 16]
"train.learning_rate" = [1e-3, 3e-3]
"#;

struct Session {
    folder: tempfile::TempDir,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _pair: Box<dyn portable_pty::MasterPty + Send>,
}

impl Session {
    fn start(trainer: &str, rows: u16, cols: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("small.toml"), EXPERIMENT).unwrap();
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_kiln"));
        command.args(["sweep", "small.toml", "--backend", "flex"]);
        command.cwd(folder.path());
        command.env("KILN_TRAINER", trainer);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = |cells| std::num::NonZeroU16::new(cells).unwrap();
        let screen = vt100::Parser::new(size(rows), size(cols), 0);
        Self { folder, child, keys, bytes, screen, _pair: pair.master }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen shows `text`.
    fn see(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.screen.process(&bytes);
            }
            let contents = self.screen.screen().contents();
            if contents.contains(text) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "'{text}' never came; the screen:\n{contents}");
        }
    }

    fn exit_code(&mut self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(100)) {
                    self.screen.process(&bytes);
                }
                return status.exit_code();
            }
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.screen.process(&bytes);
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It fails only when the program has ended already.
        drop(self.child.kill());
    }
}

#[test]
fn the_dashboard_of_a_sweep_lives_answers_and_puts_the_terminal_back() {
    let mut session = Session::start("fake:sleep:150", 30, 110);
    session.see("does the dashboard work?");
    session.see("trials 4");
    assert!(session.screen.screen().alternate_screen());
    session.press("?");
    session.see("pin");
    session.press("\x1b");
    session.see("the sweep is done");
    session.press("q");
    assert_eq!(session.exit_code(), 0);
    assert!(!session.screen.screen().alternate_screen(), "the terminal is put back");
    let contents = session.screen.screen().contents();
    assert!(contents.contains("persistence"), "the ranking is printed:\n{contents}");
    let trials = session.folder.path().join("runs/small/trials");
    assert_eq!(std::fs::read_dir(trials).unwrap().count(), 4);
}

#[test]
fn leaving_the_dashboard_can_leave_the_sweep_running() {
    let mut session = Session::start("fake:sleep:150", 24, 80);
    session.see("trials 4");
    session.press("q");
    session.see("leave");
    session.press("l");
    assert_eq!(session.exit_code(), 0);
    let contents = session.screen.screen().contents();
    assert!(contents.contains("kiln watch small"), "{contents}");
    let trials = session.folder.path().join("runs/small/trials");
    let begun = Instant::now();
    while std::fs::read_dir(&trials).unwrap().any(|trial| !trial.unwrap().path().join("result.json").is_file()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the sweep did not go on");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(unix)]
#[test]
fn a_dashboard_that_is_asked_to_end_stops_its_sweep_and_puts_the_terminal_back() {
    let mut session = Session::start("fake:sleep:300", 24, 80);
    session.see("trials 4");
    let process = session.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(session.exit_code(), 130);
    assert!(!session.screen.screen().alternate_screen(), "the terminal is put back");
    let log = std::fs::read_to_string(session.folder.path().join("runs/small/logs/sweep.log")).unwrap();
    assert!(log.contains("goes on where it was"), "{log}");
}

#[test]
fn a_dashboard_that_is_killed_stops_its_sweep_resumably() {
    let mut session = Session::start("fake:sleep:300", 24, 80);
    session.see("trials 4");
    session.child.kill().unwrap();
    let log = session.folder.path().join("runs/small/logs/sweep.log");
    let begun = Instant::now();
    while !std::fs::read_to_string(&log).unwrap().contains("goes on where it was") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the supervisor did not stop");
        std::thread::sleep(Duration::from_millis(50));
    }
}
