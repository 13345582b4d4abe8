//! The page: one file, no network.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::html::{script_data, visible};
use super::material::Material;
use super::words::{capitalized, counted};
use super::{account, curves, forecasts, leaderboard, parallel, parameters, provenance, residuals};

/// uPlot 1.6.32 (MIT), see `assets/README.md`.
const UPLOT: &str = include_str!("assets/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("assets/uPlot.min.css");
const UPLOT_LICENSE: &str = include_str!("assets/uPlot.LICENSE");
const SCRIPT: &str = include_str!("assets/page.js");
const STYLE: &str = include_str!("assets/page.css");

/// What a report's file begins with: by it a later report knows that it may take its place.
pub const GENERATOR: &str = "<!doctype html>\n<!-- a report of kiln -->\n";

/// The page of a sweep. The same records give the same bytes.
#[must_use]
pub fn page(material: &Material) -> String {
    let rows = parameters::rows(material);
    let parameters = parameters::parameters(material, &rows);
    let (curves, curve_data) = curves::section(material);
    let (parallel, parallel_data) = parallel::section(material, &rows, &parameters);
    let (forecasts, forecast_data) = forecasts::section(material);
    let (account, account_data) = match &material.trading {
        Some(Ok(trading)) => {
            let (account, data) = account::section(material, trading);
            (Some(account), data)
        }
        Some(Err(why)) => {
            (Some(html! { p { "Nothing could be traded: " (why) "." } }), json!(null))
        }
        None => (None, json!(null)),
    };
    let data = json!({
        "curves": curve_data, "parallel": parallel_data, "forecasts": forecast_data,
        "account": account_data,
    });

    let mut sections: Vec<(&'static str, &'static str, Markup)> = vec![
        ("leaderboard", "Leaderboard", leaderboard::section(material)),
        ("differing", "What differs", leaderboard::differing(material)),
        ("learning", "Learning curves", curves),
    ];
    if !parameters.is_empty() {
        let markup = html! {
            h3 { "Together" }
            (parallel)
            h3 { "One at a time" }
            (parameters::slices(material, &rows, &parameters))
            h3 { "Which of them matter" }
            (parameters::importances(&rows, &parameters))
        };
        sections.push(("parameters", "Parameters and results", markup));
    }
    sections.push(("against", "Forecasts against what came", forecasts));
    sections.push(("residuals", "Errors of the best run", residuals::section(material)));
    if let Some(account) = account {
        sections.push(("account", "Traded", account));
    }
    sections.push(("provenance", "Provenance", provenance::section(material)));

    let shown = html! {
        a class="skip" href="#leaderboard" { "to the leaderboard" }
        (header(material))
        nav aria-label="sections" {
            ul {
                @for (id, title, _) in &sections { li { a href={ "#" (id) } { (title) } } }
            }
        }
        main {
            @for (id, title, content) in &sections {
                section id=(id) aria-labelledby={ (id) "-h" } {
                    h2 id={ (id) "-h" } { (title) }
                    (content)
                }
            }
        }
        (footer())
    };
    html! {
        (PreEscaped(GENERATOR))
        html lang="en" {
            head {
                meta charset="utf-8";
                (visible(&html! {
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    title { (material.name) ": a report of kiln" }
                }))
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                style { (PreEscaped(UPLOT_STYLE)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (visible(&shown))
                script type="application/json" id="data" { (script_data(&data)) }
                script { (PreEscaped(UPLOT)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
        "\n"
    }
    .into_string()
}

/// Nothing is fetched; the scripts and styles that run are these, by their hashes. Pictures that a
/// browser makes itself are let be.
fn policy() -> String {
    let hash =
        |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {} {}; style-src {} {}; base-uri 'none'; \
         form-action 'none'",
        hash(UPLOT),
        hash(SCRIPT),
        hash(UPLOT_STYLE),
        hash(STYLE)
    )
}

/// The question and the verdict.
fn header(material: &Material) -> Markup {
    let comparison = &material.comparison;
    let question =
        material.manifest.question.as_deref().filter(|question| !question.trim().is_empty());
    let finished = material.runs.iter().filter(|run| run.result.is_some()).count();
    let planned = counted(material.manifest.trials.len().max(material.runs.len()), "run");
    html! {
        header {
            div class="bar" {
                p class="kind" { "kiln report" }
                button type="button" id="theme" class="js" { "theme: as the system" }
            }
            h1 { (material.name) }
            @if let Some(question) = question { p class="question" { (question) } }
            div class="verdict" role="note" aria-label="verdict" {
                @for sentence in comparison.conclusion() { p { (capitalized(&sentence)) "." } }
            }
            @for note in &comparison.notes {
                p class="caution" { b { "Note:" } " " (note) "." }
            }
            p class="note" {
                (finished) " of " (planned) " finished; ranked by "
                (comparison.objective.to_string()) "."
            }
            noscript {
                p class="caution" {
                    "Without JavaScript the tables and small plots are all there; the zoomable \
                     plots are not."
                }
            }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer {
            p {
                "Made by kiln " (env!("CARGO_PKG_VERSION")) ", from records alone; the same \
                 records give the same bytes. This file fetches nothing."
            }
            details {
                summary { "uPlot 1.6.32 draws the zoomable plots (MIT)" }
                pre { (UPLOT_LICENSE) }
            }
        }
    }
}
