//! `show`: one run in full.

use super::args::{Json, RunsDir};
use clap::Args;
use lane_types::{EpochReport, SplitReport};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;

use super::metrics::{MetricRow, metric_rows, metric_table};
use super::scores::{write_quantiles, write_scores};
use super::selection::{forecasts, run_folder, write_json};
use super::{Failure, Outcome};
use evidence::calibration::{QuantileScores, quantile_scores};
use evidence::compare::{assignment, estimate, names, state, value};
use experiment::metric::{Metric, Quantity, Split};
use runs::store::{
    Baseline, Evaluation, RunRecord, RunResult, baseline_value, evaluation_value, read_run,
};
use text::{Align, cleaned, number, table};

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A run: SWEEP/ID, an id's unambiguous beginning, or SWEEP/best (SWEEP may be latest)
    pub run: String,
    #[command(flatten)]
    pub runs: RunsDir,
    #[command(flatten)]
    pub json: Json,
}

/// Most epochs that are printed.
const MOST_EPOCHS: usize = 20;

/// Prints one run: its settings, epochs, result, baselines, openings of the test rows, and what
/// could not be read of it.
///
/// # Errors
/// When the selector does not name one run, or the output fails.
pub fn run(args: ShowArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let ShowArgs { run, runs: RunsDir { runs: root }, json: Json { json } } = args;
    let folder = run_folder(&root, &run)?;
    let mut record = read_run(&folder.path)?;
    record.damage.extend(folder.damaged_files());
    if json {
        write_json(out, &as_json(&record))?
    } else {
        write_run(out, &record)?
    }
    Ok(Outcome::Done)
}

fn as_json(run: &RunRecord) -> serde_json::Value {
    let (sweep, name) = names(run);
    let progress = &run.progress;
    json!({
        "sweep": sweep,
        "run": name,
        "folder": run.folder.display().to_string(),
        "state": state(run),
        "trial": run.trial,
        "attempt": progress.attempt,
        "device": progress.device,
        "epochs": progress.epochs,
        "checkpoint": progress.checkpoint,
        "warnings": progress.warnings,
        "result": run.result,
        "valid_quantiles": valid_quantiles(run),
        "metrics": metrics(run),
        "evaluations": run.evaluations,
        "damage": run.damage,
    })
}

fn write_run(out: &mut dyn Write, run: &RunRecord) -> Result<(), Failure> {
    let (sweep, name) = names(run);
    writeln!(out, "{}: {}", cleaned(&format!("{sweep}/{name}")), cleaned(&state(run)))?;
    writeln!(out, "folder: {}", cleaned(&run.folder.display().to_string()))?;
    let device = run.progress.device.as_deref().map_or_else(|| "no device yet".to_owned(), cleaned);
    let trial = &run.trial;
    let fold = trial.fold().map_or_else(String::new, |fold| format!("fold {fold}, "));
    writeln!(
        out,
        "trial {}, repeat {}, {fold}seed {}, attempt {}, {device}",
        trial.index, trial.repeat, trial.settings.train.seed, run.progress.attempt
    )?;
    if !trial.assignment.is_empty() {
        writeln!(out, "assignment: {}", assignment(&trial.assignment))?;
    }
    list(out, "damage", &run.damage)?;
    list(out, "warnings", &run.progress.warnings)?;
    let settings = toml::to_string(&trial.settings).map_err(anyhow::Error::from)?;
    writeln!(
        out,
        "\nsettings\n{}",
        settings.trim_end().lines().map(cleaned).collect::<Vec<_>>().join("\n")
    )?;
    if let Some(backtest) = &trial.backtest {
        let text = toml::to_string(backtest).map_err(anyhow::Error::from)?;
        writeln!(out, "\nbacktest (as recorded with the run)\n{}", text.trim_end())?;
    }
    if !run.progress.epochs.is_empty() {
        writeln!(out, "\nepochs (* is the best by valid.loss)\n{}", epochs(run).trim_end())?;
    }
    if let Some(result) = &run.result {
        write_result(out, run, result)?;
        let table =
            metric_table(&metrics(run), trial.settings.data.target.kind, result.scores.as_ref());
        writeln!(out, "\nmetrics of the validation forecasts\n{}", table.trim_end())?;
    }
    if let Some(quantiles) = valid_quantiles(run) {
        writeln!(out, "\nquantiles of the validation rows, in the target's unit")?;
        write_quantiles(out, &quantiles)?;
    }
    for evaluation in &run.evaluations {
        write_evaluation(out, evaluation)?;
    }
    if let Some(Evaluation { scores: Some(scores), .. }) = run.evaluations.last() {
        let kind = trial.settings.data.target.kind;
        let rows = metric_rows(Split::Test, kind, |metric| estimate(run, metric));
        writeln!(
            out,
            "\nmetrics of the test forecasts\n{}",
            metric_table(&rows, kind, Some(scores)).trim_end()
        )?;
    }
    Ok(())
}

/// Of a finished run with a quantile head.
fn valid_quantiles(run: &RunRecord) -> Option<QuantileScores> {
    run.result.as_ref().filter(|_| run.trial.settings.model.head != lane_types::Head::Point)?;
    quantile_scores(&forecasts(run, Split::Valid)?, None)
}

fn metrics(run: &RunRecord) -> Vec<MetricRow> {
    metric_rows(Split::Valid, run.trial.settings.data.target.kind, |metric| estimate(run, metric))
}

