//! The tree-structured Parzen estimator (Bergstra et al. 2011, Watanabe 2023), as Optuna 5 has it:
//! of points that the good ones would lead to, the one that the others would lead to least.

use rand_chacha::rand_core::Rng;

use super::{Axis, Parzen};
use crate::seed;

/// What was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// A coordinate for each axis.
    pub point: Vec<f64>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trial; losses are the lower, the better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It was trained to its end.
    Finished {
        /// NaN is worse than any other.
        loss: f64,
    },
    /// It was ended early.
    Pruned {
        /// The last epoch.
        epoch: usize,
        /// Then.
        loss: f64,
    },
    /// It is being trained.
    Running,
}

/// Points that are compared.
const CANDIDATES: usize = 24;
/// The good ones: this share of those that have ended, and at most so many.
const SHARE: f64 = 0.1;
const MOST: usize = 25;

/// The places of the good observations and of the others, each in the order of the history, the
/// oldest first. Good are the best of those that finished; then of the pruned the ones that came
/// farthest. What is still running is none of them, so that nothing near it is tried too (the
/// constant liar).
#[must_use]
pub fn split(history: &[Observation]) -> (Vec<usize>, Vec<usize>) {
    let ended: Vec<usize> =
        (0..history.len()).filter(|&place| history[place].outcome != Outcome::Running).collect();
    let count = ((SHARE * ended.len() as f64).ceil() as usize).min(MOST);
    let rank = |place: usize| match history[place].outcome {
        Outcome::Finished { loss } => (0, 0, worst_if_undefined(loss)),
        Outcome::Pruned { epoch, loss } => (1, usize::MAX - epoch, worst_if_undefined(loss)),
        Outcome::Running => (2, 0, f64::INFINITY),
    };
    let mut order = ended;
    // Of equal ones the older first.
    order.sort_by(|&a, &b| {
        let (a, b) = (rank(a), rank(b));
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
    });
    let mut good = order;
    good.truncate(count);
    good.sort_unstable();
    let others = (0..history.len()).filter(|place| good.binary_search(place).is_err()).collect();
    (good, others)
}

fn worst_if_undefined(loss: f64) -> f64 {
    if loss.is_nan() { f64::INFINITY } else { loss }
}

/// The next point, in coordinates of the axes. Equal arguments give equal points; `number` is that
/// of the trial that is to be started.
#[must_use]
pub fn propose(axes: &[Axis], history: &[Observation], seed: u64, number: u64) -> Vec<f64> {
    proposed(axes, history, seed, number, 0)
}

/// The same, drawn anew.
pub(super) fn proposed(
    axes: &[Axis],
    history: &[Observation],
    seed: u64,
    number: u64,
    redraw: u64,
) -> Vec<f64> {
    let (good, others) = split(history);
    let density = |places: &[usize]| {
        let points: Vec<&[f64]> = places.iter().map(|&place| &history[place].point[..]).collect();
        Parzen::new(axes, &points)
    };
    let (good, others) = (density(&good), density(&others));
    let mut generator = match redraw {
        0 => seed::generator(seed, "tpe", number),
        redraw => seed::generator(seed, &format!("tpe again {redraw}"), number),
    };
    let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let candidates = (0..CANDIDATES).map(|_| {
        let point = good.draw(&mut uniform);
        (good.log_density(&point) - others.log_density(&point), point)
    });
    // Of equal ones the first.
    let best = candidates.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, point)| point).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXES: [Axis; 2] = [
        Axis::Float { low: -5.0, high: 5.0, log: false },
        Axis::Float { low: 1e-4, high: 1.0, log: true },
    ];

    fn finished(loss: f64) -> Observation {
        Observation { point: vec![0.0, 0.1], outcome: Outcome::Finished { loss } }
    }

    fn pruned(epoch: usize, loss: f64) -> Observation {
        Observation { point: vec![0.0, 0.1], outcome: Outcome::Pruned { epoch, loss } }
    }

    #[test]
    fn a_tenth_is_good_and_never_one_that_is_running() {
        let running = Observation { outcome: Outcome::Running, ..finished(0.0) };
        let mut history: Vec<Observation> = (0..20).map(|i| finished(f64::from(i))).rev().collect();
        history.push(running.clone());
        assert_eq!(split(&history).0, [18, 19]);
        assert_eq!(split(&history).1.last(), Some(&20));
        assert_eq!(split(&[running]), (vec![], vec![0]));
        assert_eq!(split(&[]), (vec![], vec![]));
        let many: Vec<Observation> = (0..1000).map(|i| finished(f64::from(i))).collect();
        assert_eq!(split(&many).0.len(), 25);
    }

    #[test]
    fn pruned_ones_come_after_the_finished_and_the_farthest_first() {
        let mut history = vec![pruned(3, 0.1), pruned(9, 0.9), finished(f64::NAN), pruned(9, 0.2)];
        assert_eq!(split(&history).0, [2]);
        history.remove(2);
        assert_eq!(split(&history).0, [2], "of those that came as far the better");
        history.extend((0..8).map(|_| pruned(1, 0.0)));
        assert_eq!(split(&history).0, [1, 2]);
    }

    /// The median over seeds of the best of so many trials of a bowl whose bottom is at (2, 0.01).
    fn best(trials: usize, propose: impl Fn(&[Observation], u64, u64) -> Vec<f64>) -> f64 {
        let loss = |point: &[f64]| (point[0] - 2.0).powi(2) + (point[1] / 0.01).log10().powi(2);
        let mut bests: Vec<f64> = (0..15)
            .map(|seed| {
                let mut history = Vec::new();
                for number in 0..trials as u64 {
                    let point = propose(&history, seed, number);
                    let outcome = Outcome::Finished { loss: loss(&point) };
                    history.push(Observation { point, outcome });
                }
                history.iter().map(|tried| loss(&tried.point)).fold(f64::INFINITY, f64::min)
            })
            .collect();
        bests.sort_by(f64::total_cmp);
        bests[7]
    }

    #[test]
    fn a_bowl_is_found_sooner_than_by_chance() {
        let by_chance = |_: &[Observation], seed, number| propose(&AXES, &[], seed, number);
        let tpe = |history: &[Observation], seed, number| {
            let known = if number < 10 { &[] } else { history };
            propose(&AXES, known, seed, number)
        };
        let (found, chance) = (best(60, tpe), best(60, by_chance));
        assert!(found < 0.2 * chance, "{found}, by chance {chance}");
    }

    #[test]
    fn equal_histories_give_equal_points() {
        let history: Vec<Observation> = (0..30)
            .map(|i| Observation {
                point: vec![f64::from(i) / 10.0, 0.01 * f64::from(i + 1)],
                outcome: Outcome::Finished { loss: f64::from(i % 7) },
            })
            .collect();
        assert_eq!(propose(&AXES, &history, 1, 30), propose(&AXES, &history, 1, 30));
        assert_ne!(propose(&AXES, &history, 1, 30), propose(&AXES, &history, 1, 31));
        assert_ne!(propose(&AXES, &history, 1, 30), propose(&AXES, &history, 2, 30));
    }
}
