//! Experiment + sampler → trials → packs.

use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

use crate::space::{Assignment, GridSampler, ListSampler, RandomSampler, Sampler, Space};
use crate::spec::{Data, Experiment, Settings, Strategy};
use crate::trial::{Trial, TrialId};

/// What a sweep will train.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order of the sampler, the repeats of an assignment side by side; no two have the same id.
    pub trials: Vec<Trial>,
    /// Trials that were already in the plan (equal settings), dropped.
    pub duplicates: usize,
}

/// Most trials that a plan may hold, the repeats included.
pub const MAX_TRIALS: usize = 10_000;

/// Trials that can be trained together: positions in the trials that were packed, with equal data, shape and optimizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    pub trials: Vec<usize>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Counted before anything was expanded.
    #[error(
        "the sweep has {count} trials, more than the limit of {MAX_TRIALS}; use fewer points, or strategy = {{ kind = \"random\", trials = N }}"
    )]
    TooMany { count: String },
    /// A grid over a range without points.
    #[error(
        "'{key}' is a continuous range, which a grid cannot go through; give it points = N or a step, or use strategy = {{ kind = \"random\", trials = N }}"
    )]
    Continuous { key: String },
    /// An assignment does not fit.
    #[error("trial {index} ({assignment}): {reason}")]
    Unfit { index: usize, assignment: String, reason: String },
}

/// Expands an experiment.
///
/// # Errors
/// When there are too many trials (with their number), when a grid has a range without points, or when an assignment does not fit
/// its settings.
pub fn plan(experiment: &Experiment, data_fingerprint: &str) -> Result<Plan, PlanError> {
    let settings = |assignment: &Assignment, repeat: usize| experiment.settings_of(assignment, repeat);
    let expand = |sampler: &dyn Sampler| expand(sampler, &experiment.space, experiment.repeats, &settings, data_fingerprint);
    let mut plan = match &experiment.strategy {
        Strategy::Grid => match experiment.space.parameters.iter().find(|parameter| parameter.domain.len().is_none()) {
            Some(parameter) => Err(PlanError::Continuous { key: parameter.key.clone() }),
            None => expand(&GridSampler),
        },
        Strategy::Random { trials, seed } => expand(&RandomSampler { trials: *trials, seed: *seed }),
        Strategy::List { assignments } => expand(&ListSampler { assignments: assignments.clone() }),
    }?;
    plan.trials.iter_mut().for_each(|trial| trial.backtest = experiment.backtest);
    Ok(plan)
}

