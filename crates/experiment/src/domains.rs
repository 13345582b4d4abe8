//! `[sweep.space]`: what may vary.

use std::collections::{BTreeMap, HashMap};

use super::key::{Key, Takes, all, canonical, find, last, set, shown, sweepable};
use super::mistake::{Mistake, Step, key};
use super::suggest::{did_you_mean, nearest};
use super::tree::{Entry, Item, Node};
use super::wire::{StrategyKind, Wire};
use crate::space::{Condition, Domain, Parameter, Space, Value};

/// Keys of a domain's table.
const DOMAIN_KEYS: [&str; 8] = ["choice", "int", "float", "log", "step", "points", "zip", "when"];

/// Reads `[sweep.space]`. Every value is tried on its key; the mistakes' paths start below
/// `sweep.space`.
pub(super) fn read(node: &Node, wire: &Wire, mistakes: &mut Vec<Mistake>) -> Space {
    let mut space = Space::default();
    for entry in node.entries() {
        let mut found = Vec::new();
        if let Some(parameter) = parameter(entry, wire, &space, &mut found) {
            space.parameters.push(parameter);
        }
        mistakes.extend(found.into_iter().map(|mistake| mistake.under(key(&entry.name))));
    }
    zip_lengths(&space, mistakes);
    space
}

/// The key that a sweep varies.
///
/// # Errors
/// When there is none of this name, or it cannot vary.
pub(super) fn swept_key(entry: &Entry) -> Result<&'static Key, Box<Mistake>> {
    let name = entry.name.as_str();
    if ["data", "model", "train"].contains(&name) {
        let inner = entry.node.entries().first().map_or("…", |inner| inner.name.as_str());
        let mistake = Mistake::name(format!("'{name}' is a whole section, which cannot vary"));
        return Err(Box::new(
            mistake.hint(format!("write the key that varies in quotes: \"{name}.{inner}\" = …")),
        ));
    }
    let Some(found) = find(name) else {
        let mistake = Mistake::name(format!(
            "unknown key '{name}': the space holds keys of data, model and train"
        ));
        let swept = || all().filter(|key| sweepable(key).is_ok());
        let ends_in = |meant: &str| {
            swept()
                .find(|key| last(key.path) == meant)
                .map(|key| format!("did you mean '{}'?", key.path))
        };
        let by_last = || nearest(last(name), swept().map(|key| last(key.path))).and_then(ends_in);
        let hint = ends_in(name)
            .or_else(|| did_you_mean(name, swept().map(|key| key.path)))
            .or_else(by_last);
        return Err(Box::new(mistake.maybe_hint(hint)));
    };
    match sweepable(found) {
        Ok(()) => Ok(found),
        Err(reason) => Err(Box::new(Mistake::name(format!("'{name}' cannot vary: {reason}")))),
    }
}

fn parameter(
    entry: &Entry,
    wire: &Wire,
    earlier: &Space,
    mistakes: &mut Vec<Mistake>,
) -> Option<Parameter> {
    let swept = match swept_key(entry) {
        Ok(swept) => swept,
        Err(mistake) => {
            mistakes.push(*mistake);
            return None;
        }
    };
    let (zip, when) = match &entry.node.item {
        Item::Table(_) => {
            for part in entry
                .node
                .entries()
                .iter()
                .filter(|part| !DOMAIN_KEYS.contains(&part.name.as_str()))
            {
                let is_value = super::key::parts(swept.path).any(|key| last(key.path) == part.name);
                let hint = if is_value {
                    Some("tables to choose from stand in a list: [{ … }, { … }]".to_owned())
                } else {
                    None
                };
                mistakes.push(
                    Mistake::name(format!(
                        "unknown key '{}' in the domain of '{}'",
                        part.name, swept.path
                    ))
                    .note(format!("known keys: {}", DOMAIN_KEYS.join(", ")))
                    .maybe_hint(hint.or_else(|| did_you_mean(&part.name, DOMAIN_KEYS)))
                    .under(key(&part.name)),
                );
            }
            (zip(&entry.node, mistakes), when(&entry.node, earlier, mistakes))
        }
        _ => (None, None),
    };
    let before = mistakes.len();
    let domain = domain(swept, &entry.node, wire, mistakes);
    // A domain that is wrong in parts still stands for its key, so that what refers to it is not
    // reported as well.
    let domain =
        domain.or_else(|| (mistakes.len() > before).then(|| Domain::Choice(Vec::new())))?;
    Some(Parameter { key: swept.path.to_owned(), domain, zip, when })
}

