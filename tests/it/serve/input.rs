//! Numbers that are none, windows that are none, models that fail: S20 to S24.

use std::time::{Duration, Instant};

use super::client::{get, predict};
use super::fake::{
    LOST, NAN, PANIC, Running, SLOW, STUCK, WINDOW, config, eventually, window_with,
};

#[test]
fn what_is_no_number_is_refused_with_its_place() {
    let running = Running::plain();
    let with = |cell: &str| {
        predict(running.at, "m", &format!(r#"{{"features": [[1, 2], [3, {cell}], [5, 6]]}}"#))
    };
    for cell in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "\"4\"",
        "null",
        "true",
        "[4]",
        "{}",
        "4 5",
        "",
    ] {
        let reply = with(cell);
        assert!(reply.status == 422 || (cell == "4 5" && reply.status == 400), "{cell}: {reply:?}");
        assert!(cell == "4 5" || reply.message().starts_with("features[1]"), "{cell}: {reply:?}");
    }
    // An f64, and no f32: the model's own numbers are checked too.
    for cell in ["1e39", "-1e39", "1e300"] {
        let reply = with(cell);
        assert_eq!(
            (reply.status, reply.message().as_str()),
            (422, "row 1 of the window: b is not finite"),
            "{cell}"
        );
    }
    // As they are written: too small for an f64 is 0, and so is minus zero.
    for (cell, sum) in
        [("1e-400", 1017.0), ("-0.0", 1017.0), ("4", 1021.0), ("4.0", 1021.0), ("0.4e1", 1021.0)]
    {
        let reply = with(cell);
        assert_eq!(
            (reply.status, reply.json()["forecasts"][0]["forecast"].as_f64()),
            (200, Some(sum)),
            "{cell}"
        );
    }
    for (body, said) in [
        (
            r#"{"features": [[1, 2], [3, 4], [5, 6]], "extra": 1}"#,
            "'extra' is not a key of a request",
        ),
        (
            r#"{"features": [[1, 2], [3, 4], [5, 6]], "features": []}"#,
            "'features' after 'features'",
        ),
        (
            r#"{"coverage": 0.5, "features": [[1, 2], [3, 4], [5, 6]]}"#,
            "coverage: the model has no interval of 0.5; it has [0.8, 0.9]",
        ),
        (r#"{"coverage": "0.8", "features": [[1, 2], [3, 4], [5, 6]]}"#, "coverage: invalid type"),
        (r"{}", "'bars', 'features' or 'instances' is missing"),
    ] {
        let reply = predict(running.at, "m", body);
        assert!(reply.status == 422 && reply.message().starts_with(said), "{body}: {reply:?}");
    }
    for body in ["", "{", "nonsense", "{\"features\": [[1, 2]]", "\u{feff}{}", "{}{}"] {
        let reply = predict(running.at, "m", body);
        assert!(matches!(reply.status, 400 | 415 | 422), "{body}: {reply:?}");
    }
    let deep = predict(running.at, "m", &format!("{{\"features\": {}", "[".repeat(500_000)));
    assert_eq!(deep.status, 422, "{deep:?}");
    let utf8 = super::client::raw(
        running.at,
        b"POST /v1/models/m/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
          Content-Type: application/json\r\nContent-Length: 6\r\n\r\n{\"\xff\xfe\"}",
    );
    assert!(utf8.starts_with("HTTP/1.1 4"), "{utf8}");
}

#[test]
fn windows_have_the_models_shape() {
    let running = Running::plain();
    let rows =
        |count: usize, row: &str| format!(r#"{{"features": [{}]}}"#, vec![row; count].join(","));
    for body in [
        rows(0, ""),
        rows(2, "[1,2]"),
        rows(4, "[1,2]"),
        rows(3, "[1]"),
        rows(3, "[1,2,3]"),
        rows(3, "[]"),
        rows(300_000, "[1,2]"),
        r#"{"features": [[1,2],[3],[5,6]]}"#.to_owned(),
        r#"{"features": [1,2,3]}"#.to_owned(),
        r#"{"bars": []}"#.to_owned(),
        r#"{"instances": []}"#.to_owned(),
        r#"{"instances": [{}]}"#.to_owned(),
    ] {
        let reply = predict(running.at, "m", &body);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid_input"),
            "{}: {reply:?}",
            &body[..body.len().min(60)]
        );
    }
    // A million rows are more than 2 MiB.
    assert_eq!(predict(running.at, "m", &rows(1_000_000, "[1,2]")).status, 413);
    let one = r#"{"features": [[1,2],[3,4],[5,6]]}"#;
    let instances = |count: usize| format!(r#"{{"instances": [{}]}}"#, vec![one; count].join(","));
    assert_eq!(
        predict(running.at, "m", &instances(1024)).json()["forecasts"].as_array().unwrap().len(),
        1024
    );
    assert_eq!(predict(running.at, "m", &instances(1025)).status, 422);
    let second =
        predict(running.at, "m", &format!(r#"{{"instances": [{one}, {{"features": [[1, 2]]}}]}}"#));
    assert!(second.message().starts_with("instances[1]: features"), "{second:?}");
}

#[test]
fn a_forecast_that_is_no_number_is_an_error() {
    let running = Running::plain();
    let reply = predict(running.at, "m", &window_with(NAN));
    assert_eq!((reply.status, reply.code().as_str()), (500, "not_finite"));
    assert!(!reply.body.contains("null"), "{reply:?}");
}

#[test]
fn a_panic_is_an_error_of_its_own_request_alone() {
    let mut waiting = config();
    waiting.limits.batch_wait = Duration::from_millis(200);
    let running = Running::new(waiting, super::fake::Fake::one());
    let at = running.at;
    let bodies: Vec<String> = (0..12)
        .map(|number| if number % 4 == 0 { window_with(PANIC) } else { WINDOW.to_owned() })
        .collect();
    let replies: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            bodies.iter().map(|body| scope.spawn(move || predict(at, "m", body))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    for (number, reply) in replies.iter().enumerate() {
        if number % 4 == 0 {
            assert_eq!((reply.status, reply.code().as_str()), (500, "inference_failed"));
            assert!(!reply.body.contains("secret"), "{reply:?}");
        } else {
            assert_eq!(
                (reply.status, reply.json()["forecasts"][0]["forecast"].as_f64()),
                (200, Some(1021.0)),
                "{number}"
            );
        }
    }
    assert_eq!(get(at, "/readyz").status, 200);
}

#[test]
fn a_device_that_failed_answers_nothing_more_and_the_service_is_not_ready() {
    let running = Running::new(config(), super::fake::Fake::one());
    let at = running.at;
    assert_eq!(predict(at, "m", WINDOW).status, 200);
    for asked in [&window_with(LOST), WINDOW] {
        let reply = predict(at, "m", asked);
        assert_eq!((reply.status, reply.code().as_str()), (503, "device_failed"), "{reply:?}");
        assert!(!reply.body.contains("bus"), "{reply:?}");
    }
    let ready = get(at, "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "device failed\n"));
    assert_eq!(get(at, "/healthz").status, 200);
}

#[test]
fn a_slow_inference_is_not_waited_for_and_its_thread_comes_back() {
    let mut hasty = config();
    hasty.timeouts.request = Duration::from_millis(500);
    let running = Running::new(hasty, super::fake::Fake::one());
    let at = running.at;
    std::thread::scope(|scope| {
        let stuck = scope.spawn(move || {
            let started = Instant::now();
            let reply = predict(at, "m", &window_with(STUCK));
            (reply, started.elapsed())
        });
        eventually("it is seen to be stuck", || get(at, "/readyz").body == "stuck\n");
        assert_eq!(get(at, "/healthz").status, 200);
        let (reply, took) = stuck.join().unwrap();
        assert_eq!(
            (reply.status, reply.code().as_str(), reply.header("retry-after")),
            (503, "too_slow", Some("1"))
        );
        assert!(took < Duration::from_millis(1200), "{took:?}");
    });
    // What nobody waits for any more is not done: else these would take 0.3 s each.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(move || drop(predict(at, "m", &window_with(SLOW))));
        }
    });
    eventually("the thread is back", || predict(at, "m", WINDOW).status == 200);
    assert_eq!(get(at, "/readyz").status, 200);
}
