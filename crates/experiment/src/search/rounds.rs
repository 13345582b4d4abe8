//! A search as a fold: what is started and what is ended follows from the reports alone.
//!
//! Time is virtual and counted in epochs: a trial that started in round `s` has trained `e` epochs
//! in round `s + e`, however long that took and wherever it was done. In each round in which some
//! trial comes to a stop, those that stop are judged together, and the places that became free are
//! given to new trials. So the same reports give the same search on one worker and on a hundred, in
//! whatever order they come.

use std::collections::BTreeMap;

use super::tpe::proposed;
use super::{Axis, Judgement, Observation, Outcome, Pruner};
use crate::space::sobol;

/// What a search is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The space.
    pub axes: Vec<Axis>,
    /// Trials in all.
    pub trials: usize,
    /// Epochs of a trial that is not ended early.
    pub epochs: usize,
    /// Trials at a time: a number of the file, never a property of the machine.
    pub width: usize,
    /// Of the draws.
    pub seed: u64,
    /// By what rule trials are ended early, if any are.
    pub pruner: Option<Pruner>,
}

/// What a trial says at a stop or at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The trial's number.
    pub trial: usize,
    /// Epochs that it has trained: those of its stop, or fewer where it ended by itself.
    pub epoch: usize,
    /// The loss at its best epoch so far.
    pub loss: f64,
    /// Whether it ended: early stopping, divergence, its last epoch.
    pub ended: bool,
}

/// A trial of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Its coordinates.
    pub point: Vec<f64>,
    /// The round in which it was started.
    pub started: usize,
    /// What has come of it.
    pub outcome: Outcome,
    /// The best loss so far, by the epoch of each report.
    pub losses: BTreeMap<usize, f64>,
}

/// What follows from a round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Trials that are ended, with the epoch of the stop and how they were judged there.
    pub pruned: Vec<(usize, usize, Judgement)>,
    /// Trials that are started.
    pub started: Vec<usize>,
    /// Whether the search is over.
    pub is_over: bool,
}

/// The state of a search: the fold of its rounds so far.
#[derive(Clone, Debug)]
pub struct Search {
    plan: Plan,
    round: usize,
    tried: Vec<Tried>,
}

/// Redraws of a point that was tried before, until another source of points is asked.
const REDRAWS: u64 = 20;
/// Points of the Sobol sequence that are looked through for one that was not tried.
const LOOKED_THROUGH: u64 = 1 << 14;

impl Search {
    /// Its beginning, with the first trials started in round 0.
    #[must_use]
    pub fn new(plan: Plan) -> (Self, Decision) {
        let mut search = Self { plan, round: 0, tried: Vec::new() };
        let decision = search.fill(Decision::default());
        (search, decision)
    }

    /// All trials so far, by number.
    #[must_use]
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// The trials that are being trained, each with the epochs after which it reports next.
    #[must_use]
    pub fn awaited(&self) -> Vec<(usize, usize)> {
        let active = self.tried.iter().enumerate().filter(|(_, tried)| is_active(tried));
        active.map(|(number, tried)| (number, self.next_stop(tried))).collect()
    }

