//! Which process writes an attempt, and whether it is still there.
//!
//! A process id alone names nobody: ids are used again, and a signal reaches a dead child that
//! nobody has waited for. The id with the start time of the process and the boot of the machine
//! names a process for ever.

use std::fs;
use std::io;
use std::sync::OnceLock;

use super::AttemptInfo;

/// Whether the writer of an attempt is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Gone,
    /// It runs on another machine, or this system cannot tell.
    Elsewhere,
}

/// Whether the process that wrote `info` still runs. Reads /proc; says [`Liveness::Elsewhere`]
/// where it cannot know.
#[must_use]
pub fn writer_alive(info: &AttemptInfo) -> Liveness {
    let here = machine();
    if info.boot_id.is_empty() || here.boot_id.is_empty() || info.host != here.host {
        return Liveness::Elsewhere;
    }
    if info.boot_id != here.boot_id {
        return Liveness::Gone;
    }
    process_alive(info.pid, info.pid_start)
}

/// The process of this id that began so many ticks after this machine's boot.
fn process_alive(pid: u32, begun: u64) -> Liveness {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => match parse_stat(&stat) {
            Some((state, start)) if start == begun && !matches!(state, 'Z' | 'X') => {
                Liveness::Alive
            }
            Some(_) => Liveness::Gone,
            None => Liveness::Elsewhere,
        },
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(libc::ESRCH) =>
        {
            Liveness::Gone
        }
        Err(_) => Liveness::Elsewhere,
    }
}

/// This process in a file's name: digests of host and boot, process id, its start.
pub(super) fn owner() -> &'static str {
    static OWNER: OnceLock<String> = OnceLock::new();
    OWNER.get_or_init(|| {
        let Machine { host, boot_id } = machine();
        format!("{}-{}-{}-{}", short(host), short(boot_id), std::process::id(), own_start())
    })
}

/// Whether the process that [`owner`] named is still there.
pub(super) fn owner_alive(owner: &str) -> Liveness {
    let here = machine();
    let parts: Vec<&str> = owner.split('-').collect();
    let [host, boot, pid, start] = parts[..] else { return Liveness::Elsewhere };
    let (Ok(pid), Ok(start)) = (pid.parse(), start.parse()) else { return Liveness::Elsewhere };
    if here.boot_id.is_empty() || host != short(&here.host) {
        return Liveness::Elsewhere;
    }
    if boot == short(&here.boot_id) { process_alive(pid, start) } else { Liveness::Gone }
}

fn short(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..8].to_owned()
}

/// Start of this process in clock ticks since boot; 0 where the system does not tell.
fn own_start() -> u64 {
    fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| parse_stat(&stat))
        .map_or(0, |(_, start)| start)
}

impl AttemptInfo {
    /// An attempt on `device` by this process, started now (RFC 3339, UTC). Where /proc is missing,
    /// boot id and start are empty.
    #[must_use]
    pub fn of_this_process(device: String, argv: Vec<String>, started: String) -> Self {
        let here = machine();
        Self {
            v: super::VERSION,
            engine: "local".to_owned(),
            host: here.host.clone(),
            boot_id: here.boot_id.clone(),
            pid: std::process::id(),
            pid_start: own_start(),
            device,
            argv,
            kiln_version: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            instruction_sets: Vec::new(),
        }
    }
}

/// The machine that this process runs on.
pub(super) struct Machine {
    pub host: String,
    /// Empty where the system has none.
    pub boot_id: String,
}

pub(super) fn machine() -> &'static Machine {
    static HERE: OnceLock<Machine> = OnceLock::new();
    HERE.get_or_init(|| {
        let line = |path: &str| {
            fs::read_to_string(path)
                .ok()
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let host = line("/proc/sys/kernel/hostname").or_else(|| std::env::var("HOSTNAME").ok());
        Machine {
            host: host.unwrap_or_else(|| "unknown".to_owned()),
            boot_id: line("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        }
    })
}

/// State and start (clock ticks since boot) from /proc/<pid>/stat, proc(5). The command may hold
/// blanks and brackets.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> AttemptInfo {
        AttemptInfo::of_this_process("flex".into(), vec![], "2026-01-02T03:04:05Z".into())
    }

    #[test]
    fn a_command_with_brackets_and_blanks_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9";
        assert_eq!(parse_stat(stat), Some(('S', 4242)));
        assert_eq!(parse_stat("7 (torn"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_alive_and_one_with_its_id_but_another_start_is_gone() {
        assert_eq!(writer_alive(&own()), Liveness::Alive);
        assert_eq!(
            writer_alive(&AttemptInfo { pid_start: own().pid_start + 1, ..own() }),
            Liveness::Gone
        );
        assert_eq!(
            writer_alive(&AttemptInfo { boot_id: "another".into(), ..own() }),
            Liveness::Gone
        );
    }

    #[test]
    fn another_host_and_a_host_without_boot_id_are_elsewhere() {
        assert_eq!(
            writer_alive(&AttemptInfo { host: "another".into(), ..own() }),
            Liveness::Elsewhere
        );
        assert_eq!(
            writer_alive(&AttemptInfo { boot_id: String::new(), ..own() }),
            Liveness::Elsewhere
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_dead_child_that_nobody_waited_for_is_gone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let info =
            AttemptInfo { pid: child.id(), pid_start: parse_stat(&stat).unwrap().1, ..own() };
        assert_eq!(writer_alive(&info), Liveness::Alive);
        child.kill().unwrap();
        while writer_alive(&info) == Liveness::Alive {
            std::thread::yield_now();
        }
        assert_eq!(writer_alive(&info), Liveness::Gone);
        child.wait().unwrap();
        assert_eq!(writer_alive(&info), Liveness::Gone);
    }
}
