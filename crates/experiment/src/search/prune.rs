//! Which trials are ended early: at their stops they are held against what others had come to after
//! as many epochs. Values are losses (the lower, the better) at the best epoch so far.

/// By what rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pruner {
    /// At each rung (`min_epochs`, that times `eta`, times `eta` again, …) the best `1 / eta` of
    /// all that came so far go on (Jamieson and Talwalkar 2016), by stopping: nothing is resumed
    /// later.
    Halving {
        /// The first rung.
        min_epochs: usize,
        /// One in so many goes on; at least 2.
        eta: usize,
    },
    /// What is worse than so large a share of the finished trials was after as many epochs ends:
    /// the median where `keep` is a half (Golovin et al. 2017).
    Percentile {
        /// The share of the finished that a trial must not be worse than, in (0, 1).
        keep: f64,
        /// The first stop.
        min_epochs: usize,
        /// From one stop to the next.
        every: usize,
        /// Trials that must have finished before any is pruned.
        warmup_trials: usize,
    },
    /// What is worse than a loss ends.
    Threshold {
        /// The largest that goes on.
        most: f64,
        /// The first stop.
        min_epochs: usize,
        /// From one stop to the next.
        every: usize,
    },
}

/// What a stop comes to for one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is trained on.
    pub goes_on: bool,
    /// Its place among those that it was held against, from 1.
    pub rank: usize,
    /// How many these are, itself among them.
    pub of: usize,
}

impl Pruner {
    /// The epochs after which a trial of so many is judged, in order; its end is none of them.
    #[must_use]
    pub fn stops(&self, epochs: usize) -> Vec<usize> {
        let (first, next): (usize, Box<dyn Fn(usize) -> Option<usize>>) = match *self {
            Self::Halving { min_epochs, eta } => {
                (min_epochs, Box::new(move |rung| rung.checked_mul(eta.max(2))))
            }
            Self::Percentile { min_epochs, every, .. }
            | Self::Threshold { min_epochs, every, .. } => {
                (min_epochs, Box::new(move |stop| stop.checked_add(every.max(1))))
            }
        };
        std::iter::successors(Some(first.max(1)), |stop| next(*stop))
            .take_while(|stop| *stop < epochs)
            .collect()
    }

    /// Judges those that arrive at a stop together, in the order of their trials. `others` are, for
    /// halving, the values of all that were at this rung before, and the best of those that ended
    /// before it by themselves; for a percentile those of the finished trials after as many epochs.
    /// What is not a number ends.
    #[must_use]
    pub fn judge(&self, arrivals: &[f64], others: &[f64]) -> Vec<Judgement> {
        let known = || others.iter().copied().filter(|value| !value.is_nan());
        match *self {
            Self::Halving { eta, .. } => {
                let of = others.len() + arrivals.len();
                let go_on = of.div_ceil(eta.max(2));
                let judged = arrivals.iter().enumerate().map(|(place, value)| {
                    // Of equal ones the earlier is before.
                    let before = known().filter(|other| other <= value).count()
                        + arrivals[..place].iter().filter(|other| *other <= value).count()
                        + arrivals[place + 1..].iter().filter(|other| *other < value).count();
                    let rank = if value.is_nan() { of } else { before + 1 };
                    Judgement { goes_on: !value.is_nan() && rank <= go_on, rank, of }
                });
                judged.collect()
            }
            Self::Percentile { keep, warmup_trials, .. } => {
                let mut finished: Vec<f64> = known().collect();
                finished.sort_by(f64::total_cmp);
                let bar = (others.len() >= warmup_trials.max(1)).then(|| share(&finished, keep));
                let bar = bar.flatten().unwrap_or(f64::INFINITY);
                let judged = arrivals.iter().map(|value| Judgement {
                    goes_on: *value <= bar,
                    rank: finished.partition_point(|other| other < value) + 1,
                    of: finished.len() + 1,
                });
                judged.collect()
            }
            Self::Threshold { most, .. } => {
                let judged = arrivals.iter().map(|value| Judgement {
                    goes_on: *value <= most,
                    rank: 1,
                    of: 1,
                });
                judged.collect()
            }
        }
    }
}

