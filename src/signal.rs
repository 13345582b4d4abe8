//! Signals: which of them ask this process to end or to pause, and who is asked.
//!
//! SIGINT, SIGTERM and SIGHUP ask to end: a sweep writes checkpoints and stops, a dashboard does
//! what Ctrl-C does. A SIGHUP that was ignored when the program started stays ignored, which is all
//! that `nohup` does. SIGTSTP (Ctrl-Z) asks to pause.
//!
//! A thread takes the signals, so that they are seen wherever the rest of the program is. A
//! dashboard that does not come round to what it was asked (its terminal takes no more bytes, and
//! the write waits for ever) ends as by default after a short while.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg, raise};
use nix::unistd::{Pid, getpgrp};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Who does what signals ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Taker {
    /// Nobody: each signal does what it does by default.
    Nobody,
    /// A supervisor's loop: it reads [`ends`].
    Supervisor,
    /// A dashboard: it calls [`take_end`], and soon.
    Dashboard,
}

/// As long as this lives, signals are counted; afterwards each does what it does by default.
#[derive(Debug)]
#[must_use]
pub struct Taken(Taker);

/// How long a dashboard may take to see that it was asked to end.
const PATIENCE: Duration = Duration::from_secs(2);

static TAKER: AtomicU8 = AtomicU8::new(Taker::Nobody as u8);
/// Requests to end that nobody has taken yet.
static ENDS: AtomicUsize = AtomicUsize::new(0);
static PAUSE: AtomicBool = AtomicBool::new(false);
static RESIZED: AtomicBool = AtomicBool::new(false);

/// Takes signals in the name of `taker`.
///
/// # Errors
/// When the system refuses the handlers.
pub fn take(taker: Taker) -> io::Result<Taken> {
    static LISTENS: Mutex<bool> = Mutex::new(false);
    let mut listens = LISTENS.lock().unwrap_or_else(PoisonError::into_inner);
    if !*listens {
        // Of signals that come at once, those that stand first here are heard first.
        let mut signals = vec![SIGINT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH];
        if !hangup_is_ignored() {
            signals.push(SIGHUP);
        }
        let mut signals = Signals::new(signals)?;
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || signals.forever().for_each(hear))?;
        *listens = true;
    }
    TAKER.store(taker as u8, Ordering::SeqCst);
    Ok(Taken(taker))
}

/// The dashboard is over with its terminal: the signal that tells the same must not end this
/// process before it has done the rest. From now on signals are only counted.
pub fn outlast_terminal() {
    TAKER.store(Taker::Supervisor as u8, Ordering::SeqCst);
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Unless somebody else takes them meanwhile.
        TAKER
            .compare_exchange(self.0 as u8, Taker::Nobody as u8, Ordering::SeqCst, Ordering::SeqCst)
            .ok();
    }
}

/// How often this process was asked to end.
#[must_use]
pub fn ends() -> &'static AtomicUsize {
    &ENDS
}

/// Whether this process was asked to end since this was last called.
pub fn take_end() -> bool {
    ENDS.swap(0, Ordering::SeqCst) > 0
}

/// Whether this process was asked to pause since this was last called.
pub fn take_pause() -> bool {
    PAUSE.swap(false, Ordering::SeqCst)
}

/// Whether the terminal's size changed since this was last called.
pub fn take_resize() -> bool {
    RESIZED.swap(false, Ordering::SeqCst)
}

/// Whether SIGHUP was ignored when this process started: anyone who started it wants it to outlive
/// its terminal. Read from /proc; where there is none, nobody knows, and it was not.
pub fn hangup_is_ignored() -> bool {
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SIGHUP))
    })
}

/// Asks every process of this one's group to pause, as Ctrl-Z at a terminal does: this one too, see
/// [`take_pause`].
pub fn pause_group() {
    // Nobody can be told that it failed, and nothing has happened then.
    killpg(getpgrp(), Signal::SIGTSTP).ok();
}

/// Pauses this process; returns when it is told to go on.
pub fn pause_here() {
    // SIGSTOP cannot be refused.
    raise(Signal::SIGSTOP).ok();
}

/// Asks a supervisor, a child of this process, to pause with its workers.
pub fn ask_to_pause(process: u32) {
    send(process, Signal::SIGTSTP);
}

/// Lets a process that was paused go on.
pub fn go_on(process: u32) {
    send(process, Signal::SIGCONT);
}

/// Pauses a process whatever it does.
pub fn pause(process: u32) {
    send(process, Signal::SIGSTOP);
}

/// To a child that was not waited for, so that the id is still its own; one that has ended takes no
/// signal.
fn send(process: u32, signal: Signal) {
    if let Ok(process) = i32::try_from(process) {
        kill(Pid::from_raw(process), signal).ok();
    }
}

fn hear(signal: i32) {
    let taker = TAKER.load(Ordering::SeqCst);
    match signal {
        // Told to go on before it came to pausing: it would wait for ever.
        SIGCONT => PAUSE.store(false, Ordering::SeqCst),
        SIGWINCH => RESIZED.store(true, Ordering::SeqCst),
        _ if taker == Taker::Nobody as u8 => default(signal),
        SIGTSTP => PAUSE.store(true, Ordering::SeqCst),
        _ => {
            ENDS.fetch_add(1, Ordering::SeqCst);
            if taker == Taker::Dashboard as u8 && !taken_within(PATIENCE) {
                default(signal);
            }
        }
    }
}

fn taken_within(patience: Duration) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < patience {
        // Taken, or the dashboard is over.
        if ENDS.load(Ordering::SeqCst) == 0
            || TAKER.load(Ordering::SeqCst) != Taker::Dashboard as u8
        {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

fn default(signal: i32) {
    // It fails for signals that it does not know alone.
    drop(emulate_default_handler(signal));
}

/// Whether a signal is in the mask `SigIgn` of /proc/<pid>/status, proc(5).
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read_by_number() {
        let status = "Name:\tkiln\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(ignores(status, 1) && ignores(status, 13));
        assert!(!ignores(status, 2) && !ignores(status, 15));
        assert!(!ignores("Name:\tkiln\n", 1) && !ignores("SigIgn:\tx\n", 1));
    }
}