fn domain(
    swept: &'static Key,
    node: &Node,
    wire: &Wire,
    mistakes: &mut Vec<Mistake>,
) -> Option<Domain> {
    match &node.item {
        Item::List(_) => choice(swept, node, wire, mistakes),
        Item::Table(_) => {
            let log_range = node.child("log").filter(|log| matches!(log.item, Item::List(_)));
            let given: Vec<&str> = ["choice", "int", "float"]
                .into_iter()
                .filter(|name| node.entry(name).is_some())
                .chain(log_range.is_some().then_some("log"))
                .collect();
            match given[..] {
                ["choice"] => {
                    for name in ["step", "points", "log"]
                        .into_iter()
                        .filter(|name| node.entry(name).is_some())
                    {
                        mistakes.push(
                            Mistake::name(format!("'{name}' has no effect on a choice"))
                                .hint("remove it")
                                .under(key(name)),
                        );
                    }
                    let mut found = Vec::new();
                    let domain =
                        node.child("choice").and_then(|list| choice(swept, list, wire, &mut found));
                    mistakes.extend(found.into_iter().map(|mistake| mistake.under(key("choice"))));
                    domain
                }
                [name] => super::range::read(swept, name, node, wire, mistakes),
                [] if node
                    .entries()
                    .iter()
                    .any(|entry| !DOMAIN_KEYS.contains(&entry.name.as_str())) =>
                {
                    None
                }
                [] => {
                    mistakes.push(
                        Mistake::value(format!("the domain of '{}' names no values", swept.path))
                            .hint(
                                "give one of choice = [a, b], int = [low, high], float = [low, \
                                high], log = [low, high]",
                            ),
                    );
                    None
                }
                [first, second, ..] => {
                    mistakes.push(
                        Mistake::name(format!(
                            "the domain of '{}' has both '{first}' and '{second}'",
                            swept.path
                        ))
                        .hint("keep one of the two")
                        .under(key(second)),
                    );
                    None
                }
            }
        }
        Item::Scalar(value) => {
            let section = swept.path.split('.').next().unwrap_or_default();
            mistakes.push(
                Mistake::value(format!(
                    "'{}' in the space takes a list of values or a range, not {}",
                    swept.path,
                    shown(value)
                ))
                .hint(format!(
                    "write [{}] to try this one; a value that all trials share belongs to \
                            [{section}]",
                    toml_text(value)
                )),
            );
            None
        }
        Item::Illegal(_) => None,
    }
}

fn choice(
    swept: &'static Key,
    list: &Node,
    wire: &Wire,
    mistakes: &mut Vec<Mistake>,
) -> Option<Domain> {
    let Item::List(nodes) = &list.item else {
        mistakes.push(Mistake::value("'choice' takes a list of values"));
        return None;
    };
    if nodes.is_empty() {
        mistakes.push(
            Mistake::value(format!("'{}' has no values to choose from", swept.path))
                .hint("list at least one, or remove the key"),
        );
        return None;
    }
    let mut values: Vec<Value> = Vec::with_capacity(nodes.len());
    let mut places = HashMap::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        // What is illegal everywhere (nan, a date) has been reported with the file.
        let Some(value) = node.to_value(&mut Vec::new()) else { continue };
        let found = set(&mut wire.clone(), swept, &value);
        let value = canonical(swept, &value);
        let first = *places.entry(format!("{value:?}")).or_insert(values.len());
        if first < values.len() {
            mistakes.push(
                Mistake::value(format!(
                    "{} is already in the list, as value {}",
                    shown(&value),
                    first + 1
                ))
                .hint("its trials would be the same: remove one of the two")
                .under(Step::Index(index)),
            );
        }
        // A wrong value keeps its position; what is tried on the values later skips it.
        values.push(value);
        mistakes.extend(found.into_iter().map(|mistake| mistake.under(Step::Index(index))));
    }
    (values.len() == nodes.len()).then_some(Domain::Choice(values))
}

fn zip(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let group = node.child("zip")?;
    match group.text() {
        Some(name) if !name.is_empty() => Some(name.to_owned()),
        _ => {
            mistakes.push(
                Mistake::value("'zip' takes the name of a group, in quotes")
                    .hint("keys with the same name move together: zip = \"size\"")
                    .under(key("zip")),
            );
            None
        }
    }
}

