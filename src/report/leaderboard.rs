//! The ranking beside the baselines, what differs, and the runs without a place.

use maud::{Markup, html};

use super::material::Material;
use super::table::{Column, region, table};
use super::words::{better, counted, in_unit};
use evidence::compare::{BaselineRow, Interval, Row, Spread, setting, short_names};
use evidence::student_t_quantile;
use experiment::metric::{Metric, Quantity, Split};
use text::number;

/// Rows of a table; `kiln compare` lists all.
pub(super) const MOST_ROWS: usize = 200;
/// Differing settings that the ranking repeats.
const MOST_SETTINGS: usize = 6;
/// Values of a setting that are listed.
const MOST_VALUES: usize = 12;

/// What may stand at a place of the ranking.
pub(super) enum Entry<'a> {
    /// A row with its place among the ranked, from 0.
    Row(usize, &'a Row),
    Baseline(&'a BaselineRow),
}

/// Ranked rows with the baselines among them, each at the place that it would take.
pub(super) fn entries(material: &Material) -> Vec<Entry<'_>> {
    let mut rows = material.ranked().enumerate().peekable();
    let mut entries = Vec::new();
    let mut baselines: Vec<&BaselineRow> = material.comparison.baselines.iter().collect();
    baselines.sort_by_key(|baseline| baseline.would_rank);
    for baseline in baselines {
        while let Some((place, row)) =
            rows.next_if(|(_, row)| row.rank.is_some_and(|rank| rank < baseline.would_rank))
        {
            entries.push(Entry::Row(place, row));
        }
        entries.push(Entry::Baseline(baseline));
    }
    entries.extend(rows.map(|(place, row)| Entry::Row(place, row)));
    entries
}

/// The keys of the differing settings that a ranking repeats, with their short names.
pub(super) fn shown_settings(material: &Material) -> Vec<(&str, String)> {
    let keys: Vec<&str> = material
        .comparison
        .differing
        .iter()
        .map(|difference| difference.key.as_str())
        .take(MOST_SETTINGS)
        .collect();
    let names = short_names(&keys);
    keys.into_iter().zip(names).collect()
}

/// What rows are measured by: the objective first, as in a narrow window the first columns are
/// seen.
pub(super) fn shown_columns(material: &Material) -> Vec<Metric> {
    let objective = material.comparison.objective;
    let others = material.comparison.columns().into_iter().filter(|metric| *metric != objective);
    std::iter::once(objective).chain(others).collect()
}

/// Whether a ranked row cannot be told from the best one.
pub(super) fn is_alike(material: &Material, place: usize) -> bool {
    material.comparison.significance.as_ref().is_some_and(|found| found.is_alike(place))
}

/// Half the width of the 95 % interval of a mean over seeds or folds, by Student's t.
pub(super) fn half_width(spread: Spread) -> Option<f64> {
    let (sd, n) = (spread.sd?, spread.n as f64);
    Some(student_t_quantile(0.975, n - 1.0)? * sd / n.sqrt())
}

/// A row's mean with its interval over seeds or folds, or one run's with the interval over its
/// windows.
pub(super) fn with_interval(row: &Row, spread: Spread) -> String {
    let mean = number(Some(spread.mean));
    let lack = row.seeds.lack();
    match (half_width(spread), row.interval) {
        (Some(half), _) => format!(
            "{mean} ± {} ({})",
            number(Some(half)),
            lack.unwrap_or_else(|| spread.n.to_string())
        ),
        (None, interval) => {
            let lack = lack.map_or_else(String::new, |lack| format!(" ({lack})"));
            let interval = interval.map_or_else(String::new, |Interval { low, high, .. }| {
                format!(" [{}, {}]", number(Some(low)), number(Some(high)))
            });
            format!("{mean}{lack}{interval}")
        }
    }
}

/// A baseline by a metric of the ranking.
pub(super) fn baseline_value(
    material: &Material,
    baseline: &BaselineRow,
    metric: Metric,
) -> Option<f64> {
    match metric {
        metric if metric == material.yardstick() => Some(baseline.value),
        Metric { split: Split::Valid, quantity: Quantity::Skill }
            if material.yardstick().split == Split::Valid =>
        {
            baseline.skill
        }
        _ => None,
    }
}

/// A baseline's name as a table shows it.
pub(super) fn baseline_name(baseline: &BaselineRow) -> String {
    match baseline.variants {
        1 => format!("{} (baseline)", baseline.name),
        variants => format!("{} (baseline, best of {variants})", baseline.name),
    }
}

