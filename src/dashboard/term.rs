//! The terminal's modes, and the promise that they are put back.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// The program's own screen.
pub(super) type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The thread that holds a guard. The panic hook stays installed and does nothing on any other
/// thread: a panic there may be caught, and the dashboard goes on.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Owns the terminal; dropping it, or a panic on its thread, puts the terminal back as it was.
pub(super) struct Guard {
    /// Never dropped: where the cursor cannot be shown its drop says so by `eprintln!`, which
    /// panics when the terminal is gone and stderr with it. What stays is a screen's buffer, and
    /// there are few screens in a life.
    terminal: ManuallyDrop<Screen>,
}

impl Guard {
    /// Raw mode, the alternate screen, no cursor.
    ///
    /// # Errors
    /// When standard output or input is not a terminal, or it cannot do these things.
    pub(super) fn enter() -> io::Result<Self> {
        install_hook();
        enable_raw_mode()?;
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        let entered = enter_screen();
        if entered.is_err() {
            restore();
        }
        Ok(Self { terminal: ManuallyDrop::new(entered?) })
    }

    /// To draw on.
    pub(super) fn terminal(&mut self) -> &mut Screen {
        &mut self.terminal
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What is still buffered belongs to the alternate screen.
        drop(self.terminal.backend_mut().flush());
        drop(self.terminal.show_cursor());
        restore();
    }
}

fn enter_screen() -> io::Result<Screen> {
    execute!(io::stdout(), EnterAlternateScreen, Hide)?;
    // One write for a frame: half a frame is never seen.
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout())))
}

/// Puts the terminal back once; errors are of no use here, the terminal may be gone.
fn restore() {
    let mut owner = OWNER.lock().unwrap_or_else(PoisonError::into_inner);
    if *owner == Some(thread::current().id()) {
        *owner = None;
        drop(execute!(io::stdout(), LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}

/// So that a panic's message is written to the ordinary screen, where it can be read.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if !INSTALLED.swap(true, Ordering::SeqCst) {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            previous(info);
        }));
    }
}
