//! What is read off one run.

use burn_lanes::SplitReport;
use std::path::Path;

use crate::event::End;
use crate::metric::{Metric, Quantity, Split};
use crate::store::{Baseline, Estimate, Evaluation, RunRecord, RunState, skill};

/// A metric of a run at its best epoch: from its result, or so far while it has none. Over the test windows, of the last
/// evaluation. `None` where it is undefined or not finite.
#[must_use]
pub fn value(run: &RunRecord, metric: Metric) -> Option<f64> {
    let report = |of_result: Option<SplitReport>, of_epoch: fn(&burn_lanes::EpochReport) -> SplitReport| match &run.result {
        Some(_) => of_result,
        None => run.progress.best().map(of_epoch),
    };
    let value = match metric.split {
        Split::Train => in_report(report(run.result.as_ref().and_then(|r| r.train), |epoch| epoch.train), metric.quantity),
        Split::Valid if metric.quantity == Quantity::Skill => {
            run.result.as_ref().and_then(|result| skill(result.valid?.mse, &result.baselines))
        }
        Split::Valid if metric.quantity.is_of_training() => {
            in_report(report(run.result.as_ref().and_then(|r| r.valid), |epoch| epoch.valid), metric.quantity)
        }
        Split::Valid => estimate(run, metric).map(|estimate| estimate.value),
        Split::Test => run.evaluations.last().and_then(|evaluation| in_evaluation(evaluation, metric.quantity)),
    };
    value.filter(|value| value.is_finite())
}

/// A metric of a run's recorded forecasts, with its interval; of the test windows by the last evaluation.
#[must_use]
pub fn estimate(run: &RunRecord, metric: Metric) -> Option<Estimate> {
    let scores = match metric.split {
        Split::Train => None,
        Split::Valid => run.result.as_ref()?.scores.as_ref(),
        Split::Test => run.evaluations.last()?.scores.as_ref(),
    };
    scores?.estimates.get(&metric.quantity).copied()
}

/// A baseline over the same windows as [`value`], one of `all` of them, the best of which skill is measured against.
pub(super) fn baseline_value(baseline: &Baseline, all: &[Baseline], quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::Loss => None,
        Quantity::Mse => Some(baseline.mse),
        Quantity::Mae => Some(baseline.mae),
        Quantity::Rmse => Some(baseline.rmse),
        Quantity::Skill => skill(baseline.mse, all),
        _ => None,
    }
    .filter(|value| value.is_finite())
}

/// The baselines of a run over the windows of a split.
pub(super) fn baselines(run: &RunRecord, split: Split) -> &[Baseline] {
    match split {
        Split::Test => run.evaluations.last().map_or(&[], |evaluation| &evaluation.baselines),
        Split::Train | Split::Valid => run.result.as_ref().map_or(&[], |result| &result.baselines),
    }
}

/// The run's state in a word or two, with the reason where there is one: `running`, `failed: training loss is NaN`.
#[must_use]
pub fn state(run: &RunRecord) -> String {
    let end = match (&run.result, &run.progress.state) {
        (Some(result), _) => &result.end,
        (None, RunState::Waiting) => return "waiting".into(),
        (None, RunState::Running) => return "running".into(),
        (None, RunState::Lost) => return "lost: its process is gone; the next sweep goes on with it".into(),
        (None, RunState::Ended(End::Failed { reason })) => return format!("failed: {reason}"),
        (None, RunState::Ended(End::Interrupted)) => return "interrupted; the next sweep goes on with it".into(),
        (None, RunState::Ended(_)) if !run.damage.is_empty() => return "ended, but its result cannot be read".into(),
        (None, RunState::Ended(_)) => return "incomplete: it ended without a result".into(),
    };
    match end {
        End::Finished => "finished".into(),
        End::EarlyStopped => "early stopped".into(),
        End::Stopped => "stopped".into(),
        End::Failed { reason } => format!("failed: {reason}"),
        End::Interrupted => "interrupted".into(),
    }
}

/// The names of a run's sweep and of the run in it, from its folder (`runs/<sweep>/trials/<id>`); the trial's id where it has none.
#[must_use]
pub fn names(run: &RunRecord) -> (String, String) {
    let name = |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let id = name(Some(&run.folder)).unwrap_or_else(|| run.trial.id.to_string());
    (name(run.folder.parent().and_then(Path::parent)).unwrap_or_default(), id)
}

/// The unit of a run's target, as in the sweep's manifest.
pub(super) fn target_unit(run: &RunRecord) -> &'static str {
    run.trial.settings.data.target.kind.unit()
}

fn in_report(report: Option<SplitReport>, quantity: Quantity) -> Option<f64> {
    let report = report?;
    match quantity {
        Quantity::Loss => Some(report.loss),
        Quantity::Mse => Some(report.mse),
        Quantity::Mae => Some(report.mae),
        Quantity::Rmse => Some(report.rmse),
        _ => None,
    }
}

fn in_evaluation(evaluation: &Evaluation, quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::Loss => None,
        Quantity::Mse => Some(evaluation.mse),
        Quantity::Mae => Some(evaluation.mae),
        Quantity::Rmse => Some(evaluation.rmse),
        Quantity::Skill => skill(evaluation.mse, &evaluation.baselines),
        quantity => evaluation.scores.as_ref()?.estimates.get(&quantity).map(|estimate| estimate.value),
    }
}