/// Expands whatever a sampler proposes; `settings` makes the settings of one repeat of an assignment.
///
/// # Errors
/// As [`plan`].
pub fn expand(
    sampler: &dyn Sampler,
    space: &Space,
    repeats: usize,
    settings: &(dyn Fn(&Assignment, usize) -> Result<Settings, String> + Sync),
    data_fingerprint: &str,
) -> Result<Plan, PlanError> {
    let count = sampler.count(space).and_then(|count| count.checked_mul(repeats as u128));
    if count.is_none_or(|count| count > MAX_TRIALS as u128) {
        let count = count.map_or_else(|| "more than 2^128".to_owned(), |count| count.to_string());
        return Err(PlanError::TooMany { count });
    }
    let assignments = sampler.propose_up_to(space, MAX_TRIALS);
    let proposals: Vec<(&Assignment, usize)> =
        assignments.iter().flat_map(|assignment| (0..repeats).map(move |repeat| (assignment, repeat))).collect();
    let resolved: Vec<Result<(TrialId, Settings), String>> = proposals
        .par_iter()
        .map(|(assignment, repeat)| {
            let settings = settings(assignment, *repeat)?;
            Ok((TrialId::of(&settings, data_fingerprint), settings))
        })
        .collect();

    let mut seen = HashSet::with_capacity(resolved.len());
    let mut trials: Vec<Trial> = Vec::with_capacity(resolved.len());
    for (index, (resolved, (assignment, repeat))) in resolved.into_iter().zip(&proposals).enumerate() {
        let (id, settings) = resolved.map_err(|reason| PlanError::Unfit { index, assignment: in_words(assignment), reason })?;
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
    let duplicates = proposals.len() - trials.len();
    Ok(Plan { trials, duplicates })
}

/// Groups trials by what they must share, at most `max_lanes` in a pack, into at least `workers` packs where there are that many
/// trials, and into a multiple of `workers` where a pack can be halved for it, so that no worker is left without.
///
/// A pack names its trials by their position in `trials`, which may be a part of a plan. Packs and trials keep their order.
#[must_use]
pub fn packs(trials: &[&Trial], max_lanes: usize, workers: usize) -> Vec<Pack> {
    let (max_lanes, workers) = (max_lanes.max(1), workers.max(1));
    let groups = groups(trials);
    let mut parts: Vec<usize> = groups.iter().map(|group| group.len().div_ceil(max_lanes)).collect();
    let mut total: usize = parts.iter().sum();
    while total < workers || !total.is_multiple_of(workers) {
        let largest = (0..groups.len()).rev().max_by_key(|&g| groups[g].len().div_ceil(parts[g]));
        match largest.filter(|&g| parts[g] < groups[g].len()) {
            Some(g) => parts[g] += 1,
            None => break,
        }
        total += 1;
    }
    groups.iter().zip(parts).flat_map(|(group, parts)| balanced(group, parts)).collect()
}

/// Positions of trials that could share a pack, in order of first appearance.
fn groups(trials: &[&Trial]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_key = HashMap::new();
    let mut datas = HashMap::new();
    let mut last: Option<(&Data, usize)> = None;
    for (position, trial) in trials.iter().enumerate() {
        let data = &trial.settings.data;
        // Neighbours nearly always share their data, and comparing is cheaper than serialising.
        let data_key = match last {
            Some((former, key)) if former == data => key,
            _ => {
                let next = datas.len();
                // What differs must not share: where there is no text (there always is one), a trial is alone.
                let text = serde_json::to_string(data).unwrap_or_else(|_| trial.id.to_string());
                *datas.entry(text).or_insert(next)
            }
        };
        last = Some((data, data_key));
        let next = groups.len();
        let group = *by_key.entry((data_key, shape(&trial.settings))).or_insert(next);
        if group == next {
            groups.push(Vec::new());
        }
        groups[group].push(position);
    }
    groups
}

/// What the lanes of a pack share beside their data.
fn shape(settings: &Settings) -> burn_lanes::Shape {
    burn_lanes::Shape {
        features: settings.data.features.len(),
        window: settings.data.window,
        hidden: settings.model.hidden_size,
        layers: settings.model.num_layers,
        batch: settings.train.batch_size,
        loss: settings.train.loss,
        optimizer: settings.train.optimizer.kind,
    }
}

/// Cuts a group into parts whose sizes differ by one at most.
fn balanced(group: &[usize], parts: usize) -> Vec<Pack> {
    (0..parts).map(|part| Pack { trials: group[part * group.len() / parts..(part + 1) * group.len() / parts].to_vec() }).collect()
}

fn in_words(assignment: &Assignment) -> String {
    assignment.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Domain, Parameter, Value};
    use crate::spec::{
        BarLabel, Columns, Format, Model, ModelKind, Optimizer, Scale, Scaler, Source, Split, Target, TargetKind, Train,
    };
    use proptest::prelude::*;

    fn base() -> Settings {
        Settings {
            data: Data {
                source: Source::File {
                    path: "data/bars.csv".into(),
                    format: Format::Csv,
                    columns: Columns::default(),
                    zone: None,
                    bar_label: BarLabel::Start,
                },
                rows: None,
                bar_seconds: None,
                features: vec!["close".parse().unwrap()],
                target: Target { horizon: 1, kind: TargetKind::Price },
                window: 60,
                step: 1,
                cross_gaps: false,
                split: Split { valid: 0.2, test: 0.1, embargo: 61 },
                scale: Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard },
            },
            model: Model { kind: ModelKind::Lstm, hidden_size: 32, num_layers: 2, dropout: 0.1 },
            train: Train {
                epochs: 100,
                batch_size: 32,
                learning_rate: 1e-3,
                loss: burn_lanes::Loss::Mse,
                optimizer: Optimizer {
                    kind: burn_lanes::OptimizerKind::Adam,
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 0.0,
                    momentum: 0.0,
                },
                schedule: burn_lanes::Schedule::Constant,
                early_stopping: None,
                clip_norm: None,
                seed: 1,
            },
        }
    }

    /// Stands in for `Experiment::settings_of`.
    fn settings(assignment: &Assignment, repeat: usize) -> Result<Settings, String> {
        let mut settings = base();
        settings.train.seed += repeat as u64;
        for (key, value) in assignment {
            match (key.as_str(), value) {
                ("hidden", Value::Int(value)) => settings.model.hidden_size = *value as usize,
                ("window", Value::Int(value)) => settings.data.window = *value as usize,
                ("rate", value) => settings.train.learning_rate = value.as_f64().ok_or("not a number")?,
                _ => return Err(format!("'{key}' cannot be {value}")),
            }
        }
        Ok(settings)
    }

    fn choice(key: &str, values: &[i64]) -> Parameter {
        let domain = Domain::Choice(values.iter().map(|value| Value::Int(*value)).collect());
        Parameter { key: key.into(), domain, zip: None, when: None }
    }

    fn grid(parameters: Vec<Parameter>, repeats: usize) -> Result<Plan, PlanError> {
        expand(&GridSampler, &Space { parameters }, repeats, &settings, "data")
    }

    #[test]
    fn repeats_stand_side_by_side_with_seeds_of_their_own() {
        let plan = grid(vec![choice("hidden", &[16, 32])], 2).unwrap();
        let seen: Vec<_> =
            plan.trials.iter().map(|t| (t.index, t.repeat, t.settings.model.hidden_size, t.settings.train.seed)).collect();
        assert_eq!(seen, [(0, 0, 16, 1), (1, 1, 16, 2), (2, 0, 32, 1), (3, 1, 32, 2)]);
        assert_eq!(plan.trials.iter().map(|t| &t.id).collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn too_many_trials_are_refused_with_their_number_before_any_is_made() {
        let many = Domain::Int { low: 1, high: 1_000_000_000_000, step: None, log: false, points: None };
        let space = vec![Parameter { key: "hidden".into(), domain: many, zip: None, when: None }];
        assert!(grid(space, 3).unwrap_err().to_string().contains("has 3000000000000 trials"));
        assert!(grid(vec![choice("hidden", &[1])], MAX_TRIALS).is_ok());
        assert!(matches!(grid(vec![choice("hidden", &[1, 2])], MAX_TRIALS), Err(PlanError::TooMany { .. })));
    }

    #[test]
    fn equal_trials_are_kept_once_and_counted() {
        let row = |rate: f64| Assignment::from([("rate".into(), Value::Float(rate))]);
        let list = ListSampler { assignments: vec![row(0.1), row(0.2), row(0.1)] };
        let plan = expand(&list, &Space::default(), 2, &settings, "data").unwrap();
        assert_eq!((plan.trials.len(), plan.duplicates), (4, 2));
        assert!(plan.trials.iter().enumerate().all(|(index, trial)| trial.index == index));
    }

    #[test]
    fn the_first_assignment_that_does_not_fit_is_named() {
        let error = grid(vec![choice("hidden", &[16, 32]), choice("nonsense", &[1])], 1).unwrap_err();
        assert_eq!(error.to_string(), "trial 0 (hidden = 16, nonsense = 1): 'nonsense' cannot be 1");
    }

    fn packed(plan: &Plan, max_lanes: usize, workers: usize) -> Vec<Vec<usize>> {
        packs(&plan.trials.iter().collect::<Vec<_>>(), max_lanes, workers).into_iter().map(|pack| pack.trials).collect()
    }

    #[test]
    fn a_pack_shares_data_and_shape_and_nothing_else() {
        let plan = grid(vec![choice("rate", &[1, 2]), choice("hidden", &[16, 32]), choice("window", &[10, 20])], 1).unwrap();
        assert_eq!(packed(&plan, 128, 1), [[0, 4], [1, 5], [2, 6], [3, 7]]);
    }

    #[test]
    fn packs_are_balanced_and_enough_for_the_workers() {
        let rates: Vec<i64> = (0..10).collect();
        let plan = grid(vec![choice("rate", &rates)], 1).unwrap();
        let sizes = |max_lanes, workers| packed(&plan, max_lanes, workers).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(128, 1), [10]);
        assert_eq!(sizes(128, 3), [3, 3, 4]);
        assert_eq!(sizes(4, 1), [3, 3, 4]);
        assert_eq!(sizes(4, 2), [2, 3, 2, 3]);
        assert_eq!(sizes(128, 99), [1; 10]);
    }

    #[test]
    fn a_part_of_a_plan_is_packed_by_the_positions_in_it() {
        let plan = grid(vec![choice("rate", &[1, 2, 3])], 1).unwrap();
        assert_eq!(packs(&[&plan.trials[1], &plan.trials[2]], 8, 1), [Pack { trials: vec![0, 1] }]);
        assert_eq!(packs(&[], 8, 2), []);
    }

    proptest! {
        #[test]
        fn packs_hold_every_trial_once_within_their_bounds(rates in 1..6_i64, hiddens in 1..6_i64, lanes in 1..9_usize, workers in 1..9_usize) {
            let all = |n: i64| (1..=n).collect::<Vec<_>>();
            let plan = grid(vec![choice("rate", &all(rates)), choice("hidden", &all(hiddens))], 1).unwrap();
            let packs = packed(&plan, lanes, workers);
            let mut held: Vec<usize> = packs.concat();
            held.sort_unstable();
            prop_assert_eq!(held, (0..plan.trials.len()).collect::<Vec<_>>());
            prop_assert!(packs.iter().all(|pack| (1..=lanes).contains(&pack.len())));
            prop_assert!(packs.len() >= workers.min(plan.trials.len()));
            for pack in &packs {
                prop_assert!(pack.iter().all(|&i| plan.trials[i].settings.model == plan.trials[pack[0]].settings.model));
            }
        }
    }
}
