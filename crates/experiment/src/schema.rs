//! The JSON Schema of an experiment file, for editors.

use serde_json::{Map, Value, json};
use std::ops::Bound;

use lane_types::Levels;

use super::feature::Feature;
use super::key::{Fallback, Key, Takes, all, find, last, parts, sweepable};
use crate::metric::Metric;

/// JSON Schema (draft 2020-12) of an experiment file: types, ranges, defaults and a sentence for
/// every key.
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kiln experiment",
        "description": "One sweep of LSTM forecasters over market bars.",
        "$defs": shared(),
    });
    merge(&mut schema, table(""));
    schema
}

/// The schema of the keys directly under a table.
fn table(path: &str) -> Value {
    let properties: Map<String, Value> =
        parts(path).map(|key| (last(key.path).to_owned(), described(key))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn described(key: &Key) -> Value {
    let mut schema = value(key);
    let rule = match key.default {
        Fallback::Rule(rule) => format!(" Default: {rule}."),
        Fallback::Toml(_) | Fallback::Parts => String::new(),
    };
    merge(&mut schema, json!({ "description": format!("{}{rule}", key.doc) }));
    if let Some(default) = default(key) {
        merge(&mut schema, json!({ "default": default }));
    }
    schema
}

/// The default as a JSON value, where it is one.
fn default(key: &Key) -> Option<Value> {
    let Fallback::Toml(text) = key.default else { return None };
    let parsed: toml::Table = format!("v = {text}").parse().ok()?;
    serde_json::to_value(parsed.get("v")?).ok()
}

/// What a key takes, without its description.
fn value(key: &Key) -> Value {
    match &key.takes {
        Takes::Flag(_) => json!({ "type": "boolean" }),
        Takes::Whole { low, high, .. } => {
            json!({ "type": "integer", "minimum": low, "maximum": high })
        }
        Takes::Number { interval, .. } => number(interval),
        Takes::NumberOrFalse { interval, .. } => {
            json!({ "anyOf": [number(interval), { "const": false }] })
        }
        Takes::OneOf { names, .. } => json!({ "type": "string", "enum": names }),
        Takes::Text { .. } => text(key.path),
        Takes::Features(_) => json!({
            "type": "array", "minItems": 1, "uniqueItems": true,
            "items": { "type": "string", "pattern": feature_pattern() },
        }),
        Takes::Levels(_) => json!({
            "type": "array", "minItems": 1, "maxItems": Levels::MOST, "uniqueItems": true,
            "items": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 },
            "contains": { "const": 0.5 },
        }),
        Takes::Table { .. } => table(key.path),
        Takes::TableOrFalse { .. } => json!({ "anyOf": [table(key.path), { "const": false }] }),
        Takes::Trials { .. } => json!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "array", "minItems": 1, "items": swept(reference) },
        ]}),
        Takes::Space => swept(domain),
    }
}

/// What a text looks like, where that can be said.
fn text(path: &str) -> Value {
    let mut schema = json!({ "type": "string", "minLength": 1 });
    let form = match path {
        "name" => json!({ "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$" }),
        "backend" => json!({ "pattern": "^(auto|ndarray|flex|(cuda|wgpu)(:[0-9]+)?)$" }),
        "backtest.costs.half_spread" | "backtest.costs.slippage" => {
            json!({ "pattern": "^[0-9]*[.]?[0-9]+ *(bps?|ticks?)$" })
        }
        "data.bar" => json!({ "pattern": "^(auto|[0-9]+[smhd])$" }),
        "data.target.column" => json!({ "enum": ["close"] }),
        "sweep.objective.metric" => json!({ "enum": Metric::OBJECTIVES }),
        _ => json!({}),
    };
    merge(&mut schema, form);
    schema
}

/// The schema of a key's value, where it stands in its section.
fn reference(key: &Key) -> Value {
    let mut pointer = "#".to_owned();
    let mut path = String::new();
    for name in key.path.split('.') {
        if find(&path).is_some_and(|table| matches!(table.takes, Takes::TableOrFalse { .. })) {
            pointer.push_str("/anyOf/0");
        }
        pointer.push_str(&format!("/properties/{name}"));
        path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    }
    json!({ "$ref": pointer })
}

