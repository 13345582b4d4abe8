//! Parameters against the objective: slices, and what each of them alone explains.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::html::Px;
use super::importance::{LEAST_ASSIGNMENTS, MOST_GROUPS, PERMUTATIONS, importance};
use super::material::Material;
use super::svg::{Axis, Plot, trimmed};
use super::table::{Column, table};
use super::words::probability;
use evidence::compare::{Row, setting, short_names};
use text::number;
use text::percent;

/// Parameters that are drawn.
pub(super) const MOST_PARAMETERS: usize = 10;
/// Rows that are drawn.
pub(super) const MOST_ROWS: usize = 500;
/// More distinct numbers are not all named on an axis.
const MOST_TICKS: usize = 6;

/// A differing parameter on an axis: where each row lies.
pub(super) struct Parameter {
    pub key: String,
    /// Short, as long as it is unique.
    pub name: String,
    /// By row.
    pub values: Vec<Json>,
    pub axis: Axis,
    /// By row, in the axis' own numbers.
    pub at: Vec<f64>,
}

/// Ranked rows with their objective, the best first.
pub(super) fn rows(material: &Material) -> Vec<(&Row, f64)> {
    material.ranked().filter_map(|row| Some((row, row.value?.mean))).take(MOST_ROWS).collect()
}

/// The parameters that differ between these rows.
pub(super) fn parameters(material: &Material, rows: &[(&Row, f64)]) -> Vec<Parameter> {
    let keys: Vec<&str> =
        material.comparison.differing.iter().map(|difference| difference.key.as_str()).collect();
    let all = keys.iter().zip(short_names(&keys)).map(|(key, name)| {
        let values: Vec<Json> = rows
            .iter()
            .map(|(row, _)| row.settings.get(*key).cloned().unwrap_or_default())
            .collect();
        let (axis, at) = axis(&name, &values);
        Parameter { key: (*key).to_owned(), name, values, axis, at }
    });
    all.filter(|parameter| parameter.values.windows(2).any(|pair| pair[0] != pair[1])).collect()
}

/// Numbers on a linear or logarithmic axis; anything else, and numbers that are sometimes absent,
/// by name.
fn axis(name: &str, values: &[Json]) -> (Axis, Vec<f64>) {
    let numbers: Option<Vec<f64>> = values.iter().map(Json::as_f64).collect();
    if let Some(numbers) = numbers {
        let axis = Axis::of_parameter(name, &numbers);
        let mut distinct = numbers.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let named = distinct.iter().map(|value| (*value, trimmed(*value))).collect();
        let axis = if distinct.len() <= MOST_TICKS { axis.with_ticks(named) } else { axis };
        return (axis, numbers);
    }
    let mut order: Vec<&Json> = values.iter().collect();
    order.sort_by_key(|value| (value.is_null(), !value.is_number(), setting(Some(value))));
    order.sort_by(|a, b| {
        a.as_f64()
            .partial_cmp(&b.as_f64())
            .filter(|_| a.is_number() && b.is_number())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    order.dedup();
    let at = values
        .iter()
        .map(|value| order.iter().position(|other| *other == value).unwrap_or(0) as f64)
        .collect();
    let named = order
        .iter()
        .enumerate()
        .map(|(place, value)| (place as f64, shortened(&setting(Some(value)))))
        .collect();
    (Axis::between(name, -0.4, order.len() as f64 - 0.6).with_ticks(named), at)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 14 {
        text.to_owned()
    } else {
        text.chars().take(13).chain(['…']).collect()
    }
}

/// One small plot a parameter.
pub(super) fn slices(
    material: &Material,
    rows: &[(&Row, f64)],
    parameters: &[Parameter],
) -> Markup {
    let objective = material.named(material.comparison.objective);
    let plots = parameters.iter().take(MOST_PARAMETERS).map(|parameter| {
        let mut plot = Plot::new(
            parameter.axis.clone(),
            Axis::over(&objective, rows.iter().map(|(_, value)| *value)),
        );
        // The best one last, on top of the others.
        for (place, ((row, value), at)) in rows.iter().zip(&parameter.at).enumerate().rev() {
            let name = row.run.as_str();
            let value_at = setting(parameter.values.get(place));
            let title =
                format!("{name}: {} = {value_at}, {}", parameter.name, number(Some(*value)));
            plot.point(if place == 0 { "best" } else { "c0" }, (*at, *value), &title);
        }
        plot.finish(
            &parameter.name,
            &format!("against {objective}; one point an assignment, the best in colour."),
        )
    });
    html! { div class="grid" { @for plot in plots { (plot) } } }
}

/// The table of importances, with its method.
pub(super) fn importances(rows: &[(&Row, f64)], parameters: &[Parameter]) -> Markup {
    if rows.len() < LEAST_ASSIGNMENTS {
        return html! {
            p class="note" {
                (rows.len()) " assignments are too few to tell (at least " (LEAST_ASSIGNMENTS) ")."
            }
        };
    }
    let objective: Vec<f64> = rows.iter().map(|(_, value)| *value).collect();
    let values: Vec<(String, Vec<Json>)> = parameters
        .iter()
        .map(|parameter| (parameter.key.clone(), parameter.values.clone()))
        .collect();
    let body = importance(&values, &objective).into_iter().map(|found| {
        let told = match (found.share, found.p) {
            (Some(_), Some(p)) if p <= 0.05 => "more than chance",
            (Some(_), Some(_)) => "chance explains it",
            _ => "cannot be told: too few assignments in each group",
        };
        let p = found.p.map_or_else(|| "—".to_owned(), probability);
        html! {
            tr {
                th scope="row" { code { (found.key) } }
                td { (percent(found.share)) }
                td class="text" {
                    @if let Some(share) = found.share {
                        svg class="share" viewBox="0 0 100 8" aria-hidden="true" {
                            rect width=(Px(share * 100.0)) height="8" {}
                        }
                    }
                }
                td { (p) }
                td { (found.groups) }
                td class="text" { (told) }
            }
        }
    });
    let method = format!(
        "Method: the objective's ranks over {} assignments are grouped by one parameter at a time \
            (numbers with more than {MOST_GROUPS} values in three groups of equal size); the share \
            of their variance that lies between the groups, less what luck alone would put there \
            (Kelley's ε² of the ranks, the effect size of Kruskal and Wallis's test). p is by \
            {PERMUTATIONS} permutations, adjusted by Holm. It is what each parameter explains \
            alone: what parameters do only together is in none of them.",
        rows.len()
    );
    let numbers =
        ["parameter", "share of variance, %", "as a bar", "p", "groups"].map(Column::Number);
    let columns = [&numbers[..], &[Column::Text("told")]].concat();
    html! {
        (table("importance of parameters", "", &columns, body))
        p class="note" { (method) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_distances_and_names_are_evenly_spaced() {
        let (rates, at) = axis("rate", &[1e-4, 1e-2, 1e-3].map(Json::from));
        assert!((rates.place(at[2]) - 0.5).abs() < 1e-9, "a logarithmic axis: {rates:?}");
        let (_, at) =
            axis("kind", &[Json::from("sgd"), Json::from("adam"), Json::Null, Json::from("sgd")]);
        assert_eq!(at, [1.0, 0.0, 2.0, 1.0]);
        let (mixed, at) = axis("dropout", &[Json::from(0.4), Json::Null, Json::from(0.1)]);
        assert_eq!(at, [1.0, 2.0, 0.0]);
        assert_eq!(mixed.ticks.last().unwrap().1, "—");
    }
}
