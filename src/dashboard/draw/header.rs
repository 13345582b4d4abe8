//! The header.
//!
//! ```text
//! kiln grid  Which hidden size and learning rate forecast best?           sweep ended: 9 finished
//! ▸ 4 running  · 2 waiting  ✓ 3 finished  ✗ 1 failed                                flex  812 MiB
//! ━━━━━━━━━━━━━━━━━━━━━━──────────────  43 %  103/240 epochs  12k windows/s  4m10s left
//! best a1b2c3d4e5f6  valid.rmse 4.4012 price @9  persistence 4.5231
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::{put, put_right, spans_width};
use crate::dashboard::screen::{Phase, Role, Screen};
use crate::dashboard::state::{Best, Kind, Row, Sweep};
use crate::dashboard::text::{UNDEFINED, count, fit, number, width};
use experiment::metric::Quantity;
use text::{bytes, short_duration};

/// Draws it; with a single row, only the bar.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen, now: f64) {
    let row = |number: u16| Rect { y: area.y + number, height: 1, ..area };
    if area.height < 4 {
        bar(buf, row(0), screen, now);
        return;
    }
    title(buf, row(0), screen);
    states(buf, row(1), screen);
    bar(buf, row(2), screen, now);
    best(buf, row(3), screen);
}

fn title(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let theme = screen.theme;
    let (word, style) = phase(screen);
    let word = fit(&word, usize::from(area.width) / 2).into_owned();
    put_right(buf, area, &word, style);
    let left = Rect { width: area.width - (width(&word) as u16 + 2).min(area.width), ..area };
    let name = Span::styled(screen.sweep.name.as_str(), theme.strong());
    let question = Span::styled(screen.sweep.question.as_deref().unwrap_or_default(), theme.dim());
    put(buf, left, &[Span::styled("kiln ", theme.dim()), name, Span::raw("  "), question]);
}

/// What a person should know about the machine that runs the sweep.
fn phase(screen: &Screen) -> (String, Style) {
    let theme = screen.theme;
    match (&screen.phase, screen.role) {
        (Phase::Ended(how), _) => (how.clone(), theme.strong()),
        (Phase::Stopping, _) => {
            ("stopping: writing checkpoints; q leaves at once".into(), theme.warning())
        }
        (Phase::Running, Role::Watcher) if screen.sweep.over() => {
            ("watching: all trials have ended".into(), theme.dim())
        }
        (Phase::Running, Role::Watcher) => ("watching".into(), theme.dim()),
        (Phase::Running, Role::Owner) => (String::new(), theme.dim()),
    }
}

fn states(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let sweep = &screen.sweep;
    let mut machine: Vec<String> =
        vec![sweep.summary.devices.iter().cloned().collect::<Vec<_>>().join(", ")];
    machine.extend(sweep.summary.memory.map(bytes));
    let machine = fit(machine.join("  ").trim_start(), usize::from(area.width) / 3).into_owned();
    put_right(buf, area, &machine, screen.theme.dim());
    let left = Rect { width: area.width - (width(&machine) as u16 + 1).min(area.width), ..area };
    // A state whose word does not fit keeps its number: a failure is never cut off.
    let spans = (0..=Kind::ALL.len() + 1)
        .rev()
        .map(|words| counts(screen, words))
        .find(|spans| spans_width(spans) <= usize::from(left.width) + 2);
    put(buf, left, &spans.unwrap_or_else(|| counts(screen, 0)));
}

