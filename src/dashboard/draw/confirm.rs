//! Questions before something is stopped.
//!
//! ```text
//! ┌ leave ──────────────────────────────────────────┐
//! │ 4 trials are running.                           │
//! │ l    leave the sweep running without dashboard  │
//! │ s    stop it; sweep again to go on              │
//! │ Esc  back                                       │
//! └─────────────────────────────────────────────────┘
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::dashboard::screen::Screen;
use crate::dashboard::state::Kind;

/// Whether to stop the trial in this row.
pub(super) fn stop_trial(buf: &mut Buffer, area: Rect, screen: &Screen, place: usize) {
    let row = &screen.sweep.rows[place];
    let planned = row.planned_epochs().map_or(String::new(), |planned| format!(" of {planned}"));
    let lines = [
        Line::from(format!(
            "Stop {} after epoch {}{planned}? Its result so far counts.",
            row.name,
            row.epochs()
        )),
        answer(screen, "y", "stop it"),
        answer(screen, "Esc", "back"),
    ];
    dialog(buf, area, screen, "stop the trial", &lines);
}

/// Whether to leave a running sweep alone or to stop it.
pub(super) fn leave(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let running = screen.sweep.count(Kind::Running);
    let verb = if running == 1 { "trial is" } else { "trials are" };
    let lines = [
        Line::from(format!(
            "{running} {verb} running, {} waiting.",
            screen.sweep.count(Kind::Waiting)
        )),
        answer(screen, "l", "leave the sweep running; `kiln watch` shows it again"),
        answer(screen, "s", "stop it with checkpoints; `kiln sweep` goes on from them"),
        answer(screen, "Esc", "back"),
    ];
    dialog(buf, area, screen, "leave", &lines);
}

fn answer(screen: &Screen, key: &'static str, text: &'static str) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{key:<5}"), screen.theme.key()), Span::raw(text)])
}
