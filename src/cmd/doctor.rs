//! `doctor`: what there is to train on, and whether runs can be kept.

use super::args::{Json, RunsDir};
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::selection::write_json;
use super::{Failure, Outcome};
use text::{Align, bytes, cleaned, table};

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub runs: RunsDir,
    #[command(flatten)]
    pub json: Json,
}

/// Prints versions, devices with what works and why not, cores, memory, the terminal, and whether
/// the folder of runs can be written. A folder that is made to try that is removed at once.
///
/// # Errors
/// When the output fails; what is wrong with the machine is told, not an error.
pub fn run(args: DoctorArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let DoctorArgs { runs: RunsDir { runs }, json: Json { json } } = args;
    let report = Report {
        kiln: env!("CARGO_PKG_VERSION"),
        devices: burn_lanes::devices(),
        cores: std::thread::available_parallelism().ok().map(usize::from),
        cpu: cpu_name(),
        memory: memory(),
        terminal: terminal(),
        runs: disk(&runs),
        git: git(),
    };
    if json {
        write_json(out, &report)?
    } else {
        out.write_all(report.text().as_bytes())?
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct Report {
    kiln: &'static str,
    devices: Vec<burn_lanes::DeviceInfo>,
    /// That this process may use.
    cores: Option<usize>,
    cpu: Option<String>,
    memory: Memory,
    terminal: Terminal,
    runs: Disk,
    /// Its version, where it can be run.
    git: Option<String>,
}

/// Bytes; `None` where the system does not tell.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Memory {
    total: Option<u64>,
    available: Option<u64>,
    /// Of the control group (a container, a Slurm job).
    limit: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Terminal {
    /// Whether stdin and stdout are a terminal, which the dashboard needs.
    interactive: bool,
    columns: Option<u16>,
    rows: Option<u16>,
    term: Option<String>,
    colour: &'static str,
    no_color: bool,
    utf8: bool,
}

#[derive(Debug, Serialize)]
struct Disk {
    #[serde(serialize_with = "text::path")]
    folder: PathBuf,
    /// The folder itself, or the nearest one above it that exists.
    #[serde(serialize_with = "text::path")]
    existing: PathBuf,
    free: Option<u64>,
    total: Option<u64>,
    /// Why runs cannot be kept there; `None` when they can.
    problem: Option<String>,
}

impl Report {
    fn text(&self) -> String {
        let unknown = || "unknown".to_owned();
        let memory = &self.memory;
        let mut lines = vec![
            ("kiln", self.kiln.to_owned()),
            (
                "git",
                self.git
                    .as_deref()
                    .map_or_else(|| "not found: runs will not tell their revision".into(), cleaned),
            ),
            (
                "cpu",
                format!(
                    "{}, {} cores",
                    self.cpu.as_deref().map_or_else(unknown, cleaned),
                    self.cores.map_or_else(unknown, |cores| cores.to_string())
                ),
            ),
            (
                "memory",
                format!(
                    "{} available of {}{}",
                    size(memory.available),
                    size(memory.total),
                    limit(memory.limit)
                ),
            ),
            ("terminal", self.terminal.text()),
        ];
        let runs = &self.runs;
        let state = match &runs.problem {
            None => "writable".to_owned(),
            Some(problem) => format!("NOT USABLE: {}", cleaned(problem)),
        };
        let folder = cleaned(&runs.folder.display().to_string());
        lines.push((
            "runs",
            format!("{folder}: {state}, {} free of {}", size(runs.free), size(runs.total)),
        ));
        let mut text = String::new();
        for (name, line) in lines {
            // Writing to a string cannot fail.
            writeln!(text, "{name:<9} {line}").unwrap_or_default();
        }
        let header = [
            ("device", Align::Left),
            ("state", Align::Left),
            ("memory", Align::Right),
            ("name", Align::Left),
        ]
        .map(|(name, align)| (name.to_owned(), align));
        let rows = self.devices.iter().map(|device| {
            let state = match &device.problem {
                Some(problem) => format!("no: {}", cleaned(problem)),
                None if device.software => "works (software: never chosen by auto)".into(),
                None if device.integrated => "works (integrated: never chosen by auto)".into(),
                None => "works".into(),
            };
            let memory = device.memory.map_or_else(|| "—".to_owned(), bytes);
            vec![device.spec.to_string(), state, memory, cleaned(&device.name)]
        });
        text + "\n" + &table(&header, rows)
    }
}

impl Terminal {
    fn text(&self) -> String {
        let size = match (self.columns, self.rows) {
            (Some(columns), Some(rows)) => format!("{columns} × {rows}"),
            _ => "unknown size".into(),
        };
        let kind = if self.interactive {
            "interactive"
        } else {
            "not interactive: no dashboard, plain lines"
        };
        let term = self.term.as_deref().map_or_else(|| "TERM is not set".to_owned(), cleaned);
        let no_color = if self.no_color { " (NO_COLOR is set)" } else { "" };
        let utf8 = if self.utf8 { "UTF-8" } else { "no UTF-8: set LANG=C.UTF-8 for charts" };
        format!("{kind}, {size}, {term}, {}{no_color}, {utf8}", self.colour)
    }
}

fn terminal() -> Terminal {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    // Asked of a terminal alone: elsewhere the question starts other programs.
    let size =
        if io::stdout().is_terminal() { ratatui::crossterm::terminal::size().ok() } else { None };
    let term = variable("TERM");
    let no_color = variable("NO_COLOR").is_some();
    let true_color =
        variable("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
    let colour = match term.as_deref() {
        _ if no_color => "no colour",
        None | Some("dumb") => "no colour",
        _ if true_color => "true colour",
        Some(term) if term.contains("256color") => "256 colours",
        Some(_) => "16 colours",
    };
    let locale = variable("LC_ALL")
        .or_else(|| variable("LC_CTYPE"))
        .or_else(|| variable("LANG"))
        .unwrap_or_default();
    let utf8 = locale.to_lowercase().replace('-', "").contains("utf8");
    Terminal {
        interactive,
        columns: size.map(|size| size.0),
        rows: size.map(|size| size.1),
        term,
        colour,
        no_color,
        utf8,
    }
}

fn disk(folder: &Path) -> Disk {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let existing = absolute.ancestors().find(|path| path.exists()).unwrap_or(&absolute).to_owned();
    let (free, total) = space(&existing);
    let problem = match try_writing(&existing) {
        Ok(()) if free == Some(0) => Some(format!("no space left on {}", existing.display())),
        Ok(()) => None,
        Err(error) => Some(error),
    };
    Disk { folder: folder.to_owned(), existing, free, total, problem }
}

/// Does what the store does there: makes a folder, writes a file, and publishes it with a hard
/// link.
fn try_writing(existing: &Path) -> Result<(), String> {
    let failed = |what: &'static str| {
        move |error: io::Error| format!("{what} in {}: {error}", existing.display())
    };
    let probe = tempfile::tempdir_in(existing).map_err(failed("cannot make a folder"))?;
    let (written, linked) = (probe.path().join("written"), probe.path().join("linked"));
    std::fs::write(&written, b"kiln doctor\n").map_err(failed("cannot write a file"))?;
    std::fs::hard_link(&written, &linked)
        .map_err(failed("cannot link a file, which is how results are published,"))?;
    probe.close().map_err(failed("cannot remove a folder"))
}

/// Free for this user, and in all; bytes.
#[cfg(unix)]
fn space(folder: &Path) -> (Option<u64>, Option<u64>) {
    match rustix::fs::statvfs(folder) {
        Ok(stat) => {
            (stat.f_bavail.checked_mul(stat.f_frsize), stat.f_blocks.checked_mul(stat.f_frsize))
        }
        Err(_) => (None, None),
    }
}

#[cfg(not(unix))]
fn space(_folder: &Path) -> (Option<u64>, Option<u64>) {
    (None, None)
}

fn memory() -> Memory {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let known = |bytes: u64| (bytes > 0).then_some(bytes);
    let total = known(system.total_memory());
    let group = system.cgroup_limits().and_then(|group| known(group.total_memory));
    Memory {
        total,
        available: known(system.available_memory()),
        limit: group.filter(|limit| total.is_none_or(|total| *limit < total)),
    }
}

fn cpu_name() -> Option<String> {
    let mut system = sysinfo::System::new();
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    let brand = system.cpus().first()?.brand().trim();
    (!brand.is_empty()).then(|| brand.to_owned())
}

fn git() -> Option<String> {
    let output = Command::new("git")
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .trim_start_matches("git version ")
            .to_owned(),
    )
}

fn limit(limit: Option<u64>) -> String {
    limit.map_or_else(String::new, |limit| format!(", limited to {}", bytes(limit)))
}

fn size(count: Option<u64>) -> String {
    count.map_or_else(|| "unknown".to_owned(), bytes)
}

#[cfg(test)]
mod tests;