/// Trials in each state, the first few with its word.
fn counts(screen: &Screen, words: usize) -> Vec<Span<'static>> {
    let summary = &screen.sweep.summary;
    let always = |kind: Kind| matches!(kind, Kind::Running | Kind::Waiting | Kind::Finished);
    let states = Kind::ALL
        .into_iter()
        .zip(summary.counts)
        .filter(|(kind, number)| always(*kind) || *number > 0);
    let mut parts: Vec<_> = states
        .map(|(kind, number)| (kind.glyph(), number, kind.word(), screen.theme.state(kind)))
        .collect();
    if summary.damaged > 0 {
        parts.push(("!", summary.damaged, "damaged", screen.theme.failure()));
    }
    let mut spans = Vec::new();
    for (place, (glyph, number, word, style)) in parts.into_iter().enumerate() {
        let word = if place < words { format!(" {word}") } else { String::new() };
        spans.extend([Span::styled(format!("{glyph} {number}{word}"), style), Span::raw("  ")]);
    }
    spans
}

fn bar(buf: &mut Buffer, area: Rect, screen: &Screen, now: f64) {
    let summary = &screen.sweep.summary;
    let share = summary
        .epochs_planned
        .filter(|planned| *planned > 0.0)
        .map(|planned| (summary.epochs_done / planned).min(1.0));
    // Rounded down: 100 % means all.
    let percent = share
        .map_or_else(|| UNDEFINED.to_owned(), |share| format!("{:.0} %", (share * 100.0).floor()));
    let epochs = match summary.epochs_planned {
        Some(planned) => format!("{:.0}/{planned:.0} epochs", summary.epochs_done.floor()),
        None => format!("{UNDEFINED} epochs"),
    };
    let rate = format!(
        "{} windows/s",
        summary.windows_per_second.map_or_else(|| UNDEFINED.to_owned(), count)
    );
    let left =
        screen.sweep.remaining_seconds(now).map_or_else(|| UNDEFINED.to_owned(), short_duration);
    let parts = [
        Span::styled(format!(" {percent:>5}  "), screen.theme.strong()),
        Span::raw(format!("{epochs}  ")),
        Span::raw(format!("{rate}  ")),
        Span::raw(format!("ETA {left}")),
    ];
    let words = spans_width(&parts) as u16;
    let columns = area.width.saturating_sub(words).min(60);
    let filled = share.map_or(0, |share| (f64::from(columns) * share) as u16);
    let line = |columns: u16, glyph: &str| glyph.repeat(usize::from(columns));
    let bar = [
        Span::styled(line(filled, "━"), screen.theme.bar()),
        Span::styled(line(columns - filled, "─"), screen.theme.dim()),
    ];
    let x = put(buf, area, &bar);
    put(buf, Rect { x, width: area.right() - x, ..area }, &parts);
}

fn best(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let theme = screen.theme;
    let sweep = &screen.sweep;
    let Some(Best { row, value, of }) = sweep.best() else {
        let word = format!("no {} yet", sweep.objective);
        put(buf, area, &[Span::styled(word, theme.dim())]);
        return;
    };
    let value = format!(
        "  {} {} {}",
        sweep.objective,
        number(value),
        sweep.objective.unit(&sweep.target_unit)
    );
    let fold = row
        .trial
        .as_ref()
        .and_then(|trial| trial.fold())
        .map_or(String::new(), |fold| format!(" (fold {fold})"));
    let mut spans = vec![
        Span::raw("best "),
        Span::styled(row.name.as_str(), theme.best()),
        Span::raw(fold + value.trim_end() + &of),
    ];
    spans.push(Span::styled(beside(sweep, row), theme.dim()));
    put(buf, area, &spans);
}

/// What the best must be held against: persistence over the same windows, or the best baseline.
fn beside(sweep: &Sweep, row: &Row) -> String {
    let Some(baseline) = sweep.objective_baseline(row) else {
        return String::new();
    };
    let value = match sweep.objective.quantity {
        Quantity::Rmse => baseline.rmse,
        Quantity::Mse => baseline.mse,
        Quantity::Mae => baseline.mae,
        // Whichever it is: 0 by definition.
        Quantity::Skill => return "  best baseline 0".to_owned(),
        _ => return String::new(),
    };
    format!("  persistence {}", number(value))
}
