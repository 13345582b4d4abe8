//! The selected trial, the best and the pinned ones over each other: curves, forecasts against what
//! came, and where they gained on the best baseline.
//!
//! ```text
//! ── loss ─────────────── ━ 0123456789ab best  │── forecasts ──── ━ a1b2c3d4e5f6 selected  · came ─
//!  0.02 │⠑⢄                                    │ 3.1 │⠉⠒⠤⣀⣀
//! 0.004 │  ⠈⠢⣀⡀⠒⠒⠒⠒⠒⠁                          │ 2.9 │     ⠉⠒⠤
//! ── squared error saved against linear, share of its own: ends at the skill against it ──────────
//!  0.01 │          ⢀⣀⠤⠒
//! -0.02 │⠒⠤⠤⠤⠤⠒⠒⠉⠁
//! ```
//! Beside the last pane stands the net result of trading them, where the experiment says how.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, GraphType, Widget};
use std::collections::HashMap;

use super::curve::{self, dataset};
use super::{pane, put};
use crate::dashboard::live::Equity;
use crate::dashboard::screen::Screen;
use crate::dashboard::state::Row;
use crate::dashboard::text::number;
use crate::dashboard::theme::Curve;
use evidence::compare::Windows;
use runs::store::Forecasts;

/// Least width with two panes side by side.
const WIDE: u16 = 100;

/// Draws the panes.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let lower_height = area.height / 3;
    let upper = Rect { height: area.height - lower_height, ..area };
    let lower = Rect { y: upper.bottom(), height: lower_height, ..area };
    if area.width >= WIDE {
        let left = Rect { width: upper.width / 2, ..upper };
        curve::render(buf, left, screen);
        forecasts(
            buf,
            Rect { x: left.right() + 1, width: upper.width - left.width - 1, ..upper },
            screen,
        );
    } else {
        let top = Rect { height: upper.height / 2, ..upper };
        curve::render(buf, top, screen);
        forecasts(
            buf,
            Rect { y: top.bottom(), height: upper.height - top.height, ..upper },
            screen,
        );
    }
    if screen.is_traded {
        let left = Rect { width: lower.width / 2, ..lower };
        gains(buf, left, screen);
        equity(
            buf,
            Rect { x: left.right() + 1, width: lower.width - left.width - 1, ..lower },
            screen,
        );
    } else {
        gains(buf, lower, screen);
    }
}

/// The compared trials with their places, the most important last.
fn placed(screen: &Screen) -> impl Iterator<Item = (usize, Curve, &Row)> {
    let row = |place: usize| &screen.sweep.rows[place];
    screen.compared().into_iter().map(move |(curve, place)| (place, curve, row(place)))
}

/// The trials whose forecasts are known, the most important last. What the same bars came to
/// otherwise (another horizon, data that have changed) is not laid over it.
fn known(screen: &Screen) -> Vec<(Curve, &Row, &Forecasts)> {
    let found = placed(screen).filter_map(|(place, curve, row)| {
        Some((curve, row, screen.forecasts.get(&place)?.as_ref().ok()?))
    });
    let mut found: Vec<(Curve, &Row, &Forecasts)> =
        found.filter(|(.., forecasts)| !forecasts.ts.is_empty()).collect();
    if let Some(windows) = found.last().and_then(|(.., forecasts)| Windows::of(forecasts)) {
        found.retain(|(.., forecasts)| windows.narrowed(forecasts).is_ok());
    }
    found
}

/// Why there is nothing to draw.
fn nothing(screen: &Screen) -> String {
    let failed = screen
        .compared_results()
        .into_iter()
        .find_map(|place| screen.forecasts.get(&place)?.as_ref().err());
    failed
        .cloned()
        .unwrap_or_else(|| "no forecasts yet: they are recorded when a trial has ended".to_owned())
}

