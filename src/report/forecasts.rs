//! Forecasts against what came, and when in the day they are wrong.

use maud::{Markup, html};
use serde_json::{Value as Json, json};
use std::collections::HashMap;

use super::material::{BestForecasts, Material};
use super::residual::{BIN_MINUTES, by_time_of_day};
use super::svg::{Axis, Plot};
use super::table::{Column, table};
use super::thin::{kept, seconds, shorts};
use super::words::{counted, minute};
use evidence::pearson;
use text::number;

/// Stretches of which the extremes are drawn.
const BUCKETS: usize = 500;

const ERRORS: &str = "Errors of these forecasts (target − forecast). The last column is the \
    correlation of the forecast change with the change that came, both from persistence’s \
    forecast: a level that repeats the last one looks right in the plot and has none.";

/// The best run's forecasts beside those of the best baseline over the same windows.
pub(super) struct Best<'a> {
    pub of: &'a BestForecasts,
    /// Target − forecast, by window.
    pub errors: Vec<f64>,
    /// Name, forecasts and errors of the baseline with the smallest mean square.
    pub baseline: Option<(&'a str, &'a [f64], Vec<f64>)>,
}

/// Of the first of the best runs.
pub(super) fn best(material: &Material) -> Option<Best<'_>> {
    let of = material.forecasts.first()?;
    let errors = |forecast: &[f64]| -> Vec<f64> {
        of.forecasts
            .target
            .iter()
            .zip(forecast)
            .map(|(target, forecast)| target - forecast)
            .collect()
    };
    let square = |errors: &[f64]| errors.iter().map(|error| error * error).sum::<f64>();
    let all = of
        .forecasts
        .baselines
        .iter()
        .map(|(name, forecast)| (name.as_str(), forecast.as_slice(), errors(forecast)));
    let baseline = all
        .filter(|(.., errors)| square(errors).is_finite())
        .min_by(|a, b| square(&a.2).total_cmp(&square(&b.2)));
    Some(Best { of, errors: errors(&of.forecasts.forecast), baseline })
}

/// The section, and what its script draws.
pub(super) fn section(material: &Material) -> (Markup, Json) {
    let Some(best) = best(material) else {
        return (html! { p { "No forecasts were recorded." } }, Json::Null);
    };
    let of = &best.of.forecasts;
    let mut lines: Vec<(String, Vec<f64>)> = Vec::new();
    for other in &material.forecasts {
        let at: HashMap<i64, f64> = other
            .forecasts
            .ts
            .iter()
            .copied()
            .zip(other.forecasts.forecast.iter().copied())
            .collect();
        let values = of.ts.iter().map(|ts| at.get(ts).copied().unwrap_or(f64::NAN)).collect();
        lines.push((format!("#{} {}", other.rank, other.run), values));
    }
    if let Some((name, forecast, _)) = &best.baseline {
        lines.push(((*name).to_owned(), forecast.to_vec()));
    }
    let places = kept(&[&of.target, &of.forecast], BUCKETS);
    let drawn = |(name, values): &(String, Vec<f64>)| {
        let values = shorts(values, &places);
        json!({ "name": name, "values": values })
    };
    let data = json!({
        "unit": material.comparison.target_unit,
        "zone": best.of.zone,
        "at": places,
        "ts": places.iter().map(|&place| seconds(of.ts[place])).collect::<Vec<_>>(),
        "target": shorts(&of.target, &places),
        "lines": lines.iter().map(drawn).collect::<Vec<_>>(),
        "baseline": best.baseline.is_some(),
    });
    let span = match (of.ts.first(), of.ts.last()) {
        (Some(&first), Some(&last)) => format!(", {} to {}", minute(first), minute(last)),
        _ => String::new(),
    };
    let ahead = counted(best.of.horizon, "bar");
    let mut words = format!(
        "{} windows{span}; forecasts are of {ahead} ahead, at the bar that the window ends with; \
            nights and breaks take no room.",
        of.ts.len()
    );
    if places.len() < of.ts.len() {
        words.push_str(&format!(
            " {} of them are drawn: the lowest and the highest target and forecast in each of \
                {BUCKETS} stretches, so peaks are true and what lies between them is not.",
            places.len()
        ));
    }
    let label = "forecasts of the best runs against what came, by time";
    let markup = html! {
        div class="plot" id="forecasts" role="img" aria-label=(label) {}
        p class="note" { (words) }
        (errors_in_numbers(&best, &lines))
        (time_of_day(material, &best))
    };
    (markup, data)
}

