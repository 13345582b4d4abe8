//! Trials into packs: what shares a shape trains together, as far as memory allows and no worker is
//! left alone.

use std::collections::HashMap;

use crate::trial::Trial;
use crate::{Data, Settings};

/// Trials that can be trained together: positions in the trials that were packed, with equal data
/// (but for the fold), shape and optimizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Places of the trials in the plan.
    pub trials: Vec<usize>,
}

/// Groups trials by what they must share, as many in a pack as `lanes` allows for their settings
/// (at least one), into about `least` packs of equal cost or more where there are that many trials.
/// The costliest pack stands first: anyone who takes one after another is not left alone with a
/// large one at the end.
///
/// A pack names its trials by their position in `trials`, which may be a part of a plan, in their
/// order.
#[must_use]
pub fn packs(trials: &[&Trial], lanes: &dyn Fn(&Settings) -> usize, least: usize) -> Vec<Pack> {
    let groups = groups(trials);
    let costs: Vec<u128> = groups
        .iter()
        .map(|group| group.iter().map(|&at| cost(&trials[at].settings)).sum())
        .collect();
    let share = (costs.iter().sum::<u128>() / least.max(1) as u128).max(1);
    let first = |group: &[usize]| group.first().map_or(1, |&at| lanes(&trials[at].settings).max(1));
    let mut parts: Vec<usize> = groups
        .iter()
        .zip(&costs)
        .map(|(group, cost)| {
            let by_cost = usize::try_from(cost.div_ceil(share)).unwrap_or(usize::MAX);
            group.len().div_ceil(first(group)).max(by_cost).min(group.len())
        })
        .collect();
    // Groups that had fewer trials than shares leave some for the others.
    while parts.iter().sum::<usize>() < least.min(trials.len()) {
        let divisible = (0..groups.len()).rev().filter(|&g| parts[g] < groups[g].len());
        match divisible.max_by_key(|&g| costs[g] / parts[g] as u128) {
            Some(g) => parts[g] += 1,
            None => break,
        }
    }
    let mut packs: Vec<Pack> =
        groups.iter().zip(parts).flat_map(|(group, parts)| balanced(group, parts)).collect();
    packs.sort_by_cached_key(|pack| {
        std::cmp::Reverse(pack.trials.iter().map(|&at| cost(&trials[at].settings)).sum::<u128>())
    });
    packs
}

/// Multiplications of one trial's training per thousand rows of data, if it trains all its epochs;
/// for comparing trials of a sweep.
fn cost(settings: &Settings) -> u128 {
    let Settings { data, model, train } = settings;
    let (hidden, layers) = (model.hidden_size as u128, model.num_layers as u128);
    let inputs = data.features.len() as u128 + (layers - 1) * hidden;
    let rows = (1000.0 * data.split.train()).max(1.0) as u128;
    4 * hidden * (inputs + layers * hidden) * data.window as u128 * train.epochs as u128 * rows
        / data.step.max(1) as u128
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
                // What differs must not share: where there is no text (there always is one), a
                // trial is alone. The folds of a split are lanes of a pack.
                let text = serde_json::to_string(&data.clone().of_fold(0))
                    .unwrap_or_else(|_| trial.id.to_string());
                *datas.entry(text).or_insert(next)
            }
        };
        last = Some((data, data_key));
        let next = groups.len();
        let group = *by_key.entry((data_key, trial.settings.shape())).or_insert(next);
        if group == next {
            groups.push(Vec::new());
        }
        groups[group].push(position);
    }
    groups
}

