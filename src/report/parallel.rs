//! Parallel coordinates: a line a row of the leaderboard, an axis a parameter, the objective last.
//! Drawn here, brushed by the page's script.

use serde_json::{Value as Json, json};

use super::html::Html;
use super::material::Material;
use super::parameters::{MOST_PARAMETERS, Parameter};
use super::svg::Axis;
use super::table::region;
use super::thin::short;
use super::words::{better, counted};
use evidence::compare::Row;
use experiment::metric::Direction;
use text::number;

const TOP: f64 = 34.0;
const HEIGHT: f64 = 300.0;
const BOTTOM: f64 = 286.0;
const MARGIN: f64 = 90.0;
/// From the first axis to the last one where there are few.
const WIDTH: f64 = 840.0;
/// Least and most from one axis to the next.
const STEPS: (f64, f64) = (140.0, 420.0);
const BRUSH: &str =
    "Drag along an axis to choose a range, here and in the leaderboard; click it to free it.";
/// Lines are coloured by their rank, in so many shades.
const SHADES: usize = 5;

/// The plot, and where its lines cross the axes (0 below, 1 above), by row.
pub(super) fn section(
    material: &Material,
    rows: &[(&Row, f64)],
    parameters: &[Parameter],
) -> (Html, Json) {
    let objective = material.named(material.comparison.objective);
    let values: Vec<f64> = rows.iter().map(|(_, value)| *value).collect();
    let goal = Axis::over(&objective, values.iter().copied());
    let direction = material.comparison.direction;
    let up = |place: f64| match direction {
        Direction::Minimize => 1.0 - place,
        Direction::Maximize => place,
    };
    let drawn: Vec<&Parameter> = parameters.iter().take(MOST_PARAMETERS).collect();
    let places: Vec<Vec<f64>> = (0..rows.len())
        .map(|row| {
            let own = drawn.iter().map(|parameter| parameter.axis.place(parameter.at[row]));
            own.chain([up(goal.place(values[row]))]).collect()
        })
        .collect();
    let step = (WIDTH / drawn.len() as f64).clamp(STEPS.0, STEPS.1);
    let down = |place: f64| BOTTOM - place * (BOTTOM - TOP);
    // The best row last, on top.
    let lines =
        rows.iter().zip(&places).enumerate().rev().map(|(place, ((row, value), places))| {
            let path: Vec<String> = places
                .iter()
                .enumerate()
                .map(|(axis, at)| format!("{:.1} {:.1}", MARGIN + axis as f64 * step, down(*at)))
                .collect();
            let shade = format!("shade{}", (place * SHADES / rows.len()).min(SHADES - 1));
            let title =
                format!("#{} {}: {}", row.rank.unwrap_or_default(), row.run, number(Some(*value)));
            Html::fill(
                "<path class=\"row {}\" data-row=\"{}\" d=\"M{}\"><title>{}</title></path>",
                &[&shade, &place, &path.join("L"), &title],
            )
        });
    let axes = drawn
        .iter()
        .map(|parameter| (&parameter.axis, parameter.name.as_str(), Direction::Maximize));
    let axes = axes.chain([(&goal, objective.as_str(), direction)]).enumerate().map(|(place, (axis, name, upwards))| {
        let ticks = axis.marks().into_iter().filter(|(value, _)| (-0.001..=1.001).contains(&axis.place(*value))).map(|(value, text)| {
            let at = down(match upwards {
                Direction::Minimize => 1.0 - axis.place(value),
                Direction::Maximize => axis.place(value),
            });
            let tick = "<path class=\"tick\" d=\"M-4 {}h4\"/><text x=\"-7\" y=\"{}\" \
                text-anchor=\"end\">{}</text>";
            Html::fill(tick, &[&at, &(at + 4.0), &text])
        });
        let words = format!("filter by {name}: arrow keys move the chosen range, with shift they \
            widen it, escape frees the axis");
        Html::fill(
            "<g class=\"coordinate\" data-axis=\"{}\" transform=\"translate({} 0)\" tabindex=\"0\" \
                role=\"group\" aria-label=\"{}\"><path class=\"axis\" d=\"M0 {}V{}\"/>{}<text \
                class=\"label\" x=\"0\" y=\"18\" text-anchor=\"middle\">{}</text><rect \
                class=\"hit\" x=\"-14\" y=\"{}\" width=\"28\" height=\"{}\"/><rect class=\"brush\" \
                x=\"-7\" width=\"14\" y=\"0\" height=\"0\"/></g>",
            &[&place, &(MARGIN + place as f64 * step), &words, &TOP, &BOTTOM, &ticks.collect::<Html>(), &name, &TOP, &(BOTTOM - TOP)],
        )
    });
    let width = 2.0 * MARGIN - 40.0 + step * drawn.len() as f64;
    let view = format!("0 0 {width:.0} {HEIGHT:.0}");
    let words = format!(
        "Parallel coordinates of {}: each line is an assignment, coloured from the best (strong) \
            to the worst (faint); the last axis is {objective}, {} is better and at the top.",
        counted(rows.len(), "assignment"),
        better(direction)
    );
    let svg = Html::fill(
        "<svg id=\"parallel\" viewBox=\"{}\" role=\"group\" aria-label=\"{}\">{}{}</svg>",
        &[&view, &words, &lines.collect::<Html>(), &axes.collect::<Html>()],
    );
    let html = Html::fill(
        "<p class=\"note\">{} <span class=\"js\">{}</span></p>\
         <p class=\"note js\"><output id=\"chosen\" aria-live=\"polite\"></output></p>{}",
        &[&words, &BRUSH, &region("parallel coordinates", &svg)],
    );
    let places: Vec<Vec<Json>> =
        places.iter().map(|places| places.iter().map(|place| short(*place)).collect()).collect();
    (html, json!({ "top": TOP, "bottom": BOTTOM, "rows": places }))
}
