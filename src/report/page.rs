//! The page: one file, no network.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::html::Html;
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
        Some(Ok(trading)) => account::section(material, trading),
        Some(Err(why)) => (Html::fill("<p>Nothing could be traded: {}.</p>", &[why]), json!(null)),
        None => (Html::default(), json!(null)),
    };
    let data = json!({ "curves": curve_data, "parallel": parallel_data, "forecasts": forecast_data, "account": account_data });

    let mut sections: Vec<(&'static str, &'static str, Html)> = vec![
        ("leaderboard", "Leaderboard", leaderboard::section(material)),
        ("differing", "What differs", leaderboard::differing(material)),
        ("learning", "Learning curves", curves),
    ];
    if !parameters.is_empty() {
        let mut html = Html::raw("<h3>Together</h3>");
        html.push(&parallel);
        html.push(&Html::raw("<h3>One at a time</h3>"));
        html.push(&parameters::slices(material, &rows, &parameters));
        html.push(&Html::raw("<h3>Which of them matter</h3>"));
        html.push(&parameters::importances(&rows, &parameters));
        sections.push(("parameters", "Parameters and results", html));
    }
    sections.push(("against", "Forecasts against what came", forecasts));
    sections.push(("residuals", "Errors of the best run", residuals::section(material)));
    if !account.is_empty() {
        sections.push(("account", "Traded", account));
    }
    sections.push(("provenance", "Provenance", provenance::section(material)));

    let links: Html = sections
        .iter()
        .map(|(id, title, _)| Html::fill("<li><a href=\"#{}\">{}</a></li>", &[id, title]))
        .collect();
    let body: Html = (sections.iter())
        .map(|(id, title, html)| {
            Html::fill(
                "<section id=\"{}\" aria-labelledby=\"{}-h\"><h2 id=\"{}-h\">{}</h2>{}</section>\n",
                &[id, id, id, title, html],
            )
        })
        .collect();
    let title = format!("{}: a report of kiln", material.name);
    Html::fill(
        "{}<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta \
            http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<meta name=\"viewport\" \
            content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" \
            content=\"light dark\">\n<meta name=\"referrer\" \
            content=\"no-referrer\"><title>{}</title>\n<style>{}</style><style>{}</style></head>\n<body><a \
            class=\"skip\" href=\"#leaderboard\">to the leaderboard</a>{}<nav \
            aria-label=\"sections\"><ul>{}</ul></nav>\n<main>{}</main>\n{}<script \
            type=\"application/json\" \
            id=\"data\">{}</script>\n<script>{}</script>\n<script>{}</script></body></html>\n",
        &[
            &Html::raw(GENERATOR),
            &policy(),
            &title,
            &Html::raw(UPLOT_STYLE),
            &Html::raw(STYLE),
            &header(material),
            &links,
            &body,
            &footer(),
            &Html::json(&data),
            &Html::raw(UPLOT),
            &Html::raw(SCRIPT),
        ],
    )
    .into_string()
}

/// Nothing is fetched; the scripts and styles that run are these, by their hashes. Pictures that a
/// browser makes itself are let be.
fn policy() -> String {
    let hash =
        |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {} {}; style-src {} {}; base-uri 'none'; form-action 'none'",
        hash(UPLOT),
        hash(SCRIPT),
        hash(UPLOT_STYLE),
        hash(STYLE)
    )
}

/// The question and the verdict.
fn header(material: &Material) -> Html {
    let comparison = &material.comparison;
    let question =
        material.manifest.question.as_deref().filter(|question| !question.trim().is_empty());
    let question = question.map_or_else(Html::default, |question| {
        Html::fill("<p class=\"question\">{}</p>", &[&question])
    });
    let verdict: Html = comparison
        .conclusion()
        .iter()
        .map(|sentence| Html::fill("<p>{}.</p>", &[&capitalized(sentence)]))
        .collect();
    let notes: Html = comparison
        .notes
        .iter()
        .map(|note| Html::fill("<p class=\"caution\"><b>Note:</b> {}.</p>", &[note]))
        .collect();
    let finished = material.runs.iter().filter(|run| run.result.is_some()).count();
    let runs = format!(
        "{} of {}",
        finished,
        counted(material.manifest.trials.len().max(material.runs.len()), "run")
    );
    Html::fill(
        "<header><div class=\"bar\"><p class=\"kind\">kiln report</p><button type=\"button\" \
            id=\"theme\" class=\"js\">theme: as the system</button></div><h1>{}</h1>{}<div \
            class=\"verdict\" role=\"note\" aria-label=\"verdict\">{}</div>{}<p class=\"note\">{} \
            finished; ranked by {}.</p><noscript><p class=\"caution\">Without JavaScript the \
            tables and small plots are all there; the zoomable plots are \
            not.</p></noscript></header>",
        &[&material.name, &question, &verdict, &notes, &runs, &comparison.objective.to_string()],
    )
}

fn footer() -> Html {
    let lines: Html = UPLOT_LICENSE.lines().map(|line| Html::fill("{}\n", &[&line])).collect();
    Html::fill(
        "<footer><p>Made by kiln {}, from records alone; the same records give the same bytes. \
            This file fetches nothing.</p><details><summary>uPlot 1.6.32 draws the zoomable plots \
            (MIT)</summary><pre>{}</pre></details></footer>\n",
        &[&env!("CARGO_PKG_VERSION"), &lines],
    )
}
