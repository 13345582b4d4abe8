//! The settings in which runs differ.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use experiment::trial::Trial;
use experiment::{Data, Model, Settings, Train, leaves};

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

/// A trial's settings as dotted keys. The seed is that of repeat 0 and the fold the first, so that
/// the runs of an assignment are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flat {
    /// Numbers of the interned `data`, `model` and `train`.
    sections: [usize; 3],
}

/// Flattens settings, each distinct section once: trials of a sweep share most of them.
#[derive(Debug, Default)]
pub(super) struct Flattener {
    known: HashMap<(usize, String), usize>,
    sections: Vec<Section>,
    keys: Vec<String>,
    key_numbers: HashMap<String, usize>,
}

/// Values by the number of their key, ascending.
type Section = Vec<(usize, Json)>;

/// The names of the sections, before their keys.
const NAMES: [&str; 3] = ["data", "model", "train"];

/// Trials whose sections are held as text at once.
const AT_ONCE: usize = 1_000;

impl Flattener {
    /// The settings of trials, in their order.
    pub(super) fn flatten(&mut self, trials: &[&Trial]) -> Vec<Flat> {
        let mut flats: Vec<Flat> = Vec::with_capacity(trials.len());
        for first in (0..trials.len()).step_by(AT_ONCE) {
            let last = trials.len().min(first + AT_ONCE);
            let serialised: Vec<[Option<(String, Json)>; 3]> =
                (first..last).into_par_iter().map(|place| serialised(trials, place)).collect();
            for sections in serialised {
                let mut flat = flats.last().cloned().unwrap_or(Flat { sections: [0; 3] });
                for (place, section) in sections.into_iter().enumerate() {
                    if let Some((text, value)) = section {
                        flat.sections[place] = self.section(place, text, value);
                    }
                }
                flats.push(flat);
            }
        }
        flats
    }

    fn section(&mut self, place: usize, text: String, value: Json) -> usize {
        let next = self.sections.len();
        let number = *self.known.entry((place, text)).or_insert(next);
        if number == next {
            let mut flat = Section::new();
            leaves(&mut NAMES[place].to_owned(), value, &mut |key, value| {
                let key = self.key_number(key, flat.len());
                flat.push((key, value));
            });
            flat.sort_unstable_by_key(|(key, _)| *key);
            self.sections.push(flat);
        }
        number
    }

    /// The number of a key that is the `place`-th of its section, where the last section most often
    /// has it too.
    fn key_number(&mut self, key: &str, place: usize) -> usize {
        if let Some((number, _)) = self.sections.last().and_then(|last| last.get(place))
            && self.keys[*number] == key
        {
            return *number;
        }
        if let Some(number) = self.key_numbers.get(key) {
            return *number;
        }
        self.keys.push(key.to_owned());
        self.key_numbers.insert(key.to_owned(), self.keys.len() - 1);
        self.keys.len() - 1
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
        let Some(first) = counts.keys().next().map(|number| &self.sections[*number]) else {
            return Vec::new();
        };
        let mut differing: BTreeMap<&str, usize> = BTreeMap::new();
        for section in counts.keys().map(|number| &self.sections[*number]) {
            let has_the_same_keys =
                section.len() == first.len() && section.iter().zip(first).all(|(a, b)| a.0 == b.0);
            if has_the_same_keys {
                let unequal = section.iter().zip(first).filter(|(a, b)| a.1 != b.1);
                differing.extend(unequal.map(|((key, _), _)| (&*self.keys[*key], *key)));
            } else {
                let keys = section.iter().chain(first).map(|(key, _)| *key);
                let unequal = keys.filter(|key| value_in(section, *key) != value_in(first, *key));
                differing.extend(unequal.map(|key| (&*self.keys[key], key)));
            }
        }
        differing
            .into_iter()
            .map(|(name, key)| self.difference(name, key, &counts, rows.len()))
            .collect()
    }

