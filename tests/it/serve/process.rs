//! The real binary: its address, its signals, its log, its memory, its files.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::client::{Kept, connect, get, predict, raw, send, to_the_end};
use super::fake::{TOKEN, eventually};
use super::folder::{NAME, Registry, bars, forecaster, request};
use super::names::hostile;
use crate::skip::skip;

/// A process that is killed when the test is over.
struct Process {
    child: Child,
    at: SocketAddr,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Process {
    fn new(registry: &Registry, flags: &[&str]) -> Self {
        Self::under(&[], registry, flags)
    }

    /// The same, started by another program.
    fn under(starter: &[&str], registry: &Registry, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = match starter {
            [] => Command::new(env!("CARGO_BIN_EXE_kiln")),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(env!("CARGO_BIN_EXE_kiln"));
                command
            }
        };
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--models"])
            .arg(registry.root())
            .args(flags);
        let mut child =
            command.stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("listening on http://").and_then(|at| at.parse().ok());
        let at = at.unwrap_or_else(|| panic!("{line}{}", fs::read_to_string(&log).unwrap()));
        Self { child, at, log, _folder: folder }
    }

    fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .args([name, &self.child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    fn end(&mut self) -> ExitStatus {
        for _ in 0..2000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Resident memory, KiB.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A run that is refused: its message.
fn refused(registry: &Registry, flags: &[&str]) -> String {
    let root = registry.root();
    let output = Command::new(env!("CARGO_BIN_EXE_kiln"))
        .args(["serve", "--models"])
        .arg(&root)
        .args(flags)
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty());
    message
}

#[test]
fn a_bind_that_others_reach_is_refused_without_a_token() {
    let registry = Registry::new(1);
    for address in ["0.0.0.0:0", "[::]:0"] {
        assert!(
            refused(&registry, &["--listen", address])
                .contains("can be reached from other machines: --token-file FILE")
        );
    }
    assert!(refused(&registry, &["nothing"]).contains("no model is named 'nothing'"));
    assert!(refused(&registry, &["minute@7"]).contains("minute has no version 7"));
    assert!(refused(&registry, &["minute", "minute@1"]).contains("minute is named twice"));
    assert!(refused(&registry, &["../minute"]).contains("cannot name a model"));
}

#[test]
fn no_file_is_opened_for_a_name_in_a_request() {
    let registry = Registry::new(1);
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let starter = ["strace", "-f", "-e", "trace=file", "-o", trace.to_str().unwrap()];
    if !Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        return skip(
            "strace",
            "strace is not here, or may not trace; that the catalog is not asked is tested without \
                it",
        );
    }
    // The next look at the registry is after the test.
    let process = Process::under(&starter, &registry, &["--poll", "1000s"]);
    assert_eq!(get(process.at, "/v1/models/minute").status, 200);
    let opened = || {
        fs::read_to_string(&trace)
            .unwrap()
            .lines()
            .filter(|line| !line.contains("+++") && !line.contains("---"))
            .count()
    };
    let before = opened();
    assert!(before > 10, "nothing is traced");
    for name in hostile() {
        assert_eq!(predict(process.at, &name, "{}").status, 404, "{name}");
        assert_eq!(get(process.at, &format!("/v1/models/{name}")).status, 404, "{name}");
    }
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        opened(),
        before,
        "{}",
        fs::read_to_string(&trace).unwrap().lines().skip(before).collect::<Vec<_>>().join("\n")
    );
    // strace ends with what it traces, and not the other way round.
    let parent = process.child.id();
    let traced = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    assert!(Command::new("kill").args(["-TERM", traced.trim()]).status().unwrap().success());
}

#[test]
fn memory_does_not_grow_with_requests_or_their_size() {
    let registry = Registry::new(1);
    let process = Process::new(&registry, &[]);
    let at = process.at;
    let body = request(&bars(), 300, forecaster(1).needs());
    let ask = |requests: usize| {
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    let mut kept = Kept::new(at);
                    for _ in 0..requests / 64 {
                        assert_eq!(
                            kept.predict(NAME, &body).expect("the connection lives").status,
                            200
                        );
                    }
                });
            }
        });
    };
    ask(3_200);
    // The allocator's own caches take a while to be full; what leaks grows in every round.
    let mut resident = vec![process.resident()];
    for _ in 0..4 {
        ask(10_048);
        resident.push(process.resident());
        if resident.windows(2).any(|pair| pair[1] as f64 <= pair[0] as f64 * 1.05) {
            break;
        }
    }
    let grown = resident.windows(2).all(|pair| pair[1] as f64 > pair[0] as f64 * 1.05);
    assert!(!grown, "KiB, after each 10,000 requests: {resident:?}");
    let after = process.resident();
    let large = " ".repeat((2 << 20) + 1);
    for _ in 0..100 {
        assert_eq!(predict(at, NAME, &large).status, 413);
    }
    let large = process.resident();
    assert!(
        large < after + 8192,
        "{after} KiB before bodies that are too large, {large} KiB after"
    );
}

