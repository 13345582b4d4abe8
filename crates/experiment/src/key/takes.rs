//! What a key takes: its type, its range, and how a legal value gets into the wire form.

use std::fmt;
use std::ops::Bound;

use lane_types::Levels;

use super::super::feature::Feature;
use super::super::mistake::{Mistake, key};
use super::super::suggest::{did_you_mean, listed};
use super::super::wire::Wire;
use super::lists::{MAX_FEATURES, features, levels};
use super::{Key, find};
use crate::space::Value;

/// What a key takes.
pub(in super::super) enum Takes {
    Flag(fn(&mut Wire, bool)),
    Whole {
        low: u64,
        high: u64,
        set: fn(&mut Wire, u64),
    },
    Number {
        interval: Interval,
        set: fn(&mut Wire, f64),
    },
    NumberOrFalse {
        interval: Interval,
        set: fn(&mut Wire, Option<f64>),
    },
    /// One of a few names.
    OneOf {
        names: &'static [&'static str],
        set: fn(&mut Wire, &str),
    },
    /// Text that the setter parses.
    Text {
        legal: &'static str,
        set: SetText,
    },
    Features(fn(&mut Wire, Vec<Feature>)),
    /// Levels of quantiles.
    Levels(fn(&mut Wire, Levels)),
    /// A table of further keys; those that are not given take their defaults.
    Table {
        reset: fn(&mut Wire),
    },
    TableOrFalse {
        reset: fn(&mut Wire),
        off: fn(&mut Wire),
    },
    /// `sweep.strategy.trials`: a whole number, or a list of assignments, which is read by
    /// [`super::super::strategy`].
    Trials {
        set: fn(&mut Wire, u64),
    },
    /// `sweep.space`, read by [`super::super::domains`].
    Space,
}

/// Parses a text into the wire form, or says what is wrong with it and what to do.
pub(in super::super) type SetText = fn(&mut Wire, &str) -> Result<(), Refusal>;

/// Why a text is refused: the problem, and a hint.
pub(in super::super) type Refusal = (String, Option<String>);

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Interval {
    pub low: Bound<f64>,
    pub high: Bound<f64>,
}

/// Puts a value into the wire form.
pub(in super::super) fn set(wire: &mut Wire, entry: &'static Key, value: &Value) -> Vec<Mistake> {
    match (&entry.takes, value) {
        (Takes::Flag(set), Value::Bool(flag)) => set(wire, *flag),
        (Takes::Whole { low, high, set }, Value::Int(number)) => match u64::try_from(*number) {
            Ok(number) if (*low..=*high).contains(&number) => set(wire, number),
            _ => return vec![refuse(entry, value)],
        },
        (Takes::Trials { set }, Value::Int(number)) => match u64::try_from(*number) {
            Ok(number) if (1..=MAX_PROPOSALS).contains(&number) => set(wire, number),
            _ => return vec![refuse(entry, value)],
        },
        (Takes::Number { interval, set }, Value::Int(_) | Value::Float(_)) => match number(value) {
            Some(number) if interval.contains(number) => set(wire, number),
            _ => return vec![refuse(entry, value)],
        },
        (Takes::NumberOrFalse { set, .. }, Value::Bool(false)) => set(wire, None),
        (Takes::NumberOrFalse { interval, set }, Value::Int(_) | Value::Float(_)) => {
            match number(value) {
                Some(number) if interval.contains(number) => set(wire, Some(number)),
                _ => return vec![refuse(entry, value)],
            }
        }
        (Takes::OneOf { names, set }, Value::Text(name)) => {
            if !names.contains(&name.as_str()) {
                return vec![
                    refuse(entry, value).maybe_hint(did_you_mean(name, names.iter().copied())),
                ];
            }
            set(wire, name);
        }
        (Takes::Text { set, .. }, Value::Text(text)) => {
            if let Err((problem, hint)) = set(wire, text) {
                return vec![Mistake::value(problem).maybe_hint(hint)];
            }
        }
        (Takes::Features(set), Value::List(names)) => match features(entry, names) {
            Ok(features) => set(wire, features),
            Err(mistakes) => return mistakes,
        },
        (Takes::Levels(set), Value::List(numbers)) => match levels(entry, numbers) {
            Ok(levels) => set(wire, levels),
            Err(mistakes) => return mistakes,
        },
        (Takes::Table { reset } | Takes::TableOrFalse { reset, .. }, Value::Table(table)) => {
            reset(wire);
            let mut mistakes = Vec::new();
            for (name, value) in table {
                let below = match find(&format!("{}.{name}", entry.path)) {
                    Some(part) => set(wire, part, value),
                    None => vec![super::unknown(entry.path, name)],
                };
                mistakes.extend(below.into_iter().map(|mistake| mistake.under(key(name))));
            }
            return mistakes;
        }
        (Takes::TableOrFalse { off, .. }, Value::Bool(false)) => off(wire),
        (Takes::Trials { .. }, Value::List(_)) | (Takes::Space, Value::Table(_)) => {}
        _ => return vec![refuse(entry, value)],
    }
    Vec::new()
}

