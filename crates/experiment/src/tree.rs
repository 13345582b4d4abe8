//! A file as a tree of values, each with its place in the text.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Step};
use crate::space::Value;

/// Bytes of a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// 0: the file; above, the n-th `--set` argument.
    pub source: usize,
    pub bytes: Range<usize>,
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub item: Item,
    pub place: Place,
}

/// What is written there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Scalar(Value),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Nothing that a key could take: a date, nan, a number too large; with what is wrong.
    Illegal(String),
}

/// A key of a table, with its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub name: String,
    pub place: Place,
    pub node: Node,
}

impl Node {
    /// A table, in the order of the text.
    pub(crate) fn table(source: usize, table: &Spanned<DeTable<'_>>) -> Self {
        Self {
            item: Item::Table(entries(source, 0, table.get_ref())),
            place: Place { source, bytes: table.span() },
        }
    }

    /// A value; its place is shifted by `offset` bytes.
    pub(crate) fn value(source: usize, offset: usize, value: &Spanned<DeValue<'_>>) -> Self {
        let item = match value.get_ref() {
            DeValue::String(text) => Item::Scalar(Value::Text(text.to_string())),
            DeValue::Boolean(flag) => Item::Scalar(Value::Bool(*flag)),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Item::Scalar(Value::Int(number)),
                    Err(_) => Item::Illegal(format!(
                        "{number} is out of the range of whole numbers (±9.2e18)"
                    )),
                }
            }
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Item::Scalar(Value::Float(number)),
                _ => Item::Illegal(format!("{number} is not a finite number")),
            },
            DeValue::Datetime(date) => {
                Item::Illegal(format!("{date} is a date, which no key takes"))
            }
            DeValue::Array(values) => {
                Item::List(values.iter().map(|value| Self::value(source, offset, value)).collect())
            }
            DeValue::Table(table) => Item::Table(entries(source, offset, table)),
        };
        Self { item, place: shifted(source, offset, value.span()) }
    }

    /// The entries of a table; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Item::Table(entries) = &self.item { entries } else { &[] }
    }

    /// The entry with this name.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.name == name)
    }

    /// The value under the entry with this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|entry| &entry.node)
    }

    /// The value at the end of a path.
    pub(crate) fn get(&self, path: &[Step]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match (step, &node.item) {
            (Step::Key(name), _) => node.child(name),
            (Step::Index(index), Item::List(nodes)) => nodes.get(*index),
            (Step::Index(_), _) => None,
        })
    }

    /// The text, where it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Item::Scalar(Value::Text(text)) = &self.item { Some(text) } else { None }
    }

    /// Without places. What no key could take is left out and reported.
    pub(crate) fn to_value(&self, mistakes: &mut Vec<Mistake>) -> Option<Value> {
        let mut path = Vec::new();
        self.strip(&mut path, mistakes)
    }

    fn strip(&self, path: &mut Vec<Step>, mistakes: &mut Vec<Mistake>) -> Option<Value> {
        match &self.item {
            Item::Scalar(value) => Some(value.clone()),
            Item::Illegal(problem) => {
                mistakes.push(Mistake::value(problem.clone()).below(path));
                None
            }
            Item::List(nodes) => {
                let mut values = Vec::with_capacity(nodes.len());
                for (index, node) in nodes.iter().enumerate() {
                    path.push(Step::Index(index));
                    values.extend(node.strip(path, mistakes));
                    path.pop();
                }
                // A list that lost an element would be judged for what it is not.
                (values.len() == nodes.len()).then_some(Value::List(values))
            }
            Item::Table(entries) => {
                let mut table = std::collections::BTreeMap::new();
                for entry in entries {
                    path.push(Step::Key(entry.name.clone()));
                    if let Some(value) = entry.node.strip(path, mistakes) {
                        table.insert(entry.name.clone(), value);
                    }
                    path.pop();
                }
                Some(Value::Table(table))
            }
        }
    }
}

fn entries(source: usize, offset: usize, table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(name, value)| Entry {
            name: name.get_ref().to_string(),
            place: shifted(source, offset, name.span()),
            node: Node::value(source, offset, value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place.bytes.start);
    entries
}

fn shifted(source: usize, offset: usize, bytes: Range<usize>) -> Place {
    Place { source, bytes: bytes.start + offset..bytes.end + offset }
}
