//! `sweep.strategy`: who chooses the trials.

use std::collections::HashMap;

use super::domains::swept_key;
use super::experiment::Strategy;
use super::key::{canonical, set, shown};
use super::mistake::{Mistake, Step, key, steps};
use super::tree::{Item, Node};
use super::wire::{StrategyKind, Wire, WireStrategy};
use crate::space::{Assignment, Space};

/// What says which strategy is meant.
const KIND: &str = "sweep.strategy.kind";

/// Reads `sweep.strategy`, whose scalar parts are already in the wire form.
pub(super) fn read(
    root: &Node,
    wire: &Wire,
    space: &Space,
    mistakes: &mut Vec<Mistake>,
) -> Strategy {
    let WireStrategy { kind, trials, seed } = wire.head.strategy;
    let list =
        root.get(&steps("sweep.strategy.trials")).filter(|node| matches!(node.item, Item::List(_)));
    let mut at = |part: &str, mistake: Mistake| {
        mistakes.push(mistake.below(&steps(&format!("sweep.strategy{part}"))))
    };
    let empty = space.parameters.is_empty();
    if seed.is_some() && !matches!(kind, StrategyKind::Random | StrategyKind::Sobol) {
        at(
            ".seed",
            Mistake::name("'sweep.strategy.seed' has no effect: only random and sobol draw")
                .hint("remove it; train.seed seeds the trials")
                .after(&["sweep.strategy", KIND]),
        );
    }
    match kind {
        StrategyKind::Grid => {
            if trials.is_some() || list.is_some() {
                let hint = if list.is_some() {
                    "write kind = \"list\""
                } else {
                    "remove it, or write kind = \"random\""
                };
                let mistake = Mistake::name(
                    "'sweep.strategy.trials' has no effect: a grid takes every combination",
                )
                .hint(hint);
                at(".trials", mistake.after(&["sweep.strategy", KIND]));
            }
            Strategy::Grid
        }
        StrategyKind::Random | StrategyKind::Sobol => {
            let name = if kind == StrategyKind::Sobol { "sobol" } else { "random" };
            if list.is_some() {
                at(
                    ".trials",
                    Mistake::value(format!(
                        "a {name} strategy takes the number of its trials, not a list"
                    ))
                    .hint("write kind = \"list\""),
                );
            } else if root.get(&steps("sweep.strategy.trials")).is_none() {
                let problem = format!("a {name} strategy needs the number of its trials");
                let mistake = Mistake::value(problem).hint("add trials = 20");
                at(".kind", mistake.after(&["sweep.strategy.trials"]));
            }
            if empty
                && root.get(&steps("sweep.space")).is_none_or(|space| space.entries().is_empty())
            {
                at(
                    ".kind",
                    Mistake::value("there is nothing to draw from: [sweep.space] is empty")
                        .hint("add keys to vary, or remove the strategy")
                        .after(&["sweep.space"]),
                );
            }
            let (trials, seed) = (trials.unwrap_or(1), seed.unwrap_or(1));
            match kind {
                StrategyKind::Sobol => Strategy::Sobol { trials, seed },
                _ => Strategy::Random { trials, seed },
            }
        }
        StrategyKind::List => {
            if let Some(first) =
                root.get(&steps("sweep.space")).and_then(|space| space.entries().first())
            {
                mistakes.push(
                    Mistake::name(
                        "[sweep.space] has no effect: a list strategy takes its trials \
                        from sweep.strategy.trials",
                    )
                    .hint("remove one of the two")
                    .below(&[key("sweep"), key("space"), key(&first.name)]),
                );
            }
            let Some(Node { item: Item::List(nodes), .. }) = list else {
                let (part, hint) = if trials.is_some() {
                    (".trials", "the trials themselves")
                } else {
                    (".kind", "add trials")
                };
                mistakes.push(
                    Mistake::value("a list strategy needs its trials")
                        .hint(format!(
                            "{hint}: trials = [{{ \"model.hidden_size\" = 16 }}, {{ \
                            \"model.hidden_size\" = 32 }}]"
                        ))
                        .below(&steps(&format!("sweep.strategy{part}"))),
                );
                return Strategy::List { assignments: Vec::new() };
            };
            Strategy::List { assignments: assignments(nodes, wire, mistakes) }
        }
    }
}

/// The path of the `index`-th listed trial.
pub(super) fn trial_path(index: usize) -> Vec<Step> {
    let mut path = steps("sweep.strategy.trials");
    path.push(Step::Index(index));
    path
}

fn assignments(nodes: &[Node], wire: &Wire, mistakes: &mut Vec<Mistake>) -> Vec<Assignment> {
    if nodes.is_empty() {
        mistakes.push(
            Mistake::value("the list of trials is empty")
                .hint("list at least one")
                .below(&steps("sweep.strategy.trials")),
        );
    }
    let mut assignments: Vec<Assignment> = Vec::with_capacity(nodes.len());
    let mut places = HashMap::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let path = trial_path(index);
        if let Item::Scalar(value) = &node.item {
            let mistake = Mistake::value(format!(
                "a trial is a table of keys in quotes, not {}",
                shown(value)
            ));
            mistakes.push(mistake.hint("write { \"model.hidden_size\" = 16 }").below(&path));
            // It keeps its position.
            assignments.push(Assignment::new());
            continue;
        }
        let mut assignment = Assignment::new();
        for entry in node.entries() {
            let Some(value) = entry.node.to_value(&mut Vec::new()) else { continue };
            let found = match swept_key(entry) {
                Ok(swept) => {
                    assignment.insert(swept.path.to_owned(), canonical(swept, &value));
                    set(&mut wire.clone(), swept, &value)
                }
                Err(mistake) => vec![*mistake],
            };
            mistakes.extend(
                found.into_iter().map(|mistake| mistake.under(key(&entry.name)).below(&path)),
            );
        }
        let first = *places.entry(format!("{assignment:?}")).or_insert(index);
        if first < index {
            let mistake = Mistake::value(format!("this trial is the same as trial {}", first + 1));
            mistakes.push(
                mistake
                    .hint("remove one of the two; sweep.repeats trains a trial with several seeds")
                    .below(&path),
            );
        }
        assignments.push(assignment);
    }
    assignments
}