    /// The values of a key over sections, each with the number of its rows.
    fn difference(
        &self,
        name: &str,
        key: usize,
        counts: &BTreeMap<usize, usize>,
        rows: usize,
    ) -> Difference {
        let mut values: HashMap<String, DifferingValue> = HashMap::new();
        for (number, rows) in counts {
            if let Some(value) = value_in(&self.sections[*number], key) {
                let same = values.entry(value.to_string());
                same.or_insert_with(|| DifferingValue { value: value.clone(), rows: 0 }).rows +=
                    rows;
            }
        }
        let mut values: Vec<DifferingValue> = values.into_values().collect();
        let absent = rows - values.iter().map(|value| value.rows).sum::<usize>();
        if absent > 0 {
            values.push(DifferingValue { value: Json::Null, rows: absent });
        }
        values.sort_by(|a, b| ascending(&a.value, &b.value));
        Difference { key: name.to_owned(), values }
    }

    /// The value of a key; `None` where it is absent or off.
    pub(super) fn get(&self, flat: &Flat, key: &str) -> Option<&Json> {
        let key = *self.key_numbers.get(key)?;
        flat.sections.iter().find_map(|number| value_in(&self.sections[*number], key))
    }
}

/// The sections of a trial that are not those of the one before it. Neighbours are nearly always
/// equal in most sections, and comparing is cheaper than serialising.
fn serialised(trials: &[&Trial], place: usize) -> [Option<(String, Json)>; 3] {
    let (data, model, train) = of_assignment(trials[place]);
    let former = place.checked_sub(1).map(|former| of_assignment(trials[former]));
    let (same_data, same_model, same_train) = match &former {
        Some(former) => (former.0 == data, former.1 == model, former.2 == train),
        None => (false, false, false),
    };
    [
        (!same_data).then(|| text_and_value(&*data)),
        (!same_model).then(|| text_and_value(model)),
        (!same_train).then(|| text_and_value(&train)),
    ]
}

/// The settings as the runs of an assignment share them: of the first fold, with the seed of
/// repeat 0.
fn of_assignment(trial: &Trial) -> (Cow<'_, Data>, &Model, Train) {
    let Settings { data, model, train } = &trial.settings;
    let data = match trial.fold() {
        Some(_) => Cow::Owned(data.clone().of_fold(0)),
        None => Cow::Borrowed(data),
    };
    let mut train = train.clone();
    train.seed = train.seed.wrapping_sub(trial.repeat as u64);
    (data, model, train)
}

/// Validated settings always serialise; an empty section would only make keys equal that cannot be
/// read.
fn text_and_value(section: &impl Serialize) -> (String, Json) {
    (
        serde_json::to_string(section).unwrap_or_default(),
        serde_json::to_value(section).unwrap_or_default(),
    )
}

fn value_in(section: &Section, key: usize) -> Option<&Json> {
    section.binary_search_by_key(&key, |(key, _)| *key).ok().map(|place| &section[place].1)
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
        let rows: Vec<Flat> = flattener.flatten(&trials.iter().collect::<Vec<_>>());
        let text = |difference: Difference| {
            (
                difference.key,
                difference
                    .values
                    .iter()
                    .map(|value| format!("{}×{}", value.value, value.rows))
                    .collect(),
            )
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
        assert_eq!(
            keys(&[trial(16, 0), other]),
            [("train.seed".into(), vec!["1×1".into(), "8×1".into()])]
        );
    }

    #[test]
    fn what_is_off_differs_from_what_is_on_in_each_of_its_keys() {
        let mut on = trial(16, 0);
        on.settings.train.early_stopping =
            Some(lane_types::EarlyStopping { patience: 3, min_delta: 0.0 });
        assert_eq!(
            keys(&[trial(16, 0), on]),
            [
                ("train.early_stopping.min_delta".into(), vec!["0.0×1".into(), "null×1".into()]),
                ("train.early_stopping.patience".into(), vec!["3×1".into(), "null×1".into()])
            ]
        );
    }
}