/// A value as its key means it: numbers are floats where a key takes numbers, so that 1 and 1.0 are
/// the same value.
pub(in super::super) fn canonical(entry: &Key, value: &Value) -> Value {
    match (&entry.takes, value) {
        (Takes::Number { .. } | Takes::NumberOrFalse { .. }, Value::Int(_)) => {
            number(value).map_or_else(|| value.clone(), Value::Float)
        }
        (Takes::Table { .. } | Takes::TableOrFalse { .. }, Value::Table(table)) => Value::Table(
            table
                .iter()
                .map(|(name, value)| {
                    let value = match find(&format!("{}.{name}", entry.path)) {
                        Some(part) => canonical(part, value),
                        None => value.clone(),
                    };
                    (name.clone(), value)
                })
                .collect(),
        ),
        _ => value.clone(),
    }
}

/// How a message names a value.
pub(in super::super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => {
            let short: String = text.chars().take(40).collect();
            if short.len() < text.len() { format!("\"{short}…\"") } else { format!("\"{text}\"") }
        }
        Value::List(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// Most proposals of a random search.
const MAX_PROPOSALS: u64 = 10_000_000;

fn refuse(entry: &Key, value: &Value) -> Mistake {
    let mistake =
        Mistake::value(format!("'{}' takes {}, not {}", entry.path, entry.takes, shown(value)));
    let hint = match (&entry.takes, value) {
        (
            Takes::Whole { .. }
            | Takes::Trials { .. }
            | Takes::Number { .. }
            | Takes::NumberOrFalse { .. },
            Value::Text(text),
        ) if text.trim().parse::<f64>().is_ok() => {
            Some(format!("numbers are written without quotes: {}", text.trim()))
        }
        (
            Takes::Flag(_) | Takes::NumberOrFalse { .. } | Takes::TableOrFalse { .. },
            Value::Text(text),
        ) if text == "true" || text == "false" => Some(format!("{text} is written without quotes")),
        (Takes::NumberOrFalse { .. } | Takes::TableOrFalse { .. }, Value::Text(text))
            if text == "none" || text == "off" =>
        {
            Some("false switches it off".to_owned())
        }
        (Takes::TableOrFalse { .. }, Value::Bool(true)) => {
            Some("it is on unless false; write a table to change its settings".to_owned())
        }
        (Takes::Whole { low, high, .. }, Value::Float(number))
            if number.fract() == 0.0 && (*low as f64..=*high as f64).contains(number) =>
        {
            Some(format!("write {number:.0}"))
        }
        (Takes::Features(_), Value::Text(name)) => {
            Some(format!("a list has brackets: [\"{name}\"]"))
        }
        (Takes::Table { .. } | Takes::TableOrFalse { .. }, Value::Text(name))
            if find(&format!("{}.kind", entry.path)).is_some() =>
        {
            Some(format!("write {{ kind = \"{name}\" }}"))
        }
        (takes, Value::List(_))
            if !matches!(takes, Takes::Space) && super::sweepable(entry).is_ok() =>
        {
            Some(format!("to try several values, put \"{}\" under [sweep.space]", entry.path))
        }
        _ => None,
    };
    mistake.maybe_hint(hint)
}

/// A number of either kind.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}

impl Interval {
    /// Whether a number is within.
    pub(crate) fn contains(&self, number: f64) -> bool {
        use std::ops::RangeBounds;
        (self.low, self.high).contains(&number)
    }
}

impl fmt::Display for Takes {
    /// "a whole number from 1 to 4096".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(_) => write!(f, "true or false"),
            Self::Whole { low, high, .. } if *high == super::ANY_SEED => {
                write!(f, "a whole number, {low} or more")
            }
            Self::Whole { low, high, .. } => write!(f, "a whole number from {low} to {high}"),
            Self::Number { interval, .. } => write!(f, "a number {interval}"),
            Self::NumberOrFalse { interval, .. } => write!(f, "a number {interval}, or false"),
            Self::OneOf { names, .. } => {
                let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                write!(f, "{}", listed(&quoted))
            }
            Self::Text { legal, .. } => write!(f, "{legal}"),
            Self::Features(_) => {
                write!(f, "a list of 1 to {MAX_FEATURES} features ({})", Feature::NAMES.join(", "))
            }
            Self::Levels(_) => {
                write!(f, "a list of numbers between 0 and 1, ascending, with 0.5 among them")
            }
            Self::Table { .. } => write!(f, "a table"),
            Self::TableOrFalse { .. } => write!(f, "a table, or false"),
            Self::Trials { .. } => write!(
                f,
                "a whole number from 1 to {MAX_PROPOSALS} (random) or a list of tables (list)"
            ),
            Self::Space => write!(
                f,
                "a table of keys in quotes with their values: \"model.hidden_size\" = [16, 32]"
            ),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low, self.high) {
            (Bound::Included(low), Bound::Included(high)) => write!(f, "from {low} to {high}"),
            (Bound::Included(low), Bound::Excluded(high)) => {
                write!(f, "from {low} to below {high}")
            }
            (Bound::Included(low), Bound::Unbounded) => write!(f, "of {low} or more"),
            (Bound::Excluded(low), Bound::Included(high)) => {
                write!(f, "above {low}, at most {high}")
            }
            (Bound::Excluded(low), Bound::Excluded(high)) => {
                write!(f, "above {low} and below {high}")
            }
            (Bound::Excluded(low), Bound::Unbounded) => write!(f, "above {low}"),
            (Bound::Unbounded, Bound::Included(high)) => write!(f, "of at most {high}"),
            (Bound::Unbounded, Bound::Excluded(high)) => write!(f, "below {high}"),
            (Bound::Unbounded, Bound::Unbounded) => Ok(()),
        }
    }
}
