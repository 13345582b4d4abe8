//! What the errors of the best run look like, and whether an interval made of them would hold.

use maud::{Markup, html};

use super::forecasts::{Best, best};
use super::material::Material;
use super::residual::{autocorrelations, conformal, histogram, moments, quantiles};
use super::svg::{Axis, Plot};
use super::table::{Column, table};
use super::words::counted;
use evidence::calibration::{QuantileScore, quantile_scores};
use evidence::pearson;
use text::number;
use text::percent;

const BINS: usize = 41;
const LAGS: usize = 30;

/// Distribution, quantiles, memory and calibration.
pub(super) fn section(material: &Material) -> Markup {
    let Some(best) = best(material) else {
        return html! { p { "No forecasts were recorded." } };
    };
    let Some((mean, sd)) = moments(&best.errors) else {
        return html! {
            p { "The errors do not vary, or are not numbers: there is nothing to show." }
        };
    };
    let mut sorted = best.errors.clone();
    sorted.sort_by(f64::total_cmp);
    let unit = material.comparison.target_unit.as_str();
    let words = format!(
        "Errors (target − forecast) of {}, the first run of the best row, over {} windows: mean {} \
            {unit}, standard deviation {} {unit}.",
        best.of.run,
        best.errors.len(),
        number(Some(mean)),
        number(Some(sd))
    );
    html! {
        p { (words) }
        div class="grid" {
            (distribution(&sorted, (mean, sd), unit))
            (against_normal(&sorted, (mean, sd)))
            (memory(&best))
            (calibration(&best))
            (levels(&best))
        }
        (intervals(&best, unit))
    }
}

fn distribution(sorted: &[f64], (mean, sd): (f64, f64), unit: &str) -> Markup {
    let Some(found) = histogram(sorted, BINS) else { return html! {} };
    let bell = |x: f64| {
        (-((x - mean) / sd).powi(2) / 2.0).exp() / (sd * std::f64::consts::TAU.sqrt())
            * sorted.len() as f64
            * found.width
    };
    let highest = found.counts.iter().map(|count| *count as f64).fold(bell(mean), f64::max);
    let high = found.low + found.width * found.counts.len() as f64;
    let mut plot = Plot::new(
        Axis::between(&format!("error ({unit})"), found.low, high),
        Axis::between("windows", 0.0, highest * 1.05),
    );
    for (place, count) in found.counts.iter().enumerate() {
        let from = found.low + found.width * place as f64;
        let title =
            format!("{} to {}: {count}", number(Some(from)), number(Some(from + found.width)));
        plot.bar("c0", (from, from + found.width), (0.0, *count as f64), &title);
    }
    let line: Vec<(f64, f64)> = (0..=80)
        .map(|i| found.low + (high - found.low) * f64::from(i) / 80.0)
        .map(|x| (x, bell(x)))
        .collect();
    plot.line("rule", &line);
    plot.finish(
        "Distribution",
        "beside a normal curve of the same mean and deviation; the outer \
        bars hold all that lies beyond.",
    )
}

fn against_normal(sorted: &[f64], moments: (f64, f64)) -> Markup {
    let points = quantiles(sorted, moments);
    let end = points.iter().flat_map(|(x, y)| [x.abs(), y.abs()]).fold(1.0, f64::max) * 1.05;
    let across = points.iter().map(|(x, _)| x.abs()).fold(1.0, f64::max) * 1.05;
    let axis = |name: &str, end: f64| Axis::between(name, -end, end);
    let mut plot = Plot::new(
        axis("normal quantile (deviations)", across),
        axis("quantile of the errors", end),
    );
    plot.line("rule", &[(-across, -across), (across, across)]);
    for (x, y) in &points {
        plot.point(
            "c0 tiny",
            (*x, *y),
            &format!("{} normal, {} here", number(Some(*x)), number(Some(*y))),
        );
    }
    plot.finish(
        "Quantiles against normal ones",
        "points off the line at the ends are tails that are heavier (or lighter) than normal.",
    )
}

fn memory(best: &Best<'_>) -> Markup {
    let Some(found) = autocorrelations(&best.errors, LAGS) else { return html! {} };
    let bound = 1.96 / (best.errors.len() as f64).sqrt();
    let reach = found.iter().map(|value| value.abs()).fold(bound, f64::max) * 1.15;
    let lags = found.len() as f64;
    let mut plot = Plot::new(
        Axis::between("lag, windows", 0.0, lags + 1.0),
        Axis::between("autocorrelation", -reach, reach),
    );
    for (place, value) in found.iter().enumerate() {
        let lag = place as f64 + 1.0;
        plot.bar(
            "c0",
            (lag - 0.3, lag + 0.3),
            (0.0, *value),
            &format!("lag {lag}: {}", number(Some(*value))),
        );
    }
    for level in [-bound, bound] {
        plot.line("rule", &[(0.0, level), (lags + 1.0, level)]);
    }
    let beyond = found.iter().filter(|value| value.abs() > bound).count();
    let overlap = match best.of.horizon {
        1 => String::new(),
        horizon => format!(
            " Targets {horizon} bars ahead overlap: the first {} lags are large by construction.",
            horizon - 1
        ),
    };
    let words = format!(
        "of the errors; {beyond} of {} lags are beyond the lines (± 1.96/√n), about {} would be by \
            chance. Memory is signal that was left.{overlap}",
        found.len(),
        format_args!("{:.1}", lags * 0.05)
    );
    plot.finish("Memory", &words)
}