fn forecasts(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let known = known(screen);
    let mut legend: Vec<Span<'_>> = Vec::new();
    for (curve, row, _) in known.iter().rev() {
        legend.push(Span::styled("━", Style::new().fg(screen.theme.curve(*curve).0)));
        legend.push(Span::styled(format!(" {}  ", row.name), screen.theme.dim()));
    }
    legend.push(Span::styled("· came", screen.theme.dim()));
    let title = format!("forecasts, the last windows ({})", screen.sweep.target_unit);
    let inside = pane(buf, area, screen, &[Span::styled(title, screen.theme.strong())], &legend);
    let Some((.., reference)) = known.last() else {
        put(buf, inside, &[Span::styled(nothing(screen), screen.theme.dim())]);
        return;
    };
    // As many windows as the pane has dots.
    let first = reference.ts.len().saturating_sub(2 * usize::from(inside.width));
    let at: HashMap<i64, f64> =
        reference.ts[first..].iter().copied().zip((0..).map(f64::from)).collect();
    let points = |ts: &[i64], values: &[f64]| -> Vec<(f64, f64)> {
        let placed = ts.iter().zip(values).filter_map(|(ts, value)| Some((*at.get(ts)?, *value)));
        placed.filter(|(_, value)| value.is_finite()).collect()
    };
    let came = points(&reference.ts, &reference.target);
    let lines: Vec<(Color, Vec<(f64, f64)>)> = known
        .iter()
        .map(|(curve, _, of)| (screen.theme.curve(*curve).0, points(&of.ts, &of.forecast)))
        .collect();
    let mut sets = vec![dataset(&came, Color::Reset, Marker::Dot, GraphType::Scatter)];
    sets.extend(
        lines
            .iter()
            .map(|(color, points)| dataset(points, *color, Marker::Braille, GraphType::Line)),
    );
    let all = came.iter().chain(lines.iter().flat_map(|(_, points)| points)).map(|(_, y)| *y);
    let width = (reference.ts.len() - first).saturating_sub(1) as f64;
    let ends = [clock(reference.ts[first]), clock(*reference.ts.last().unwrap_or(&0))];
    chart(buf, inside, screen, Chart::new(sets), ([0.0, width.max(1.0)], ends), all);
}

fn gains(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let known = known(screen);
    let best = known.last().and_then(|(.., of)| best_baseline(of));
    let title = match best {
        Some(name) => format!(
            "squared error saved against {name}, share of its own: ends at the skill against it"
        ),
        None => "squared error saved against the best baseline".to_owned(),
    };
    let inside = pane(buf, area, screen, &[Span::styled(title, screen.theme.strong())], &[]);
    let Some(name) = best else {
        put(buf, inside, &[Span::styled(nothing(screen), screen.theme.dim())]);
        return;
    };
    let lines: Vec<(Color, Vec<(f64, f64)>)> = known
        .iter()
        .map(|(curve, _, of)| {
            (screen.theme.curve(*curve).0, saved(of, name, 4 * usize::from(inside.width)))
        })
        .collect();
    let zero = [(0.0, 0.0), (1.0, 0.0)];
    let mut sets = vec![dataset(&zero, screen.theme.rule(), Marker::Dot, GraphType::Line)];
    sets.extend(
        lines
            .iter()
            .map(|(color, points)| dataset(points, *color, Marker::Braille, GraphType::Line)),
    );
    let all = lines.iter().flat_map(|(_, points)| points).map(|(_, y)| *y).chain([0.0]);
    let ends = known.last().map_or_else(Default::default, |(.., of)| {
        [of.ts.first(), of.ts.last()].map(|ts| ts.map_or_else(String::new, |ts| clock(*ts)))
    });
    chart(buf, inside, screen, Chart::new(sets), ([0.0, 1.0], ends), all);
}

/// The net result of trading the forecasts, after costs.
fn equity(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let inside =
        pane(buf, area, screen, &[Span::styled("net result, %", screen.theme.strong())], &[]);
    let accounts: Vec<(Curve, Option<&Result<Equity, String>>)> = placed(screen)
        .filter_map(|(place, curve, _)| Some((curve, screen.equity.get(&place)?.as_ref())))
        .collect();
    let known = || {
        accounts
            .iter()
            .filter_map(|(curve, account)| Some((*curve, account.as_ref()?.as_ref().ok()?)))
    };
    let Some((_, reference)) = known().rfind(|(_, account)| !account.is_empty()) else {
        let failed =
            accounts.iter().find_map(|(_, account)| account.as_ref()?.as_ref().err().cloned());
        let waiting = if accounts.is_empty() {
            "nothing to trade yet: no trial has ended"
        } else {
            "trading …"
        };
        put(
            buf,
            inside,
            &[Span::styled(failed.unwrap_or_else(|| waiting.to_owned()), screen.theme.dim())],
        );
        return;
    };
    let (first, last) = (reference[0].0, reference[reference.len() - 1].0);
    let share = |ts: i64| (ts - first) as f64 / (last - first).max(1) as f64;
    let lines: Vec<(Color, Vec<(f64, f64)>)> = known()
        .map(|(curve, account)| {
            let step = (account.len() / (4 * usize::from(inside.width)).max(1)).max(1);
            let thinned = account.iter().step_by(step).chain(account.last());
            (
                screen.theme.curve(curve).0,
                thinned
                    .map(|&(ts, net)| (share(ts), net))
                    .filter(|(_, net)| net.is_finite())
                    .collect(),
            )
        })
        .collect();
    let zero = [(0.0, 0.0), (1.0, 0.0)];
    let mut sets = vec![dataset(&zero, screen.theme.rule(), Marker::Dot, GraphType::Line)];
    sets.extend(
        lines
            .iter()
            .map(|(color, points)| dataset(points, *color, Marker::Braille, GraphType::Line)),
    );
    let all = lines.iter().flat_map(|(_, points)| points).map(|(_, y)| *y).chain([0.0]);
    chart(buf, inside, screen, Chart::new(sets), ([0.0, 1.0], [clock(first), clock(last)]), all);
}

