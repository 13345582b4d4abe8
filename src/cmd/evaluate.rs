//! `kiln evaluate`: opens the test split for one run. Each opening is recorded in the run's folder:
//! a test split that was looked at ten times is no test split any more.

use super::args::{Json, RunsDir};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

use burn_lanes::TrainError;

use super::data_file::located;
use super::metrics::{metric_rows, metric_table, tries, tries_in_words};
use super::scores::write_scores;
use super::selection::{note, run_folder};
use super::{Failure, Outcome, clock, early};
use crate::sweep::trainer;
use evidence::calibration::{Calibration, quantile_scores};
use experiment::WalkForward;
use experiment::metric::{Quantity, Split};
use market::{self, ForecastErrors, crossed, forecast_errors};
use runs::store::{
    self, Evaluation, RunFolder, baseline_value, evaluation_estimate, evaluation_value, skill,
};
use text::cleaned;

/// `evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// A run: SWEEP/ID, an id's unambiguous beginning, or SWEEP/best (SWEEP may be latest)
    pub run: String,
    /// The file that the run was trained on, where it lies now; without it, it is looked for around
    /// the run's folder
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Share of the targets that the conformal interval is meant to hold
    #[arg(
        long,
        default_value_t = 0.8,
        value_name = "SHARE",
        value_parser = super::scores::coverage
    )]
    pub coverage: f64,
    /// Open the test split although trials of the sweep are still open; the opening is recorded as
    /// one before the end
    #[arg(long)]
    pub early: bool,
    /// Evaluate on this backend
    #[arg(long, default_value = "flex")]
    pub backend: lane_types::DeviceSpec,
    #[command(flatten)]
    pub runs: RunsDir,
    #[command(flatten)]
    pub json: Json,
}

/// Runs the verb.
///
/// # Errors
/// When the selector names no finished run, the data is not what the run was trained on, or the
/// device is not usable.
pub fn run(args: EvaluateArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let EvaluateArgs {
        run,
        data,
        coverage,
        early,
        backend,
        runs: RunsDir { runs },
        json: Json { json },
    } = args;
    let folder = run_folder(&runs, &run)?;
    let record = store::read_run(&folder.path)?;
    for why in &record.damage {
        note(&format!("{run} is damaged: {why}"));
    }
    let open = early::still_open(&folder);
    if let Some(open) = open.filter(|_| !early) {
        return Err(early::refusal(&run, open));
    }
    let weights = best_weights(&folder)?;
    let (settings, _) = located(&folder.path, &record.trial.settings, data.as_deref())?;
    let prepared = market::prepare(&settings.data)?;
    let trainer = trainer(burn_lanes::open(backend)?);
    let shape = settings.shape();
    let scaled =
        trainer.predict(&prepared.series, &shape, &weights, &prepared.test).map_err(|error| {
            match error {
                TrainError::Refused(_) => Failure::BadInput(format!("{run}: {error}")),
                TrainError::Device(_) => Failure::Machine(format!("{run}: {error}")),
            }
        })?;
    let baselines = market::baseline_forecasts(&settings.data, &prepared, &prepared.test);
    let forecasts = prepared.forecasts(&prepared.test, &scaled, &shape.head, &baselines);
    let baselines = market::baselines(&prepared, &prepared.test, &baselines);
    let scores = prepared.scores(&prepared.test, &forecasts, &settings.data.target);
    let Some(ForecastErrors { mse, mae, rmse }) =
        forecast_errors(&forecasts.target, &forecasts.forecast)
    else {
        return Err(Failure::BadInput(format!(
            "{run}: a forecast of the test split is not a number; the run cannot be evaluated"
        )));
    };
    let calibration = calibration(&folder, coverage);
    let evaluation = Evaluation {
        v: 1,
        at: clock::now(),
        windows: forecasts.ts.len(),
        mse,
        mae,
        rmse,
        skill: skill(mse, &baselines),
        baselines,
        quantiles: quantile_scores(&forecasts, Some(crossed(&scaled, shape.head.outputs()))),
        interval: calibration
            .as_ref()
            .ok()
            .and_then(|calibration| calibration.score(coverage, &forecasts)),
        scores,
        early: open,
    };
    let openings = folder.record_opening(&evaluation, &forecasts)?;
    if let Some(tried) = record.result.as_ref().and_then(|result| result.tried.as_ref()) {
        // It counts when the run is deleted, too.
        folder.write_down_opening(clock::now(), &record.trial.id, tried)?;
    }
    let tries = tries(&record, Split::Test);
    let kind = settings.data.target.kind;
    let rows =
        metric_rows(Split::Test, kind, |metric| evaluation_estimate(&evaluation, metric.quantity));
    if json {
        let mut value = serde_json::to_value(&evaluation).map_err(anyhow::Error::from)?;
        value["opening"] = openings.into();
        value["tries"] = serde_json::to_value(tries).map_err(anyhow::Error::from)?;
        value["metrics"] = serde_json::to_value(&rows).map_err(anyhow::Error::from)?;
        writeln!(out, "{value:#}")?;
    } else {
        write_table(out, &run, &evaluation, openings)?;
        if let Some(open) = evaluation.early {
            writeln!(out, "{}", early::in_words(open))?;
        }
        if let Err(problem) = calibration {
            writeln!(out, "\nno conformal interval: {}", cleaned(&problem))?;
        }
        writeln!(
            out,
            "\n{}\n{}",
            metric_table(&rows, kind, evaluation.scores.as_ref()),
            tries_in_words(tries)
        )?;
        if let Some(WalkForward { folds, fold, .. }) =
            settings.data.split.walk_forward.filter(|split| split.fold + 1 < split.folds)
        {
            let last = folds - 1;
            writeln!(
                out,
                "this model is of fold {fold}; that of fold {last} was trained on the rows nearest \
                    to the test split"
            )?;
        }
    }
    Ok(Outcome::Done)
}

