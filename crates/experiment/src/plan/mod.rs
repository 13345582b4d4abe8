//! Experiment + sampler → trials → packs.

mod pack;

pub use pack::{Pack, packs};

use rayon::prelude::*;
use std::collections::HashSet;

use crate::space::{
    Assignment, GridSampler, ListSampler, RandomSampler, Sampler, SobolSampler, Space,
};
use crate::trial::{Trial, TrialId};
use crate::{Experiment, Settings, Strategy};

/// What a sweep will train.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order of the sampler, the repeats of an assignment side by side and the folds of a
    /// repeat; no two have the same id.
    pub trials: Vec<Trial>,
    /// Trials that were already in the plan (equal settings), dropped.
    pub duplicates: usize,
}

/// Most trials that a plan may hold unless told otherwise, the repeats and the folds included.
pub const MAX_TRIALS: usize = 10_000;

/// Why there is no plan.
#[expect(missing_docs, reason = "each message says what its fields are")]
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Counted before anything was expanded.
    #[error(
        "the sweep has {count} trials, more than the limit of {limit}; use fewer points, or \
            strategy = {{ kind = \"random\", trials = N }}, or raise the limit with --max-trials"
    )]
    TooMany { count: String, limit: usize },
    /// A grid over a range without points.
    #[error(
        "'{key}' is a continuous range, which a grid cannot go through; give it points = N or a \
            step, or use strategy = {{ kind = \"random\", trials = N }}"
    )]
    Continuous { key: String },
    /// An assignment does not fit.
    #[error("trial {index} ({assignment}): {reason}")]
    Unfit { index: usize, assignment: String, reason: String },
}

/// Expands an experiment into at most `limit` trials.
///
/// # Errors
/// When there are too many trials (with their number), when a grid has a range without points, or
/// when an assignment does not fit its settings.
pub fn plan(
    experiment: &Experiment,
    data_fingerprint: &str,
    limit: usize,
) -> Result<Plan, PlanError> {
    let settings =
        |assignment: &Assignment, repeat: usize| experiment.settings_of(assignment, repeat);
    let expand = |sampler: &dyn Sampler| {
        expand(sampler, &experiment.space, experiment.repeats, &settings, data_fingerprint, limit)
    };
    let mut plan = match &experiment.strategy {
        Strategy::Grid => match experiment
            .space
            .parameters
            .iter()
            .find(|parameter| parameter.domain.len().is_none())
        {
            Some(parameter) => Err(PlanError::Continuous { key: parameter.key.clone() }),
            None => expand(&GridSampler),
        },
        Strategy::Random { trials, seed } => {
            expand(&RandomSampler { trials: *trials, seed: *seed })
        }
        Strategy::Sobol { trials, seed } => expand(&SobolSampler { trials: *trials, seed: *seed }),
        Strategy::List { assignments } => expand(&ListSampler { assignments: assignments.clone() }),
    }?;
    plan.trials.iter_mut().for_each(|trial| trial.backtest = experiment.backtest);
    Ok(plan)
}

/// Expands whatever a sampler proposes; `settings` makes the settings of one repeat of an
/// assignment, of which each fold is a trial.
///
/// # Errors
/// As [`plan`].
pub fn expand(
    sampler: &dyn Sampler,
    space: &Space,
    repeats: usize,
    settings: &(dyn Fn(&Assignment, usize) -> Result<Settings, String> + Sync),
    data_fingerprint: &str,
    limit: usize,
) -> Result<Plan, PlanError> {
    let count = sampler.count(space).and_then(|count| count.checked_mul(repeats as u128));
    if count.is_none_or(|count| count > limit as u128) {
        let count = count.map_or_else(|| "more than 2^128".to_owned(), |count| count.to_string());
        return Err(PlanError::TooMany { count, limit });
    }
    let assignments = sampler.propose_up_to(space, limit);
    let proposals: Vec<(&Assignment, usize)> = assignments
        .iter()
        .flat_map(|assignment| (0..repeats).map(move |repeat| (assignment, repeat)))
        .collect();
    let resolved: Vec<Result<Settings, String>> =
        proposals.par_iter().map(|(assignment, repeat)| settings(assignment, *repeat)).collect();
    let count: usize = resolved.iter().flatten().map(|settings| settings.data.split.folds()).sum();
    if count > limit {
        return Err(PlanError::TooMany { count: count.to_string(), limit });
    }
    let resolved: Vec<Result<Vec<(TrialId, Settings)>, String>> = resolved
        .into_par_iter()
        .map(|settings| {
            let settings = settings?;
            let later: Vec<Settings> = (1..settings.data.split.folds())
                .map(|fold| settings.clone().of_fold(fold))
                .collect();
            let folds = std::iter::once(settings.of_fold(0)).chain(later);
            Ok(folds.map(|settings| (TrialId::of(&settings, data_fingerprint), settings)).collect())
        })
        .collect();
    let mut seen = HashSet::with_capacity(count);
    let mut trials: Vec<Trial> = Vec::with_capacity(count);
    for (index, (resolved, (assignment, repeat))) in
        resolved.into_iter().zip(&proposals).enumerate()
    {
        let folds = resolved.map_err(|reason| PlanError::Unfit {
            index,
            assignment: in_words(assignment),
            reason,
        })?;
        for (id, settings) in folds {
            if seen.insert(id.clone()) {
                trials.push(Trial {
                    id,
                    index: trials.len(),
                    repeat: *repeat,
                    assignment: (*assignment).clone(),
                    settings,
                    backtest: None,
                });
            }
        }
    }
    let duplicates = count - trials.len();
    Ok(Plan { trials, duplicates })
}

