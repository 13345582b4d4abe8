//! Learning curves of the selected trial, the best and the pinned ones: validation as a line,
//! training as darker dots.
//!
//! ```text
//! ── loss, log ──────────────── ━ a1b2c3d4e5f6 selected  ━ 0123456789ab best  ┄ persistence ──
//!  0.02 │⠑⢄
//!       │  ⠈⠢⣀⡀        ⢀⡀
//! 0.004 │      ⠉⠉⠒⠒⠒⠒⠒⠁
//!       └─────────────────────────
//!        1                      20
//! ```

use lane_types::SplitReport;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::{pane, put};
use crate::dashboard::screen::Screen;
use crate::dashboard::state::Row;
use crate::dashboard::text::number;
use crate::dashboard::theme::Curve;
use crate::dashboard::view::Scale;
use experiment::metric::Quantity;

/// Draws them.
pub(super) fn render(buf: &mut Buffer, area: Rect, screen: &Screen) {
    let curves: Vec<(Curve, &Row)> = (screen.compared().into_iter())
        .map(|(curve, place)| (curve, &screen.sweep.rows[place]))
        .collect();
    let lines: Vec<Points> =
        curves.iter().map(|(curve, row)| points(screen, *curve, row)).collect();
    let rule = rule(screen);
    let inside = pane(buf, area, screen, &title(screen), &legend(screen, &curves, rule.is_some()));
    let Some(bounds) = Bounds::of(&lines, rule, screen.view.scale) else {
        put(buf, inside, &[Span::styled("no epochs yet", screen.theme.dim())]);
        return;
    };
    let level: Vec<(f64, f64)> =
        rule.map_or(Vec::new(), |level| vec![(bounds.x[0], level), (bounds.x[1], level)]);
    let mut sets = vec![dataset(&level, screen.theme.rule(), Marker::Dot, GraphType::Line)];
    for points in &lines {
        let (valid, train) = screen.theme.curve(points.curve);
        let marker = match points.curve {
            Curve::Selected | Curve::Pinned(_) => Marker::Braille,
            Curve::Best => screen.theme.best_marker().0,
        };
        sets.push(dataset(&points.train, train, marker, GraphType::Scatter));
        sets.push(dataset(&points.valid, valid, marker, GraphType::Line));
    }
    let dim = screen.theme.dim();
    let shown = |value: f64| match screen.view.scale {
        Scale::Linear => number(value),
        Scale::Log => number(10f64.powf(value)),
    };
    let [low, high] = bounds.y;
    let middle =
        if inside.height >= 6 { vec![shown(f64::midpoint(low, high))] } else { Vec::new() };
    let labels: Vec<String> = [shown(low)].into_iter().chain(middle).chain([shown(high)]).collect();
    let ends = bounds.x.map(|epoch| Line::from(format!("{epoch:.0}")));
    Chart::new(sets)
        .x_axis(Axis::default().bounds(bounds.x).style(dim).labels(ends))
        .y_axis(Axis::default().bounds(bounds.y).style(dim).labels(labels))
        .legend_position(None)
        .render(inside, buf);
}

pub(super) fn dataset(
    points: &[(f64, f64)],
    color: Color,
    marker: Marker,
    kind: GraphType,
) -> Dataset<'_> {
    Dataset::default().data(points).style(Style::new().fg(color)).marker(marker).graph_type(kind)
}

fn quantity(screen: &Screen) -> &'static str {
    screen.view.quantity.name()
}

fn title(screen: &Screen) -> Vec<Span<'static>> {
    let unit = match screen.view.quantity {
        Quantity::Loss => String::new(),
        _ => format!(" ({})", screen.sweep.target_unit),
    };
    let scale = match screen.view.scale {
        Scale::Linear => "",
        Scale::Log => ", log",
    };
    vec![Span::styled(quantity(screen), screen.theme.strong()), Span::raw(format!("{unit}{scale}"))]
}

