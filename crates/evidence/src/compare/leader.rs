//! The assignment that leads a sweep that may still be running: by the rule that ranks the rows of
//! a comparison.

use std::collections::{BTreeMap, BTreeSet};

use super::group::Spread;
use super::rank::{Merit, ranked};
use super::seeds::Seeds;
use experiment::metric::Direction;

/// A run of a sweep, as far as it is ranked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Which assignment it is a run of: any number that its other seeds and folds have too.
    pub assignment: usize,
    /// Which of the assignment's seeds.
    pub repeat: usize,
    /// Which fold of a walk-forward split, and of how many.
    pub fold: Option<(usize, usize)>,
    /// The objective, so far or at the end; `None` where the run does not count.
    pub value: Option<f64>,
}

/// The first row, as [`super::compare`] ranks rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leader {
    /// The run that stands for it: of the last fold the best seed.
    pub run: usize,
    /// Over its seeds and folds.
    pub value: Spread,
    /// Its seeds that count: all of their folds have a value.
    pub seeds: Seeds,
}

/// Who leads, if anyone has a value. `planned` is the number of seeds of each assignment.
#[must_use]
pub fn leader(candidates: &[Candidate], planned: usize, direction: Direction) -> Option<Leader> {
    let mut assignments: BTreeMap<usize, usize> = BTreeMap::new();
    let mut rows: Vec<BTreeMap<usize, Vec<usize>>> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let next = rows.len();
        let row = *assignments.entry(candidate.assignment).or_insert(next);
        if row == next {
            rows.push(BTreeMap::new());
        }
        let seed = rows[row].entry(candidate.repeat).or_default();
        if candidate.value.is_some_and(f64::is_finite) {
            seed.push(index);
        }
    }
    let folds: BTreeSet<usize> =
        candidates.iter().filter_map(|candidate| Some(candidate.fold?.0)).collect();
    // Folds are not equally hard: a seed counts with all of them or not at all.
    let is_whole = |seed: &Vec<usize>| {
        let of = seed.first().and_then(|run| candidates[*run].fold).map_or(0, |(_, of)| of);
        seed.len() == folds.range(..of).count().max(1)
    };
    let counted: Vec<(Seeds, Vec<usize>)> = rows
        .iter()
        .map(|seeds| {
            let whole: Vec<&Vec<usize>> = seeds.values().filter(|seed| is_whole(seed)).collect();
            let seeds = Seeds { counted: whole.len(), planned: planned.max(seeds.len()) };
            (seeds, whole.into_iter().flatten().copied().collect())
        })
        .collect();
    let values =
        |runs: &[usize]| runs.iter().filter_map(|run| candidates[*run].value).collect::<Vec<_>>();
    let merit = |(seeds, runs): &(Seeds, Vec<usize>)| Merit {
        value: Spread::of(&values(runs)).map(|spread| spread.mean),
        missing_seeds: seeds.missing(),
    };
    let merits: Vec<Merit> = counted.iter().map(merit).collect();
    let (first, _) = ranked(&merits, direction).into_iter().find(|(_, place)| place.is_some())?;
    let (seeds, runs) = &counted[first];
    let last = runs.iter().map(|run| candidates[*run].fold).max()?;
    let worth = |run: usize| candidates[run].value.unwrap_or(f64::NAN);
    let of_last = runs.iter().copied().filter(|run| candidates[*run].fold == last);
    let run =
        of_last.reduce(
            |best, other| if direction.better(worth(other), worth(best)) { other } else { best },
        )?;
    Some(Leader { run, value: Spread::of(&values(runs))?, seeds: *seeds })
}

#[cfg(test)]
mod tests {
    use super::super::compare;
    use super::super::group::tests::{finished, in_fold, unfinished};
    use super::*;
    use crate::records::{RunRecord, RunState};
    use experiment::Objective;
    use experiment::metric::Metric;
    use proptest::prelude::*;

    const HIDDEN: [usize; 3] = [16, 32, 64];

    /// The runs of a sweep of three assignments; `None` of one that has no result.
    fn sweep(rmses: &[Option<u8>], repeats: usize, folds: usize) -> Vec<RunRecord> {
        let place = |index: usize| {
            (HIDDEN[index / (repeats * folds)], index / folds % repeats, index % folds)
        };
        rmses
            .iter()
            .enumerate()
            .map(|(index, rmse)| {
                let (hidden, repeat, fold) = place(index);
                let run = match rmse {
                    Some(rmse) => finished(hidden, repeat, 1.0 + f64::from(*rmse) / 8.0),
                    None => unfinished(hidden, repeat, RunState::Running),
                };
                let run = if folds > 1 { in_fold(folds, fold, run) } else { run };
                RunRecord { seeds: Some(repeats), ..run }
            })
            .collect()
    }

    fn candidates(runs: &[RunRecord], metric: Metric) -> Vec<Candidate> {
        let of = |run: &RunRecord| Candidate {
            assignment: run.trial.settings.model.hidden_size,
            repeat: run.trial.repeat,
            fold: run.trial.fold().map(|fold| (fold, run.trial.settings.data.split.folds())),
            value: super::super::comparison::counted(run, metric),
        };
        runs.iter().map(of).collect()
    }

    #[test]
    fn a_lucky_seed_does_not_lead() {
        let rmses = [Some(1), Some(90), Some(20), Some(24), None, Some(0)];
        let runs = sweep(&rmses, 2, 1);
        let metric: Metric = "valid.rmse".parse().unwrap();
        let leader = leader(&candidates(&runs, metric), 2, Direction::Minimize).unwrap();
        assert_eq!(
            (leader.run, leader.value.mean, leader.seeds.missing()),
            (2, 1.0 + 22.0 / 8.0, 0)
        );
    }

    proptest! {
        #[test]
        fn who_leads_is_the_first_row_of_the_comparison(
            rmses in prop::collection::vec(prop::option::weighted(0.8, any::<u8>()), 12),
            (repeats, folds) in prop::sample::select(vec![(4, 1), (2, 2), (1, 4), (1, 1)]),
            is_skill in any::<bool>(),
        ) {
            let runs = sweep(&rmses[..3 * repeats * folds], repeats, folds);
            let metric: Metric =
                if is_skill { "valid.skill" } else { "valid.rmse" }.parse().unwrap();
            let direction = metric.direction();
            let compared = compare(&runs, Objective { metric, direction });
            let first = compared.rows.iter().find(|row| row.rank.is_some());
            let leader = leader(&candidates(&runs, metric), repeats, direction);
            prop_assert_eq!(
                first.map(|row| (row.run.clone(), row.value, row.seeds)),
                leader.map(|leader| (
                    runs[leader.run].trial.id.to_string(),
                    Some(leader.value),
                    leader.seeds
                ))
            );
        }
    }
}
