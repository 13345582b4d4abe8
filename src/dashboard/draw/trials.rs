//! The table of trials. Only the rows on the screen are looked at, however many there are.
//!
//! ```text
//! ── trials 12 ──────────────────────────── sort valid.rmse, best first ──
//!     id            hidden   rate   epoch    train     valid.rmse  lr
//! ▸ * a1b2c3d4e5f6      32  0.001  12/100  0.01234     4.4012  @9  1.0e-3  ▇▅▃▂▁
//! ✗ ! 0123456789ab      64   0.01   3/100        —          —      1.0e-2
//! ```
//! `*` is pinned, `!` damaged; the best trial is green and bold, the selected one reversed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::{pane, put};
use crate::dashboard::screen::Screen;
use crate::dashboard::state::{Kind, Row};
use crate::dashboard::text::{UNDEFINED, clean, fit, learning_rate, number, number_or_dash, width};
use crate::dashboard::view::{Order, Sort};

/// Draws it.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let view = &screen.view;
    let table = pane(buf, area, screen, &title(screen), &sorted(screen));
    if table.height == 0 {
        return;
    }
    let (cells, hidden) = layout(screen, table.width);
    heading(buf, table, screen, &cells, hidden);
    let rows = Rect { y: table.y + 1, height: table.height - 1, ..table };
    if view.rows.is_empty() {
        let word = if screen.sweep.rows.is_empty() {
            "no trials yet"
        } else {
            "no trial matches the filter; Esc clears it"
        };
        put(buf, rows, &[Span::styled(word, screen.theme.dim())]);
        return;
    }
    let height = usize::from(rows.height);
    let first = first_row(view.position().unwrap_or(0), height, view.rows.len());
    for (number, place) in view.rows.iter().skip(first).take(height).enumerate() {
        let line = Rect { y: rows.y + number as u16, height: 1, ..rows };
        row(buf, line, screen, &cells, *place);
    }
}

/// The first row to show: the selected one stays in the middle as far as there are rows on both
/// sides.
fn first_row(selected: usize, height: usize, rows: usize) -> usize {
    selected.saturating_sub(height / 2).min(rows.saturating_sub(height))
}

fn title(screen: &Screen) -> Vec<Span<'static>> {
    let (shown, all) = (screen.view.rows.len(), screen.sweep.rows.len());
    let theme = screen.theme;
    let mut spans = vec![Span::styled("trials", theme.strong())];
    if screen.view.filter.is_empty() {
        let former = screen.sweep.former.len();
        spans.push(Span::raw(format!(" {all}")));
        if former > 0 {
            spans.push(Span::styled(
                format!(" (and {former} of former versions of the file)"),
                theme.dim(),
            ));
        }
    } else {
        spans.push(Span::raw(format!(" {shown} of {all} match ")));
        spans.push(Span::styled(clean(&screen.view.filter).into_owned(), theme.warning()));
    }
    spans
}

fn sorted(screen: &Screen) -> Vec<Span<'static>> {
    let by = match &screen.view.sort {
        Sort::Plan => "plan".to_owned(),
        Sort::State => "state".to_owned(),
        Sort::Id => "id".to_owned(),
        Sort::Parameter(key) => screen
            .sweep
            .columns
            .iter()
            .find(|column| column.key == *key)
            .map_or(key.clone(), |column| column.heading.clone()),
        Sort::Epoch => "epoch".to_owned(),
        Sort::TrainLoss => "train".to_owned(),
        Sort::Objective => screen.sweep.objective.to_string(),
        Sort::LearningRate => "lr".to_owned(),
    };
    let way = match (&screen.view.sort, screen.view.order) {
        (Sort::Objective, Order::Forward) => ", best first",
        (Sort::Objective, Order::Backward) => ", worst first",
        (_, Order::Forward) => " ▲",
        (_, Order::Backward) => " ▼",
    };
    vec![Span::styled(format!("sort {by}{way}"), screen.theme.dim())]
}

/// A column of the screen.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    what: What,
    heading: String,
    width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Id,
    /// Its number among the sweep's columns.
    Parameter(usize),
    Epoch,
    TrainLoss,
    Objective,
    LearningRate,
    Spark,
}

/// Columns before the id: state, mark.
const MARKS: usize = 4;
/// Widest parameter shown.
const WIDEST: usize = 16;

