//! Parallel coordinates: a line a row of the leaderboard, an axis a parameter, the objective last.
//! Drawn here, brushed by the page's script.

use maud::{Markup, html};
use serde_json::{Value as Json, json};

use super::html::Px;
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
) -> (Markup, Json) {
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
            html! {
                path class={ "row " (shade) } data-row=(place) d={ "M" (path.join("L")) } {
                    title { (title) }
                }
            }
        });
    let axes = drawn
        .iter()
        .map(|parameter| (&parameter.axis, parameter.name.as_str(), Direction::Maximize));
    let axes = axes.chain([(&goal, objective.as_str(), direction)]).enumerate();
    let axes = axes.map(|(place, (axis, name, upwards))| {
        let shown = |(value, _): &(f64, _)| (-0.001..=1.001).contains(&axis.place(*value));
        let at = |value: f64| {
            down(match upwards {
                Direction::Minimize => 1.0 - axis.place(value),
                Direction::Maximize => axis.place(value),
            })
        };
        let words = format!(
            "filter by {name}: arrow keys move the chosen range, with shift they widen it, \
             escape frees the axis"
        );
        let across = Px(MARGIN + place as f64 * step);
        html! {
            g class="coordinate" data-axis=(place) transform={ "translate(" (across) " 0)" }
                tabindex="0" role="group" aria-label=(words) {
                path class="axis" d={ "M0 " (Px(TOP)) "V" (Px(BOTTOM)) } {}
                @for (value, text) in axis.marks().into_iter().filter(shown) {
                    path class="tick" d={ "M-4 " (Px(at(value))) "h4" } {}
                    text x="-7" y=(Px(at(value) + 4.0)) text-anchor="end" { (text) }
                }
                text class="label" x="0" y="18" text-anchor="middle" { (name) }
                rect class="hit" x="-14" y=(Px(TOP)) width="28" height=(Px(BOTTOM - TOP)) {}
                rect class="brush" x="-7" width="14" y="0" height="0" {}
            }
        }
    });
    let width = 2.0 * MARGIN - 40.0 + step * drawn.len() as f64;
    let view = format!("0 0 {width:.0} {HEIGHT:.0}");
    let words = format!(
        "Parallel coordinates of {}: each line is an assignment, coloured from the best (strong) \
            to the worst (faint); the last axis is {objective}, {} is better and at the top.",
        counted(rows.len(), "assignment"),
        better(direction)
    );
    let svg = html! {
        svg id="parallel" viewBox=(view) role="group" aria-label=(words) {
            @for line in lines { (line) }
            @for axis in axes { (axis) }
        }
    };
    let markup = html! {
        p class="note" { (words) " " span class="js" { (BRUSH) } }
        p class="note js" { output id="chosen" aria-live="polite" {} }
        (region("parallel coordinates", &svg))
    };
    let places: Vec<Vec<Json>> =
        places.iter().map(|places| places.iter().map(|place| short(*place)).collect()).collect();
    (markup, json!({ "top": TOP, "bottom": BOTTOM, "rows": places }))
}