/// The value that so large a share of sorted ones lies below, between two of them in proportion.
fn share(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    const HALVING: Pruner = Pruner::Halving { min_epochs: 1, eta: 3 };

    fn kept(pruner: Pruner, arrivals: &[f64], others: &[f64]) -> Vec<bool> {
        pruner.judge(arrivals, others).iter().map(|judgement| judgement.goes_on).collect()
    }

    #[test]
    fn rungs_grow_and_stops_are_evenly_spaced() {
        assert_eq!(HALVING.stops(81), [1, 3, 9, 27]);
        assert_eq!(HALVING.stops(82), [1, 3, 9, 27, 81]);
        assert_eq!(HALVING.stops(1), Vec::<usize>::new());
        let median = Pruner::Percentile { keep: 0.5, min_epochs: 2, every: 3, warmup_trials: 5 };
        assert_eq!(median.stops(12), [2, 5, 8, 11]);
    }

    #[test]
    fn a_third_goes_on_rounded_up_and_the_earlier_of_two_equal_ones() {
        assert_eq!(kept(HALVING, &[3.0, 1.0, 2.0], &[]), [false, true, false]);
        assert_eq!(kept(HALVING, &[3.0, 1.0, 2.0, 1.0], &[]), [false, true, false, true]);
        assert_eq!(kept(HALVING, &[1.0, 1.0], &[]), [true, false]);
        assert_eq!(kept(HALVING, &[1.0], &[1.0, 5.0]), [false], "it was there before");
        assert_eq!(kept(HALVING, &[1.0], &[]), [true], "the only one so far");
        let judged = HALVING.judge(&[2.0, f64::NAN], &[3.0, 1.0, f64::NAN, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(judged[0], Judgement { goes_on: true, rank: 2, of: 9 });
        assert_eq!(judged[1], Judgement { goes_on: false, rank: 9, of: 9 });
    }

    #[test]
    fn nothing_is_pruned_by_a_median_before_enough_have_finished() {
        let median = Pruner::Percentile { keep: 0.5, min_epochs: 1, every: 1, warmup_trials: 3 };
        assert_eq!(kept(median, &[9.0], &[1.0, 2.0]), [true]);
        assert_eq!(kept(median, &[9.0, 2.0, f64::NAN], &[1.0, 2.0, 3.0]), [false, true, false]);
        assert_eq!(kept(median, &[f64::NAN], &[]), [false]);
    }

    #[test]
    fn a_threshold_ends_what_is_above_it() {
        let threshold = Pruner::Threshold { most: 1.0, min_epochs: 1, every: 1 };
        assert_eq!(kept(threshold, &[1.0, 1.1, f64::NAN], &[]), [true, false, false]);
    }

    /// What Optuna's pruners say of trials whose losses never rise, where the best so far is the
    /// last (by `scripts/search_fixtures.py`).
    #[derive(Deserialize)]
    struct Oracle {
        pruned: Vec<Curves>,
    }

    #[derive(Deserialize)]
    struct Curves {
        keep: f64,
        warmup_trials: usize,
        finished: Vec<Vec<f64>>,
        curve: Vec<f64>,
        pruned: Vec<bool>,
    }

    #[test]
    fn percentiles_decide_as_optuna_does() {
        let oracle: Oracle = serde_json::from_str(include_str!("../fixtures/search.json")).unwrap();
        let mut ended = 0;
        for case in &oracle.pruned {
            let Curves { keep, warmup_trials, .. } = *case;
            let pruner = Pruner::Percentile { keep, min_epochs: 1, every: 1, warmup_trials };
            for (epoch, (&value, &pruned)) in case.curve.iter().zip(&case.pruned).enumerate() {
                let others: Vec<f64> = case.finished.iter().map(|curve| curve[epoch]).collect();
                assert_eq!(kept(pruner, &[value], &others), [!pruned], "epoch {epoch}");
                ended += usize::from(pruned);
            }
        }
        assert!(oracle.pruned.len() >= 20 && ended > 10, "{ended}");
    }

    proptest! {
        /// However many arrive at once, as many go on as the rung lets, the best of them, and ranks
        /// are a numbering.
        #[test]
        fn halving_keeps_the_best(
            arrivals in prop::collection::vec(0_i32..30, 1..30), eta in 2_usize..5,
        ) {
            let arrivals: Vec<f64> = arrivals.into_iter().map(f64::from).collect();
            let judged = Pruner::Halving { min_epochs: 1, eta }.judge(&arrivals, &[]);
            let mut ranks: Vec<usize> = judged.iter().map(|judgement| judgement.rank).collect();
            ranks.sort_unstable();
            prop_assert_eq!(ranks, (1..=arrivals.len()).collect::<Vec<_>>());
            let on = judged.iter().filter(|judgement| judgement.goes_on).count();
            prop_assert_eq!(on, arrivals.len().div_ceil(eta));
            for (judgement, value) in judged.iter().zip(&arrivals) {
                let better = arrivals.iter().filter(|other| *other < value).count();
                prop_assert!(judgement.rank > better);
            }
        }
    }
}
