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
        (r#"{"bars": [], "features": []}"#, 422, "'features' after 'bars': a request asks once"),
        (r#"{"bars": [], "bars": []}"#, 422, "'bars' after 'bars': a request asks once"),
        (r#"{"bars": [], "model": 1}"#, 422, "'model' is not a key of a request"),
        (r#"{"features": [[1, 2], [1, NaN]]}"#, 422, "features[1][1]: expected value at line 1"),
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
