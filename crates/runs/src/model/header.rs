//! The header of a weights file, held against the network that it should be of, before anything is
//! made of it.
//!
//! The parser of safetensors takes a header at its word: of a name that is there twice it keeps the
//! last, and of 200,000 names it makes a table. Here the first tensor that is not the network's
//! ends the reading, and nothing is kept.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// More than any header of a weights file written here.
pub(super) const MAX_HEADER: u64 = 8 << 20;

/// Where a header keeps what is not a tensor.
const METADATA: &str = "__metadata__";

/// Checks that the tensors of a file are those of `layout`: each name once, F32, of its shape.
///
/// # Errors
/// What is wrong, for a person.
pub(super) fn check_header(bytes: &[u8], layout: &[(String, Vec<usize>)]) -> Result<(), String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(format!("is not a safetensors file: it has {} bytes", bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length)
        .ok()
        .filter(|_| length <= MAX_HEADER)
        .and_then(|length| rest.get(..length));
    let header = header.ok_or_else(|| {
        format!(
            "is not a safetensors file: a header of {length} bytes, at most {} are possible",
            MAX_HEADER.min(rest.len() as u64)
        )
    })?;
    let mut json = serde_json::Deserializer::from_slice(header);
    let found = Tensors(layout)
        .deserialize(&mut json)
        .map_err(|error| format!("has a header that is not of this network: {error}"))?;
    // Spaces may follow, to align the values.
    json.end().map_err(|error| format!("has a header that goes on after its end: {error}"))?;
    match layout.iter().zip(found).find(|(_, found)| !found) {
        Some(((name, _), _)) => Err(format!("has no tensor '{name}'")),
        None => Ok(()),
    }
}

/// The header's table: which of the layout's tensors it names.
struct Tensors<'a>(&'a [(String, Vec<usize>)]);

impl<'de> DeserializeSeed<'de> for Tensors<'_> {
    type Value = Vec<bool>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<bool>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tensors<'_> {
    type Value = Vec<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<bool>, A::Error> {
        let mut found = vec![false; self.0.len()];
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            let place = self.0.iter().position(|(expected, _)| *expected == name);
            let is_new = match place {
                Some(place) => !std::mem::replace(&mut found[place], true),
                None if name == METADATA => !std::mem::replace(&mut has_metadata, true),
                None => {
                    return Err(A::Error::custom(format!(
                        "tensor '{}' is none of the network's",
                        shown(&name)
                    )));
                }
            };
            if !is_new {
                return Err(A::Error::custom(format!("'{name}' is named twice")));
            }
            match place {
                Some(place) => {
                    map.next_value_seed(Tensor { name: &name, shape: &self.0[place].1 })?
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// A tensor's entry.
struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
}

impl<'de> DeserializeSeed<'de> for Tensor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tensor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dtype, shape and data_offsets of tensor '{}'", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { name, shape } = self;
        let fields = ["dtype", "shape", "data_offsets"];
        let mut found = [false; 3];
        while let Some(field) = map.next_key::<String>()? {
            let place = fields.iter().position(|known| *known == field);
            let place = place.ok_or_else(|| {
                A::Error::custom(format!("tensor '{name}' has a field '{}'", shown(&field)))
            })?;
            if std::mem::replace(&mut found[place], true) {
                return Err(A::Error::custom(format!("tensor '{name}' has '{field}' twice")));
            }
            match place {
                0 => {
                    let dtype: String = map.next_value()?;
                    if dtype != "F32" {
                        return Err(A::Error::custom(format!(
                            "tensor '{name}' is {}, not F32",
                            shown(&dtype)
                        )));
                    }
                }
                1 => map.next_value_seed(Numbers { name, expected: shape })?,
                // Whether the offsets fit each other and the file is the parser's own check.
                _ => drop(map.next_value::<(u64, u64)>()?),
            }
        }
        match fields.iter().zip(found).find(|(_, found)| !found) {
            Some((field, _)) => Err(A::Error::custom(format!("tensor '{name}' has no '{field}'"))),
            None => Ok(()),
        }
    }
}

/// A shape, compared while it is read.
struct Numbers<'a> {
    name: &'a str,
    expected: &'a [usize],
}

impl<'de> DeserializeSeed<'de> for Numbers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Numbers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shape {:?} of tensor '{}'", self.expected, self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { name, expected } = self;
        let other =
            || A::Error::custom(format!("tensor '{name}' has another shape than {expected:?}"));
        for dim in expected {
            if seq.next_element::<u64>()? != Some(*dim as u64) {
                return Err(other());
            }
        }
        if seq.next_element::<IgnoredAny>()?.is_some() { Err(other()) } else { Ok(()) }
    }
}

/// A text from the file, short and harmless.
fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat()
    }

    fn checked(header: &str) -> Result<(), String> {
        check_header(&file(header), &[("a".to_owned(), vec![2])])
    }

    #[test]
    fn the_networks_own_tensors_pass_and_nothing_else_does() {
        let a = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
        assert_eq!(checked(&format!("{{{a}}}")), Ok(()));
        assert_eq!(checked(&format!(r#"{{"__metadata__":{{"x":"y"}},{a}}}   "#)), Ok(()));
        let wrong = [
            (format!("{{{a},{a}}}"), "'a' is named twice"),
            (format!(r#"{{{a},"b":{{}}}}"#), "tensor 'b' is none of the network's"),
            (
                format!(r#"{{{a},"../../etc/\u001b[31m":{{}}}}"#),
                r"tensor '../../etc/\u{1b}[31m' is none",
            ),
            ("{}".to_owned(), "has no tensor 'a'"),
            (format!("{{{}}}", a.replace("F32", "F16")), "tensor 'a' is F16, not F32"),
            (format!("{{{}}}", a.replace("[2]", "[3]")), "another shape than [2]"),
            (format!("{{{}}}", a.replace("[2]", "[2,1]")), "another shape than [2]"),
            (format!("{{{}}}", a.replace("[2]", "[]")), "another shape than [2]"),
            (format!("{{{}}}", a.replace("[2]", "[-2]")), "has a header"),
            (format!("{{{}}}", a.replace("[0,8]", "[0,8,16]")), "has a header"),
            (
                format!("{{{}}}", a.replace(r#""shape""#, r#""shape":[2],"shape""#)),
                "has 'shape' twice",
            ),
            (format!("{{{}}}", a.replace(r#""dtype":"F32","#, "")), "has no 'dtype'"),
            (format!("{{{a}}} x"), "goes on after its end"),
            ("[".repeat(100_000), "has a header"),
            (String::new(), "has a header"),
        ];
        for (header, expected) in wrong {
            let error = checked(&header).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        assert!(check_header(b"1234567", &[]).unwrap_err().contains("it has 7 bytes"));
        assert!(check_header(&[255; 8], &[]).unwrap_err().contains("18446744073709551615 bytes"));
    }
}
