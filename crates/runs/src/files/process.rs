//! Which process writes, and whether it is still there.
//!
//! A process id alone names nobody: ids are used again, and a signal reaches a dead child that
//! nobody has waited for. The id with the start time of the process and the boot of the machine
//! names a process for ever.

use std::fs;
use std::io;
use std::sync::OnceLock;

/// Whether a writer is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Gone,
    /// It runs on another machine, or this system cannot tell.
    Elsewhere,
}

/// The process of this id that began so many ticks after this machine's boot.
pub(crate) fn process_alive(pid: u32, begun: u64) -> Liveness {
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
pub(crate) fn owner() -> &'static str {
    static OWNER: OnceLock<String> = OnceLock::new();
    OWNER.get_or_init(|| {
        let Machine { host, boot_id } = machine();
        format!("{}-{}-{}-{}", short(host), short(boot_id), std::process::id(), own_start())
    })
}

/// Whether the process that [`owner`] named is still there.
pub(crate) fn owner_alive(owner: &str) -> Liveness {
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
pub(crate) fn own_start() -> u64 {
    fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| parse_stat(&stat))
        .map_or(0, |(_, start)| start)
}

/// The machine that this process runs on.
pub(crate) struct Machine {
    pub host: String,
    /// Empty where the system has none.
    pub boot_id: String,
}

pub(crate) fn machine() -> &'static Machine {
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
pub(crate) fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_and_blanks_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9";
        assert_eq!(parse_stat(stat), Some(('S', 4242)));
        assert_eq!(parse_stat("7 (torn"), None);
    }
}
