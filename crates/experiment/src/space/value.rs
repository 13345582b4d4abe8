//! A parameter's value, as a space proposes it and a run records it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A scalar, a list or a table. Serialises as itself (`0.001`, `"adam"`, `{ "kind": "adam" }`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number; always finite in a validated space.
    Float(f64),
    /// Text.
    Text(String),
    /// A list, such as a choice among lists of features.
    List(Vec<Value>),
    /// A table, such as a choice among optimizers.
    Table(BTreeMap<String, Value>),
}

/// Values of the parameters by their dotted key (`model.hidden_size`); inactive conditional
/// parameters are absent.
pub type Assignment = BTreeMap<String, Value>;

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Table(_) => None,
        }
    }

    /// Equal, where 1 and 1.0 are the same number: a person may write either.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(_), Self::Float(_)) | (Self::Float(_), Self::Int(_)) => {
                self.as_f64() == other.as_f64()
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Value {
    /// As in TOML, tables inline; floats in their shortest exact form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value}"),
            Self::List(values) => {
                write!(f, "[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
            Self::Table(values) => {
                write!(f, "{{")?;
                for (i, (key, value)) in values.iter().enumerate() {
                    write!(f, "{}{key} = {value}", if i == 0 { " " } else { ", " })?;
                }
                write!(f, " }}")
            }
        }
    }
}
