//! Settings as dotted keys: `train.learning_rate`.

use serde_json::Value as Json;

use experiment::{Settings, Source, leaves};

/// Every setting that is on, by its dotted key, in the order of the sections and then by name. A
/// list is one value; of the data file's path the name alone is kept.
pub(super) fn flat(settings: &Settings) -> Vec<(String, Json)> {
    let Settings { mut data, model, train } = settings.clone();
    if let Source::File { path, .. } = &mut data.source {
        *path = path.file_name().map(Into::into).unwrap_or_default();
    }
    let mut flat = Vec::new();
    let sections = [
        ("data", serde_json::to_value(data)),
        ("model", serde_json::to_value(model)),
        ("train", serde_json::to_value(train)),
    ];
    for (name, section) in sections {
        let start = flat.len();
        // Validated settings always serialise.
        leaves(&mut name.to_owned(), section.unwrap_or_default(), &mut |key, value| {
            flat.push((key.to_owned(), value));
        });
        flat[start..].sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    flat
}

/// A setting's value as text.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_dotted_keys_and_what_is_off_is_absent() {
        let flat = flat(&experiment::testing::settings(""));
        let value =
            |key: &str| flat.iter().find(|(name, _)| name == key).map(|(_, value)| text(value));
        assert_eq!(value("train.optimizer.kind").as_deref(), Some("adam"));
        assert_eq!(value("data.window").as_deref(), Some("60"));
        assert!(value("data.features").unwrap().starts_with("[\""), "{:?}", value("data.features"));
        assert_eq!(value("data.rows"), None);
        assert!(flat.iter().all(|(_, value)| !value.is_null()));
    }
}