    /// Takes the reports of the next round in which a trial stops or ended by itself (those of
    /// later ones are left for later), and decides. `passed` tells how many epochs a trial is known
    /// to have trained. `None` while a report is missing, or a trial without one may still turn out
    /// to have ended before: what is decided must not depend on who reports first.
    pub fn decide(
        &mut self,
        reports: &[Report],
        passed: impl Fn(usize) -> usize,
    ) -> Option<Decision> {
        let awaited = self.awaited();
        let due = |number: usize, stop: usize| self.tried[number].started + stop;
        // A trial that ended by itself did so in a round of its own.
        let told: BTreeMap<usize, Report> =
            reports.iter().map(|report| (report.trial, *report)).collect();
        let round_of = |(number, stop): (usize, usize)| match told.get(&number) {
            Some(report) if report.ended => due(number, report.epoch),
            _ => due(number, stop),
        };
        let round = awaited.iter().map(|&waiting| round_of(waiting)).min()?;
        let stops = |waiting: &(usize, usize)| round_of(*waiting) == round;
        let is_unknown = |waiting: &(usize, usize)| {
            let number = waiting.0;
            !told.contains_key(&number) && (stops(waiting) || due(number, passed(number)) < round)
        };
        if awaited.iter().any(is_unknown) {
            return None;
        }
        let stopping: Vec<(usize, usize)> = awaited.into_iter().filter(stops).collect();
        self.round = round;
        let mut arrivals: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, _) in stopping {
            let report = told[&number];
            let tried = &mut self.tried[number];
            tried.losses.insert(report.epoch, report.loss);
            if report.ended || report.epoch >= self.plan.epochs {
                tried.outcome = Outcome::Finished { loss: report.loss };
            } else {
                arrivals.entry(report.epoch).or_default().push(number);
            }
        }
        let mut decision = Decision::default();
        for (epoch, numbers) in arrivals {
            self.judge(epoch, &numbers, &mut decision);
        }
        Some(self.fill(decision))
    }

    /// Judges those that came to a stop in this round.
    fn judge(&mut self, epoch: usize, numbers: &[usize], decision: &mut Decision) {
        let Some(pruner) = self.plan.pruner else { return };
        let arrived: Vec<f64> =
            numbers.iter().map(|&number| self.tried[number].losses[&epoch]).collect();
        let others = self.tried.iter().enumerate().filter(|(number, _)| !numbers.contains(number));
        let others: Vec<f64> =
            others.filter_map(|(_, tried)| at_stop(pruner, tried, epoch)).collect();
        for (&number, judgement) in numbers.iter().zip(pruner.judge(&arrived, &others)) {
            if !judgement.goes_on {
                let loss = self.tried[number].losses[&epoch];
                self.tried[number].outcome = Outcome::Pruned { epoch, loss };
                decision.pruned.push((number, epoch, judgement));
            }
        }
    }

    /// Gives free places to new trials.
    fn fill(&mut self, mut decision: Decision) -> Decision {
        let active = self.tried.iter().filter(|tried| is_active(tried)).count();
        for _ in active..self.plan.width.max(1) {
            if self.tried.len() >= self.plan.trials {
                break;
            }
            let Some(point) = self.propose() else { break };
            decision.started.push(self.tried.len());
            self.tried.push(Tried {
                point,
                started: self.round,
                outcome: Outcome::Running,
                losses: BTreeMap::new(),
            });
        }
        decision.is_over = !self.tried.iter().any(is_active);
        decision
    }

    /// A point that was not tried: of the Sobol sequence for the first quarter of the trials (ten
    /// at most), by what was tried after that. `None` where nothing is left.
    fn propose(&self) -> Option<Vec<f64>> {
        let Plan { axes, trials, seed, .. } = &self.plan;
        let number = self.tried.len();
        let is_new = |point: &Vec<f64>| !self.tried.iter().any(|tried| tried.point == *point);
        if number >= 10.min(trials.div_ceil(4)) {
            let history: Vec<Observation> = (self.tried.iter())
                .map(|tried| Observation { point: tried.point.clone(), outcome: tried.outcome })
                .collect();
            let mut drawn =
                (0..=REDRAWS).map(|redraw| proposed(axes, &history, *seed, number as u64, redraw));
            if let Some(point) = drawn.find(is_new) {
                return Some(point);
            }
        }
        let spread = |index: u64| -> Vec<f64> {
            let share = |place: usize| sobol::coordinate(*seed, index, place as u32);
            axes.iter().enumerate().map(|(place, axis)| axis.at(share(place))).collect()
        };
        (0..LOOKED_THROUGH).map(spread).find(is_new)
    }

    fn next_stop(&self, tried: &Tried) -> usize {
        let last = tried.losses.keys().next_back().copied().unwrap_or(0);
        let stops = self.plan.pruner.map_or_else(Vec::new, |pruner| pruner.stops(self.plan.epochs));
        stops.into_iter().find(|stop| *stop > last).unwrap_or(self.plan.epochs)
    }
}

fn is_active(tried: &Tried) -> bool {
    tried.outcome == Outcome::Running
}

/// What a trial counts with at a stop of another: see [`Pruner::judge`].
fn at_stop(pruner: Pruner, tried: &Tried, epoch: usize) -> Option<f64> {
    let own = tried.losses.get(&epoch).copied();
    match (pruner, tried.outcome) {
        // One that ended before the rung by itself counts with its best.
        (Pruner::Halving { .. }, Outcome::Finished { loss }) => own.or(Some(loss)),
        (Pruner::Halving { .. }, _) | (_, Outcome::Finished { .. }) => own,
        _ => None,
    }
}

#[cfg(test)]
mod tests;
