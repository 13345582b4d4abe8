//! A sweep behind the dashboard: the supervisor is a process of its own, whose output goes to a
//! log.

use super::{Ready, SweepArgs, TO_TRAIN, write_ranking};
use crate::cmd::args::{ExperimentArgs, RunsDir};
use crate::cmd::backtest::trader;
use crate::cmd::given_up::{self, given_up};
use crate::cmd::hint::{command, quoted};
use crate::cmd::{Failure, Outcome};
use crate::dashboard::{self, Command as Asked, Leave};
use crate::signal::{self};
use crate::sweep::Control;
use anyhow::Context;
use runs::store::{Log, SweepFolder, read_sweep_summaries};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use text::{clean, clean_lines};

/// The dashboard in front, the supervisor behind.
pub(super) fn watch_and_supervise(
    args: &SweepArgs,
    ready: &Ready,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let folder = SweepFolder::create(&args.runs.runs, &ready.experiment.name)?;
    let (log, output) = folder.log("sweep.log", Log::New)?;
    let mut child = spawn_supervisor(args, ready, &log, output)?;
    let supervisor = child.id();
    let stdin = Arc::new(Mutex::new(child.stdin.take()));
    if let Some(status) = wait_for_start(&mut child, &folder.path)? {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        write!(out, "{}", clean_lines(&text))?;
        return exit_of(status);
    }
    let ended = Arc::new(Mutex::new(None::<std::process::ExitStatus>));
    let waiter = {
        let ended = Arc::clone(&ended);
        std::thread::spawn(move || {
            let status = child.wait();
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = status.ok();
        })
    };
    let tell = {
        let stdin = Arc::clone(&stdin);
        move |control: &Control| {
            if let Some(stdin) = stdin.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
                && let Ok(line) = serde_json::to_string(control)
            {
                // A supervisor that has ended cannot be told anything; the dashboard shows that it
                // has.
                drop(writeln!(stdin, "{line}").and_then(|()| stdin.flush()));
            }
        }
    };
    let asked = tell.clone();
    let finished = Arc::clone(&ended);
    let still = Arc::clone(&ended);
    // Its id is its own as long as nobody has waited for it.
    let runs = move || still.lock().unwrap_or_else(PoisonError::into_inner).is_none();
    let leave = dashboard::run(dashboard::Options {
        folder: folder.path.clone(),
        control: dashboard::Control::Owner(Box::new(move |command| match command {
            Asked::StopTrial(trial) => asked(&Control::StopTrial { trial }),
            Asked::StopSweep => asked(&Control::Stop),
            Asked::Detach => asked(&Control::Detach),
            Asked::Pause if runs() => signal::ask_to_pause(supervisor),
            Asked::GoOn if runs() => signal::go_on(supervisor),
            Asked::Pause | Asked::GoOn => {}
        })),
        finished: Box::new(move || {
            let status = (*finished.lock().unwrap_or_else(PoisonError::into_inner))?;
            Some(match status.code() {
                Some(0) => "the sweep is done".into(),
                Some(3) => "the sweep is done; some trials failed".into(),
                Some(4) => {
                    "the sweep stopped: the disk, the memory or the device failed (logs/sweep.log)"
                        .into()
                }
                Some(130) => "the sweep was interrupted; the same command goes on".into(),
                _ => format!("the sweep ended: {status}"),
            })
        }),
        close_when_finished: false,
        trader,
    });
    match leave {
        Ok(Leave::Detached) => {
            // The terminal may be gone.
            let watch =
                command(&format!("watch {}", quoted(&ready.experiment.name)), &args.runs.runs);
            drop(writeln!(out, "the sweep goes on; look at it with: {}", clean(&watch)));
            return Ok(Outcome::Done);
        }
        Ok(Leave::HungUp) => {
            // The hang-up is also a signal; another one is more than that.
            while !waiter.is_finished() && signal::ends().load(Ordering::Relaxed) < 2 {
                std::thread::sleep(Duration::from_millis(20));
            }
            let status = *ended.lock().unwrap_or_else(PoisonError::into_inner);
            return status.map_or(Ok(Outcome::Interrupted), exit_of);
        }
        Ok(Leave::Finished | Leave::Quit) => {}
        Ok(Leave::StopRequested) => writeln!(out, "stopping after the current step …")?,
        Err(error) => {
            tell(&Control::Stop);
            return Err(error.into());
        }
    }
    drop(waiter.join());
    let record = read_sweep_summaries(&folder.path)?;
    write_ranking(&record, &record.manifest, out)?;
    given_up::write(&given_up(&record), out)?;
    let status = *ended.lock().unwrap_or_else(PoisonError::into_inner);
    match status {
        Some(status) => {
            if status.code() == Some(130) {
                writeln!(out, "interrupted; the same command goes on where it was")?;
            }
            exit_of(status)
        }
        None => Err(Failure::Bug(anyhow::anyhow!("the supervisor's end could not be seen"))),
    }
}

fn exit_of(status: std::process::ExitStatus) -> Result<Outcome, Failure> {
    match status.code() {
        Some(0) => Ok(Outcome::Done),
        Some(2) => Err(Failure::BadInput("the sweep could not start (see above)".into())),
        Some(3) => Ok(Outcome::SomeFailed),
        Some(4) => Err(Failure::Machine(
            "the disk, the memory or the device failed (logs/sweep.log has the reason)".into(),
        )),
        Some(130) => Ok(Outcome::Interrupted),
        _ => Err(Failure::Bug(anyhow::anyhow!("the supervisor ended with {status}"))),
    }
}

fn spawn_supervisor(
    args: &SweepArgs,
    ready: &Ready,
    log: &Path,
    output: File,
) -> Result<Child, Failure> {
    use std::os::unix::process::CommandExt;
    let SweepArgs {
        experiment: ExperimentArgs { file, overrides, max_trials },
        backend: _,
        runs: RunsDir { runs },
        plain: _,
        retry_failed,
        stall_warning,
        stall_limit,
        controlled: _,
    } = args;
    let errors = output.try_clone().with_context(|| format!("cannot open {}", log.display()))?;
    let mut command =
        Command::new(std::env::current_exe().context("cannot find this program's own file")?);
    command
        .arg("sweep")
        .arg(file)
        .arg("--runs")
        .arg(runs)
        .arg("--backend")
        .arg(ready.device.to_string());
    command.arg("--max-trials").arg(max_trials.to_string());
    for text in overrides {
        command.arg("--set").arg(text);
    }
    if *retry_failed {
        command.arg("--retry-failed");
    }
    command.arg("--stall-warning").arg(format!("{}ms", stall_warning.as_millis()));
    if let Some(limit) = stall_limit {
        command.arg("--stall-limit").arg(format!("{}ms", limit.as_millis()));
    }
    command
        .arg("--plain")
        .arg("--controlled")
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(errors)
        // Ctrl-C and the terminal's end reach the dashboard alone, which closes the control line or
        // says what to do.
        .process_group(0);
    Ok(command.spawn().context("cannot start the supervisor")?)
}

/// Waits until the supervisor has written the sweep's manifest and holds its lock, or has ended.
fn wait_for_start(
    child: &mut Child,
    folder: &Path,
) -> Result<Option<std::process::ExitStatus>, Failure> {
    let log = folder.join("logs").join("sweep.log");
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the supervisor")? {
            return Ok(if matches!(status.code(), Some(1 | 2 | 4)) { Some(status) } else { None });
        }
        // That line comes after the manifest and all run folders; warnings may come before it.
        if std::fs::read(&log).is_ok_and(|text| String::from_utf8_lossy(&text).contains(TO_TRAIN)) {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