fn in_words(assignment: &Assignment) -> String {
    assignment.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::space::{Domain, Parameter, Value};
    /// Stands in for `Experiment::settings_of`.
    fn settings(assignment: &Assignment, repeat: usize) -> Result<Settings, String> {
        let mut settings = crate::testing::settings("");
        settings.train.seed += repeat as u64;
        for (key, value) in assignment {
            match (key.as_str(), value) {
                ("hidden", Value::Int(value)) => settings.model.hidden_size = *value as usize,
                ("window", Value::Int(value)) => settings.data.window = *value as usize,
                ("rate", value) => {
                    settings.train.learning_rate = value.as_f64().ok_or("not a number")?
                }
                _ => return Err(format!("'{key}' cannot be {value}")),
            }
        }
        Ok(settings)
    }

    pub(super) fn choice(key: &str, values: &[i64]) -> Parameter {
        let domain = Domain::Choice(values.iter().map(|value| Value::Int(*value)).collect());
        Parameter { key: key.into(), domain, zip: None, when: None }
    }

    pub(super) fn grid(parameters: Vec<Parameter>, repeats: usize) -> Result<Plan, PlanError> {
        expand(&GridSampler, &Space { parameters }, repeats, &settings, "data", MAX_TRIALS)
    }

    #[test]
    fn repeats_stand_side_by_side_with_seeds_of_their_own() {
        let plan = grid(vec![choice("hidden", &[16, 32])], 2).unwrap();
        let seen: Vec<_> = plan
            .trials
            .iter()
            .map(|t| (t.index, t.repeat, t.settings.model.hidden_size, t.settings.train.seed))
            .collect();
        assert_eq!(seen, [(0, 0, 16, 1), (1, 1, 16, 2), (2, 0, 32, 1), (3, 1, 32, 2)]);
        assert_eq!(plan.trials.iter().map(|t| &t.id).collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn folds_stand_side_by_side_within_their_repeat_and_have_ids_of_their_own() {
        let folded = |assignment: &Assignment, repeat: usize| {
            let mut settings = settings(assignment, repeat)?;
            let base = crate::testing::settings(
                "data.synthetic = { bars = 1000 }\ndata.split = \
                    { kind = \"walk_forward\", folds = 3 }",
            );
            settings.data.split = base.data.split;
            Ok(settings)
        };
        let space = Space { parameters: vec![choice("hidden", &[16, 32])] };
        let plan = expand(&GridSampler, &space, 2, &folded, "data", MAX_TRIALS).unwrap();
        let seen: Vec<_> = plan
            .trials
            .iter()
            .map(|t| (t.settings.model.hidden_size, t.repeat, t.fold()))
            .collect();
        let expected: Vec<_> = [16, 32]
            .iter()
            .flat_map(|h| (0..2).flat_map(move |r| (0..3).map(move |fold| (*h, r, Some(fold)))))
            .collect();
        assert_eq!(seen, expected);
        assert_eq!(plan.trials.iter().map(|t| &t.id).collect::<HashSet<_>>().len(), 12);
        // A holdout's settings, and so its id, know nothing of folds.
        let holdout = &grid(vec![choice("hidden", &[16])], 1).unwrap().trials[0];
        assert_eq!(holdout.fold(), None);
        assert!(!String::from_utf8(holdout.settings.identity_bytes()).unwrap().contains("fold"));
        let many: Vec<i64> = (1..=4000).collect();
        let space = Space { parameters: vec![choice("hidden", &many)] };
        let error =
            expand(&GridSampler, &space, 1, &folded, "data", MAX_TRIALS).unwrap_err().to_string();
        assert!(error.contains("the sweep has 12000 trials"), "{error}");
        assert_eq!(
            expand(&GridSampler, &space, 1, &folded, "data", 12_000).unwrap().trials.len(),
            12_000
        );
    }

    #[test]
    fn too_many_trials_are_refused_with_their_number_before_any_is_made() {
        let many =
            Domain::Int { low: 1, high: 1_000_000_000_000, step: None, log: false, points: None };
        let space = vec![Parameter { key: "hidden".into(), domain: many, zip: None, when: None }];
        assert!(grid(space, 3).unwrap_err().to_string().contains("has 3000000000000 trials"));
        assert!(grid(vec![choice("hidden", &[1])], MAX_TRIALS).is_ok());
        assert!(matches!(
            grid(vec![choice("hidden", &[1, 2])], MAX_TRIALS),
            Err(PlanError::TooMany { .. })
        ));
    }

    #[test]
    fn equal_trials_are_kept_once_and_counted() {
        let row = |rate: f64| Assignment::from([("rate".into(), Value::Float(rate))]);
        let list = ListSampler { assignments: vec![row(0.1), row(0.2), row(0.1)] };
        let plan = expand(&list, &Space::default(), 2, &settings, "data", MAX_TRIALS).unwrap();
        assert_eq!((plan.trials.len(), plan.duplicates), (4, 2));
        assert!(plan.trials.iter().enumerate().all(|(index, trial)| trial.index == index));
    }

    #[test]
    fn the_first_assignment_that_does_not_fit_is_named() {
        let error =
            grid(vec![choice("hidden", &[16, 32]), choice("nonsense", &[1])], 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "trial 0 (hidden = 16, nonsense = 1): 'nonsense' cannot be 1"
        );
    }
}