/// The text alternative, and what the eye cannot read off the lines.
fn errors_in_numbers(best: &Best<'_>, lines: &[(String, Vec<f64>)]) -> Markup {
    let target = &best.of.forecasts.target;
    let last = best
        .of
        .forecasts
        .baselines
        .iter()
        .find(|(name, _)| name == "persistence")
        .map(|(_, forecast)| forecast);
    let rows = lines.iter().map(|(name, forecast)| {
        let pairs = || {
            let errors = target.iter().zip(forecast).map(|(target, forecast)| target - forecast);
            errors.filter(|error| error.is_finite())
        };
        let n = pairs().count() as f64;
        let root = (pairs().map(|error| error * error).sum::<f64>() / n).sqrt();
        let of_changes = last.and_then(|last| {
            let changes = |of: &[f64]| -> Vec<f64> {
                of.iter().zip(last).map(|(value, last)| value - last).collect()
            };
            pearson(&changes(forecast), &changes(target))
        });
        let absolute = pairs().map(f64::abs).sum::<f64>() / n;
        let mean = pairs().sum::<f64>() / n;
        html! {
            tr {
                th scope="row" { code { (name) } }
                @for value in [Some(root), Some(absolute), Some(mean), of_changes] {
                    td { (number(value)) }
                }
            }
        }
    });
    let columns =
        ["forecast", "rmse", "mae", "mean error", "correlation of changes"].map(Column::Number);
    table("errors in numbers", ERRORS, &columns, rows)
}

fn time_of_day(material: &Material, best: &Best<'_>) -> Markup {
    let BestForecasts { run, zone, forecasts, .. } = best.of;
    let baseline = best.baseline.as_ref();
    let bins = by_time_of_day(
        &forecasts.ts,
        &best.errors,
        baseline.map(|(.., errors)| errors.as_slice()),
        zone.as_deref(),
    );
    if bins.len() < 2 {
        return html! {};
    }
    let clock = |minute: usize| format!("{:02}:{:02}", minute / 60, minute % 60);
    let highest =
        bins.iter().flat_map(|bin| [Some(bin.rmse), bin.baseline]).flatten().fold(0.0, f64::max);
    let (first, last) = (
        bins.first().map_or(0, |bin| bin.minute),
        bins.last().map_or(0, |bin| bin.minute) + BIN_MINUTES,
    );
    let hours =
        (first.div_ceil(60)..=last / 60).step_by((last - first).div_ceil(60).div_ceil(6).max(1));
    let ticks: Vec<(f64, String)> =
        hours.map(|hour| ((hour * 60) as f64, clock(hour * 60))).collect();
    let zone_name = zone.as_deref().unwrap_or("UTC");
    let x = Axis::between(&format!("time of day, {zone_name}"), first as f64, last as f64)
        .with_ticks(ticks);
    let unit = &material.comparison.target_unit;
    let mut plot = Plot::new(x, Axis::between(&format!("rmse ({unit})"), 0.0, highest * 1.08));
    let name = baseline.map_or("", |(name, ..)| name);
    for bin in &bins {
        let from = bin.minute as f64;
        let title = format!(
            "{} to {}: rmse {}, {name} {}, {} windows",
            clock(bin.minute),
            clock(bin.minute + BIN_MINUTES),
            number(Some(bin.rmse)),
            number(bin.baseline),
            bin.windows
        );
        plot.bar("c0", (from, from + BIN_MINUTES as f64), (0.0, bin.rmse), &title);
        if let Some(level) = bin.baseline {
            plot.line("rule", &[(from, level), (from + BIN_MINUTES as f64, level)]);
        }
    }
    let worst = bins.iter().max_by(|a, b| a.rmse.total_cmp(&b.rmse));
    let when = worst.map_or_else(String::new, |bin| {
        format!(" Largest from {} on ({}).", clock(bin.minute), number(Some(bin.rmse)))
    });
    let words = format!(
        "of {run} in half hours; the line is {name}; half hours with fewer than ten windows are \
            left out.{when}"
    );
    html! { div class="grid" { (plot.finish("Error by time of day", &words)) } }
}