fn write_table(
    out: &mut dyn Write,
    run: &str,
    evaluation: &Evaluation,
    openings: usize,
) -> Result<(), Failure> {
    let run = cleaned(run);
    writeln!(
        out,
        "test split of {run}: {} windows, opening {openings} of it by this run (recorded)",
        evaluation.windows
    )?;
    let skill =
        |skill: Option<f64>| skill.map_or_else(|| "—".to_owned(), |skill| format!("{skill:+.4}"));
    writeln!(out, "{:<14} {:>14} {:>14} {:>14} {:>9}", "", "rmse", "mae", "mse", "skill")?;
    // Of a return six decimals would leave one digit.
    let shown = |value: f64| {
        if value == 0.0 || value.abs() >= 0.01 {
            format!("{value:.6}")
        } else {
            format!("{value:.5e}")
        }
    };
    let mut line = |name: &str, [rmse, mae, mse]: [f64; 3], of: Option<f64>| {
        writeln!(
            out,
            "{name:<14} {:>14} {:>14} {:>14} {:>9}",
            shown(rmse),
            shown(mae),
            shown(mse),
            skill(of)
        )
    };
    line(
        "this run",
        [evaluation.rmse, evaluation.mae, evaluation.mse],
        evaluation_value(evaluation, Quantity::Skill),
    )?;
    let baselines = &evaluation.baselines;
    for baseline in baselines {
        let skill = baseline_value(baseline, baselines, Quantity::Skill);
        line(&baseline.name, [baseline.rmse, baseline.mae, baseline.mse], skill)?;
    }
    write_scores(out, evaluation)
}

/// Of the interval that the run's recorded validation forecasts ask for; or why there is none.
pub(super) fn calibration(folder: &RunFolder, coverage: f64) -> Result<Calibration, String> {
    Calibration::new(&folder.forecasts("valid").map_err(|error| error.to_string())?, coverage)
}

/// The weights of a run's best epoch.
pub(super) fn best_weights(folder: &RunFolder) -> Result<lane_types::Weights, Failure> {
    if folder.result()?.is_none() {
        return Err(Failure::BadInput(format!(
            "{}: the run is not finished: it has no result.json",
            folder.path.display()
        )));
    }
    let bytes = folder.best_weights()?;
    lane_types::Weights::from_bytes(&bytes)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", folder.path.display())))
}
