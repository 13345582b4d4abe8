//! The grid: every combination once, counted and reached by number without being expanded.
//!
//! A zip group is one axis. An axis none of whose parameters is active has one empty value, so that
//! no combination occurs twice. The number of combinations below an axis depends on what was chosen
//! above it only through the conditions that it decides; those are few, and a condition names few
//! values. So an axis is walked as a few named points and the stretches between them, whatever its
//! length, and sub-counts are remembered by the set of conditions that hold.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::points::Points;
use super::{Assignment, Parameter, Space};

/// A space's grid, prepared.
pub struct Grid<'a> {
    parameters: &'a [Parameter],
    /// Slowest first.
    axes: Vec<Axis<'a>>,
    /// Combinations from an axis on, by the conditions that hold; `None` past 2^128.
    counts: RefCell<HashMap<(usize, Holding), Option<u128>>>,
}

/// Parameters that move together.
struct Axis<'a> {
    /// Positions in the space, ascending, each with its points.
    members: Vec<(usize, Points<'a>)>,
    len: u128,
    /// Points at which a condition on one of its members may hold, ascending.
    named: Vec<u128>,
}

/// Of each parameter, whether its condition holds; of those without one, true.
type Holding = Vec<bool>;

impl<'a> Grid<'a> {
    /// Prepares a grid; `None` when a parameter is a continuum.
    #[must_use]
    pub fn new(space: &'a Space) -> Option<Self> {
        let parameters = &space.parameters[..];
        let mut axes = Vec::new();
        for members in ordered_axes(parameters) {
            let members: Vec<_> = members
                .into_iter()
                .map(|position| {
                    Points::of(&parameters[position].domain).map(|points| (position, points))
                })
                .collect::<Option<_>>()?;
            let len = members.iter().map(|(_, points)| points.len()).min().unwrap_or(0);
            let named = named_points(parameters, &members)
                .into_iter()
                .filter(|index| *index < len)
                .collect();
            axes.push(Axis { members, len, named });
        }
        Some(Self { parameters, axes, counts: RefCell::default() })
    }

    /// How many combinations there are; `None` past 2^128.
    #[must_use]
    pub fn count(&self) -> Option<u128> {
        self.count_from(0, &self.at_the_start())
    }

    /// The `index`-th combination, the last axis fastest; `None` past the end.
    #[must_use]
    pub fn get(&self, mut index: u128) -> Option<Assignment> {
        if self.count().is_some_and(|count| index >= count) {
            return None;
        }
        let mut holding = self.at_the_start();
        let mut assignment = Assignment::new();
        for (k, axis) in self.axes.iter().enumerate() {
            if !axis.is_active(&holding) {
                continue;
            }
            let mut reached = None;
            for (from, to) in axis.stretches() {
                let (below, held) = self.choose(k, from, &holding);
                let rest = self.count_from(k + 1, &held);
                // Past 2^128 a stretch, or what lies below one point of it, holds every index there
                // is.
                match rest.and_then(|rest| rest.checked_mul(to - from)) {
                    Some(size) if index >= size => index -= size,
                    _ => {
                        let skipped = rest.filter(|rest| *rest > 0).map_or(0, |rest| index / rest);
                        index -= rest.map_or(0, |rest| skipped * rest);
                        reached = Some(if skipped == 0 {
                            (below, held)
                        } else {
                            self.choose(k, from + skipped, &holding)
                        });
                        break;
                    }
                }
            }
            let (chosen, held) = reached?;
            assignment.extend(chosen);
            holding = held;
        }
        Some(assignment)
    }

    fn at_the_start(&self) -> Holding {
        self.parameters.iter().map(|parameter| parameter.when.is_none()).collect()
    }

    fn count_from(&self, k: usize, holding: &Holding) -> Option<u128> {
        let Some(axis) = self.axes.get(k) else { return Some(1) };
        let key = (k, holding.clone());
        if let Some(known) = self.counts.borrow().get(&key) {
            return *known;
        }
        let count = if axis.is_active(holding) {
            axis.stretches().into_iter().try_fold(0_u128, |sum, (from, to)| {
                let (_, held) = self.choose(k, from, holding);
                sum.checked_add(self.count_from(k + 1, &held)?.checked_mul(to - from)?)
            })
        } else {
            self.count_from(k + 1, holding)
        };
        self.counts.borrow_mut().insert(key, count);
        count
    }

    /// The values of an axis at one of its points, and the conditions that hold then.
    fn choose(&self, k: usize, index: u128, holding: &Holding) -> (Assignment, Holding) {
        let mut holding = holding.clone();
        let mut chosen = Assignment::new();
        for (position, points) in &self.axes[k].members {
            let Some(value) = points.get(index).filter(|_| holding[*position]) else { continue };
            let key = &self.parameters[*position].key;
            for (other, parameter) in self.parameters.iter().enumerate() {
                if let Some(when) = parameter.when.as_ref().filter(|when| when.key == *key) {
                    holding[other] = when.allows(&value);
                }
            }
            chosen.insert(key.clone(), value);
        }
        // Asked for no more; cleared so that it does not tell apart what is equal from here on.
        self.axes[k].members.iter().for_each(|(position, _)| holding[*position] = false);
        (chosen, holding)
    }
}

impl Axis<'_> {
    /// Whether any of its parameters is active whatever its point; one that waits for another of
    /// the same axis needs that one.
    fn is_active(&self, holding: &Holding) -> bool {
        self.members.iter().any(|(position, _)| holding[*position])
    }

    /// Runs of points at which the same conditions hold: each named point, and what lies between.
    fn stretches(&self) -> Vec<(u128, u128)> {
        let mut stretches = Vec::with_capacity(2 * self.named.len() + 1);
        let mut next = 0;
        for &named in &self.named {
            if next < named {
                stretches.push((next, named));
            }
            stretches.push((named, named + 1));
            next = named + 1;
        }
        if next < self.len {
            stretches.push((next, self.len));
        }
        stretches
    }
}

/// The parameters of each axis: zip groups at the place of their first member, but an axis after
/// those that its conditions name.
fn ordered_axes(parameters: &[Parameter]) -> Vec<Vec<usize>> {
    let mut waiting: Vec<Vec<usize>> = Vec::new();
    for (position, parameter) in parameters.iter().enumerate() {
        let group = parameter.zip.as_ref().and_then(|group| {
            waiting.iter_mut().find(|axis| {
                axis.iter().any(|other| parameters[*other].zip.as_ref() == Some(group))
            })
        });
        match group {
            Some(axis) => axis.push(position),
            None => waiting.push(vec![position]),
        }
    }
    let mut ordered: Vec<Vec<usize>> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_free = |axis: &Vec<usize>| {
            let names = |key: &String| {
                waiting
                    .iter()
                    .filter(|other| *other != axis)
                    .flatten()
                    .any(|other| parameters[*other].key == *key)
            };
            !axis
                .iter()
                .filter_map(|position| parameters[*position].when.as_ref())
                .any(|when| names(&when.key))
        };
        // Where zip groups wait for each other there is no free axis; the file's order then
        // decides.
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

fn named_points(parameters: &[Parameter], members: &[(usize, Points)]) -> BTreeSet<u128> {
    let conditions = parameters.iter().filter_map(|parameter| parameter.when.as_ref());
    conditions
        .flat_map(|when| {
            let member = members.iter().find(|(position, _)| parameters[*position].key == when.key);
            member.into_iter().flat_map(|(_, points)| {
                when.values.iter().filter_map(|value| points.position(value))
            })
        })
        .collect()
}
