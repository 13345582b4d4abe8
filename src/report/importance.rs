//! Which parameters the result depends on, told from few trials.
//!
//! For each parameter alone, the assignments are grouped by its value (numbers with more than
//! [`MOST_GROUPS`] values in three groups of equal size), and the share of the variance between the
//! groups is measured on the ranks of the objective: one assignment that diverged then counts as
//! the worst one and not as all the variance there is. The share is Kelley's ε² (1935), which takes
//! off what groups of this size would share by luck; on ranks it is the effect size of Kruskal and
//! Wallis's test (1952). Its p-value is by permutation and adjusted by Holm over the parameters. It
//! is a main effect: what parameters do only together is in none of them. A forest (fANOVA) would
//! see that too, but on a dozen trials it fits noise and says nothing about how sure it is.

use rand_chacha::rand_core::Rng;
use serde_json::Value as Json;

use evidence::{average_ranks, holm};
use experiment::seed::generator;

/// More distinct numbers are cut into three groups.
pub(super) const MOST_GROUPS: usize = 6;

/// Fewer assignments say nothing.
pub(super) const LEAST_ASSIGNMENTS: usize = 6;

/// Permutations behind a p-value.
pub(super) const PERMUTATIONS: usize = 1_999;

/// What one parameter alone explains.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Importance {
    pub key: String,
    /// Adjusted share of the variance of ranks, at least 0; `None` where nothing can be told.
    pub share: Option<f64>,
    /// That it explains nothing, adjusted over the parameters.
    pub p: Option<f64>,
    pub groups: usize,
}

/// The parameters, the most important first. `values` holds each parameter's values by assignment,
/// `objective` what they came to.
pub(super) fn importance(parameters: &[(String, Vec<Json>)], objective: &[f64]) -> Vec<Importance> {
    let ranks = average_ranks(objective).filter(|ranks| ranks.len() >= LEAST_ASSIGNMENTS);
    let mut found: Vec<Importance> = Vec::new();
    for (place, (key, values)) in parameters.iter().enumerate() {
        let (groups, count) = grouped(values);
        let told = ranks.as_ref().and_then(|ranks| {
            Some((adjusted(ranks, &groups, count)?, p(ranks, &groups, count, place as u64)?))
        });
        found.push(Importance {
            key: key.clone(),
            share: told.map(|told| told.0),
            p: told.map(|told| told.1),
            groups: count,
        });
    }
    let adjusted = holm(&found.iter().map(|found| found.p).collect::<Vec<_>>());
    found.iter_mut().zip(adjusted).for_each(|(found, p)| found.p = p);
    found.sort_by(|a, b| b.share.unwrap_or(-1.0).total_cmp(&a.share.unwrap_or(-1.0)));
    found
}

/// The group of each value, and how many groups there are. An absent value is a group of its own.
fn grouped(values: &[Json]) -> (Vec<usize>, usize) {
    let mut numbers: Vec<f64> = values.iter().filter_map(Json::as_f64).collect();
    numbers.sort_by(f64::total_cmp);
    let mut distinct = numbers.clone();
    distinct.dedup();
    let all_numbers = values.iter().all(|value| value.is_number() || value.is_null());
    let group_of = |value: &Json| match value.as_f64() {
        Some(number) if all_numbers && distinct.len() > MOST_GROUPS => {
            let below = numbers.partition_point(|other| *other < number);
            format!("third {}", 3 * below / numbers.len())
        }
        Some(number) => number.to_string(),
        None => value.to_string(),
    };
    let mut names: Vec<String> = Vec::new();
    let groups = values.iter().map(|value| {
        let name = group_of(value);
        names.iter().position(|other| *other == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        })
    });
    let groups: Vec<usize> = groups.collect();
    (groups, names.len())
}

/// Σ over groups of size × (mean − overall mean)², over the sum of all squares.
fn share(ranks: &[f64], groups: &[usize], count: usize) -> Option<f64> {
    let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
    let total: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    let mut sums = vec![(0.0, 0.0); count];
    for (rank, &group) in ranks.iter().zip(groups) {
        sums[group].0 += rank - mean;
        sums[group].1 += 1.0;
    }
    let between: f64 = sums.iter().filter(|(_, n)| *n > 0.0).map(|(sum, n)| sum * sum / n).sum();
    (total > 0.0).then(|| between / total)
}

