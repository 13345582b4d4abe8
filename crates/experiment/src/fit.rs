//! What does not fit together, found before anything is planned.

use super::backtest::{self, Backtest};
use super::experiment::Strategy;
use super::key::{find, set};
use super::mistake::{At, Clash, Mistake, Step, key, steps};
use super::overrides::space_path;
use super::settings::Settings;
use super::strategy;
use super::tree::Node;
use super::validate::validate;
use super::wire::Wire;
use crate::space::{Domain, Space, Value};

/// The validated base. Reports what does not fit together whatever a sampler proposes: in the file
/// itself, with each single value of the space, and in each listed trial. (Combinations of swept
/// values are judged where they are planned.)
pub(super) fn fit(
    root: &Node,
    wire: &Wire,
    space: &Space,
    strategy: &Strategy,
    mistakes: &mut Vec<Mistake>,
) -> Settings {
    let (base, clashes) = validate(wire.clone());
    let varies = |key: &str| space.parameters.iter().any(|parameter| related(&parameter.key, key));
    let wrong_already: Vec<Vec<Step>> =
        mistakes.iter().map(|mistake| mistake.path.clone()).collect();
    let follows = |clash: &Clash| {
        clash.keys.iter().any(|key| wrong_already.iter().any(|path| overlap(path, &steps(key))))
    };

    let in_base: Vec<Clash> = clashes.into_iter().filter(|clash| !follows(clash)).collect();
    if let Strategy::List { assignments } = strategy {
        for (index, assignment) in assignments.iter().enumerate() {
            let mut wire = wire.clone();
            let values = assignment.iter().filter_map(|(path, value)| Some((find(path)?, value)));
            let fits =
                values.map(|(key, value)| set(&mut wire, key, value).len()).sum::<usize>() == 0;
            if !fits {
                continue;
            }
            for clash in validate(wire).1.into_iter().filter(|clash| !follows(clash)) {
                let own = clash
                    .keys
                    .iter()
                    .find_map(|key| Some((assignment.keys().find(|set| related(set, key))?, *key)));
                let place = match own {
                    Some((set, own)) => Some(
                        [strategy::trial_path(index), vec![key(set)], below(set, own)].concat(),
                    ),
                    // What is wrong with the base alone is wrong once.
                    None if index == 0 => None,
                    None => continue,
                };
                mistakes.push(from_clash(root, &clash, place));
            }
        }
        return base;
    }
    for clash in in_base.iter().filter(|clash| !clash.keys.iter().any(|key| varies(key))) {
        mistakes.push(from_clash(root, clash, None));
    }
    for parameter in &space.parameters {
        let Some(swept) = find(&parameter.key) else { continue };
        for (place, value) in samples(&parameter.domain, root.get(&space_path(&parameter.key))) {
            let mut wire = wire.clone();
            if !set(&mut wire, swept, &value).is_empty() {
                continue;
            }
            for clash in validate(wire).1.into_iter().filter(|clash| !follows(clash)) {
                let own = clash.keys.iter().find(|key| related(&parameter.key, key));
                let others =
                    clash.keys.iter().any(|key| !related(&parameter.key, key) && varies(key));
                if let (Some(own), false) = (own, others) {
                    let path =
                        [space_path(&parameter.key), place.clone(), below(&parameter.key, own)]
                            .concat();
                    mistakes.push(from_clash(root, &clash, Some(path)));
                }
            }
        }
    }
    base
}

/// The validated `[backtest]`, if there is one. No sweep varies it.
pub(super) fn fit_backtest(
    root: &Node,
    wire: &Wire,
    mistakes: &mut Vec<Mistake>,
) -> Option<Backtest> {
    let (validated, clashes) = backtest::validate(wire.backtest.as_ref()?);
    // A wrong value was not set: that it is missing would be said of it once more.
    let is_wrong_already =
        |table: &str| mistakes.iter().any(|mistake| mistake.path.starts_with(&steps(table)));
    let clashes: Vec<Clash> = clashes
        .into_iter()
        .filter(|clash| !clash.keys.iter().any(|key| is_wrong_already(key)))
        .collect();
    mistakes.extend(clashes.iter().map(|clash| from_clash(root, clash, None)));
    Some(validated)
}

/// Values to try of a domain, with where they stand: all of a choice, the ends of a range.
fn samples(domain: &Domain, node: Option<&Node>) -> Vec<(Vec<Step>, Value)> {
    let name = |name: &str| {
        if node.is_some_and(|node| node.entry(name).is_some()) {
            vec![key(name)]
        } else {
            Vec::new()
        }
    };
    let ends = |place: Vec<Step>, low: Value, high: Value| {
        vec![
            ([place.clone(), vec![Step::Index(0)]].concat(), low),
            ([place, vec![Step::Index(1)]].concat(), high),
        ]
    };
    match domain {
        Domain::Choice(values) => {
            let place = name("choice");
            let at = |index| [place.clone(), vec![Step::Index(index)]].concat();
            values.iter().enumerate().map(|(index, value)| (at(index), value.clone())).collect()
        }
        Domain::Int { low, high, .. } => ends(name("int"), Value::Int(*low), Value::Int(*high)),
        Domain::Float { low, high, .. } => {
            let place = [name("float"), name("log")]
                .into_iter()
                .find(|place| !place.is_empty())
                .unwrap_or_default();
            ends(place, Value::Float(*low), Value::Float(*high))
        }
    }
}

/// A clash as a mistake at `place`, else at the first of its keys that is written.
fn from_clash(root: &Node, clash: &Clash, place: Option<Vec<Step>>) -> Mistake {
    let written = clash.keys.iter().map(|key| steps(key)).find(|path| root.get(path).is_some());
    let first = clash.keys.first().map(|key| steps(key)).unwrap_or_default();
    let path = place.or(written).unwrap_or(first);
    let also = clash.keys.iter().map(|key| steps(key)).filter(|key| *key != path).collect();
    Mistake {
        path,
        at: At::Value,
        also,
        ..Mistake::value(clash.problem.clone()).maybe_hint(clash.hint.clone())
    }
}

/// The steps from a table to a key in it.
fn below(table: &str, key: &str) -> Vec<Step> {
    key.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')).map(steps).unwrap_or_default()
}

/// Whether two dotted keys are the same, or one is a table that holds the other.
fn related(a: &str, b: &str) -> bool {
    let below = |table: &str, key: &str| {
        key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    below(a, b) || below(b, a)
}

/// Whether one path leads to the other.
fn overlap(a: &[Step], b: &[Step]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b) && a.len() > 1
}