/// Cuts a group into parts whose sizes differ by one at most.
fn balanced(group: &[usize], parts: usize) -> Vec<Pack> {
    (0..parts)
        .map(|part| Pack {
            trials: group[part * group.len() / parts..(part + 1) * group.len() / parts].to_vec(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::super::tests::{choice, grid};
    use super::*;
    use proptest::prelude::*;

    fn packed(plan: &Plan, max_lanes: usize, least: usize) -> Vec<Vec<usize>> {
        let packs = packs(&plan.trials.iter().collect::<Vec<_>>(), &|_| max_lanes, least);
        packs.into_iter().map(|pack| pack.trials).collect()
    }

    #[test]
    fn a_pack_shares_data_and_shape_and_nothing_else() {
        let plan = grid(
            vec![choice("rate", &[1, 2]), choice("hidden", &[16, 32]), choice("window", &[10, 20])],
            1,
        )
        .unwrap();
        assert_eq!(packed(&plan, 128, 1), [[3, 7], [2, 6], [1, 5], [0, 4]]);
    }

    #[test]
    fn folds_share_a_pack_and_later_ones_of_an_expanding_split_cost_more() {
        let mut plan = grid(vec![choice("rate", &[1, 2]), choice("window", &[10, 20])], 1).unwrap();
        let split = crate::testing::settings(
            "data.synthetic = { bars = 1000 }\ndata.split = { kind = \"walk_forward\", folds = 2 }",
        )
        .data
        .split;
        for (index, trial) in plan.trials.iter_mut().enumerate() {
            trial.settings.data.split = split;
            trial.settings = trial.settings.clone().of_fold(index / 2);
        }
        assert_eq!(packed(&plan, 128, 1), [[1, 3], [0, 2]]);
        assert!(cost(&plan.trials[2].settings) > cost(&plan.trials[0].settings));
    }

    #[test]
    fn packs_are_balanced_and_as_many_as_wanted() {
        let rates: Vec<i64> = (0..10).collect();
        let plan = grid(vec![choice("rate", &rates)], 1).unwrap();
        let sizes = |max_lanes, least| {
            packed(&plan, max_lanes, least).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(128, 1), [10]);
        assert_eq!(sizes(128, 3), [4, 3, 3]);
        assert_eq!(sizes(4, 1), [4, 3, 3]);
        assert_eq!(sizes(128, 99), [1; 10]);
    }

    #[test]
    fn costly_trials_are_spread_and_cheap_ones_stay_together() {
        let plan =
            grid(vec![choice("hidden", &[8, 64]), choice("rate", &[1, 2, 3, 4])], 1).unwrap();
        assert_eq!(packed(&plan, 8, 4), [vec![4], vec![5], vec![6], vec![7], vec![0, 1, 2, 3]]);
    }

    #[test]
    fn memory_limits_a_shape_by_itself() {
        let plan =
            grid(vec![choice("hidden", &[8, 64]), choice("rate", &[1, 2, 3, 4])], 1).unwrap();
        let trials: Vec<&Trial> = plan.trials.iter().collect();
        let lanes = |settings: &Settings| if settings.model.hidden_size == 64 { 2 } else { 0 };
        let sizes: Vec<usize> =
            packs(&trials, &lanes, 1).iter().map(|pack| pack.trials.len()).collect();
        assert_eq!(sizes, [2, 2, 1, 1, 1, 1]);
    }

    #[test]
    fn a_part_of_a_plan_is_packed_by_the_positions_in_it() {
        let plan = grid(vec![choice("rate", &[1, 2, 3])], 1).unwrap();
        assert_eq!(
            packs(&[&plan.trials[1], &plan.trials[2]], &|_| 8, 1),
            [Pack { trials: vec![0, 1] }]
        );
        assert_eq!(packs(&[], &|_| 8, 2), []);
    }

    proptest! {
        #[test]
        fn packs_hold_every_trial_once_within_their_bounds(
            rates in 1..6_i64,
            hiddens in 1..6_i64,
            lanes in 1..9_usize,
            least in 1..9_usize,
        ) {
            let all = |n: i64| (1..=n).collect::<Vec<_>>();
            let plan = grid(vec![choice("rate", &all(rates)), choice("hidden", &all(hiddens))], 1)
                .unwrap();
            let packs = packed(&plan, lanes, least);
            let mut held: Vec<usize> = packs.concat();
            held.sort_unstable();
            prop_assert_eq!(held, (0..plan.trials.len()).collect::<Vec<_>>());
            prop_assert!(packs.iter().all(|pack| (1..=lanes).contains(&pack.len())));
            prop_assert!(packs.len() >= least.min(plan.trials.len()));
            for pack in &packs {
                prop_assert!(
                    pack.iter()
                        .all(|&i| plan.trials[i].settings.model
                            == plan.trials[pack[0]].settings.model)
                );
            }
        }
    }
}
