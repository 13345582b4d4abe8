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
mod tests {
    use super::*;
    use crate::serve::bars::Moment;

    fn refused(body: &str) -> (u16, String) {
        let refusal = Question::read(body.as_bytes()).unwrap_err();
        (refusal.status.as_u16(), refusal.message)
    }

    #[test]
    fn bars_come_as_rows_and_as_columns() {
        let rows = r#"{"bars": [
            {"ts": 1, "open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": 3},
            {"close": 2.5, "ts": "2024-05-08T01:31:00Z", "open": 1, "high": 2, "low": 0.5,
             "volume": 0}
        ], "coverage": 0.9}"#;
        let columns = r#"{"coverage": 0.9, "bars": {
            "ts": [1, "2024-05-08T01:31:00Z"], "open": [1, 1], "high": [2, 2], "low": [0.5, 0.5],
            "close": [1.5, 2.5], "volume": [3, 0]
        }}"#;
        let question = Question::read(rows.as_bytes()).unwrap();
        assert_eq!(question, Question::read(columns.as_bytes()).unwrap());
        let [Instance::Bars(bars)] = &question.instances[..] else { panic!("{question:?}") };
        assert_eq!((&bars.ts[0], &bars.close[..]), (&Moment::Integer(1), &[1.5, 2.5][..]));
    }

    #[test]
    fn several_windows_are_instances() {
        let question =
            Question::read(br#"{"instances": [{"features": [[1, 2], [3, -0.0]]}, {"bars": []}]}"#)
                .unwrap();
        assert_eq!(
            question.instances,
            [
                Instance::Features(vec![vec![1.0, 2.0], vec![3.0, -0.0]]),
                Instance::Bars(SentBars::default())
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        for (body, status, said) in [
            ("", 400, "the body is no JSON: EOF"),
            ("{", 400, "the body is no JSON"),
            ("[]", 422, "invalid type: sequence, expected an object with 'bars'"),
            ("{}", 422, "'bars', 'features' or 'instances' is missing"),
            (r#"{"instances": []}"#, 422, "instances: there is none"),
            (
                r#"{"bars": [], "features": []}"#,
                422,
                "'features' after 'bars': a request asks once",
            ),
            (r#"{"bars": [], "bars": []}"#, 422, "'bars' after 'bars': a request asks once"),
            (r#"{"bars": [], "model": 1}"#, 422, "'model' is not a key of a request"),
            (
                r#"{"features": [[1, 2], [1, NaN]]}"#,
                422,
                "features[1][1]: expected value at line 1",
            ),
            (r#"{"features": [[1, 1e400]]}"#, 422, "features[0][1]: number out of range"),
            (
                r#"{"features": [[1, null]]}"#,
                422,
                "features[0][1]: invalid type: null, expected a number",
            ),
            (
                r#"{"features": [[1, "2"]]}"#,
                422,
                "features[0][1]: invalid type: string \"2\", expected a number",
            ),
            (
                r#"{"features": [1, 2]}"#,
                422,
                "features[0]: invalid type: integer `1`, expected a list of numbers",
            ),
            (r#"{"features": {}}"#, 422, "features: invalid type: map"),
            (
                r#"{"instances": [{"features": []}, {"features": [[true]]}]}"#,
                422,
                "instances[1]: features[0][0]: invalid type: boolean",
            ),
            (r#"{"instances": [{}]}"#, 422, "instances[0]: 'bars' or 'features' is missing"),
            (
                r#"{"bars": [{"ts": 1, "open": 1, "high": 1, "low": 1}]}"#,
                422,
                "bars[0]: 'close' is missing",
            ),
            (r#"{"bars": [{"ts": 1, "ts": 2}]}"#, 422, "bars[0]: 'ts' is there twice"),
            (r#"{"bars": [{"ts": 1, "open": "1"}]}"#, 422, "bars[0].open: invalid type: string"),
            (
                r#"{"bars": [{"time": 1}]}"#,
                422,
                "bars[0]: 'time' is not a key of a bar; these are: ts, open, high, low, close, \
                    volume",
            ),
            (
                r#"{"bars": [{"ts": 1.5}]}"#,
                422,
                "bars[0].ts: invalid type: floating point `1.5`, expected a timestamp",
            ),
            (
                r#"{"bars": {"ts": [1], "open": [1, {}]}}"#,
                422,
                "bars.open[1]: invalid type: map, expected a number",
            ),
            (r#"{"bars": {"ts": [1]}}"#, 422, "bars: 'open' is missing"),
            (r#"{"bars": 3}"#, 422, "bars: invalid type: integer `3`, expected a list of bars"),
        ] {
            let (found, message) = refused(body);
            assert!(found == status && message.starts_with(said), "{body}\n{found} {message}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = format!(r#"{{"features": {}"#, "[".repeat(100_000));
        let (status, message) = refused(&deep);
        assert_eq!(status, 422, "{message}");
        assert_eq!(refused(&"[".repeat(100_000)).0, 422);
    }
}
