//! Settings as dotted keys: `train.learning_rate`.

use serde_json::Value;

/// Gives `leaf` every value of a tree with its dotted key below `path`, which is whole again
/// afterwards. Tables become keys; a list is one value; what is off (`null`) is left out, like the
/// keys that it would have when on.
pub fn leaves(path: &mut String, value: Value, leaf: &mut impl FnMut(&str, Value)) {
    match value {
        Value::Object(fields) => {
            let parent = path.len();
            for (name, value) in fields {
                if parent > 0 {
                    path.push('.');
                }
                path.push_str(&name);
                leaves(path, value, leaf);
                path.truncate(parent);
            }
        }
        Value::Null => {}
        value => leaf(path, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_become_dotted_keys_and_what_is_off_is_absent() {
        let mut found = Vec::new();
        let value = json!({ "a": { "b": 1, "off": null }, "list": [1, { "x": 2 }], "c": "d" });
        let mut path = String::new();
        leaves(&mut path, value.clone(), &mut |key, value| found.push((key.to_owned(), value)));
        assert_eq!(
            found,
            [("a.b", json!(1)), ("c", json!("d")), ("list", json!([1, { "x": 2 }]))]
                .map(|(key, value)| (key.to_owned(), value))
        );
        assert!(path.is_empty());
        let mut path = "train".to_owned();
        leaves(&mut path, value, &mut |key, _| assert!(key.starts_with("train."), "{key}"));
        assert_eq!(path, "train");
    }
}