fn list(out: &mut dyn Write, title: &str, lines: &[String]) -> Result<(), Failure> {
    if !lines.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    for line in lines {
        writeln!(out, "- {}", cleaned(line))?;
    }
    Ok(())
}

fn write_result(out: &mut dyn Write, run: &RunRecord, result: &RunResult) -> Result<(), Failure> {
    let best = result.best_epoch.map_or_else(|| "none".to_owned(), |epoch| epoch.to_string());
    let windows = result.windows;
    writeln!(
        out,
        "\nresult of attempt {}: best epoch {best} of {}, {} s; windows: {} train, {} valid, {} \
            test",
        result.attempt,
        result.epochs,
        number(Some(result.seconds)),
        windows.train,
        windows.valid,
        windows.test
    )?;
    match &result.instruction_sets[..] {
        [] => {}
        [set] => writeln!(out, "trained with {set}")?,
        sets => writeln!(
            out,
            "trained with {}, resumed on another: its last bits are of none",
            sets.join(", then ")
        )?,
    }
    let report = |name: &str, report: Option<SplitReport>, skill: Option<f64>| {
        let of = |value: fn(&SplitReport) -> f64| number(report.as_ref().map(value));
        vec![
            name.to_owned(),
            of(|r| r.rmse),
            of(|r| r.mae),
            of(|r| r.mse),
            of(|r| r.loss),
            number(skill),
        ]
    };
    let mut rows = vec![
        report("train", result.train, None),
        report("valid", result.valid, value(run, Metric::DEFAULT)),
    ];
    rows.extend(baseline_rows(&result.baselines));
    Ok(write!(out, "{}", errors(rows))?)
}

fn write_evaluation(out: &mut dyn Write, evaluation: &Evaluation) -> Result<(), Failure> {
    writeln!(
        out,
        "\ntest rows opened at {} ({} windows)",
        cleaned(&evaluation.at),
        evaluation.windows
    )?;
    if let Some(open) = evaluation.early {
        writeln!(out, "{}", super::early::in_words(open))?;
    }
    let numbers =
        [evaluation.rmse, evaluation.mae, evaluation.mse].map(|value| number(Some(value)));
    let mut rows = vec![
        [
            vec!["test".to_owned()],
            numbers.to_vec(),
            vec![number(None), number(evaluation_value(evaluation, Quantity::Skill))],
        ]
        .concat(),
    ];
    rows.extend(baseline_rows(&evaluation.baselines));
    write!(out, "{}", errors(rows))?;
    write_scores(out, evaluation)
}

fn errors(rows: Vec<Vec<String>>) -> String {
    let names = ["", "rmse", "mae", "mse", "loss (scaled)", "skill"];
    let align = |index| if index == 0 { Align::Left } else { Align::Right };
    let header: Vec<_> =
        names.iter().enumerate().map(|(index, name)| ((*name).to_owned(), align(index))).collect();
    table(&header, rows)
}

fn baseline_rows(baselines: &[Baseline]) -> Vec<Vec<String>> {
    let row = |baseline: &Baseline| {
        let skill = baseline_value(baseline, baselines, Quantity::Skill);
        let numbers =
            [Some(baseline.rmse), Some(baseline.mae), Some(baseline.mse), None, skill].map(number);
        [vec![format!("{} (baseline)", cleaned(&baseline.name))], numbers.to_vec()].concat()
    };
    baselines.iter().map(row).collect()
}

fn epochs(run: &RunRecord) -> String {
    let epochs = &run.progress.epochs;
    let best = run.progress.best().map(|epoch| epoch.epoch);
    let header = [
        "",
        "epoch",
        "train.loss",
        "valid.loss",
        "train.rmse",
        "valid.rmse",
        "learning rate",
        "seconds",
        "windows/s",
    ]
    .map(|name| (name.to_owned(), Align::Right));
    let kept = condensed(epochs.len(), epochs.iter().position(|epoch| Some(epoch.epoch) == best));
    let mut rows = Vec::with_capacity(kept.len());
    let mut next = 0;
    for index in kept {
        if index > next {
            rows.push(vec![String::new(), "…".into()]);
        }
        next = index + 1;
        rows.push(epoch_row(&epochs[index], best));
    }
    table(&header, rows)
}

fn epoch_row(epoch: &EpochReport, best: Option<usize>) -> Vec<String> {
    let mark = if Some(epoch.epoch) == best { "*" } else { "" };
    let numbers = [
        epoch.train.loss,
        epoch.valid.loss,
        epoch.train.rmse,
        epoch.valid.rmse,
        epoch.learning_rate,
        epoch.seconds,
        epoch.windows_per_second,
    ];
    let mut cells = vec![mark.to_owned(), epoch.epoch.to_string()];
    cells.extend(numbers.map(|value| number(Some(value))));
    cells
}

/// Which of `len` rows to print: all of few; of many the first, the last and the best with its
/// neighbours, and evenly between.
fn condensed(len: usize, best: Option<usize>) -> BTreeSet<usize> {
    if len <= MOST_EPOCHS {
        return (0..len).collect();
    }
    let around_best =
        best.into_iter().flat_map(|best| best.saturating_sub(1)..=(best + 1).min(len - 1));
    let evenly = MOST_EPOCHS - 5;
    [0, len - 1]
        .into_iter()
        .chain(around_best)
        .chain((1..evenly).map(|part| part * (len - 1) / evenly))
        .collect()
}

#[cfg(test)]
mod tests;
