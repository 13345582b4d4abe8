//! What is read off one run.

use std::path::Path;

use crate::records::{Baseline, Estimate, RunRecord, RunState};
use experiment::event::End;
use experiment::metric::{Metric, Split};

/// A metric of a run at its best epoch; see [`crate::records::Measured::value`].
#[must_use]
pub fn value(run: &RunRecord, metric: Metric) -> Option<f64> {
    run.measured().value(metric)
}

/// A metric of a run's recorded forecasts, with its interval; of the test windows by the last
/// evaluation.
#[must_use]
pub fn estimate(run: &RunRecord, metric: Metric) -> Option<Estimate> {
    run.measured().estimate(metric)
}

/// The baselines of a run over the windows of a split.
pub(super) fn baselines(run: &RunRecord, split: Split) -> &[Baseline] {
    run.measured().baselines(split)
}

/// The run's state in a word or two, with the reason where there is one: `running`, `failed:
/// training loss is NaN`.
#[must_use]
pub fn state(run: &RunRecord) -> String {
    let end = match (&run.result, &run.progress.state) {
        (Some(result), _) => &result.end,
        (None, RunState::Waiting) => return "waiting".into(),
        (None, RunState::Running) => return "running".into(),
        (None, RunState::Lost) => {
            return "lost: its process is gone; the next sweep goes on with it".into();
        }
        (None, RunState::Ended(End::Failed { reason })) => return format!("failed: {reason}"),
        (None, RunState::Ended(End::Interrupted)) => {
            return "interrupted; the next sweep goes on with it".into();
        }
        (None, RunState::Ended(_)) if !run.damage.is_empty() => {
            return "ended, but its result cannot be read".into();
        }
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

/// The names of a run's sweep and of the run in it, from its folder (`runs/<sweep>/trials/<id>`);
/// the trial's id where it has none.
#[must_use]
pub fn names(run: &RunRecord) -> (String, String) {
    let name = |path: Option<&Path>| {
        path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned())
    };
    let id = name(Some(&run.folder)).unwrap_or_else(|| run.trial.id.to_string());
    (name(run.folder.parent().and_then(Path::parent)).unwrap_or_default(), id)
}

/// The unit of a run's target, as in the sweep's manifest.
pub(super) fn target_unit(run: &RunRecord) -> &'static str {
    run.trial.settings.data.target.kind.unit()
}
