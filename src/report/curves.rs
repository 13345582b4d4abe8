//! Learning curves: each assignment's mean over its seeds, with the band between the lowest and the
//! highest of them.

use maud::{Markup, html};
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use super::leaderboard::{Entry, entries, shown_settings};
use super::material::{ByName, Material, by_name, runs_of};
use super::table::{Column, table};
use super::thin::short;
use super::words::counted;
use evidence::compare::{Comparison, Row, names, setting};
use experiment::event::End;
use experiment::metric::{Metric, Quantity, Split};
use lane_types::{EpochReport, SplitReport};
use runs::store::RunRecord;

/// Rows whose curves are drawn.
const MOST_ROWS: usize = 60;
/// Epochs that are drawn.
const MOST_EPOCHS: usize = 120;

/// The section, and what its script draws.
pub(super) fn section(material: &Material) -> (Markup, Json) {
    // Each epoch has these; an objective that it has not is told by the rmse.
    let quantity = match material.comparison.objective.quantity {
        quantity @ (Quantity::Loss | Quantity::Mse | Quantity::Mae) => quantity,
        _ => Quantity::Rmse,
    };
    let (train, valid) =
        (Metric { split: Split::Train, quantity }, Metric { split: Split::Valid, quantity });
    let runs = material.by_name();
    let rows = with_epochs(&material.comparison, &runs);
    let shown: Vec<&Row> = rows.iter().copied().take(MOST_ROWS).collect();
    let last = shown
        .iter()
        .flat_map(|row| runs_of(row, &runs))
        .filter_map(|run| Some(run.progress.epochs.last()?.epoch))
        .max();
    let Some(last) = last else {
        return (html! { p { "No run has ended an epoch yet." } }, Json::Null);
    };
    let epochs = drawn_epochs(last, shown.iter().flat_map(|row| row.best_epochs.iter().copied()));
    let settings = shown_settings(material);
    let lines: Vec<Json> =
        shown.iter().map(|row| line(row, &runs, &settings, &epochs, quantity)).collect();
    let rules = entries(material).into_iter().filter_map(|entry| match entry {
        Entry::Baseline(baseline) if material.yardstick() == valid => {
            Some(json!({ "name": baseline.name, "value": short(baseline.value) }))
        }
        _ => None,
    });
    let data = json!({
        "epochs": epochs,
        "unit": material.named(valid),
        "rows": lines,
        "rules": rules.collect::<Vec<_>>(),
    });
    let mut notes = vec![format!(
        "Solid: {valid}; dashed, where one curve is chosen: {train}. A curve is the mean over the \
            seeds that reached the epoch, its band goes from the lowest to the highest of them, ● \
            is the epoch whose weights are kept (by valid.loss)."
    )];
    if epochs.len() < last {
        notes.push(format!(
            "Of {last} epochs {} are drawn, evenly spaced, and each best one.",
            epochs.len()
        ));
    }
    if rows.len() > shown.len() {
        notes.push(format!(
            "The first {} of {} are drawn.",
            shown.len(),
            counted(rows.len(), "row")
        ));
    }
    notes.push(stops(material));
    let label = format!("learning curves: {valid} by epoch, one line a row");
    let markup = html! {
        div class="plot" id="curves" role="img" aria-label=(label) {}
        p class="note" { (notes.join(" ")) }
        (first_and_last(material, &shown, &runs, quantity))
    };
    (markup, data)
}

/// The folders of the runs whose curves are drawn: every epoch of these is wanted, of the others
/// whether there is one.
#[must_use]
pub fn drawn_curves(comparison: &Comparison, runs: &[RunRecord]) -> HashSet<PathBuf> {
    let runs = by_name(runs);
    let drawn = with_epochs(comparison, &runs).into_iter().take(MOST_ROWS);
    drawn.flat_map(|row| runs_of(row, &runs)).map(|run| run.folder.clone()).collect()
}

/// The rows of which some run has ended an epoch.
fn with_epochs<'a>(comparison: &'a Comparison, runs: &ByName<'_>) -> Vec<&'a Row> {
    comparison.rows.iter().filter(|row| runs_of(row, runs).any(has_epochs)).collect()
}

fn has_epochs(run: &RunRecord) -> bool {
    !run.progress.epochs.is_empty()
}

fn drawn_epochs(last: usize, best: impl Iterator<Item = usize>) -> Vec<usize> {
    let step = last.div_ceil(MOST_EPOCHS).max(1);
    let drawn: BTreeSet<usize> = (1..=last)
        .step_by(step)
        .chain([last])
        .chain(best.filter(|best| *best >= 1 && step > 1))
        .collect();
    drawn.into_iter().collect()
}

fn of(report: &SplitReport, quantity: Quantity) -> f64 {
    match quantity {
        Quantity::Loss => report.loss,
        Quantity::Mse => report.mse,
        Quantity::Mae => report.mae,
        _ => report.rmse,
    }
}