/// The section.
pub(super) fn section(material: &Material) -> Markup {
    let comparison = &material.comparison;
    if material.ranked().next().is_none() {
        return html! { p { "No run has finished: there is nothing to rank." } };
    }
    let seeds = if comparison.rows.iter().any(|row| row.value.is_some_and(|value| value.n > 1)) {
        format!(
            " ± is the 95 % interval of the mean over {} (Student's t), in brackets how many.",
            comparison.spread_over
        )
    } else {
        let windows = match comparison.rows.iter().find_map(|row| row.interval) {
            Some(Interval { confidence, .. }) => {
                format!(
                    " In brackets the {:.0} % interval over its windows (stationary block \
                        bootstrap).",
                    100.0 * confidence
                )
            }
            None => String::new(),
        };
        format!(" Each row is one seed: how much another seed would change is not known.{windows}")
    };
    let alike = if comparison.significance.is_some() {
        " ≈ marks what cannot be told from the best (90 % model confidence set)."
    } else {
        ""
    };
    let caption = format!(
        "Ranked by {}, {} is better, at the best epoch by valid.loss.{seeds}{alike} Baselines \
            stand where they would rank.",
        in_unit(material, comparison.objective),
        better(comparison.direction)
    );
    let settings = shown_settings(material);
    let columns = shown_columns(material);
    let entries = entries(material);
    let more = entries.len().saturating_sub(MOST_ROWS);
    let markup = html! {
        table class="sortable" id="rows" {
            caption { (caption) }
            thead {
                tr {
                    (column("#", "#"))
                    (column("run", "run"))
                    @for metric in &columns {
                        (column(&metric.to_string(), &material.named(*metric)))
                    }
                    (column("best epoch", "the epoch whose weights are kept, by valid.loss"))
                    @for (key, name) in &settings { (column(name, key)) }
                }
            }
            tbody {
                @for entry in entries.iter().take(MOST_ROWS) {
                    @match entry {
                        Entry::Row(place, row) => {
                            (ranked(material, *place, row, &settings, &columns))
                        }
                        Entry::Baseline(baseline) => {
                            (reference(material, baseline, settings.len(), &columns))
                        }
                    }
                }
            }
        }
    };
    html! {
        (region("leaderboard", &markup))
        @if more > 0 {
            p class="note" { "… and " (more) " more; " code { "kiln compare" } " lists all." }
        }
        (unranked(material))
    }
}

fn column(name: &str, title: &str) -> Markup {
    html! { th scope="col" title=(title) { (name) } }
}

fn ranked(
    material: &Material,
    place: usize,
    row: &Row,
    settings: &[(&str, String)],
    columns: &[Metric],
) -> Markup {
    let rank = row.rank.unwrap_or_default();
    let objective = material.comparison.objective;
    let shown = |metric: Metric, spread: Spread| {
        if metric == objective { with_interval(row, spread) } else { number(Some(spread.mean)) }
    };
    html! {
        tr data-row=(place) {
            td data-v=(rank) { @if is_alike(material, place) { "≈" } (rank) }
            th scope="row" title=(row.runs.join(", ")) {
                code { (row.run) }
                @if row.runs.len() > 1 { " +" (row.runs.len() - 1) }
            }
            @for &metric in columns {
                @match row.metric(metric, &material.comparison) {
                    Some(spread) => { td data-v=(spread.mean) { (shown(metric, spread)) } }
                    None => { td { "—" } }
                }
            }
            (epochs(row))
            @for (key, _) in settings {
                @let value = row.settings.get(*key);
                td data-v=[value.and_then(serde_json::Value::as_f64)] { (setting(value)) }
            }
        }
    }
}

fn reference(
    material: &Material,
    baseline: &BaselineRow,
    settings: usize,
    columns: &[Metric],
) -> Markup {
    let found = material.comparison.significance.as_ref();
    let in_set = found.is_some_and(|found| found.baselines_in_set.contains(&baseline.name));
    let place = baseline.would_rank;
    html! {
        tr class="baseline" {
            // Before the row whose place it would take.
            td data-v=(place as f64 - 0.5) { @if in_set { "≈" } "(" (place) ")" }
            th scope="row" { (baseline_name(baseline)) }
            @for metric in columns {
                @let value = baseline_value(material, baseline, *metric);
                td data-v=[value] { @if value.is_some() { (number(value)) } }
            }
            @for _ in 0..=settings { td {} }
        }
    }
}

fn epochs(row: &Row) -> Markup {
    let (least, most) = (row.best_epochs.iter().min(), row.best_epochs.iter().max());
    html! {
        td data-v=[least] {
            @match (least, most) {
                (Some(least), Some(most)) if least < most => { (least) "–" (most) }
                (Some(least), _) => { (least) }
                _ => { "—" }
            }
        }
    }
}

fn unranked(material: &Material) -> Markup {
    let unranked = &material.comparison.unranked;
    if unranked.is_empty() {
        return html! {};
    }
    let rows = unranked.iter().take(MOST_ROWS).map(|run| {
        html! {
            tr {
                th scope="row" { code { (run.run) } }
                td { (run.epochs) }
                td { (number(run.so_far)) }
                td class="text" { (run.state) }
            }
        }
    });
    let more = match unranked.len().saturating_sub(MOST_ROWS) {
        0 => String::new(),
        more => format!(", the first {MOST_ROWS}; {more} more are not listed"),
    };
    let caption = format!("{} without a place{more}", counted(unranked.len(), "run"));
    let columns = [
        Column::Number("run"),
        Column::Number("epochs"),
        Column::Number("so far"),
        Column::Text("state"),
    ];
    html! {
        h3 { "Not ranked" }
        (table("runs without a place", &caption, &columns, rows))
    }
}

/// The settings that differ, with their values.
pub(super) fn differing(material: &Material) -> Markup {
    let differing = &material.comparison.differing;
    if differing.is_empty() {
        return html! { p { "Nothing: the settings of all rows are equal." } };
    }
    let rows = differing.iter().map(|difference| {
        let values = &difference.values;
        let mut texts: Vec<String> = values
            .iter()
            .take(MOST_VALUES)
            .map(|value| format!("{} ({})", setting(Some(&value.value)), value.rows))
            .collect();
        if values.len() > MOST_VALUES {
            texts.push(format!("… {} values in all", values.len()));
        }
        html! {
            tr {
                th scope="row" { code { (difference.key) } }
                td class="text" { (texts.join(", ")) }
            }
        }
    });
    let caption = "All other settings are equal; they are in the experiment below.";
    table(
        "settings that differ",
        caption,
        &[Column::Text("setting"), Column::Text("values (rows)")],
        rows,
    )
}