/// Kelley's ε²; `None` where there is one group, or too few assignments in each.
fn adjusted(ranks: &[f64], groups: &[usize], count: usize) -> Option<f64> {
    let n = ranks.len();
    (groups.len() == n && count > 1 && n >= count + 2).then_some(())?;
    let share = share(ranks, groups, count)?;
    Some((1.0 - (1.0 - share) * (n - 1) as f64 / (n - count) as f64).max(0.0))
}

/// How often shuffled ranks share as much.
fn p(ranks: &[f64], groups: &[usize], count: usize, index: u64) -> Option<f64> {
    let found = share(ranks, groups, count)?;
    let mut random = generator(1, "report: importance of parameters", index);
    let mut shuffled = ranks.to_vec();
    let mut as_large = 1;
    for _ in 0..PERMUTATIONS {
        for last in (1..shuffled.len()).rev() {
            let other = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
            shuffled.swap(last, usize::try_from(other).unwrap_or(last));
        }
        // Less a hair: equal sums that were added in another order.
        as_large += usize::from(share(&shuffled, groups, count)? >= found * (1.0 - 1e-12));
    }
    Some(as_large as f64 / (PERMUTATIONS + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(key: &str, values: impl IntoIterator<Item = Json>) -> (String, Vec<Json>) {
        (key.to_owned(), values.into_iter().collect())
    }

    /// A 4 × 3 grid in which the first parameter decides and the second does nothing.
    #[test]
    fn what_decides_is_found_and_what_does_nothing_is_not() {
        let grid: Vec<(i32, i32)> = (0..12).map(|place| (place / 3, place % 3)).collect();
        let objective: Vec<f64> = grid
            .iter()
            .zip([1, 0, 2, 2, 1, 0, 0, 2, 1, 1, 0, 2])
            .map(|((a, _), noise)| f64::from(a * 10 + noise))
            .collect();
        let parameters = [
            parameter("noise", grid.iter().map(|(_, b)| Json::from(*b))),
            parameter("decides", grid.iter().map(|(a, _)| Json::from(*a))),
        ];
        let found = importance(&parameters, &objective);
        assert_eq!((found[0].key.as_str(), found[1].key.as_str()), ("decides", "noise"));
        // By hand: ranks 1…12 in four groups of three: between = 3 × (4.5² + 1.5²) × 2 = 135
        // of 143.
        assert!(
            (found[0].share.unwrap() - (1.0 - (1.0 - 135.0 / 143.0) * 11.0 / 8.0)).abs() < 1e-12
        );
        assert!(found[0].p.unwrap() < 0.01 && found[1].p.unwrap() > 0.2, "{found:?}");
        assert_eq!(found[1].share, Some(0.0));
    }

    #[test]
    fn one_diverged_trial_is_not_all_the_variance() {
        let objective = [1.0, 2.0, 3.0, 4.0, 5.0, 1e12];
        let parameters = [
            parameter("half", [0, 0, 0, 1, 1, 1].map(Json::from)),
            parameter("other", [0, 1, 0, 1, 0, 1].map(Json::from)),
        ];
        let found = importance(&parameters, &objective);
        assert_eq!(found[0].key, "half");
    }

    #[test]
    fn too_few_say_nothing_and_many_numbers_are_thirds() {
        let few = importance(&[parameter("a", [0, 1, 0].map(Json::from))], &[1.0, 2.0, 3.0]);
        assert_eq!((few[0].share, few[0].p), (None, None));
        let constant = importance(
            &[parameter("a", vec![Json::from(1); 8])],
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        );
        assert_eq!(constant[0].share, None);
        let rates: Vec<Json> =
            (0..12).map(|place| Json::from(f64::from(place) * 0.1)).chain([Json::Null]).collect();
        let (groups, count) = grouped(&rates);
        assert_eq!(count, 4);
        assert_eq!(groups, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]);
    }
}
