//! One frame. Every function here is pure: what is known, a rectangle and a time in, cells out.
//!
//! ```text
//! 80×24                                        from 140×30
//! ┌──────────────────────────────┐            ┌──────────────────────────────────────────────┐
//! │ header                       │            │ header                                       │
//! │── trials ────────────────────│            │── trials ────────────────┬── detail ─────────│
//! │                              │            │                          │                   │
//! │── curves ────────────────────│            │── curves ────────────────┤                   │
//! │                              │            │                          │                   │
//! │── log ───────────────────────│            │── log ───────────────────┴───────────────────│
//! │ keys                         │            │ keys                                         │
//! └──────────────────────────────┘            └──────────────────────────────────────────────┘
//! ```
//! Below 20 rows the log goes, below 16 the curves, below 12 all of the header but its bar; below
//! 40×10 there is only a word.

mod confirm;
mod curve;
mod detail;
mod footer;
mod header;
mod help;
mod log;
mod overlay;
mod trials;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::screen::Screen;
use super::text::{fit, width};
use super::view::{Mode, Zoom};

/// Least size with a dashboard, columns and rows.
const LEAST: (u16, u16) = (40, 10);
/// Least size with a detail pane at the side.
const WIDE: (u16, u16) = (140, 30);

/// Draws everything.
pub(super) fn screen(buf: &mut Buffer, screen: &Screen, now: f64) {
    let area = buf.area;
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let word = format!(
            "terminal too small: {}x{}, needs {}x{}",
            area.width, area.height, LEAST.0, LEAST.1
        );
        put(buf, area, &[Span::raw(word)]);
        return;
    }
    let (header_area, body, footer_area) = frame(area);
    header::render(buf, header_area, screen, now);
    footer::render(buf, footer_area, screen);
    match (screen.view.mode, screen.view.zoom) {
        (Mode::Detail, _) => detail::render(buf, body, screen),
        (_, Zoom::Trials) => trials::render(buf, body, screen),
        (_, Zoom::Curve) => curve::render(buf, body, screen),
        (_, Zoom::Compared) => overlay::render(buf, body, screen),
        (_, Zoom::Log) => log::render(buf, body, screen),
        (_, Zoom::All) => panes(buf, area, body, screen),
    }
    match screen.view.mode {
        Mode::Help => help::render(buf, area, screen),
        Mode::StopTrial(place) => confirm::stop_trial(buf, area, screen, place),
        Mode::Leave => confirm::leave(buf, area, screen),
        Mode::Browse | Mode::Filter | Mode::Detail => {}
    }
}

/// Header, body, footer.
fn frame(area: Rect) -> (Rect, Rect, Rect) {
    let header = if area.height < 12 { 1 } else { 4 };
    let body = area.height - header - 1;
    (
        Rect { height: header, ..area },
        Rect { y: area.y + header, height: body, ..area },
        Rect { y: area.bottom() - 1, height: 1, ..area },
    )
}

fn panes(buf: &mut Buffer, area: Rect, body: Rect, screen: &Screen) {
    let log_height = match area.height {
        0..20 => 0,
        20..40 => 3,
        _ => area.height / 6,
    };
    let curve_height = match area.height {
        0..16 => 0,
        16..20 => 5,
        _ => (body.height - log_height) * 9 / 20,
    };
    let upper = Rect { height: body.height - log_height, ..body };
    let left = if area.width >= WIDE.0 && area.height >= WIDE.1 {
        let side = (area.width * 2 / 5).min(80);
        let right = Rect { x: upper.right() - side, width: side, ..upper };
        detail::render(buf, right, screen);
        Rect { width: upper.width - side - 1, ..upper }
    } else {
        upper
    };
    trials::render(buf, Rect { height: left.height - curve_height, ..left }, screen);
    if curve_height > 0 {
        curve::render(
            buf,
            Rect { y: left.bottom() - curve_height, height: curve_height, ..left },
            screen,
        );
    }
    if log_height > 0 {
        log::render(
            buf,
            Rect { y: body.bottom() - log_height, height: log_height, ..body },
            screen,
        );
    }
}

/// A pane's title on a rule: `── title ───── right ──`; returns what is below it.
fn pane(
    buf: &mut Buffer,
    area: Rect,
    screen: &Screen,
    title: &[Span<'_>],
    right: &[Span<'_>],
) -> Rect {
    let dim = screen.theme.dim();
    for x in area.x..area.right() {
        buf[(x, area.y)].set_symbol("─").set_style(dim);
    }
    let title_width = spans_width(title);
    let room = usize::from(area.width).saturating_sub(6);
    let mut x = area.x + 2;
    x = put_padded(
        buf,
        Rect { x, width: area.right().saturating_sub(x + 1), height: 1, ..area },
        title,
    );
    let right_width = spans_width(right);
    if right_width > 0 && title_width + right_width + 4 <= room {
        let start = area.right() - right_width as u16 - 4;
        put_padded(buf, Rect { x: start, width: right_width as u16 + 3, height: 1, ..area }, right);
    } else if right_width > 0 && x + 8 < area.right() {
        // There is room for a part of it.
        put_padded(buf, Rect { x: x + 1, width: area.right() - x - 2, height: 1, ..area }, right);
    }
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

fn put_padded(buf: &mut Buffer, area: Rect, spans: &[Span<'_>]) -> u16 {
    let mut padded = vec![Span::raw(" ")];
    padded.extend(spans.iter().cloned());
    padded.push(Span::raw(" "));
    put(buf, area, &padded)
}

/// Writes spans on the first line of a rectangle, the last one that fits cut with `…`; returns the
/// column after them.
fn put(buf: &mut Buffer, area: Rect, spans: &[Span<'_>]) -> u16 {
    let mut x = area.x;
    if area.height == 0 {
        return x;
    }
    for span in spans {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 {
            break;
        }
        let cut = fit(&span.content, room);
        x = buf.set_stringn(x, area.y, &cut, room, span.style).0;
    }
    x
}

/// Writes a text that ends at the right edge of a rectangle's first line.
fn put_right(buf: &mut Buffer, area: Rect, text: &str, style: Style) {
    let columns = width(text).min(usize::from(area.width)) as u16;
    put(
        buf,
        Rect { x: area.right() - columns, width: columns, height: 1, ..area },
        &[Span::styled(text, style)],
    );
}

fn spans_width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|span| width(&span.content)).sum()
}

/// A box in the middle with a title and lines of text, over whatever is there.
fn dialog(buf: &mut Buffer, area: Rect, screen: &Screen, title: &str, lines: &[Line<'_>]) {
    let widest = lines.iter().map(Line::width).chain([width(title) + 2]).max().unwrap_or(0);
    let columns = (widest as u16 + 4).min(area.width);
    let rows = (lines.len() as u16 + 2).min(area.height);
    let inside = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    Clear.render(inside, buf);
    let block = Block::bordered().title(Line::styled(format!(" {title} "), screen.theme.strong()));
    block.render(inside, buf);
    let text = Rect {
        x: inside.x + 2,
        y: inside.y + 1,
        width: columns.saturating_sub(4),
        height: rows.saturating_sub(2),
    };
    for (number, line) in lines.iter().take(usize::from(text.height)).enumerate() {
        put(buf, Rect { y: text.y + number as u16, height: 1, ..text }, &line.spans);
    }
}
