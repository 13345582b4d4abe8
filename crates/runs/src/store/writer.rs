//! Which process writes an attempt, and whether it is still there.

use super::AttemptInfo;
use crate::files::Liveness;
use crate::files::process::{machine, own_start, process_alive};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::process::parse_stat;

    fn own() -> AttemptInfo {
        AttemptInfo::of_this_process("flex".into(), vec![], "2026-01-02T03:04:05Z".into())
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
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
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
