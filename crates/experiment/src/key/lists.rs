//! Keys that take a list: each mistake stands at the element that it is in.

use lane_types::Levels;

use super::super::feature::{Feature, UnknownFeature};
use super::super::mistake::{Mistake, Step};
use super::super::suggest::nearest;
use super::Key;
use super::takes::{number, shown};
use crate::space::Value;

/// Most feature columns of a series.
pub(super) const MAX_FEATURES: usize = 256;

/// Names of features.
pub(super) fn features(entry: &Key, names: &[Value]) -> Result<Vec<Feature>, Vec<Mistake>> {
    if names.is_empty() || names.len() > MAX_FEATURES {
        return Err(vec![Mistake::value(format!(
            "'{}' takes {}, not {} of them",
            entry.path,
            entry.takes,
            names.len()
        ))]);
    }
    let mut features = Vec::with_capacity(names.len());
    let mut mistakes = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let mistake = match name {
            Value::Text(text) => match text.parse::<Feature>() {
                Ok(feature) if features.contains(&feature) => {
                    Mistake::value(format!("the feature \"{feature}\" is listed twice"))
                        .hint("remove one of the two")
                }
                Ok(feature) => {
                    features.push(feature);
                    continue;
                }
                Err(error @ UnknownFeature::Name(_)) => {
                    Mistake::value(error.to_string()).maybe_hint(feature_hint(text))
                }
                Err(error @ UnknownFeature::Parameters { .. }) => Mistake::value(error.to_string()),
            },
            other => Mistake::value(format!("a feature is a name in quotes, not {}", shown(other))),
        };
        mistakes.push(mistake.under(Step::Index(index)));
    }
    if mistakes.is_empty() { Ok(features) } else { Err(mistakes) }
}

fn feature_hint(text: &str) -> Option<String> {
    let letters = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let digits = text[letters.len()..].trim_start_matches('_');
    let stems = Feature::NAMES.iter().map(|name| name.trim_end_matches("_N"));
    let stem = nearest(letters, stems)?;
    let takes_number = Feature::NAMES.iter().any(|name| name.strip_suffix("_N") == Some(stem));
    let meant = match (takes_number, digits) {
        (true, "") => return Some(format!("'{stem}' takes a number of bars: \"{stem}_20\"")),
        (true, digits) => format!("{stem}_{digits}"),
        (false, _) => stem.to_owned(),
    };
    (meant != text && meant.parse::<Feature>().is_ok()).then(|| format!("did you mean '{meant}'?"))
}

/// Levels of quantiles.
pub(super) fn levels(entry: &Key, values: &[Value]) -> Result<Levels, Vec<Mistake>> {
    let mut numbers = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        match number(value) {
            Some(number) => numbers.push(number),
            None => {
                return Err(vec![
                    Mistake::value(format!("a level is a number, not {}", shown(value)))
                        .under(Step::Index(index)),
                ]);
            }
        }
    }
    Levels::new(&numbers).map_err(|bad| {
        let mistake =
            Mistake::value(bad.problem).note(format!("'{}' takes {}", entry.path, entry.takes));
        vec![match bad.index {
            Some(index) => mistake.under(Step::Index(index)),
            None => mistake.hint("for example [0.1, 0.5, 0.9]"),
        }]
    })
}