fn legend(screen: &Screen, curves: &[(Curve, &Row)], ruled: bool) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (curve, row) in curves.iter().rev() {
        let (color, _) = screen.theme.curve(*curve);
        let best =
            screen.sweep.summary.best.is_some_and(|best| screen.sweep.rows[best.run].id == row.id);
        let (glyph, word) = match curve {
            Curve::Selected if best => ("━", "selected, best"),
            Curve::Selected => ("━", "selected"),
            Curve::Best => (screen.theme.best_marker().1, "best"),
            Curve::Pinned(_) => ("━", "pinned"),
        };
        let name: String = row.name.chars().take(12).collect();
        spans.push(Span::styled(glyph, Style::new().fg(color)));
        spans.push(Span::styled(format!(" {name} {word}  "), screen.theme.dim()));
    }
    if ruled {
        spans.push(Span::styled("•", Style::new().fg(screen.theme.rule())));
        spans.push(Span::styled(" persistence  ", screen.theme.dim()));
    }
    spans.push(Span::styled("· train", screen.theme.dim()));
    spans
}

/// A trial's points, already on the chosen scale; what is undefined there is left out.
struct Points {
    curve: Curve,
    valid: Vec<(f64, f64)>,
    train: Vec<(f64, f64)>,
}

fn points(screen: &Screen, curve: Curve, row: &Row) -> Points {
    let of = |report: &SplitReport| match screen.view.quantity {
        Quantity::Mse => report.mse,
        Quantity::Mae => report.mae,
        Quantity::Rmse => report.rmse,
        _ => report.loss,
    };
    let scale = screen.view.scale;
    let place = |epoch: usize, value: f64| Some((epoch as f64, scaled(scale, value)?));
    let epochs = &row.progress.epochs;
    Points {
        curve,
        valid: epochs.iter().filter_map(|epoch| place(epoch.epoch, of(&epoch.valid))).collect(),
        train: epochs.iter().filter_map(|epoch| place(epoch.epoch, of(&epoch.train))).collect(),
    }
}

fn scaled(scale: Scale, value: f64) -> Option<f64> {
    match scale {
        Scale::Linear => value.is_finite().then_some(value),
        Scale::Log => (value.is_finite() && value > 0.0).then(|| value.log10()),
    }
}

/// Persistence over the selected trial's validation windows, on the chosen scale.
fn rule(screen: &Screen) -> Option<f64> {
    let row = &screen.sweep.rows[screen.view.selected?];
    let baseline = row.baseline("persistence")?;
    let value = match screen.view.quantity {
        Quantity::Rmse => baseline.rmse,
        Quantity::Mae => baseline.mae,
        Quantity::Mse => baseline.mse,
        // The loss is in scaled units, a baseline is not.
        _ => return None,
    };
    scaled(screen.view.scale, value)
}

/// Ends of the axes.
struct Bounds {
    x: [f64; 2],
    y: [f64; 2],
}

impl Bounds {
    /// `None` when there is no point at all.
    fn of(lines: &[Points], rule: Option<f64>, scale: Scale) -> Option<Self> {
        let all = || lines.iter().flat_map(|points| points.valid.iter().chain(&points.train));
        all().next()?;
        let last = all().map(|(x, _)| *x).fold(1.0, f64::max).max(2.0);
        let levels = || all().map(|(_, y)| *y).chain(rule);
        let (low, high) =
            (levels().fold(f64::INFINITY, f64::min), levels().fold(f64::NEG_INFINITY, f64::max));
        let margin = if high > low { (high - low) * 0.03 } else { high.abs().max(1e-9) * 0.1 };
        // Errors are never below 0, and a margin is no reason to show that they might be.
        let bottom = if scale == Scale::Linear && low >= 0.0 {
            (low - margin).max(0.0)
        } else {
            low - margin
        };
        Some(Self { x: [1.0, last], y: [bottom, high + margin] })
    }
}
