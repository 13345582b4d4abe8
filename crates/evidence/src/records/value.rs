//! From what is recorded of a run to the value of a metric. Anyone who shows, ranks, exports or
//! gates a number takes it from here, so that one name is one number: live and afterwards, in every
//! table.
//!
//! While a run has no result, its numbers are those of the epoch whose weights are kept so far, and
//! its skill is against the baselines that its log began with. What is not known yet (the metrics
//! of forecasts), or was not recorded (the baselines, in older logs), has no value: never that of a
//! neighbour.

use lane_types::{EpochReport, SplitReport};

use super::{Baseline, Estimate, Evaluation, RunProgress, RunRecord, RunResult, Scores};
use experiment::metric::{Metric, Quantity, Split};

/// What the metrics of a run are read off.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The fold of its events.
    pub progress: &'a RunProgress,
    /// What it came to, once it has.
    pub result: Option<&'a RunResult>,
    /// Openings of the test split, the last one last.
    pub evaluations: &'a [Evaluation],
}

impl<'a> Measured<'a> {
    /// A metric at the best epoch: from the result, or so far while there is none; over the test
    /// windows, of the last evaluation. `None` where it is undefined, not finite, or not recorded.
    #[must_use]
    pub fn value(self, metric: Metric) -> Option<f64> {
        let value = match (metric.split, self.result) {
            (Split::Test, _) => evaluation_value(self.evaluations.last()?, metric.quantity),
            (_, None) => epoch_value(self.progress.best()?, self.baselines(metric.split), metric),
            (Split::Train, Some(result)) => of_report(&result.train?, metric.quantity),
            (Split::Valid, Some(result)) => result_value(result, metric.quantity),
        };
        value.filter(|value| value.is_finite())
    }

    /// The same with its interval, where it has one: that of recorded forecasts.
    #[must_use]
    pub fn estimate(self, metric: Metric) -> Option<Estimate> {
        Some(with_interval(self.value(metric)?, self.scores(metric.split), metric.quantity))
    }

    /// The scores of the recorded forecasts over the windows of a split, of the last evaluation for
    /// the test split.
    #[must_use]
    pub fn scores(self, split: Split) -> Option<&'a Scores> {
        match split {
            Split::Train => None,
            Split::Valid => self.result?.scores.as_ref(),
            Split::Test => self.evaluations.last()?.scores.as_ref(),
        }
    }

    /// The baselines over the windows of a split; of training those over the validation windows.
    #[must_use]
    pub fn baselines(self, split: Split) -> &'a [Baseline] {
        match (split, self.result) {
            (Split::Test, _) => {
                self.evaluations.last().map_or(&[], |evaluation| &evaluation.baselines)
            }
            (_, Some(result)) => &result.baselines,
            (_, None) => &self.progress.baselines,
        }
    }

    /// The epoch whose weights are kept, or are so far.
    #[must_use]
    pub fn best_epoch(self) -> Option<usize> {
        match self.result {
            Some(result) => result.best_epoch,
            None => self.progress.best().map(|epoch| epoch.epoch),
        }
    }
}

impl RunRecord {
    /// What its metrics are read off.
    #[must_use]
    pub fn measured(&self) -> Measured<'_> {
        Measured {
            progress: &self.progress,
            result: self.result.as_ref(),
            evaluations: &self.evaluations,
        }
    }
}

/// A metric of one epoch, whose validation windows are those of `baselines`. `None` where an epoch
/// does not tell it: a metric of forecasts, the test split, a skill without baselines.
#[must_use]
pub fn epoch_value(epoch: &EpochReport, baselines: &[Baseline], metric: Metric) -> Option<f64> {
    let value = match (metric.split, metric.quantity) {
        (Split::Test, _) => None,
        (Split::Train, quantity) => of_report(&epoch.train, quantity),
        (Split::Valid, Quantity::Skill) => skill(epoch.valid.mse, baselines),
        (Split::Valid, quantity) => of_report(&epoch.valid, quantity),
    };
    value.filter(|value| value.is_finite())
}

/// A metric of one opening of the test split.
#[must_use]
pub fn evaluation_value(evaluation: &Evaluation, quantity: Quantity) -> Option<f64> {
    let value = match quantity {
        Quantity::Loss => None,
        Quantity::Mse => Some(evaluation.mse),
        Quantity::Mae => Some(evaluation.mae),
        Quantity::Rmse => Some(evaluation.rmse),
        Quantity::Skill => skill(evaluation.mse, &evaluation.baselines),
        quantity => Some(evaluation.scores.as_ref()?.estimates.get(&quantity)?.value),
    };
    value.filter(|value| value.is_finite())
}

/// [`evaluation_value`] with its interval, where it has one.
#[must_use]
pub fn evaluation_estimate(evaluation: &Evaluation, quantity: Quantity) -> Option<Estimate> {
    Some(with_interval(
        evaluation_value(evaluation, quantity)?,
        evaluation.scores.as_ref(),
        quantity,
    ))
}

/// A metric of a baseline, one of `all` that there are over the same windows.
#[must_use]
pub fn baseline_value(baseline: &Baseline, all: &[Baseline], quantity: Quantity) -> Option<f64> {
    let value = match quantity {
        Quantity::Mse => Some(baseline.mse),
        Quantity::Mae => Some(baseline.mae),
        Quantity::Rmse => Some(baseline.rmse),
        Quantity::Skill => skill(baseline.mse, all),
        _ => None,
    };
    value.filter(|value| value.is_finite())
}

