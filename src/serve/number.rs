//! Numbers of a request, each refused with its place: `features[12][3]: invalid type: null,
//! expected a number`.

use std::fmt::{self, Display};

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// A number at a place.
pub(super) struct Number<P>(pub P);

impl<'de, P: Display> DeserializeSeed<'de> for Number<P> {
    type Value = f64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_f64(NumberVisitor).map_err(|error| at(&self.0, &error))
    }
}

/// Numbers in a list at a place.
pub(super) struct Numbers<P>(pub P);

impl<'de, P: Display> DeserializeSeed<'de> for Numbers<P> {
    type Value = Vec<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<f64>, D::Error> {
        deserializer
            .deserialize_seq(NumbersVisitor(&self.0))
            .map_err(|error| placed(&self.0, error))
    }
}

/// Rows of numbers, under a name.
pub(super) struct Rows(pub &'static str);

impl<'de> DeserializeSeed<'de> for Rows {
    type Value = Vec<Vec<f64>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(RowsVisitor(self.0)).map_err(|error| placed(self.0, error))
    }
}

/// An element of a list: `name[3]`.
pub(super) struct Item<N>(pub N, pub usize);

impl<N: Display> Display for Item<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.0, self.1)
    }
}

/// What is wrong at a place, without the line and column that the reader will add.
pub(super) fn at<E: Error>(place: impl Display, error: &E) -> E {
    let text = error.to_string();
    let problem = text.rfind(" at line ").map_or(&text[..], |end| &text[..end]);
    E::custom(format_args!("{place}: {problem}"))
}

/// The same, unless the error names a place inside this one already.
pub(super) fn placed<E: Error>(place: impl Display, error: E) -> E {
    let (place, text) = (place.to_string(), error.to_string());
    if text.starts_with(&place) { error } else { at(place, &error) }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        if value.is_finite() { Ok(value) } else { Err(E::custom("the number is too large")) }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }
}

struct NumbersVisitor<'p, P>(&'p P);

impl<'de, P: Display> Visitor<'de> for NumbersVisitor<'_, P> {
    type Value = Vec<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<f64>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Number(Item(self.0, values.len())))? {
            values.push(value);
        }
        Ok(values)
    }
}

struct RowsVisitor(&'static str);

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Vec<Vec<f64>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows, each a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = list.next_element_seed(Numbers(Item(self.0, rows.len())))? {
            rows.push(row);
        }
        Ok(rows)
    }
}
