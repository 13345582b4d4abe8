//! A run with the times of its epochs, as the formats about runs want it.

use jiff::Timestamp;

use evidence::compare::names;
use experiment::event::End;
use runs::store::{History, RunRecord, RunState};

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The name of its sweep.
    pub sweep: String,
    /// Its own: the trial's id.
    pub run: String,
    /// What its folder tells.
    pub record: RunRecord,
    /// When it did what.
    pub history: History,
}

/// Where a run is, as other tools see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It has a result.
    Finished,
    /// It failed and is not tried again.
    Failed,
    /// It was interrupted, or its process is gone.
    Interrupted,
    /// It runs, or waits to.
    Running,
}

impl Recorded {
    /// Of a run and its history.
    #[must_use]
    pub fn new(record: RunRecord, history: History) -> Self {
        let (sweep, run) = names(&record);
        Self { sweep, run, record, history }
    }

    pub(super) fn status(&self) -> Status {
        let end = match (&self.record.result, &self.record.progress.state) {
            (Some(result), _) => &result.end,
            (None, RunState::Ended(end)) => end,
            (None, RunState::Lost) => return Status::Interrupted,
            (None, RunState::Running | RunState::Waiting) => return Status::Running,
        };
        match end {
            End::Finished | End::EarlyStopped | End::Stopped => Status::Finished,
            End::Failed { .. } => Status::Failed,
            End::Interrupted => Status::Interrupted,
        }
    }
}

/// A time of a log as nanoseconds since 1970 UTC; `None` where it is not a time.
pub(super) fn nanoseconds(at: &str) -> Option<i64> {
    at.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok())
}

/// The same in seconds.
pub(super) fn seconds(at: &str) -> Option<f64> {
    // Whole seconds apart: so many nanoseconds do not fit a double.
    nanoseconds(at)
        .map(|at| at.div_euclid(1_000_000_000) as f64 + at.rem_euclid(1_000_000_000) as f64 / 1e9)
}

/// The numbers of an epoch by name, in the order in which they are shown; those that are not finite
/// are `None`. Errors are in the target's unit (squared for mse), losses in scaled units, times in
/// seconds.
pub(super) fn numbers(report: &lane_types::EpochReport) -> [(&'static str, Option<f64>); 11] {
    let lane_types::EpochReport {
        epoch: _,
        train,
        valid,
        learning_rate,
        best_epoch: _,
        waited: _,
        seconds,
        windows_per_second,
    } = report;
    [
        ("train.loss", train.loss),
        ("train.mse", train.mse),
        ("train.mae", train.mae),
        ("train.rmse", train.rmse),
        ("valid.loss", valid.loss),
        ("valid.mse", valid.mse),
        ("valid.mae", valid.mae),
        ("valid.rmse", valid.rmse),
        ("learning_rate", *learning_rate),
        ("seconds", *seconds),
        ("windows_per_second", *windows_per_second),
    ]
    .map(|(name, value)| (name, Some(value).filter(|value| value.is_finite())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_what_is_no_time_is_none() {
        assert_eq!(nanoseconds("2026-01-02T03:04:05.25Z"), Some(1_767_323_045_250_000_000));
        assert_eq!(seconds("2026-01-02T03:04:05.25Z"), Some(1_767_323_045.25));
        assert_eq!(nanoseconds("yesterday"), None);
    }
}