/// Means of the target over tenths of the forecasts, both as changes from persistence's forecast
/// where there is one.
fn calibration(best: &Best<'_>) -> Markup {
    let of = &best.of.forecasts;
    let last = of
        .baselines
        .iter()
        .find(|(name, _)| name == "persistence")
        .map(|(_, forecast)| forecast.as_slice());
    let from = |place: usize| last.map_or(0.0, |last| last[place]);
    let mut pairs: Vec<(f64, f64)> = (0..of.ts.len())
        .map(|place| (of.forecast[place] - from(place), of.target[place] - from(place)))
        .collect();
    pairs.retain(|(forecast, target)| forecast.is_finite() && target.is_finite());
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (forecasts, targets): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    if pairs.len() < 100 || pearson(&forecasts, &targets).is_none() {
        return html! {};
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let tenths: Vec<(f64, f64, f64, usize)> = (0..10)
        .map(|tenth| {
            let range = tenth * pairs.len() / 10..(tenth + 1) * pairs.len() / 10;
            let (forecasts, targets) = (&forecasts[range.clone()], &targets[range]);
            let error =
                moments(targets).map_or(0.0, |(_, sd)| 1.96 * sd / (targets.len() as f64).sqrt());
            (mean(forecasts), mean(targets), error, targets.len())
        })
        .collect();
    let x = Axis::over("mean forecast change", tenths.iter().map(|tenth| tenth.0));
    let y = Axis::over(
        "mean change that came",
        tenths.iter().flat_map(|tenth| [tenth.1 - tenth.2, tenth.1 + tenth.2, 0.0]),
    );
    // The diagonal, as far as it is within the plot.
    let (low, high) = (x.low.max(y.low), x.high.min(y.high));
    let mut plot = Plot::new(x, y);
    if low < high {
        plot.line("rule", &[(low, low), (high, high)]);
    }
    for (forecast, target, error, windows) in &tenths {
        plot.line("c0", &[(*forecast, target - error), (*forecast, target + error)]);
        let title = format!(
            "forecast {}, came {} ± {}, {windows} windows",
            number(Some(*forecast)),
            number(Some(*target)),
            number(Some(*error))
        );
        plot.point("c0", (*forecast, *target), &title);
    }
    let changes =
        if last.is_some() { "changes from persistence’s forecast" } else { "forecasts" };
    let words = format!(
        "tenths of the {changes}: where they lie on the line, what was forecast came on average (± \
            1.96 standard errors, as if independent)."
    );
    plot.finish("Calibration of the mean", &words)
}

/// Of a quantile head, whether as many targets lie below each quantile as it says.
fn levels(best: &Best<'_>) -> Markup {
    let Some(scores) = quantile_scores(&best.of.forecasts, None) else { return html! {} };
    let mut plot = Plot::new(
        Axis::between("level", 0.0, 1.0),
        Axis::between("share of targets not above it", 0.0, 1.0),
    );
    plot.line("rule", &[(0.0, 0.0), (1.0, 1.0)]);
    for QuantileScore { level, below, .. } in &scores.levels {
        plot.line("c0", &[(*level, below.low), (*level, below.high)]);
        let between = format!("{} to {}", percent(Some(below.low)), percent(Some(below.high)));
        let title = format!(
            "level {level}: {} % ({between} %) of {} windows",
            percent(Some(below.share)),
            below.count
        );
        plot.point("c0", (*level, below.share), &title);
    }
    let words = "on the line, the forecast quantiles are what they say (Wilson's 95 % intervals, \
        as if windows were independent).";
    plot.finish("Calibration of the quantiles", words)
}

fn intervals(best: &Best<'_>, unit: &str) -> Markup {
    let of = &best.of.forecasts;
    let held = conformal(&of.target, &of.forecast, best.of.horizon - 1);
    if held.is_empty() {
        return html! {};
    }
    let rows = held.iter().map(|held| {
        let covered = &held.covered;
        let told = if covered.low <= held.level && held.level <= covered.high {
            "holds"
        } else if covered.share < held.level {
            "too narrow"
        } else {
            "too wide"
        };
        let between = format!("{} to {}", percent(Some(covered.low)), percent(Some(covered.high)));
        let asked = percent(Some(held.level));
        html! {
            tr {
                th scope="row" { (asked.trim_end_matches('0').trim_end_matches('.')) " %" }
                td { (percent(Some(covered.share))) }
                td { (between) }
                td { (number(Some(held.half_width))) }
                td class="text" { (told) }
            }
        }
    });
    let measured = held.first().map_or(0, |held| held.covered.count);
    let caption = format!(
        "Intervals: forecast ± a width from the errors of the first half of the windows (split \
            conformal), measured on the {} of the second half; the 95 % interval is Wilson’s, for \
            independent windows. These windows chose the epoch, and a market that changes between \
            the halves breaks the promise: on new bars expect less.",
        counted(measured, "window")
    );
    let head = format!("± width ({unit})");
    let numbers = ["asked for", "covered, %", "95 % interval", &head].map(Column::Number);
    table(
        "coverage of intervals",
        &caption,
        &[&numbers[..], &[Column::Text("told")]].concat(),
        rows,
    )
}
