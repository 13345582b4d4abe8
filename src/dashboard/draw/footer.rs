//! The last line: what was just said, the filter being typed, or the keys.
//!
//! ```text
//! ↑↓ move  s sort  / filter  p pin  x stop  l log  m metric  Tab zoom  Enter detail  ? help  q …
//! /failed▏  Enter keeps it, Esc clears it
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{put, spans_width};
use crate::dashboard::input::{Action, BINDINGS, Binding};
use crate::dashboard::screen::{Role, Screen};
use crate::dashboard::text::clean;
use crate::dashboard::view::Mode;

/// Draws it.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let theme = screen.theme;
    if screen.view.mode == Mode::Filter {
        let typed = format!("/{}▏", clean(&screen.view.filter));
        put(
            buf,
            area,
            &[
                Span::styled(typed, theme.strong()),
                Span::styled("  Enter keeps it, Esc clears it", theme.dim()),
            ],
        );
        return;
    }
    if let Some(notice) = &screen.notice {
        put(buf, area, &[Span::styled(notice.as_str(), theme.warning())]);
        return;
    }
    let mut room = usize::from(area.width);
    let mut spans = Vec::new();
    let last = |action| matches!(action, Action::Help | Action::Quit);
    let reserved: usize = BINDINGS
        .iter()
        .filter(|binding| last(binding.action))
        .map(|one| spans_width(&hint(screen, one)))
        .sum();
    room = room.saturating_sub(reserved);
    for binding in &BINDINGS {
        let hint = hint(screen, binding);
        let columns = spans_width(&hint);
        let needed = last(binding.action);
        if !hint.is_empty() && (needed || columns <= room) {
            if !needed {
                room -= columns;
            }
            spans.extend(hint);
        }
    }
    put(buf, area, &spans);
}

fn hint(screen: &Screen, binding: &Binding) -> Vec<Span<'static>> {
    if binding.hint.is_empty()
        || (binding.action == Action::StopTrial && screen.role == Role::Watcher)
    {
        return Vec::new();
    }
    let key = if binding.action == Action::Down { "↑↓" } else { binding.shown };
    vec![
        Span::styled(key, screen.theme.key()),
        Span::styled(format!(" {}  ", binding.hint), screen.theme.dim()),
    ]
}
