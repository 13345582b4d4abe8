//! The settings in which runs differ.

use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::trial::Trial;

/// A key whose value is not the same in all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Dotted, as in the file: `model.hidden_size`.
    pub key: String,
    /// Its values, ascending, with how many rows have each.
    pub values: Vec<DifferingValue>,
}

/// One of the values of a differing key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DifferingValue {
    /// `null` where rows do not have the key, or have it off.
    pub value: Json,
    /// Rows that have it.
    pub rows: usize,
}

/// A trial's settings as dotted keys. The seed is that of repeat 0, so that the repeats of an assignment are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flat {
    /// Numbers of the interned `data`, `model` and `train`.
    sections: [usize; 3],
}

/// Flattens settings, each distinct section once: trials of a sweep share most of them.
#[derive(Debug, Default)]
pub(super) struct Flattener {
    known: HashMap<(&'static str, String), usize>,
    sections: Vec<Arc<Section>>,
}

type Section = BTreeMap<String, Json>;

impl Flattener {
    pub(super) fn flatten(&mut self, trial: &Trial) -> Flat {
        let settings = &trial.settings;
        let mut train = settings.train.clone();
        train.seed = train.seed.wrapping_sub(trial.repeat as u64);
        Flat {
            sections: [self.section("data", &settings.data), self.section("model", &settings.model), self.section("train", &train)],
        }
    }

    fn section(&mut self, name: &'static str, section: &impl Serialize) -> usize {
        // Believed settings always serialise; an empty section would only make keys equal that cannot be read.
        let text = serde_json::to_string(section).unwrap_or_default();
        let next = self.sections.len();
        let number = *self.known.entry((name, text)).or_insert(next);
        if number == next {
            let mut flat = Section::new();
            flatten_into(&mut flat, name.to_owned(), serde_json::to_value(section).unwrap_or_default());
            self.sections.push(Arc::new(flat));
        }
        number
    }

    /// The keys in which settings differ, in the order of the file's sections.
    pub(super) fn differences(&self, rows: &[Flat]) -> Vec<Difference> {
        (0..3).flat_map(|place| self.differences_at(place, rows)).collect()
    }

    fn differences_at(&self, place: usize, rows: &[Flat]) -> Vec<Difference> {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for row in rows {
            *counts.entry(row.sections[place]).or_default() += 1;
        }
        if counts.len() < 2 {
            return Vec::new();
        }
        let mut values: BTreeMap<&str, HashMap<String, DifferingValue>> = BTreeMap::new();
        for (number, rows) in counts {
            for (key, value) in self.sections[number].iter() {
                let same = values.entry(key).or_default().entry(value.to_string());
                same.or_insert_with(|| DifferingValue { value: value.clone(), rows: 0 }).rows += rows;
            }
        }
        let differing = values.into_iter().filter_map(|(key, values)| {
            let mut values: Vec<DifferingValue> = values.into_values().collect();
            let absent = rows.len() - values.iter().map(|value| value.rows).sum::<usize>();
            if absent > 0 {
                values.push(DifferingValue { value: Json::Null, rows: absent });
            }
            values.sort_by(|a, b| ascending(&a.value, &b.value));
            (values.len() > 1).then(|| Difference { key: key.to_owned(), values })
        });
        differing.collect()
    }

    /// The value of a key; `None` where it is absent or off.
    pub(super) fn get(&self, flat: &Flat, key: &str) -> Option<&Json> {
        flat.sections.iter().find_map(|number| self.sections[*number].get(key))
    }
}

/// Tables become dotted keys; a list is one value; what is off (`null`) is absent, like the keys that it would have when on.
fn flatten_into(flat: &mut Section, key: String, value: Json) {
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                flatten_into(flat, format!("{key}.{name}"), value);
            }
        }
        Json::Null => {}
        value => {
            flat.insert(key, value);
        }
    }
}

/// Numbers by size, then the rest by its text, then what is absent.
fn ascending(a: &Json, b: &Json) -> std::cmp::Ordering {
    let order = |value: &Json| match value {
        Json::Number(_) => 0,
        Json::Null => 2,
        _ => 1,
    };
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => order(a).cmp(&order(b)).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::group::tests::trial;

    fn keys(trials: &[Trial]) -> Vec<(String, Vec<String>)> {
        let mut flattener = Flattener::default();
        let rows: Vec<Flat> = trials.iter().map(|trial| flattener.flatten(trial)).collect();
        let text = |difference: Difference| {
            (difference.key, difference.values.iter().map(|value| format!("{}×{}", value.value, value.rows)).collect())
        };
        flattener.differences(&rows).into_iter().map(text).collect()
    }

    #[test]
    fn only_keys_that_differ_are_listed() {
        let mut trials = [trial(16, 0), trial(32, 0), trial(32, 0)];
        trials[2].settings.train.learning_rate = 0.01;
        assert_eq!(
            keys(&trials),
            [
                ("model.hidden_size".into(), vec!["16×1".into(), "32×2".into()]),
                ("train.learning_rate".into(), vec!["0.001×2".into(), "0.01×1".into()])
            ]
        );
        assert_eq!(keys(&trials[..1]), []);
    }

    #[test]
    fn the_seeds_of_repeats_do_not_differ_but_another_base_seed_does() {
        assert_eq!(keys(&[trial(16, 0), trial(16, 1), trial(16, 2)]), []);
        let mut other = trial(16, 0);
        other.settings.train.seed += 7;
        assert_eq!(keys(&[trial(16, 0), other]), [("train.seed".into(), vec!["1×1".into(), "8×1".into()])]);
    }

    #[test]
    fn what_is_off_differs_from_what_is_on_in_each_of_its_keys() {
        let mut on = trial(16, 0);
        on.settings.train.early_stopping = Some(burn_lanes::EarlyStopping { patience: 3, min_delta: 0.0 });
        assert_eq!(
            keys(&[trial(16, 0), on]),
            [
                ("train.early_stopping.min_delta".into(), vec!["0.0×1".into(), "null×1".into()]),
                ("train.early_stopping.patience".into(), vec!["3×1".into(), "null×1".into()])
            ]
        );
    }
}
