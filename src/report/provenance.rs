//! Where the numbers came from.

use maud::{Markup, html};
use std::collections::BTreeSet;

use super::material::Material;
use super::table::{Column, table};
use super::words::counted;
use evidence::compare::names;
use experiment::metric::Quantity;
use runs::store::{RunRecord, evaluation_value};
use text::number;

/// Openings, damages and warnings that are listed.
const MOST_LISTED: usize = 50;

/// The section.
pub(super) fn section(material: &Material) -> Markup {
    let experiment = &material.manifest.experiment;
    html! {
        dl { @for (name, value) in facts(material) { dt { (name) } dd { (value) } } }
        (openings(material))
        (listed("What could not be read", &damages(material)))
        (listed("Warnings", &warnings(material)))
        @if !experiment.is_empty() {
            details {
                summary { "The experiment file as it was read" }
                pre tabindex="0" { @for line in experiment.lines() { (line) "\n" } }
            }
        }
    }
}

/// Names and values, for a page and for a README alike.
pub(super) fn facts(material: &Material) -> Vec<(&'static str, String)> {
    let origin = &material.manifest.origin;
    let mut facts: Vec<(&'static str, String)> = Vec::new();
    let dirty = match origin.git_dirty {
        Some(true) => " with changes that are not committed",
        Some(false) => ", nothing changed",
        None => "",
    };
    facts.push((
        "git revision",
        origin
            .git_revision
            .as_ref()
            .map_or_else(|| "none: not in a git checkout".to_owned(), |it| format!("{it}{dirty}")),
    ));
    facts.push((
        "data (blake3)",
        if origin.data_fingerprint.is_empty() {
            "not recorded".to_owned()
        } else {
            origin.data_fingerprint.clone()
        },
    ));
    facts.push((
        "trained with",
        format!("kiln {}", if origin.kiln_version.is_empty() { "?" } else { &origin.kiln_version }),
    ));
    facts.push(("reported with", format!("kiln {}", env!("CARGO_PKG_VERSION"))));
    if !origin.argv.is_empty() {
        facts.push(("command line", origin.argv.join(" ")));
    }
    if !origin.overrides.is_empty() {
        facts.push(("overrides", origin.overrides.join(", ")));
    }
    let devices: BTreeSet<&str> =
        material.runs.iter().filter_map(|run| run.progress.device.as_deref()).collect();
    facts.push(("devices", devices.into_iter().collect::<Vec<_>>().join(", ")));
    let finished: Vec<_> = material.runs.iter().filter_map(|run| run.result.as_ref()).collect();
    facts.push((
        "runs",
        format!(
            "{} of {} planned have a result",
            finished.len(),
            material.manifest.trials.len().max(material.runs.len())
        ),
    ));
    let windows: BTreeSet<String> = finished
        .iter()
        .map(|result| {
            format!(
                "{} train, {} valid, {} test",
                result.windows.train, result.windows.valid, result.windows.test
            )
        })
        .collect();
    facts.push(("windows", windows.into_iter().take(3).collect::<Vec<_>>().join("; ")));
    let seconds: f64 =
        finished.iter().map(|result| result.seconds).filter(|seconds| seconds.is_finite()).sum();
    facts.push(("training time", format!("{} s in all, summed over runs", number(Some(seconds)))));
    facts.push(("test split", opened(&material.runs)));
    facts
}

/// How often the test split was opened, in words.
fn opened(runs: &[RunRecord]) -> String {
    let openings: usize = runs.iter().map(|run| run.evaluations.len()).sum();
    let by = runs.iter().filter(|run| !run.evaluations.is_empty()).count();
    match openings {
        0 => "never opened".to_owned(),
        openings => {
            let early = runs
                .iter()
                .flat_map(|run| &run.evaluations)
                .filter(|evaluation| evaluation.early.is_some())
                .count();
            let early = if early > 0 {
                format!(", {} before the sweep was over", counted(early, "time"))
            } else {
                String::new()
            };
            format!("opened {} by {}{early}", counted(openings, "time"), counted(by, "run"))
        }
    }
}

fn openings(material: &Material) -> Markup {
    let all: Vec<(String, &runs::store::Evaluation)> = material
        .runs
        .iter()
        .flat_map(|run| run.evaluations.iter().map(|evaluation| (names(run).1, evaluation)))
        .collect();
    if all.is_empty() {
        return html! {};
    }
    let rows = all.iter().take(MOST_LISTED).map(|(run, evaluation)| {
        let skill = evaluation_value(evaluation, Quantity::Skill);
        html! {
            tr {
                th scope="row" { code { (run) } }
                td class="text" { (evaluation.at) }
                td { (evaluation.windows) }
                td { (number(Some(evaluation.rmse))) }
                td { (number(Some(evaluation.mae))) }
                td { (number(skill)) }
            }
        }
    });
    let caption = format!(
        "Openings of the test split: {} in all; a number that was looked at before is no longer a \
            first look.",
        all.len()
    );
    let numbers = ["windows", "test.rmse", "test.mae", "test.skill"].map(Column::Number);
    let columns = [&[Column::Number("run"), Column::Text("when")][..], &numbers].concat();
    table("openings of the test split", &caption, &columns, rows)
}

fn damages(material: &Material) -> Vec<String> {
    let of_runs = material
        .runs
        .iter()
        .flat_map(|run| run.damage.iter().map(|why| format!("{}: {why}", names(run).1)));
    material.damaged.iter().map(|(name, why)| format!("{name}: {why}")).chain(of_runs).collect()
}

fn warnings(material: &Material) -> Vec<String> {
    material
        .runs
        .iter()
        .flat_map(|run| {
            run.progress.warnings.iter().map(|warning| format!("{}: {warning}", names(run).1))
        })
        .collect()
}

fn listed(title: &str, lines: &[String]) -> Markup {
    let more = lines.len().saturating_sub(MOST_LISTED);
    html! {
        @if !lines.is_empty() {
            h3 { (title) " (" (lines.len()) ")" }
            ul {
                @for line in lines.iter().take(MOST_LISTED) { li { (line) } }
                @if more > 0 { li { "… and " (more) " more" } }
            }
        }
    }
}
