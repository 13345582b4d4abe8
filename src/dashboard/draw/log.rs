//! The last things that happened; above them the newest failure, if they would hide it.
//!
//! ```text
//! ── log ───────────────────────────────────────────────────────────────────────────────────
//! 08:18:03 a1b2c3  epoch 12/100  train 0.01234  valid.rmse 4.4120 (best 4.4012 @9) …
//! 08:18:04 012345  failed: training loss is NaN in epoch 3
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::{pane, put};
use crate::dashboard::screen::Screen;
use crate::dashboard::state::{Entry, Level};
use crate::dashboard::text::clean;
use crate::dashboard::view::Zoom;

/// Draws it, the newest at the bottom.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let theme = screen.theme;
    let skip = screen.view.log_skip;
    let newer = if skip > 0 {
        vec![Span::styled(format!("{skip} newer below"), theme.dim())]
    } else {
        Vec::new()
    };
    let inside = pane(buf, area, screen, &[Span::styled("log", theme.strong())], &newer);
    let height = usize::from(inside.height);
    let buried = screen
        .sweep
        .log
        .buried_failure(height)
        .filter(|_| screen.view.zoom == Zoom::All && height > 1);
    let newest = screen.sweep.log.last(height - usize::from(buried.is_some()), skip);
    for (number, entry) in buried.into_iter().chain(newest).enumerate() {
        write(buf, Rect { y: inside.y + number as u16, height: 1, ..inside }, screen, entry);
    }
}

fn write(buf: &mut Buffer, line: Rect, screen: &Screen, entry: &Entry) {
    let theme = screen.theme;
    let style = match entry.level {
        Level::Note => Style::new(),
        Level::Warning => theme.warning(),
        Level::Failure => theme.failure(),
    };
    let columns = if line.width < 100 { 6 } else { 12 };
    let id: String = clean(&entry.id.0).chars().take(columns).collect();
    let spans = [
        Span::styled(format!("{:<8} ", entry.at), theme.dim()),
        Span::styled(format!("{id:<columns$}  "), theme.dim()),
        Span::styled(entry.text.as_str(), style),
    ];
    put(buf, line, &spans);
}
