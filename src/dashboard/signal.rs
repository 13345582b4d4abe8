//! SIGINT, SIGTERM and SIGHUP while the dashboard owns the terminal: each is what Ctrl-C is, so that the terminal is put back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Signals that nobody has asked for yet.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is a dashboard.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// As long as this lives, signals are counted; afterwards they end the process, as they do by default.
pub struct Taken;

/// Takes the signals. Where this process has a handler of its own already, that one stays.
#[expect(
    clippy::disallowed_methods,
    reason = "without a dashboard there is no terminal to put back, and the process ends as by default"
)]
pub fn taken() -> Taken {
    TAKEN.store(true, Ordering::Relaxed);
    drop(ctrlc::set_handler(|| {
        if TAKEN.load(Ordering::Relaxed) {
            COUNT.fetch_add(1, Ordering::Relaxed);
        } else {
            std::process::exit(130);
        }
    }));
    Taken
}

impl Drop for Taken {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Relaxed);
    }
}

/// Whether a signal came since this was last called.
pub fn interrupted() -> bool {
    COUNT.swap(0, Ordering::Relaxed) > 0
}
