//! `kiln models show`: one version, and all that its model card says.

use serde_json::json;
use std::io::Write;

use super::Registry;
use super::tag::in_words;
use crate::cmd::metrics::{metric_rows, metric_table};
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome};
use experiment::metric::Split;
use runs::model::{Metrics, ModelCard, SavedModel, Source};
use runs::registry::{self, Resolved};
use runs::store::Baseline;
use text::{cleaned, number};

pub(super) fn run(
    registry: &Registry,
    reference: &str,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let Resolved { name, version, folder, alias: _ } = registry.version(reference)?;
    let state = registry::model(&registry.root, &name)?;
    let model = SavedModel::read(&folder)?;
    let aliases = state.aliases_of(version);
    let tags = state.versions.get(&version).map(|version| version.tags.clone()).unwrap_or_default();
    if registry.json {
        let value = json!({
            "model": name, "version": version, "folder": folder, "aliases": aliases,
            "tags": tags, "card": model.card,
            "warnings": model.warnings(),
        });
        return write_json(out, &value).map(|()| Outcome::Done);
    }
    let aliases = if aliases.is_empty() { "no alias".to_owned() } else { aliases.join(", ") };
    writeln!(out, "{name}@{version} ({aliases}; {})", in_words(&tags))?;
    writeln!(out, "folder: {}", cleaned(&folder.display().to_string()))?;
    for warning in model.warnings() {
        writeln!(out, "warning: {}", cleaned(&warning))?;
    }
    write_card(out, &model.card)?;
    Ok(Outcome::Done)
}

fn write_card(out: &mut dyn Write, card: &ModelCard) -> Result<(), Failure> {
    let ModelCard {
        saved_at,
        source,
        settings,
        windows,
        best_epoch,
        selection,
        metrics,
        verdict,
        intervals,
        profile,
        weights,
        ..
    } = card;
    writeln!(out, "from: {}, saved {}", origin(source), cleaned(saved_at))?;
    let (data, model) = (&settings.data, &settings.model);
    let features: Vec<String> = data.features.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "forecasts: {}, horizon {}, window {}, features {}",
        data.target.kind.unit(),
        data.target.horizon,
        data.window,
        cleaned(&features.join(", "))
    )?;
    let bars = card
        .known_bar_seconds()
        .map_or_else(|| "of unknown length".to_owned(), |seconds| format!("of {seconds} s"));
    let best = best_epoch.map_or_else(|| "not known".to_owned(), |epoch| epoch.to_string());
    writeln!(
        out,
        "network: hidden size {}, layers {}, {} parameters, best epoch {best}; bars {bars}",
        model.hidden_size, model.num_layers, weights.parameters
    )?;
    let zone = card.zone().unwrap_or("not known");
    let label = match &data.source {
        experiment::Source::File { bar_label: experiment::BarLabel::End, .. } => "end",
        _ => "start",
    };
    writeln!(out, "time: zone {}, timestamps mark the {label} of a bar", cleaned(zone))?;
    writeln!(
        out,
        "windows: {} train, {} valid, {} test",
        windows.train, windows.valid, windows.test
    )?;
    if let Some(selection) = selection {
        let number =
            selection.number.map_or_else(|| "one".to_owned(), |number| format!("number {number}"));
        writeln!(
            out,
            "chosen: {number} of {} trials ever tried on this span, of {} in its sweep",
            selection.ever, selection.sweep
        )?;
    }
    match verdict {
        Some(verdict) => {
            let rank =
                verdict.rank.map_or_else(|| "no place".to_owned(), |rank| format!("number {rank}"));
            writeln!(out, "\nverdict on its sweep, in which it has {rank} of {}", verdict.rows)?;
            for sentence in &verdict.sentences {
                writeln!(out, "- {}", cleaned(sentence))?;
            }
        }
        None => writeln!(out, "\nno verdict")?,
    }
    write_metrics(out, card, metrics)?;
    if !intervals.is_empty() {
        let words: Vec<String> = intervals
            .iter()
            .map(|interval| {
                format!(
                    "{} % ± {}",
                    evidence::calibration::percent(interval.coverage),
                    number(Some(interval.calibration.margin))
                )
            })
            .collect();
        writeln!(out, "\nconformal intervals, in the target's unit: {}", words.join(", "))?;
    }
    let profile = if profile.is_some() {
        "kept: a service sees drift by it"
    } else {
        "none: a service cannot see drift"
    };
    writeln!(out, "profile of the training rows: {profile}")?;
    writeln!(out, "sha256 of the weights: {} ({} bytes)", weights.sha256, weights.bytes)?;
    Ok(())
}

fn write_metrics(out: &mut dyn Write, card: &ModelCard, metrics: &Metrics) -> Result<(), Failure> {
    let kind = card.settings.data.target.kind;
    let Metrics { skill: _, baselines, valid, test } = metrics;
    let rows = metric_rows(Split::Valid, kind, |metric| metrics.estimate(metric));
    writeln!(
        out,
        "\nmetrics of the validation forecasts\n{}",
        metric_table(&rows, kind, valid.as_ref()).trim_end()
    )?;
    writeln!(out, "baselines on the same windows: {}", beside(baselines))?;
    match test {
        Some(test) => {
            let rows = metric_rows(Split::Test, kind, |metric| metrics.estimate(metric));
            let table = metric_table(&rows, kind, test.scores.as_ref());
            writeln!(
                out,
                "\nmetrics of the test forecasts, opened at {}\n{}",
                cleaned(&test.at),
                table.trim_end()
            )?;
            writeln!(out, "baselines on the same windows: {}", beside(&test.baselines))?;
        }
        None => writeln!(out, "\nthe test split was not opened before it was saved")?,
    }
    Ok(())
}

/// `persistence rmse 0.54, linear rmse 0.6`.
fn beside(baselines: &[Baseline]) -> String {
    let words: Vec<String> = baselines
        .iter()
        .map(|baseline| format!("{} rmse {}", cleaned(&baseline.name), number(Some(baseline.rmse))))
        .collect();
    if words.is_empty() { "none recorded".to_owned() } else { words.join(", ") }
}

/// Where weights come from, in a line.
pub(super) fn origin(source: &Source) -> String {
    match source {
        Source::Run { sweep, run, attempt, .. } => {
            cleaned(&format!("run {sweep}/{run}, attempt {attempt}"))
        }
        Source::Import { file, sha256: _, like } => {
            cleaned(&format!("{file}, imported as one like {like}"))
        }
    }
}
