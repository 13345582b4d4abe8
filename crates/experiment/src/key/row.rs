//! How a row of the key lists is written.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use std::ops::Bound;

use super::super::wire::Wire;
use super::takes::{Refusal, SetText};
use super::{Fallback, Interval, Key, Takes};

pub(super) const fn key(
    path: &'static str,
    takes: Takes,
    default: Fallback,
    doc: &'static str,
) -> Key {
    Key { path, takes, default, doc }
}

pub(super) const fn whole(low: u64, high: u64, set: fn(&mut Wire, u64)) -> Takes {
    Takes::Whole { low, high, set }
}

pub(super) const fn number(low: Bound<f64>, high: Bound<f64>, set: fn(&mut Wire, f64)) -> Takes {
    Takes::Number { interval: Interval { low, high }, set }
}

pub(super) const fn text(legal: &'static str, set: SetText) -> Takes {
    Takes::Text { legal, set }
}

pub(super) const fn one_of(names: &'static [&'static str], set: fn(&mut Wire, &str)) -> Takes {
    Takes::OneOf { names, set }
}

pub(super) const fn table(reset: fn(&mut Wire)) -> Takes {
    Takes::Table { reset }
}

/// Sets a field to the variant of this name, as serde spells it. (A name that is not one changes
/// nothing: the list of names is checked first, and a test goes through all of them.)
pub(super) fn named<T: for<'de> Deserialize<'de>>(field: &mut T, name: &str) {
    let deserializer: StrDeserializer<'_, Error> = name.into_deserializer();
    if let Ok(value) = T::deserialize(deserializer) {
        *field = value;
    }
}

/// Refuses an empty text.
pub(super) fn not_empty(path: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() { Err((format!("'{path}' is empty"), None)) } else { Ok(()) }
}