fn when(node: &Node, earlier: &Space, mistakes: &mut Vec<Mistake>) -> Option<Condition> {
    let condition = node.child("when")?;
    let mut fail = |mistake: Mistake| mistakes.push(mistake.under(key("when")));
    let [entry] = condition.entries() else {
        fail(Mistake::value(
            "'when' takes a table with one key: { \"other.key\" = value } or \
                { \"other.key\" = [value, value] }",
        ));
        return None;
    };
    let Some(other) = earlier.parameters.iter().find(|parameter| parameter.key == entry.name)
    else {
        let names = earlier.parameters.iter().map(|parameter| parameter.key.as_str());
        let hint = did_you_mean(&entry.name, names).or_else(|| {
            find(&entry.name)
                .map(|_| format!("\"{}\" must stand above in [sweep.space]", entry.name))
        });
        fail(
            Mistake::name(format!(
                "'when' refers to '{}', which no earlier line of the space varies",
                entry.name
            ))
            .maybe_hint(hint)
            .under(key(&entry.name)),
        );
        return None;
    };
    let nodes = if let Item::List(nodes) = &entry.node.item {
        nodes.iter().collect()
    } else {
        vec![&entry.node]
    };
    let swept = find(&other.key)?;
    let mut values = Vec::new();
    for node in nodes {
        let Some(value) = node.to_value(&mut Vec::new()) else { continue };
        let value = canonical(swept, &value);
        if !possible(&other.domain, &value) {
            let mistake =
                Mistake::value(format!("'{}' never is {} in this space", other.key, shown(&value)));
            let known = match &other.domain {
                Domain::Choice(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
                Domain::Int { low, high, .. } => format!("{low} to {high}"),
                Domain::Float { low, high, .. } => format!("{low} to {high}"),
            };
            fail(mistake.note(format!("its values: {known}")).under(key(&entry.name)));
        }
        values.push(value);
    }
    (!values.is_empty()).then(|| Condition { key: other.key.clone(), values })
}

/// Whether a domain may take a value. (Where the domain itself is wrong, anything goes.)
fn possible(domain: &Domain, value: &Value) -> bool {
    match (domain, value) {
        (Domain::Choice(values), value) => values.is_empty() || values.contains(value),
        (Domain::Int { low, high, .. }, Value::Int(number)) => (low..=high).contains(&number),
        (Domain::Int { low, high, .. }, Value::Float(number)) => {
            (*low as f64..=*high as f64).contains(number)
        }
        (Domain::Float { low, high, .. }, Value::Float(number)) => (low..=high).contains(&number),
        _ => false,
    }
}

/// How many values a domain lists; `None` where they would have to be drawn: a log range of whole
/// numbers has points only if it says how many.
fn listed(domain: &Domain) -> Option<u128> {
    match domain {
        Domain::Int { log: true, points: None, .. } => None,
        domain => domain.len(),
    }
}

/// The members of a zip group must have equally many values, and be active together.
fn zip_lengths(space: &Space, mistakes: &mut Vec<Mistake>) {
    let mut groups: BTreeMap<&str, (&Parameter, u128)> = BTreeMap::new();
    for parameter in &space.parameters {
        let Some(group) = parameter.zip.as_deref() else { continue };
        let at = |mistake: Mistake, part: &str| mistake.under(key(part)).under(key(&parameter.key));
        let Some(length) = listed(&parameter.domain) else {
            let mistake = Mistake::name(format!(
                "'{}' has no fixed number of values, so it cannot move with group \"{group}\"",
                parameter.key
            ));
            mistakes.push(at(mistake.hint("list its values, or give step or points"), "zip"));
            continue;
        };
        if length == 0 {
            continue;
        }
        let (first, expected) = *groups.entry(group).or_insert((parameter, length));
        if expected != length {
            mistakes.push(at(
                Mistake::value(format!(
                    "'{}' has {length} values, but '{}' of its group \"{group}\" has {expected}: \
                        they cannot move together",
                    parameter.key, first.key
                ))
                .hint("list equally many values for each key of a group"),
                "zip",
            ));
        }
        if first.when != parameter.when {
            mistakes.push(at(
                Mistake::value(format!(
                    "'{}' and '{}' of group \"{group}\" have different conditions",
                    first.key, parameter.key
                ))
                .hint("keys that move together need the same 'when'"),
                "zip",
            ));
        }
    }
}

/// A grid needs points; what a grid cannot enumerate is reported.
pub(super) fn for_strategy(kind: StrategyKind, space: &Space, mistakes: &mut Vec<Mistake>) {
    if kind != StrategyKind::Grid {
        return;
    }
    for parameter in &space.parameters {
        if listed(&parameter.domain).is_none() && parameter.zip.is_none() {
            mistakes.push(
                Mistake::value(format!(
                    "a grid needs to know which values of '{}' to take: the range has no step and \
                        no points",
                    parameter.key
                ))
                .hint(
                    "add points = 5, or step = …; or draw from the range with sweep.strategy = \
                        { kind = \"random\", trials = 20 }",
                )
                .after(&["sweep.strategy", "sweep.strategy.kind"])
                .under(key(&parameter.key)),
            );
        }
    }
}

fn toml_text(value: &Value) -> String {
    if let Value::Text(_) = value { shown(value) } else { value.to_string() }
}

/// Whether a key takes whole numbers only.
pub(super) fn takes_whole(key: &Key) -> bool {
    matches!(key.takes, Takes::Whole { .. })
}
