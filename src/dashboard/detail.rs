//! All about the selected trial, as lines.
//!
//! ```text
//! ── a1b2c3d4e5f6 ─────────────────────────
//! running on flex, attempt 2
//! epoch 12 of 100, checkpoint at epoch 10
//! best  valid.rmse 4.4012 price @9
//!
//! ! warning: …
//!
//! settings (· chosen by the space)
//!   data.window           60
//! · model.hidden_size     32
//! ```

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::screen::Screen;
use super::state::{Kind, Row};
use super::text::{clean, count, learning_rate, number, number_or_dash, width};
use experiment::leaves;
use experiment::trial::Trial;
use runs::store::RunResult;
use text::short_duration;

/// The lines of the selected trial, before long ones are broken; none when none is selected.
pub(super) fn text(screen: &Screen) -> Vec<Line<'static>> {
    let Some(row) = screen.selected() else { return Vec::new() };
    let theme = screen.theme;
    let kind = row.kind();
    let mut lines = Vec::new();
    let device = row
        .progress
        .device
        .as_deref()
        .map_or(String::new(), |device| format!(" on {}", clean(device)));
    let attempt = if row.progress.attempt > 0 {
        format!(", attempt {}", row.progress.attempt)
    } else {
        String::new()
    };
    lines.push(Line::from(vec![
        Span::styled(format!("{} {}", kind.glyph(), kind.word()), theme.state(kind)),
        Span::raw(format!("{device}{attempt}")),
    ]));
    lines.extend(troubles(screen, row));
    lines.extend(progress(screen, row));
    if let Some(result) = &row.result {
        lines.extend(outcome(screen, result));
    }
    if let Some(trial) = &row.trial {
        lines.push(Line::default());
        lines.push(Line::styled("settings (· chosen by the space)", theme.dim()));
        lines.extend(settings(screen, trial));
    }
    lines
}

fn troubles(screen: &Screen, row: &Row) -> Vec<Line<'static>> {
    let theme = screen.theme;
    let mut lines = Vec::new();
    if let Some(reason) = row.failure() {
        lines.push(Line::styled(format!("failed: {}", clean(reason)), theme.failure()));
    }
    if row.kind() == Kind::Lost {
        lines.push(Line::styled(
            "its process is gone; sweep again to go on from its last checkpoint",
            theme.warning(),
        ));
    }
    lines.extend(
        row.damage
            .iter()
            .map(|reason| Line::styled(format!("! damaged: {reason}"), theme.failure())),
    );
    lines.extend(
        row.progress
            .warnings
            .iter()
            .map(|warning| Line::styled(format!("! warning: {}", clean(warning)), theme.warning())),
    );
    lines
}

fn progress(screen: &Screen, row: &Row) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let planned = row.planned_epochs().map_or(String::new(), |planned| format!(" of {planned}"));
    let checkpoint = row.progress.checkpoint.map_or(String::new(), |at| match at.batch {
        0 => format!(", checkpoint at epoch {}", at.epoch),
        batch => format!(", checkpoint at epoch {}, batch {batch}", at.epoch),
    });
    lines.push(Line::from(format!("epoch {}{planned}{checkpoint}", row.epochs())));
    if let Some(live) = row.live.filter(|_| row.kind() == Kind::Running) {
        let step = format!("step {}/{} of epoch {}", live.step, live.steps, live.epoch);
        lines.push(Line::from(format!(
            "{step}, pack of {} lanes at {} windows/s",
            live.lanes,
            count(live.windows_per_second)
        )));
    }
    if let Some(last) = row.last() {
        let losses =
            format!("last  train {}  valid {}", number(last.train.loss), number(last.valid.loss));
        lines.push(Line::from(format!(
            "{losses}  lr {}  {} an epoch",
            learning_rate(last.learning_rate),
            short_duration(last.seconds)
        )));
        lines.push(Line::from(format!("waited {} epochs since the best", last.waited)));
    }
    if let Some(epoch) = row.best_epoch() {
        let sweep = &screen.sweep;
        let unit = sweep.objective.unit(&sweep.target_unit);
        let value = format!("best  {} {} {unit}", sweep.objective, number_or_dash(row.value));
        lines.push(Line::from(format!("{} @{epoch}", value.trim_end())));
    }
    lines
}

fn outcome(screen: &Screen, result: &RunResult) -> Vec<Line<'static>> {
    let theme = screen.theme;
    let head =
        format!("result of attempt {} after {}", result.attempt, short_duration(result.seconds));
    let mut lines = vec![Line::default(), Line::styled(head, theme.dim())];
    lines.push(Line::styled(
        format!("  {:<12} {:>12} {:>12} {:>12}", "", "rmse", "mae", "mse"),
        theme.dim(),
    ));
    let mut line = |name: &str, rmse: f64, mae: f64, mse: f64| {
        let numbers = format!("{:>12} {:>12} {:>12}", number(rmse), number(mae), number(mse));
        lines.push(Line::from(format!("  {:<12} {numbers}", clean(name))));
    };
    for (name, split) in [("train", result.train), ("valid", result.valid)] {
        if let Some(split) = split {
            line(name, split.rmse, split.mae, split.mse);
        }
    }
    for baseline in &result.baselines {
        line(&baseline.name, baseline.rmse, baseline.mae, baseline.mse);
    }
    let windows = result.windows;
    lines.push(Line::from(format!("  skill over persistence {}", number_or_dash(result.skill))));
    lines.push(Line::from(format!(
        "  windows: {} train, {} valid, {} test",
        windows.train, windows.valid, windows.test
    )));
    lines
}

/// Every setting that is on by its dotted key, the chosen ones marked.
fn settings(screen: &Screen, trial: &Trial) -> Vec<Line<'static>> {
    let mut flat = Vec::new();
    if let Ok(value) = serde_json::to_value(&trial.settings) {
        leaves(&mut String::new(), value, &mut |key, value| {
            flat.push((key.to_owned(), plain(&value)))
        });
    }
    let widest = flat.iter().map(|(key, _)| width(key)).max().unwrap_or(0);
    let chosen = |key: &str| {
        trial.assignment.keys().any(|chosen| {
            key == chosen || key.strip_prefix(chosen).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    flat.into_iter()
        .map(|(key, value)| {
            let (mark, style) =
                if chosen(&key) { ("· ", screen.theme.strong()) } else { ("  ", Style::new()) };
            Line::from(vec![
                Span::raw(mark),
                Span::styled(format!("{key:<widest$}  "), screen.theme.dim()),
                Span::styled(value, style),
            ])
        })
        .collect()
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        serde_json::Value::String(text) => clean(text).into_owned(),
        other => clean(&other.to_string()).into_owned(),
    }
}