/// The columns that fit, and how many parameters do not: the rate goes first, then half of the id,
/// the training loss, parameters from the right.
fn layout(screen: &Screen, columns: u16) -> (Vec<Cell>, usize) {
    let sweep = &screen.sweep;
    let cell =
        |what, heading: &str, width: usize| Cell { what, heading: heading.to_owned(), width };
    let epochs = sweep.rows.first().and_then(Row::planned_epochs).unwrap_or(100).to_string().len();
    let objective = sweep.objective.to_string();
    let mut cells = vec![cell(What::Id, "id", 12)];
    for (number, column) in sweep.columns.iter().enumerate() {
        cells.push(cell(What::Parameter(number), &column.heading, column.width.min(WIDEST)));
    }
    cells.push(cell(What::Epoch, "epoch", (2 * epochs + 1).max(5)));
    cells.push(cell(What::TrainLoss, "train", 9));
    cells.push(cell(What::Objective, &objective, (11 + epochs).max(objective.len())));
    cells.push(cell(What::LearningRate, "lr", 6));
    let room = usize::from(columns).saturating_sub(MARKS);
    let needed =
        |cells: &[Cell]| cells.iter().map(|cell| cell.width + 2).sum::<usize>().saturating_sub(2);
    let mut hidden = 0;
    if needed(&cells) > room {
        cells.retain(|cell| cell.what != What::LearningRate);
    }
    if needed(&cells) > room {
        cells[0].width = 6;
    }
    if needed(&cells) > room {
        cells.retain(|cell| cell.what != What::TrainLoss);
    }
    while needed(&cells) > room
        && let Some(last) = cells.iter().rposition(|cell| matches!(cell.what, What::Parameter(_)))
    {
        cells.remove(last);
        hidden += 1;
    }
    let spare = room.saturating_sub(needed(&cells) + 2);
    if spare >= 8 {
        cells.push(cell(What::Spark, "valid.loss", spare.min(40)));
    }
    (cells, hidden)
}

fn heading(buf: &mut Buffer, area: Rect, screen: &Screen, cells: &[Cell], hidden: usize) {
    let dim = screen.theme.dim();
    let mut x = area.x + MARKS as u16;
    for cell in cells {
        let text = fit(&cell.heading, cell.width);
        write_cell(buf, (x, area.y), cell, &text, dim, area.right());
        x = x.saturating_add(cell.width as u16 + 2);
    }
    if hidden > 0 {
        let more = format!("+{hidden}");
        put(buf, Rect { width: MARKS as u16, height: 1, ..area }, &[Span::styled(more, dim)]);
    }
}

fn row(buf: &mut Buffer, area: Rect, screen: &Screen, cells: &[Cell], place: usize) {
    let theme = screen.theme;
    let row = &screen.sweep.rows[place];
    let kind = row.kind();
    let style = if screen.sweep.summary.best.is_some_and(|best| best.run == place) {
        theme.best()
    } else if kind == Kind::Waiting {
        theme.dim()
    } else {
        Style::new()
    };
    buf.set_stringn(area.x, area.y, kind.glyph(), 1, theme.state(kind));
    if screen.view.pinned.contains(&place) {
        buf.set_stringn(area.x + 1, area.y, "*", 1, theme.strong());
    }
    if !row.damage.is_empty() {
        buf.set_stringn(area.x + 2, area.y, "!", 1, theme.failure());
    } else if !row.progress.warnings.is_empty() || screen.sweep.is_stalled(place) {
        buf.set_stringn(area.x + 2, area.y, "!", 1, theme.warning());
    }
    let mut x = area.x + MARKS as u16;
    for cell in cells {
        let text = value(screen, row, cell);
        write_cell(buf, (x, area.y), cell, &fit(&text, cell.width), style, area.right());
        x = x.saturating_add(cell.width as u16 + 2);
    }
    if screen.view.selected == Some(place) {
        buf.set_style(area, theme.selected());
    }
}

fn value(screen: &Screen, row: &Row, cell: &Cell) -> String {
    let dash = || UNDEFINED.to_owned();
    match cell.what {
        What::Id => row.name.chars().take(cell.width).collect(),
        What::Parameter(number) => {
            row.parameter(&screen.sweep.columns[number].key).map_or_else(dash, str::to_owned)
        }
        What::Epoch => match row.planned_epochs() {
            Some(planned) => format!("{}/{planned}", row.epochs()),
            None => dash(),
        },
        What::TrainLoss => row.last().map_or_else(dash, |epoch| number(epoch.train.loss)),
        What::Objective => {
            let epoch = row
                .best_epoch()
                .filter(|_| row.value.is_some())
                .map_or(String::new(), |epoch| format!("@{epoch}"));
            let digits = row.planned_epochs().unwrap_or(100).to_string().len() + 1;
            format!("{} {epoch:<digits$}", number_or_dash(row.value))
        }
        What::LearningRate => {
            row.last().map_or_else(dash, |epoch| learning_rate(epoch.learning_rate))
        }
        What::Spark => spark(row, cell.width),
    }
}

/// Texts to the left, numbers to the right.
fn write_cell(
    buf: &mut Buffer,
    (x, y): (u16, u16),
    cell: &Cell,
    text: &str,
    style: Style,
    end: u16,
) {
    let indent = match cell.what {
        What::Id | What::Spark => 0,
        _ => cell.width.saturating_sub(width(text)),
    };
    let x = x.saturating_add(indent as u16);
    if x < end {
        buf.set_stringn(x, y, text, usize::from(end - x), style);
    }
}

/// The validation loss over the epochs, each column the last epoch that falls into it.
fn spark(row: &Row, columns: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let losses: Vec<f64> = row.progress.epochs.iter().map(|epoch| epoch.valid.loss).collect();
    let finite = || losses.iter().copied().filter(|loss| loss.is_finite());
    let (low, high) =
        (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let columns = columns.min(losses.len());
    (1..=columns)
        .map(|column| {
            let loss = losses[column * losses.len() / columns - 1];
            if !loss.is_finite() {
                ' '
            } else if high > low {
                BARS[(((loss - low) / (high - low)) * 7.0).round() as usize]
            } else {
                BARS[0]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