fn number(interval: &super::key::Interval) -> Value {
    let mut schema = json!({ "type": "number" });
    match interval.low {
        Bound::Included(low) => merge(&mut schema, json!({ "minimum": low })),
        Bound::Excluded(low) => merge(&mut schema, json!({ "exclusiveMinimum": low })),
        Bound::Unbounded => {}
    }
    match interval.high {
        Bound::Included(high) => merge(&mut schema, json!({ "maximum": high })),
        Bound::Excluded(high) => merge(&mut schema, json!({ "exclusiveMaximum": high })),
        Bound::Unbounded => {}
    }
    schema
}

fn feature_pattern() -> String {
    let names: Vec<String> = Feature::NAMES
        .iter()
        .map(|name| match name.strip_suffix("_N") {
            Some(stem) => format!("{stem}_[0-9]+"),
            None if name.starts_with("macd") => format!("{name}(_[0-9]+_[0-9]+_[0-9]+)?"),
            None => (*name).to_owned(),
        })
        .collect();
    format!("^({})$", names.join("|"))
}

/// A table of the keys that a sweep may vary, each with what `each` makes of it.
fn swept(each: fn(&Key) -> Value) -> Value {
    let keys = all().filter(|key| sweepable(key).is_ok());
    let properties: Map<String, Value> = keys.map(|key| (key.path.to_owned(), each(key))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// A list of values, or a table that says which.
fn domain(key: &Key) -> Value {
    let whole = matches!(key.takes, Takes::Whole { .. });
    let number = matches!(key.takes, Takes::Number { .. } | Takes::NumberOrFalse { .. });
    let part = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let list =
        json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": reference(key) });
    let mut properties = json!({ "choice": list, "zip": part("zip"), "when": part("when") });
    if whole || number {
        let ranges = json!({
            "int": part("int"), "log": part("log"), "step": part("step"), "points": part("points"),
        });
        merge(&mut properties, ranges);
    }
    if number {
        merge(&mut properties, json!({ "float": part("float"), "log": part("log_or_range") }));
    }
    let table =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    json!({ "description": key.doc, "anyOf": [list, table] })
}

/// Parts that the domains share.
fn shared() -> Value {
    let pair = |kind: &str| {
        let items = json!({ "type": kind });
        json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": items })
    };
    let log = "Space the values evenly on a logarithmic scale";
    json!({
        "int": pair("integer"),
        "float": pair("number"),
        "log": { "type": "boolean", "description": format!("{log}.") },
        "log_or_range": {
            "anyOf": [pair("number"), { "type": "boolean" }],
            "description": format!("{log}; or such a range."),
        },
        "step": { "type": "number", "exclusiveMinimum": 0, "description": "Distance between two \
            values." },
        "points": { "type": "integer", "minimum": 2, "description": "How many values, both ends \
            included." },
        "zip": { "type": "string", "minLength": 1, "description": "Keys with the same group move \
            together." },
        "when": {
            "type": "object", "minProperties": 1, "maxProperties": 1,
            "description": "Active only where an earlier key of the space has this value, or one \
                of these.",
        },
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiment.schema.json");

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let text = format!("{:#}\n", schema());
        if std::env::var_os("KILN_UPDATE").is_some() {
            std::fs::write(FILE, &text).unwrap();
        }
        let committed = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(
            committed == text,
            "run the tests with KILN_UPDATE=1 to write experiment.schema.json anew"
        );
    }

    #[test]
    fn references_lead_to_the_keys_they_name() {
        let schema = schema();
        for key in all().filter(|key| sweepable(key).is_ok()) {
            let reference = reference(key);
            let target = schema
                .pointer(reference["$ref"].as_str().unwrap().trim_start_matches('#'))
                .unwrap();
            assert!(target["description"].as_str().unwrap().starts_with(key.doc), "{}", key.path);
        }
    }

    #[test]
    fn every_key_is_in_the_schema_under_its_path() {
        let schema = schema();
        for key in all() {
            let mut level = &schema;
            for name in key.path.split('.') {
                let table =
                    if level.get("properties").is_some() { level } else { &level["anyOf"][0] };
                level = &table["properties"][name];
            }
            assert!(level["description"].is_string(), "{}", key.path);
        }
    }
}