/// The baseline with the smallest mean square.
fn best_baseline(of: &Forecasts) -> Option<&str> {
    let square = |forecast: &[f64]| {
        forecast
            .iter()
            .zip(&of.target)
            .map(|(forecast, target)| (forecast - target).powi(2))
            .sum::<f64>()
    };
    let all = of
        .baselines
        .iter()
        .map(|(name, forecast)| (name.as_str(), square(forecast)))
        .filter(|(_, square)| square.is_finite());
    all.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(name, _)| name)
}

/// Running sum of the baseline's squared errors less the trial's, over the sum of the baseline's
/// (Goyal & Welch 2008 plot the sum itself), by the share of the windows that have passed; about
/// `most` points.
fn saved(of: &Forecasts, baseline: &str, most: usize) -> Vec<(f64, f64)> {
    let Some((_, theirs)) = of.baselines.iter().find(|(name, _)| name == baseline) else {
        return Vec::new();
    };
    let squares = |forecast: &[f64]| -> Vec<f64> {
        forecast
            .iter()
            .zip(&of.target)
            .map(|(forecast, target)| (forecast - target).powi(2))
            .collect()
    };
    let (ours, theirs) = (squares(&of.forecast), squares(theirs));
    let total: f64 = theirs.iter().sum();
    let (last, step) = (theirs.len().saturating_sub(1), (theirs.len() / most.max(1)).max(1));
    let mut sum = 0.0;
    let mut points = Vec::new();
    for (place, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        sum += theirs - ours;
        if (place.is_multiple_of(step) || place == last) && total > 0.0 && sum.is_finite() {
            points.push((place as f64 / last.max(1) as f64, sum / total));
        }
    }
    points
}

fn chart(
    buf: &mut Buffer,
    area: Rect,
    screen: &Screen,
    chart: Chart<'_>,
    (x, ends): ([f64; 2], [String; 2]),
    values: impl Iterator<Item = f64>,
) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let margin = if high > low { (high - low) * 0.03 } else { high.abs().max(1e-9) * 0.1 };
    let (low, high) = (low - margin, high + margin);
    let dim = screen.theme.dim();
    let middle = if area.height >= 6 { vec![number(f64::midpoint(low, high))] } else { Vec::new() };
    let labels: Vec<String> =
        [number(low)].into_iter().chain(middle).chain([number(high)]).collect();
    chart
        .x_axis(Axis::default().bounds(x).style(dim).labels(ends.map(Line::from)))
        .y_axis(Axis::default().bounds([low, high]).style(dim).labels(labels))
        .legend_position(None)
        .render(area, buf);
}

/// `08-15 02:29`, UTC.
fn clock(ts: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ts))
        .map_or_else(|_| String::new(), |at| at.strftime("%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_ends_at_the_skill() {
        let of = Forecasts {
            ts: vec![0, 1, 2],
            target: vec![1.0, 2.0, 3.0],
            forecast: vec![1.0, 2.0, 2.0],
            baselines: vec![
                ("drift".into(), vec![9.0; 3]),
                ("persistence".into(), vec![0.0, 1.0, 1.0]),
            ],
            quantiles: Vec::new(),
        };
        assert_eq!(best_baseline(&of), Some("persistence"));
        // Squares 1, 1, 4 against 0, 0, 1.
        assert_eq!(
            saved(&of, "persistence", 100),
            [(0.0, 1.0 / 6.0), (0.5, 2.0 / 6.0), (1.0, 5.0 / 6.0)]
        );
        assert!(saved(&of, "linear", 100).is_empty());
    }
}
