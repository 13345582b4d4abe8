//! The numbers that a rule may name, read off a model card.

use std::collections::BTreeMap;

use super::rule::{End, What};
use crate::model::{ModelCard, Verdict};
use crate::store::{Baseline, Estimate};
use experiment::Target;
use experiment::metric::{Metric, Quantity, Split};

/// A number, or why it is undefined.
pub(super) type Known<T = f64> = Result<T, String>;

/// What a gate looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    target: Option<Target>,
    /// Fingerprint of the data.
    data: String,
    bar_seconds: Option<u32>,
    valid: Windows,
    /// `None` while the test split was not opened.
    test: Option<Windows>,
    trials: Option<usize>,
    verdict: Option<Verdict>,
}

/// Metrics over the windows of a split.
#[derive(Clone, Debug, Default, PartialEq)]
struct Windows {
    estimates: BTreeMap<Quantity, Estimate>,
    /// Whatever was measured over the same windows has the same number of them and the same error
    /// of persistence.
    mark: Option<(usize, u64)>,
}

impl Facts {
    /// Of a model card.
    #[must_use]
    pub fn of(card: &ModelCard) -> Self {
        let metrics = &card.metrics;
        let windows = |split, count, baselines: &[Baseline]| Windows {
            estimates: Quantity::ALL
                .into_iter()
                .filter_map(|quantity| {
                    Some((quantity, metrics.estimate(Metric { split, quantity })?))
                })
                .collect(),
            mark: mark(count, baselines),
        };
        Self {
            target: Some(card.settings.data.target.clone()),
            data: card.data_fingerprint.clone(),
            bar_seconds: card.known_bar_seconds(),
            valid: windows(Split::Valid, card.windows.valid, &metrics.baselines),
            test: metrics
                .test
                .as_ref()
                .map(|test| windows(Split::Test, test.windows, &test.baselines)),
            trials: card.selection.map(|selection| selection.ever),
            verdict: card.verdict.clone(),
        }
    }

    /// A number.
    pub(super) fn value(&self, what: What) -> Known {
        match what {
            What::Metric(metric, end) => self.metric(metric, end),
            What::Trials => self
                .trials
                .map(|trials| trials as f64)
                .ok_or_else(|| "undefined: the number of trials is not known".to_owned()),
            What::Rank => self
                .verdict()?
                .rank
                .map(|rank| rank as f64)
                .ok_or_else(|| "undefined: it has no rank in its sweep".to_owned()),
            What::Spa => defined(self.verdict()?.spa, "the p-value of the SPA test"),
            What::DieboldMariano => {
                defined(self.verdict()?.diebold_mariano, "the p-value of the Diebold-Mariano test")
            }
        }
    }

    /// Whether it is the first of its sweep and better than every baseline by more than chance.
    pub(super) fn crowned(&self) -> Known<bool> {
        let Verdict { crowned, rank, .. } = self.verdict()?;
        match (crowned, rank) {
            (true, Some(1)) => Ok(true),
            (true, Some(rank)) => {
                Err(format!("its sweep's best is crowned, but this is number {rank} of it"))
            }
            (true, None) => {
                Err("its sweep's best is crowned, but this has no rank in it".to_owned())
            }
            (false, _) => Err("its sweep's best cannot be told from the best baseline".to_owned()),
        }
    }

    fn verdict(&self) -> Known<&Verdict> {
        self.verdict.as_ref().ok_or_else(|| "undefined: the model card holds no verdict".to_owned())
    }

    fn metric(&self, metric: Metric, end: End) -> Known {
        let windows = self.windows(metric.split)?;
        let estimate = windows
            .estimates
            .get(&metric.quantity)
            .ok_or_else(|| format!("undefined: the model card holds no {metric}"))?;
        match end {
            End::Value => defined(Some(estimate.value), &metric.to_string()),
            End::Low => defined(estimate.low, &format!("the interval of {metric}")),
            End::High => defined(estimate.high, &format!("the interval of {metric}")),
        }
    }

    fn windows(&self, split: Split) -> Known<&Windows> {
        match split {
            Split::Test => self.test.as_ref().ok_or_else(|| {
                "undefined: the test split was not opened (kiln evaluate) before it \
                    was registered"
                    .to_owned()
            }),
            Split::Train | Split::Valid => Ok(&self.valid),
        }
    }

    /// Whether a number can stand beside the champion's: those of another target say nothing about
    /// each other, nor do errors over other windows.
    pub(super) fn comparable(&self, what: What, other: &Self) -> Known<()> {
        let What::Metric(metric, _) = what else { return Ok(()) };
        if self.target != other.target || self.bar_seconds != other.bar_seconds {
            return Err("not comparable: the champion has another target or other bars".to_owned());
        }
        let is_error = matches!(
            metric.quantity,
            Quantity::Mse | Quantity::Mae | Quantity::Rmse | Quantity::Qlike
        );
        if !is_error {
            return Ok(());
        }
        let over = match () {
            () if self.data != other.data => "data",
            () if self.windows(metric.split)?.mark != other.windows(metric.split)?.mark => {
                "windows"
            }
            () => return Ok(()),
        };
        Err(format!(
            "not comparable: {metric} of the champion is over other {over} (compare {})",
            Metric { quantity: Quantity::Skill, ..metric }
        ))
    }
}

fn mark(windows: usize, baselines: &[Baseline]) -> Option<(usize, u64)> {
    let persistence = baselines.iter().find(|baseline| baseline.name == "persistence")?;
    Some((windows, persistence.mse.to_bits()))
}

