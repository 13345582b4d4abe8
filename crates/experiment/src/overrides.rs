//! `--set key=value`, applied to the tree of a file as if it were written there.
//!
//! The value is TOML; what does not parse as TOML is a text (`--set train.loss=mae`). Where a sweep
//! varies the key, its values are replaced by this one.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

use super::mistake::{Step, key};
use super::tree::{Entry, Item, Node, Place};
use crate::space::Value;

/// Why an argument cannot be applied.
pub(super) struct Refused {
    pub problem: String,
    pub hint: Option<String>,
    /// Where in the argument.
    pub bytes: Range<usize>,
}

/// Applies the `source`-th argument (from 1).
///
/// # Errors
/// When it is not `key=value`, or would be undone by the sweep.
pub(super) fn apply(root: &mut Node, source: usize, argument: &str) -> Result<(), Refused> {
    let refused = |problem: String, hint: Option<&str>, bytes| Refused {
        problem,
        hint: hint.map(str::to_owned),
        bytes,
    };
    let whole = 0..argument.len();
    let Some(equals) = split_at_equals(argument) else {
        return Err(refused(
            "there is no '='".to_owned(),
            Some("write --set key=value, as in --set train.epochs=5"),
            whole,
        ));
    };
    let name = argument[..equals].trim_end();
    let path = key_path(name).ok_or_else(|| {
        refused(
            format!("'{name}' is not a key"),
            Some("keys look like train.epochs"),
            0..name.len().max(1),
        )
    })?;
    let node = value(source, argument, equals + 1)
        .map_err(|problem| refused(problem, None, equals + 1..argument.len()))?;
    let place = Place { source, bytes: 0..name.len() };

    let dotted = path.join(".");
    if path[0] != "sweep" {
        clear_domain(root, &dotted, &node, &place)?;
    }
    insert(root, &path, node, &place);
    Ok(())
}

/// The first '=' outside quotes.
fn split_at_equals(argument: &str) -> Option<usize> {
    let mut quote = None;
    for (index, c) in argument.char_indices() {
        match (quote, c) {
            (None, '=') => return Some(index),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// The names of a dotted key. Under `sweep.space` a key may stand without its quotes, which a shell
/// would take away.
fn key_path(name: &str) -> Option<Vec<String>> {
    let text = format!("{name} = 0");
    let table = DeTable::parse(&text).ok()?;
    let mut path = Vec::new();
    let mut level = table.get_ref();
    loop {
        let (name, value) = level.iter().next().filter(|_| level.len() == 1)?;
        path.push(name.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(table) => level = table,
            _ => break,
        }
    }
    if path.len() > 3 && path[..2] == ["sweep", "space"] && !path[2].contains('.') {
        let rest = path.split_off(2).join(".");
        path.push(rest);
    }
    Some(path)
}

fn value(source: usize, argument: &str, start: usize) -> Result<Node, String> {
    let text = &argument[start..];
    let (parsed, errors) = DeValue::parse_recoverable(text);
    match errors.first() {
        None => Ok(Node::value(source, start, &parsed)),
        Some(error) if text.trim_start().starts_with(['[', '{', '"', '\'']) => {
            Err(format!("the value is not TOML: {}", error.message()))
        }
        Some(_) => {
            let place = Place { source, bytes: start..argument.len() };
            Ok(Node { item: Item::Scalar(Value::Text(text.trim().to_owned())), place })
        }
    }
}

/// Where the sweep varies this key, it takes this value alone; its condition stays.
fn clear_domain(root: &mut Node, dotted: &str, node: &Node, place: &Place) -> Result<(), Refused> {
    let Some(sweep) = child_mut(root, "sweep") else { return Ok(()) };
    if let Some(Node { item: Item::Table(space), .. }) = child_mut(sweep, "space") {
        for entry in space {
            if entry.name == dotted {
                let only = Node { item: Item::List(vec![node.clone()]), place: node.place.clone() };
                entry.node = match entry.node.entry("when") {
                    None => only,
                    Some(when) => {
                        let when = when.clone();
                        let choice =
                            Entry { name: "choice".to_owned(), place: place.clone(), node: only };
                        Node { item: Item::Table(vec![choice, when]), place: node.place.clone() }
                    }
                };
            } else if is_above(&entry.name, dotted) {
                return Err(Refused {
                    problem: format!(
                        "'{}' varies in the sweep as a whole, which would undo this",
                        entry.name
                    ),
                    hint: Some(format!("set {} instead", entry.name)),
                    bytes: place.bytes.clone(),
                });
            }
        }
    }
    if let Some(Node { item: Item::List(trials), .. }) =
        child_mut(sweep, "strategy").and_then(|strategy| child_mut(strategy, "trials"))
    {
        for trial in trials {
            if let Some(value) = child_mut(trial, dotted) {
                *value = node.clone();
            }
        }
    }
    Ok(())
}

fn is_above(table: &str, key: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

fn child_mut<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Item::Table(entries) = &mut node.item else { return None };
    entries.iter_mut().find(|entry| entry.name == name).map(|entry| &mut entry.node)
}

fn insert(mut level: &mut Node, path: &[String], node: Node, place: &Place) {
    for name in path {
        if !matches!(level.item, Item::Table(_)) {
            level.item = Item::Table(Vec::new());
        }
        let Item::Table(entries) = &mut level.item else { return };
        let index = entries.iter().position(|entry| entry.name == *name).unwrap_or_else(|| {
            let empty = Node { item: Item::Table(Vec::new()), place: place.clone() };
            entries.push(Entry { name: name.clone(), place: place.clone(), node: empty });
            entries.len() - 1
        });
        level = &mut entries[index].node;
    }
    *level = node;
}

/// The path of a swept key.
pub(super) fn space_path(dotted: &str) -> Vec<Step> {
    vec![key("sweep"), key("space"), key(dotted)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_space_needs_no_quotes() {
        assert_eq!(
            key_path("sweep.space.model.hidden_size").unwrap(),
            ["sweep", "space", "model.hidden_size"]
        );
        assert_eq!(
            key_path("sweep.space.\"model.hidden_size\".points").unwrap(),
            ["sweep", "space", "model.hidden_size", "points"]
        );
        assert_eq!(key_path("train.epochs").unwrap(), ["train", "epochs"]);
        assert_eq!(key_path("train..epochs"), None);
        assert_eq!(key_path(""), None);
    }

    #[test]
    fn bare_words_are_texts_and_the_rest_is_toml() {
        let item = |argument: &str| value(1, argument, 2).map(|node| node.item);
        assert_eq!(item("k=adam"), Ok(Item::Scalar(Value::Text("adam".into()))));
        assert_eq!(item("k=1e-3"), Ok(Item::Scalar(Value::Float(1e-3))));
        assert_eq!(item("k=\"5\""), Ok(Item::Scalar(Value::Text("5".into()))));
        assert_eq!(item("k=two words"), Ok(Item::Scalar(Value::Text("two words".into()))));
        assert!(item("k=[1, 2").is_err());
    }
}
