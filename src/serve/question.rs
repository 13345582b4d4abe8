//! The body of a request: what is asked.

use std::fmt;

use axum::http::StatusCode;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use utoipa::ToSchema;

use super::bars::{BarsSeed, SentBars};
use super::number::{Item, Number, Rows, placed};
use super::refusal::Refusal;

/// Windows in one request.
pub(super) const MAX_INSTANCES: usize = 1024;

/// What is asked.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Question {
    pub instances: Vec<Instance>,
    /// Of the interval around each forecast.
    pub coverage: Option<f64>,
}

/// One window.
#[derive(Debug, PartialEq)]
pub(super) enum Instance {
    /// The last window of these bars.
    Bars(SentBars),
    /// The last window of the bars of this CSV text.
    Csv(Vec<u8>),
    /// The rows of a window, unscaled.
    Features(Vec<Vec<f64>>),
}

impl Question {
    /// Asks for the last window of a CSV text, and nothing else.
    pub(super) fn of_csv(text: Vec<u8>) -> Self {
        Self { instances: vec![Instance::Csv(text)], coverage: None }
    }

    /// Reads a JSON body.
    ///
    /// # Errors
    /// 400 for what is no JSON, 422 for what is none of ours, with the place of the value.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let question = Self::seeded(&mut deserializer)
            .and_then(|question| deserializer.end().map(|()| question));
        question.map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Refusal::invalid(error.to_string()),
            _ => Refusal::new(
                StatusCode::BAD_REQUEST,
                "bad_json",
                format!("the body is no JSON: {error}"),
            ),
        })
    }

    fn seeded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(QuestionVisitor)
    }
}

struct QuestionVisitor;

impl<'de> Visitor<'de> for QuestionVisitor {
    type Value = Question;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with 'bars', 'features' or 'instances', and 'coverage' if wanted")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Question, A::Error> {
        let mut question = Question::default();
        let mut asked = None;
        while let Some(key) = map.next_key::<String>()? {
            match &key[..] {
                "coverage" if question.coverage.is_none() => {
                    question.coverage = Some(map.next_value_seed(Number("coverage"))?)
                }
                "bars" | "features" | "instances" => {
                    if let Some(asked) = asked.replace(key.clone()) {
                        return Err(A::Error::custom(format_args!(
                            "'{key}' after '{asked}': a request asks once"
                        )));
                    }
                    question.instances = match &key[..] {
                        "bars" => vec![Instance::Bars(map.next_value_seed(BarsSeed)?)],
                        "features" => {
                            vec![Instance::Features(map.next_value_seed(Rows("features"))?)]
                        }
                        _ => map.next_value_seed(InstancesSeed)?,
                    };
                }
                "coverage" => return Err(A::Error::custom("'coverage' is there twice")),
                other => {
                    return Err(A::Error::custom(unknown(
                        other,
                        "bars, features, instances, coverage",
                    )));
                }
            }
        }
        if asked.is_none() {
            return Err(A::Error::custom("'bars', 'features' or 'instances' is missing"));
        }
        if question.instances.is_empty() {
            return Err(A::Error::custom("instances: there is none"));
        }
        Ok(question)
    }
}

fn unknown(key: &str, known: &str) -> String {
    let key: String = key.chars().take(40).collect();
    format!("'{key}' is not a key of a request; these are: {known}")
}

struct InstancesSeed;

impl<'de> DeserializeSeed<'de> for InstancesSeed {
    type Value = Vec<Instance>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(InstancesVisitor).map_err(|error| placed("instances", error))
    }
}

struct InstancesVisitor;

impl<'de> Visitor<'de> for InstancesVisitor {
    type Value = Vec<Instance>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects, each with 'bars' or 'features'")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut instances = Vec::new();
        while let Some(instance) = list.next_element_seed(InstanceSeed(instances.len()))? {
            if instances.len() == MAX_INSTANCES {
                return Err(A::Error::custom(format_args!(
                    "instances: more than {MAX_INSTANCES} in one request"
                )));
            }
            instances.push(instance);
        }
        Ok(instances)
    }
}

struct InstanceSeed(usize);

impl<'de> DeserializeSeed<'de> for InstanceSeed {
    type Value = Instance;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Instance, D::Error> {
        deserializer
            .deserialize_map(InstanceVisitor)
            .map_err(|error| placed(Item("instances", self.0), error))
    }
}

struct InstanceVisitor;

impl<'de> Visitor<'de> for InstanceVisitor {
    type Value = Instance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with 'bars' or 'features'")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Instance, A::Error> {
        let instance = match map.next_key::<String>()?.as_deref() {
            Some("bars") => Instance::Bars(map.next_value_seed(BarsSeed)?),
            Some("features") => Instance::Features(map.next_value_seed(Rows("features"))?),
            Some(other) => return Err(A::Error::custom(unknown(other, "bars, features"))),
            None => return Err(A::Error::custom("'bars' or 'features' is missing")),
        };
        match map.next_key::<String>()? {
            None => Ok(instance),
            Some(key) => Err(A::Error::custom(format_args!(
                "'{}' after the one that was asked",
                key.chars().take(40).collect::<String>()
            ))),
        }
    }
}

/// A request: one window (`bars` or `features`), or several (`instances`).
#[derive(ToSchema)]
#[schema(example = json!({
    "bars": [{
        "ts": "2024-05-08T01:31:00Z", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0,
        "volume": 1.0,
    }],
    "coverage": 0.8,
}))]
#[expect(dead_code, reason = "describes what Question reads")]
pub(super) struct PredictRequest {
    /// At least as many bars as the model needs, one after the other; the last window of them is
    /// forecast. A list of bars, or an object with a list for each column.
    bars: Option<Vec<BarSchema>>,
    /// The rows of one window, oldest first, unscaled, each with the model's features in their
    /// order.
    features: Option<Vec<Vec<f64>>>,
    /// Several windows, each `{"bars": …}` or `{"features": …}`; at most 1,024.
    instances: Option<Vec<InstanceSchema>>,
    /// Coverage of the interval around each forecast: one of the model's; 0.8 unless given, where
    /// it has that.
    coverage: Option<f64>,
}

/// One window.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Instance reads")]
pub(super) struct InstanceSchema {
    bars: Option<Vec<BarSchema>>,
    features: Option<Vec<Vec<f64>>>,
}

/// A bar.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Instance reads")]
pub(super) struct BarSchema {
    /// RFC 3339, or a number since 1970 UTC in s, ms, us or ns. Without offset: in the zone of the
    /// data that the model was trained on.
    ts: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    /// May be left out where no feature is made of it.
    volume: Option<f64>,
}

#[cfg(test)]
mod tests;