fn defined(value: Option<f64>, name: &str) -> Known {
    value.filter(|value| value.is_finite()).ok_or_else(|| format!("undefined: {name}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Finding, Rule, judge};
    use super::*;

    pub(crate) fn facts(skill: f64, test_rmse: Option<f64>) -> Facts {
        let estimate =
            |value| Estimate { value, low: Some(value - 0.01), high: Some(value + 0.01) };
        let verdict = Verdict {
            crowned: true,
            rank: Some(1),
            rows: 4,
            best_baseline: Some("persistence".into()),
            spa: Some(0.004),
            diebold_mariano: None,
            sentences: vec![],
        };
        Facts {
            target: Some(Target { horizon: 1, kind: experiment::TargetKind::LogReturn }),
            data: "0f".to_owned(),
            bar_seconds: Some(60),
            valid: Windows {
                estimates: [(Quantity::Skill, estimate(skill))].into(),
                mark: Some((100, 1)),
            },
            test: test_rmse.map(|rmse| Windows {
                estimates: [(Quantity::Rmse, estimate(rmse))].into(),
                mark: Some((50, 2)),
            }),
            trials: Some(412),
            verdict: Some(verdict),
        }
    }

    fn finding(rule: &str, candidate: &Facts, champion: Option<&Facts>) -> Finding {
        let rules: [Rule; 1] = [rule.parse().unwrap()];
        judge(&rules, candidate, champion).remove(0)
    }

    #[test]
    fn rules_are_held_against_the_card() {
        let candidate = facts(0.05, Some(2.0));
        let passed = |rule: &str| finding(rule, &candidate, None).passed;
        for rule in [
            "valid.skill > 0",
            "valid.skill.low > 0.03",
            "valid.skill.high <= 0.07",
            "crowned",
            "trials <= 500",
            "rank == 1",
            "spa < 0.01",
            "test.rmse <= 2",
        ] {
            assert!(passed(rule), "{rule}");
        }
        for rule in ["valid.skill.low > 0.05", "trials < 412", "test.rmse < 2"] {
            assert!(!passed(rule), "{rule}");
        }
        assert_eq!(
            finding("trials <= 400", &candidate, None),
            Finding {
                rule: "trials <= 400".into(),
                passed: false,
                left: Some(412.0),
                right: Some(400.0),
                note: None
            }
        );
    }

    #[test]
    fn what_is_undefined_passes_nothing_either_way_round() {
        let mut candidate = facts(0.05, None);
        candidate.trials = None;
        for rule in [
            "test.rmse <= 1e9",
            "test.rmse >= -1e9",
            "0 <= test.rmse",
            "trials >= 0",
            "diebold_mariano <= 1",
            "valid.ic >= -1",
            "valid.skill >= champion.valid.skill",
        ] {
            let finding = finding(rule, &candidate, None);
            assert!(
                !finding.passed
                    && finding.note.as_deref().is_some_and(|note| note.starts_with("undefined")),
                "{finding:?}"
            );
        }
        candidate.verdict = None;
        assert!(
            !finding("crowned", &candidate, None).passed
                && !finding("rank == 1", &candidate, None).passed
        );
        candidate
            .valid
            .estimates
            .insert(Quantity::Ic, Estimate { value: f64::NAN, low: None, high: None });
        assert!(!finding("valid.ic <= 1", &candidate, None).passed);
    }

    #[test]
    fn the_sweeps_crown_is_the_firsts_alone() {
        let mut second = facts(0.05, None);
        second.verdict.as_mut().unwrap().rank = Some(2);
        let finding = finding("crowned", &second, None);
        assert!(!finding.passed && finding.note.unwrap().contains("number 2"));
    }

    #[test]
    fn errors_are_compared_with_the_champions_over_the_same_windows_alone() {
        let (candidate, mut champion) = (facts(0.05, Some(2.0)), facts(0.04, Some(1.99)));
        let rule = "test.rmse <= 1.02 * champion.test.rmse";
        let found = finding(rule, &candidate, Some(&champion));
        assert!(found.passed && found.right == Some(1.02 * 1.99), "{found:?}");
        assert!(!finding("test.rmse <= champion.test.rmse", &candidate, Some(&champion)).passed);
        champion.data = "other".to_owned();
        let of_other = finding(rule, &candidate, Some(&champion));
        assert!(
            !of_other.passed
                && of_other.note.unwrap().contains("over other data (compare test.skill)")
        );
        champion.data = "0f".to_owned();
        champion.test.as_mut().unwrap().mark = Some((51, 2));
        let found = finding(rule, &candidate, Some(&champion));
        assert!(
            !found.passed && found.note.as_deref().unwrap().contains("compare test.skill"),
            "{found:?}"
        );
        assert!(found.left.is_some() && found.right.is_some(), "they are shown all the same");
        assert!(finding("valid.skill > champion.valid.skill", &candidate, Some(&champion)).passed);
        champion.test = None;
        let found = finding(rule, &candidate, Some(&champion));
        assert!(
            !found.passed
                && found.left == Some(2.0)
                && found.note.unwrap().starts_with("the champion's is undefined")
        );
        champion.target = None;
        let found = finding("valid.skill > champion.valid.skill", &candidate, Some(&champion));
        assert!(!found.passed && found.note.unwrap().contains("another target"));
    }
}
