//! The detail of the selected trial, in its pane or on the whole screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{pane, put};
use crate::dashboard::detail;
use crate::dashboard::screen::Screen;
use crate::dashboard::text::width;
use crate::dashboard::view::Mode;

/// Draws it, from the line to which it was scrolled.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let theme = screen.theme;
    let Some(row) = screen.selected() else {
        pane(buf, area, screen, &[Span::styled("detail", theme.strong())], &[]);
        return;
    };
    let zoomed = screen.view.mode == Mode::Detail;
    let hint = if zoomed {
        vec![Span::styled("↑↓ trial  PgUp PgDn scroll  Esc back", theme.dim())]
    } else {
        Vec::new()
    };
    let inside = pane(buf, area, screen, &[Span::styled(row.name.as_str(), theme.strong())], &hint);
    let skip = if zoomed { screen.view.detail_skip } else { 0 };
    let text = wrapped(detail::text(screen), usize::from(inside.width));
    for (number, line) in text.iter().skip(skip).take(usize::from(inside.height)).enumerate() {
        put(buf, Rect { y: inside.y + number as u16, height: 1, ..inside }, &line.spans);
    }
}

/// Breaks lines of one span that are too long; others are cut when they are written.
fn wrapped(lines: Vec<Line<'static>>, columns: usize) -> Vec<Line<'static>> {
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        match &line.spans[..] {
            [only] if line.width() > columns && columns > 8 => {
                let style = line.style.patch(only.style);
                let mut part = String::new();
                for word in only.content.split(' ') {
                    if !part.is_empty() && width(&part) + 1 + width(word) > columns {
                        out.push(Line::styled(
                            std::mem::replace(&mut part, "  ".to_owned()),
                            style,
                        ));
                    } else if !part.is_empty() {
                        part.push(' ');
                    }
                    part.push_str(word);
                }
                out.push(Line::styled(part, style));
            }
            _ => out.push(line),
        }
    }
    out
}