fn line(
    row: &Row,
    runs: &ByName<'_>,
    settings: &[(&str, String)],
    epochs: &[usize],
    quantity: Quantity,
) -> Json {
    let runs: Vec<&RunRecord> = runs_of(row, runs).filter(|run| has_epochs(run)).collect();
    let at = |run: &RunRecord, epoch: usize| {
        let reports = &run.progress.epochs;
        reports
            .binary_search_by_key(&epoch, |report| report.epoch)
            .ok()
            .map(|place| reports[place].clone())
    };
    let over = |pick: fn(&lane_types::EpochReport) -> &SplitReport,
                fold: fn(&[f64]) -> f64|
     -> Vec<Json> {
        let values = |epoch: usize| -> Vec<f64> {
            let found = runs.iter().filter_map(|run| Some(of(pick(&at(run, epoch)?), quantity)));
            found.filter(|value| value.is_finite()).collect()
        };
        epochs.iter().map(|&epoch| short(fold(&values(epoch)))).collect()
    };
    let mean: fn(&[f64]) -> f64 = |values| values.iter().sum::<f64>() / values.len() as f64;
    let lowest: fn(&[f64]) -> f64 = |values| values.iter().copied().fold(f64::NAN, f64::min);
    let highest: fn(&[f64]) -> f64 = |values| values.iter().copied().fold(f64::NAN, f64::max);
    let place = |epoch: &usize| epochs.iter().position(|drawn| drawn == epoch);
    let stopped: Vec<usize> = runs
        .iter()
        .filter(|run| run.result.as_ref().is_some_and(|result| result.end == End::Stopped))
        .filter_map(|run| place(&run.progress.epochs.last()?.epoch))
        .collect();
    let words: Vec<String> = settings
        .iter()
        .map(|(key, name)| format!("{name} {}", setting(row.settings.get(*key))))
        .collect();
    let mut line = json!({
        "name": row.run,
        "rank": row.rank,
        "words": words.join(" · "),
        "valid": over(|epoch| &epoch.valid, mean),
        "train": over(|epoch| &epoch.train, mean),
        "best": row.best_epochs.iter().filter_map(place).collect::<Vec<_>>(),
        "stopped": stopped,
    });
    if runs.len() > 1 {
        line["low"] = over(|epoch| &epoch.valid, lowest).into();
        line["high"] = over(|epoch| &epoch.valid, highest).into();
    }
    line
}

/// How trainings ended early, in words.
fn stops(material: &Material) -> String {
    let ended = |end: &End| {
        material
            .runs
            .iter()
            .filter(|run| run.result.as_ref().is_some_and(|result| result.end == *end))
            .count()
    };
    match (ended(&End::EarlyStopped), ended(&End::Stopped)) {
        (0, 0) => String::new(),
        (early, 0) => format!("{} stopped early.", counted(early, "run")),
        (0, stopped) => format!("{} stopped by a person or a pruner (✕).", counted(stopped, "run")),
        (early, stopped) => format!(
            "{} stopped early, {stopped} were stopped by a person or a pruner (✕).",
            counted(early, "run")
        ),
    }
}

/// The text alternative: where each curve begins, is best and ends.
fn first_and_last(
    material: &Material,
    rows: &[&Row],
    runs: &ByName<'_>,
    quantity: Quantity,
) -> Markup {
    let body = rows.iter().filter_map(|row| {
        let run = runs_of(row, runs).find(|run| has_epochs(run))?;
        let epochs = &run.progress.epochs;
        let value = |report: &EpochReport| text::number(Some(of(&report.valid, quantity)));
        let best = run.progress.best()?;
        let (first, last) = (epochs.first()?, epochs.last()?);
        Some(html! {
            tr {
                th scope="row" { code { (names(run).1) } }
                td { (value(first)) }
                td { (value(best)) }
                td { (best.epoch) }
                td { (value(last)) }
                td { (last.epoch) }
            }
        })
    });
    let caption = format!(
        "{} of each row's first run",
        material.named(Metric { split: Split::Valid, quantity })
    );
    let columns =
        ["run", "first epoch", "best", "best epoch", "last epoch", "epochs"].map(Column::Number);
    html! {
        details {
            summary { "The curves as a table" }
            (table("curves as a table", &caption, &columns, body))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_trainings_are_thinned_but_keep_their_ends_and_best_epochs() {
        assert_eq!(drawn_epochs(5, [3].into_iter()), [1, 2, 3, 4, 5]);
        let drawn = drawn_epochs(1000, [777].into_iter());
        assert!(
            drawn.len() <= MOST_EPOCHS + 2
                && [1, 777, 1000].iter().all(|epoch| drawn.contains(epoch)),
            "{drawn:?}"
        );
    }
}
