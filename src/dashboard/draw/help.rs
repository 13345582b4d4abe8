//! The keys, from the table that binds them.
//!
//! ```text
//! ┌ keys ───────────────────────────────┐
//! │ ↑ k      one trial up               │
//! │ ✓ finished  ▸ running  …            │
//! └─────────────────────────────────────┘
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::dashboard::input::{Action, BINDINGS};
use crate::dashboard::screen::{Role, Screen};
use crate::dashboard::state::Kind;

/// Draws them over everything.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for binding in &BINDINGS {
        if binding.help.is_empty()
            || (binding.action == Action::StopTrial && screen.role == Role::Watcher)
        {
            continue;
        }
        let key = Span::styled(format!("{:<8}", binding.shown), screen.theme.key());
        lines.push(Line::from(vec![key, Span::raw(binding.help)]));
    }
    for kinds in Kind::ALL.chunks(5) {
        let mut spans = Vec::new();
        for kind in kinds {
            spans.push(Span::styled(kind.glyph(), screen.theme.state(*kind)));
            spans.push(Span::styled(format!(" {}  ", kind.word()), screen.theme.dim()));
        }
        if kinds.contains(&Kind::Failed) {
            spans.push(Span::styled("* pinned  ! warning or damage", screen.theme.dim()));
        }
        lines.push(Line::from(spans));
    }
    dialog(buf, area, screen, "keys", &lines);
}