/// 1 − mse / mse of the best of the baselines over the same windows: above 0 is better than all of
/// them. `None` without baselines, or when the best makes no error.
#[must_use]
pub fn skill(mse: f64, baselines: &[Baseline]) -> Option<f64> {
    let best = baselines
        .iter()
        .map(|baseline| baseline.mse)
        .filter(|mse| mse.is_finite())
        .reduce(f64::min)?;
    (best > 0.0).then(|| 1.0 - mse / best).filter(|skill| skill.is_finite())
}

fn result_value(result: &RunResult, quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::Skill => skill(result.valid?.mse, &result.baselines),
        quantity if quantity.is_of_training() => of_report(&result.valid?, quantity),
        quantity => Some(result.scores.as_ref()?.estimates.get(&quantity)?.value),
    }
}

fn with_interval(value: f64, scores: Option<&Scores>, quantity: Quantity) -> Estimate {
    let kept = scores.and_then(|scores| scores.estimates.get(&quantity)).copied();
    Estimate { value, ..kept.unwrap_or(Estimate { value, low: None, high: None }) }
}

/// One number of a report; `None` of what it does not hold.
fn of_report(report: &SplitReport, quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::Loss => Some(report.loss),
        Quantity::Mse => Some(report.mse),
        Quantity::Mae => Some(report.mae),
        Quantity::Rmse => Some(report.rmse),
        _ => None,
    }
}

impl RunResult {
    /// Its scores with the errors and the skill that the result states. Both are of the same
    /// weights over the same windows, but the trainer adds up in single precision and the scores in
    /// double: they differ in the ninth digit, and one of two numbers under one name is one too
    /// many. The stated one is what was seen live.
    #[must_use]
    pub fn with_one_number_a_name(mut self) -> Self {
        let stated = [Quantity::Mse, Quantity::Mae, Quantity::Rmse, Quantity::Skill]
            .map(|quantity| (quantity, result_value(&self, quantity)));
        if let Some(scores) = &mut self.scores {
            for (quantity, value) in stated {
                match (scores.estimates.get_mut(&quantity), value) {
                    (Some(estimate), Some(value)) => {
                        // Rounding may put the value outside of an interval that is narrower still.
                        let (low, high) = (
                            estimate.low.map(|low| low.min(value)),
                            estimate.high.map(|high| high.max(value)),
                        );
                        *estimate = Estimate { value, low, high };
                    }
                    (Some(_), None) => drop(scores.estimates.remove(&quantity)),
                    (None, _) => {}
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use experiment::event::{Event, Line, VERSION};

    fn baseline(name: &str, mse: f64) -> Baseline {
        Baseline { name: name.into(), mse, mae: 0.8 * mse.sqrt(), rmse: mse.sqrt() }
    }

    fn live(events: Vec<Event>) -> RunProgress {
        let mut progress = RunProgress::default();
        for (seq, event) in (0..).zip(events) {
            progress.fold(1, &Line { v: VERSION, seq, at: testing::AT.into(), event });
        }
        progress
    }

    fn started(baselines: Vec<Baseline>) -> Event {
        Event::Started { device: "flex".into(), lanes: 1, resumed: None, baselines }
    }

    #[test]
    fn a_live_metric_is_the_metric_of_the_result_or_nothing() {
        let baselines = vec![baseline("persistence", 1.2), baseline("linear", 0.9)];
        let progress =
            live(vec![started(baselines.clone()), Event::Epoch(testing::epoch(1, 0.25))]);
        let best = progress.best().unwrap().clone();
        let result = RunResult {
            best_epoch: Some(1),
            train: Some(best.train),
            valid: Some(best.valid),
            skill: skill(best.valid.mse, &baselines),
            baselines,
            ..testing::result(1)
        };
        let before = Measured { progress: &progress, result: None, evaluations: &[] };
        let after = Measured { result: Some(&result), ..before };
        let all = [Split::Train, Split::Valid, Split::Test].into_iter();
        for metric in all.flat_map(|split| Quantity::ALL.map(|quantity| Metric { split, quantity }))
        {
            let live = before.value(metric);
            assert!(
                live.is_none() || live == after.value(metric),
                "{metric}: {live:?} became {:?}",
                after.value(metric)
            );
        }
        // Against the best baseline, not against persistence.
        assert_eq!(before.value(Metric::DEFAULT), Some(1.0 - best.valid.mse / 0.9));
        assert_eq!(before.value("valid.mase".parse().unwrap()), None);
    }

    #[test]
    fn a_log_without_baselines_has_no_skill() {
        let progress = live(vec![started(Vec::new()), Event::Epoch(testing::epoch(1, 0.25))]);
        let measured = Measured { progress: &progress, result: None, evaluations: &[] };
        assert_eq!(measured.value(Metric::DEFAULT), None);
        assert_eq!(measured.value("valid.mse".parse().unwrap()), Some(0.75));
    }

    #[test]
    fn a_result_has_one_number_under_a_name() {
        let mut result = testing::result(1);
        let off = |value| Estimate { value, low: Some(0.5), high: Some(1.0) };
        let scores = result.scores.as_mut().unwrap();
        scores
            .estimates
            .extend([(Quantity::Mse, off(0.750_000_001)), (Quantity::Skill, off(-1.5))]);
        let result = result.with_one_number_a_name();
        let estimates = &result.scores.as_ref().unwrap().estimates;
        assert_eq!(estimates[&Quantity::Mse], off(result.valid.unwrap().mse));
        assert_eq!(
            estimates[&Quantity::Skill].value,
            skill(result.valid.unwrap().mse, &result.baselines).unwrap()
        );
        assert_eq!(
            estimates[&Quantity::Mase].value,
            0.75,
            "what it does not state is left as it is"
        );
    }
}