#[test]
fn sigterm_ends_it_whatever_clients_do() {
    let registry = Registry::new(1);
    let mut process = Process::new(&registry, &["--stop-timeout", "1s"]);
    let at = process.at;
    let body = request(&bars(), 300, forecaster(1).needs());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = Kept::new(at);
                // An answer that began is whole; after the end there is none.
                while let Some(reply) = kept.predict(NAME, &body) {
                    assert!(reply.status == 200 || reply.status == 503, "{reply:?}");
                }
            });
        }
        let mut slow = connect(at);
        let half = b"POST /v1/models/minute/predict HTTP/1.1\r\nHost: localhost\r\n\
                 Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
        slow.write_all(half).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        process.signal("-TERM");
        let status = process.end();
        assert!(status.success(), "{status}\n{}", process.log());
        assert!(started.elapsed() < Duration::from_millis(3500), "{:?}", started.elapsed());
        to_the_end(&mut slow);
    });
    let log = process.log();
    assert!(
        log.contains("\"stopping\"") && log.contains("cut off") && log.contains("\"stopped\""),
        "{log}"
    );
}

#[test]
fn sighup_rereads_and_sigint_ends() {
    let registry = Registry::new(1);
    let mut process = Process::new(&registry, &["minute@champion"]);
    process.signal("-HUP");
    eventually("it was reread", || {
        get(process.at, "/metrics").body.contains(r#"kiln_reloads_total{result="ok"} 2"#)
    });
    process.signal("-INT");
    assert!(process.end().success());
}

#[test]
fn nothing_in_a_request_can_write_to_the_log() {
    let registry = Registry::new(1);
    let process = Process::new(&registry, &["--log", "json"]);
    let at = process.at;
    for path in ["/a%0d%0aINJECTED%20line", "/%1b%5d0;title%07", "/v1/models/m%0a%0a%1b[2J"] {
        assert_eq!(get(at, path).status, 404);
    }
    drop(raw(
        at,
        "GET /\u{202e}\u{9b}31m\u{200b}x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            .as_bytes(),
    ));
    drop(raw(at, b"GET /\x1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    send(at, "GET", "/healthz", "X-Request-Id: a\"b}{\u{1f}\r\n", "");
    let secret = send(
        at,
        "POST",
        "/v1/models/minute/predict",
        &format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"),
        r#"{"secret": 1}"#,
    );
    assert_eq!(secret.status, 422);
    let own = send(at, "GET", "/v1/models", "X-Request-Id: abc-1.2_3\r\n", "");
    assert_eq!(own.header("x-request-id"), Some("abc-1.2_3"));
    eventually("the last one is logged", || process.log().contains("abc-1.2_3"));
    let log = process.log();
    for line in log.lines() {
        let json: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(json["timestamp"].is_string() && json["level"].is_string(), "{line}");
        assert!(
            !line.chars().any(|c| c.is_control()
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}')),
            "{line:?}"
        );
    }
    assert!(!log.contains("secret") && !log.contains(TOKEN), "{log}");
    assert!(
        log.contains(r#""status":404"#) && log.contains(r#""path":"/a%0d%0aINJECTED%20line""#),
        "{log}"
    );
}

#[test]
fn the_token_file_is_its_owners_alone() {
    let registry = Registry::new(1);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for mode in [0o644, 0o640, 0o604, 0o660, 0o666, 0o700 | 0o001] {
        let message = refused(&registry, &["--token-file", &file("open", TOKEN, mode)]);
        assert!(
            message.contains(&format!("has mode {mode:04o}"))
                && message.contains("chmod 600")
                && !message.contains(TOKEN),
            "{message}"
        );
    }
    assert!(
        refused(&registry, &["--token-file", &file("short", "hunter2\n", 0o600)])
            .contains("a token is one line of 16")
    );
    assert!(
        refused(&registry, &["--token-file", &file("empty", "", 0o600)])
            .contains("a token is one line of 16")
    );
    assert!(
        refused(&registry, &["--token-file", &file("two", &format!("{TOKEN}\n{TOKEN}\n"), 0o600)])
            .contains("a token is one line")
    );
    assert!(
        refused(&registry, &["--token-file", "/nonexistent/token"])
            .contains("the token file cannot be opened")
    );
    assert!(
        refused(&registry, &["--token-file", folder.path().to_str().unwrap()])
            .contains("not a regular file")
    );
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg("-m").arg("600").arg(&pipe).status().unwrap().success());
    assert!(
        refused(&registry, &["--token-file", pipe.to_str().unwrap()])
            .contains("not a regular file")
    );
    if Path::new("/proc/self").exists() && fs::metadata("/root").is_ok_and(|_| running_as_root()) {
        let foreign = file("foreign", TOKEN, 0o600);
        assert!(Command::new("chown").args(["65534", &foreign]).status().unwrap().success());
        assert!(refused(&registry, &["--token-file", &foreign]).contains("belongs to user 65534"));
    }
    for mode in [0o600, 0o400] {
        let process =
            Process::new(&registry, &["--token-file", &file("own", &format!("{TOKEN}\n"), mode)]);
        assert_eq!(get(process.at, "/v1/models").status, 401);
        assert_eq!(
            send(
                process.at,
                "GET",
                "/v1/models",
                &format!("Authorization: Bearer {TOKEN}\r\n"),
                ""
            )
            .status,
            200
        );
    }
}

fn running_as_root() -> bool {
    let mut text = String::new();
    let output = Command::new("id").arg("-u").stdout(Stdio::piped()).spawn();
    output.is_ok_and(|mut child| {
        child.stdout.take().is_some_and(|mut out| out.read_to_string(&mut text).is_ok())
            && text.trim() == "0"
    })
}
