//! The real binary in a pseudo-terminal: the dashboard appears, answers keys, stays for a look at
//! the end, and puts the terminal back; and what becomes of it when the terminal is closed, stuck,
//! or lent to the shell for a while.

mod outlived;

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};

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
        Self::start_in(trainer, rows, cols, &[])
    }

    fn start_in(trainer: &str, rows: u16, cols: u16, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("small.toml"), EXPERIMENT).unwrap();
        let pair = terminal(rows, cols);
        let mut command = kiln(folder.path(), trainer, SWEEP);
        for (name, value) in environment {
            command.env(name, value);
        }
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
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "'{text}' never came; the screen:\n{contents}"
            );
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

const SWEEP: &[&str] = &["sweep", "small.toml", "--backend", "flex"];

fn terminal(rows: u16, cols: u16) -> PtyPair {
    native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap()
}

/// The program in a folder, in a terminal of today.
fn kiln(folder: &std::path::Path, trainer: &str, arguments: &[&str]) -> CommandBuilder {
    program(env!("CARGO_BIN_EXE_kiln"), folder, trainer, arguments)
}

fn program(
    name: &str,
    folder: &std::path::Path,
    trainer: &str,
    arguments: &[&str],
) -> CommandBuilder {
    let mut command = CommandBuilder::new(name);
    command.args(arguments);
    command.cwd(folder);
    command.env("KILN_TRAINER", trainer);
    command.env("TERM", "xterm-256color");
    for name in ["LC_ALL", "LC_CTYPE", "LANG", "KILN_RUNS"] {
        command.env_remove(name);
    }
    command
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
    while std::fs::read_dir(&trials)
        .unwrap()
        .any(|trial| !trial.unwrap().path().join("result.json").is_file())
    {
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
    assert!(
        std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success()
    );
    assert_eq!(session.exit_code(), 130);
    assert!(!session.screen.screen().alternate_screen(), "the terminal is put back");
    let log =
        std::fs::read_to_string(session.folder.path().join("runs/small/logs/sweep.log")).unwrap();
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

/// Fields of /proc/<pid>/stat after the command's name, from the state on.
#[cfg(target_os = "linux")]
fn stat(process: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(stat.rsplit(") ").next()?.split_whitespace().map(str::to_owned).collect())
}

#[cfg(target_os = "linux")]
fn state(process: u32) -> Option<char> {
    stat(process)?.first()?.chars().next()
}

/// Processor time of a process that has not been waited for, seconds.
#[cfg(target_os = "linux")]
fn processor_time(process: u32) -> f64 {
    let stat = stat(process).unwrap();
    (stat[11].parse::<f64>().unwrap() + stat[12].parse::<f64>().unwrap()) / 100.0
}

/// Children of a process.
#[cfg(target_os = "linux")]
fn children(process: u32) -> Vec<u32> {
    let numbers = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|child| stat(*child).is_some_and(|stat| stat[1] == process.to_string()))
        .collect()
}

#[cfg(target_os = "linux")]
fn wait_until(what: &str, seconds: u64, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a command in a terminal, reads until the dashboard is there, closes the terminal, and
/// waits until the process has ended: its exit code and the processor time that it took from then
/// on.
#[cfg(target_os = "linux")]
fn close_terminal_of(command: CommandBuilder) -> (u32, f64) {
    let PtyPair { slave, master } = terminal(30, 110);
    let mut child = slave.spawn_command(command).unwrap();
    drop(slave);
    let mut reader = master.try_clone_reader().unwrap();
    let size = |cells| std::num::NonZeroU16::new(cells).unwrap();
    let mut screen = vt100::Parser::new(size(30), size(110), 0);
    let mut buffer = [0; 4096];
    while !screen.screen().contents().contains("does the dashboard work?") {
        let count = reader.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", screen.screen().contents());
        screen.process(&buffer[..count]);
    }
    let process = child.process_id().unwrap();
    let before = processor_time(process);
    drop(reader);
    drop(master);
    wait_until("the process ends after its terminal", 10, || state(process) == Some('Z'));
    let took = processor_time(process) - before;
    (child.wait().unwrap().exit_code(), took)
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_stops_a_sweep_with_checkpoints_and_ends_a_watcher() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), EXPERIMENT).unwrap();
    let (code, seconds) = close_terminal_of(kiln(folder.path(), "fake:sleep:300", SWEEP));
    assert_eq!(code, 130);
    assert!(seconds < 1.0, "{seconds} s of processor time");
    let log = std::fs::read_to_string(folder.path().join("runs/small/logs/sweep.log")).unwrap();
    assert!(log.contains("goes on where it was"), "{log}");
    let (code, seconds) = close_terminal_of(kiln(folder.path(), "fake", &["watch", "small"]));
    assert_eq!(code, 0);
    assert!(seconds < 1.0, "{seconds} s of processor time");
}
