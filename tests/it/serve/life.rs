//! Starting, stopping and being watched.

use std::time::{Duration, Instant};

use super::client::{Kept, connect, get, predict};
use super::fake::{Fake, LOST, Running, SLOW, WINDOW, config, eventually, window_with};

#[test]
fn what_was_asked_is_answered_before_the_end() {
    let mut running = Running::plain();
    let at = running.at;
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..3).map(|_| scope.spawn(move || predict(at, "m", &window_with(SLOW)))).collect();
        let mut slow = connect(at);
        let half = b"POST /v1/models/m/predict HTTP/1.1\r\nHost: localhost\r\n\
                     Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
        std::io::Write::write_all(&mut slow, half).unwrap();
        let idle = Kept::new(at);
        std::thread::sleep(Duration::from_millis(100));
        let started = Instant::now();
        running.stop();
        let took = started.elapsed();
        assert!(took < Duration::from_millis(3000), "{took:?}");
        for asked in asked {
            assert_eq!(asked.join().unwrap().status, 200);
        }
        drop((slow, idle));
    });
    assert!(std::net::TcpStream::connect(at).is_err());
}

#[test]
fn a_service_whose_device_failed_ends_and_says_why() {
    let server = kiln::serve::start(config(), Fake::one(), "now").unwrap();
    let at = server.address();
    let serving = std::thread::spawn(move || server.serve_until_signal(|_| Ok(())));
    assert_eq!(predict(at, "m", WINDOW).status, 200);
    assert_eq!(predict(at, "m", &window_with(LOST)).code(), "device_failed");
    assert_eq!(serving.join().unwrap().unwrap().as_deref(), Some("it fell off the bus"));
    assert!(std::net::TcpStream::connect(at).is_err());
}

#[test]
fn ready_is_when_models_are_loaded() {
    let catalog = Fake::one();
    *catalog.loading.lock().unwrap() = Duration::from_millis(400);
    let mut config = config();
    // A port that is free now.
    config.listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = config.listen;
    let starting = std::thread::spawn(move || Running::new(config, catalog));
    eventually("it listens", || std::net::TcpStream::connect(at).is_ok());
    let reply = get(at, "/readyz");
    assert_eq!((reply.status, reply.body.as_str()), (503, "loading\n"));
    assert_eq!(get(at, "/healthz").body, "ok\n");
    // What is not there yet is not unknown.
    for reply in [
        predict(at, "m", WINDOW),
        get(at, "/v1/models"),
        get(at, "/v1/models/m"),
        get(at, "/v1/models/m/drift"),
    ] {
        assert_eq!(
            (reply.status, reply.code().as_str(), reply.header("retry-after")),
            (503, "loading", Some("1")),
            "{reply:?}"
        );
    }
    let running = starting.join().unwrap();
    assert_eq!(get(running.at, "/readyz").body, "ready\n");
}

#[test]
fn nothing_to_serve_is_said_at_once() {
    let refused = |catalog: &std::sync::Arc<Fake>, config| {
        kiln::serve::start(config, catalog.clone(), "now").map(drop).unwrap_err().to_string()
    };
    let none = std::sync::Arc::new(Fake::default());
    assert!(refused(&none, config()).contains("no model has a champion"));
    let one = Fake::one();
    one.broken.lock().unwrap().insert(1);
    assert!(refused(&one, config()).contains("m@champion: version 1 is not served: is broken"));
    let running = Running::plain();
    let taken = kiln::serve::Config { listen: running.at, ..config() };
    assert!(refused(&Fake::one(), taken).contains("cannot listen on 127.0.0.1"));
}

#[test]
fn metrics_tell_requests_batches_and_versions() {
    let running = Running::plain();
    for _ in 0..3 {
        assert_eq!(predict(running.at, "m", WINDOW).status, 200);
    }
    predict(running.at, "m", "{}");
    get(running.at, "/nothing/at/all");
    let reply = get(running.at, "/metrics");
    assert_eq!(
        reply.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    for line in [
        r#"kiln_requests_total{route="/v1/models/{name}/predict",status="200"} 3"#,
        r#"kiln_requests_total{route="/v1/models/{name}/predict",status="422"} 1"#,
        r#"kiln_requests_total{route="none",status="404"} 1"#,
        r#"kiln_request_seconds_count{route="/v1/models/{name}/predict"} 4"#,
        "kiln_batch_windows_count 3",
        "kiln_queue_depth 0",
        r#"kiln_model_version{model="m",alias="champion",version="1"} 1"#,
        r#"kiln_reloads_total{result="ok"} 1"#,
        r#"kiln_drift_rows{model="m",version="1"} 3"#,
        r#"kiln_drift_outside_share{model="m",version="1",feature="b"} 0.0"#,
        "# EOF",
    ] {
        assert!(reply.body.lines().any(|found| found == line), "{line}\n{}", reply.body);
    }
}

#[test]
fn the_document_and_its_page_need_no_other_host() {
    let running = Running::plain();
    let document = get(running.at, "/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for path in [
        "/v1/models/{name}/predict",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/models/{name}/drift",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert_eq!(get(running.at, "/docs").header("location"), Some("/docs/"));
    let page = get(running.at, "/docs/");
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert!(!page.body.contains("http://") && !page.body.contains("https://"), "{}", page.body);
    let start = get(running.at, "/docs/swagger-initializer.js");
    assert!(
        start.body.contains("/openapi.json") && start.body.contains(r#""validatorUrl": "none""#),
        "{}",
        start.body
    );
    for file in
        ["swagger-ui-bundle.js", "swagger-ui.css", "index.css", "swagger-ui-standalone-preset.js"]
    {
        assert_eq!(get(running.at, &format!("/docs/{file}")).status, 200, "{file}");
    }
}
