//! New versions under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kiln::serve::Entry;

use super::client::{Kept, get, predict};
use super::fake::{Fake, Running, SLOW, WINDOW, config, eventually, window_with};

fn version(running: &Running) -> u64 {
    predict(running.at, "m", WINDOW).json()["version"].as_u64().unwrap()
}

#[test]
fn a_promotion_is_served_and_requests_in_flight_end_where_they_began() {
    let running = Running::plain();
    let at = running.at;
    std::thread::scope(|scope| {
        let asked = scope.spawn(move || predict(at, "m", &window_with(SLOW)));
        std::thread::sleep(Duration::from_millis(100));
        running.catalog.point("m", "champion", 2);
        let reply = asked.join().unwrap().json();
        assert_eq!(
            (reply["version"].as_u64(), reply["forecasts"][0]["forecast"].as_f64()),
            (Some(1), Some(1315.0))
        );
    });
    eventually("version 2 answers", || version(&running) == 2);
    assert_eq!(predict(at, "m", WINDOW).json()["forecasts"][0]["forecast"], 2021.0);
}

#[test]
fn a_hundred_reloads_under_load_fail_no_request() {
    const RELOADS: u32 = 100;
    let running = Running::plain();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = Kept::new(running.at);
                while !over.load(Ordering::Relaxed) {
                    let reply = kept.predict("m", WINDOW).expect("the connection lives");
                    assert_eq!(reply.status, 200, "{reply:?}");
                    let json = reply.json();
                    let version = json["version"].as_f64().unwrap();
                    assert_eq!(json["forecasts"][0]["forecast"], version * 1000.0 + 21.0);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 2..2 + RELOADS {
            running.catalog.point("m", "champion", number);
            eventually("the new version answers", || version(&running) == u64::from(number));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(answered.load(Ordering::Relaxed) > 100);
    assert!(
        get(running.at, "/metrics")
            .body
            .contains(&format!("kiln_reloads_total{{result=\"ok\"}} {}", RELOADS + 1))
    );
}

#[test]
fn a_version_that_is_broken_leaves_the_old_one_in_its_place() {
    let running = Running::plain();
    running.catalog.broken.lock().unwrap().insert(2);
    running.catalog.point("m", "champion", 2);
    let failed =
        || get(running.at, "/metrics").body.contains(r#"kiln_reloads_total{result="failed"} 1"#);
    eventually("the failure is counted", failed);
    assert_eq!((version(&running), get(running.at, "/readyz").status), (1, 200));
    assert!(
        get(running.at, "/metrics")
            .body
            .contains(r#"kiln_model_version{model="m",alias="champion",version="1"} 1"#)
    );
    // Not again and again: nothing changed since.
    std::thread::sleep(Duration::from_millis(50));
    assert!(failed());
    running.catalog.point("m", "champion", 3);
    eventually("the next one answers", || version(&running) == 3);
}

#[test]
fn a_reread_that_fails_keeps_what_was_loaded() {
    let running = Running::plain();
    running.catalog.broken.lock().unwrap().insert(1);
    running.server().reload();
    eventually("the failure is counted", || {
        get(running.at, "/metrics").body.contains(r#"result="failed"} 1"#)
    });
    assert_eq!(version(&running), 1);
}

#[test]
fn aliases_and_versions_are_asked_by_name() {
    let catalog = Fake::one();
    catalog.point("m", "candidate", 7);
    catalog.point("other", "candidate", 1);
    let running = Running::new(config(), catalog);
    let version = |name: &str| predict(running.at, name, WINDOW).json()["version"].as_u64();
    assert_eq!(
        (version("m"), version("m@candidate"), version("m@7"), version("m@champion")),
        (Some(1), Some(7), Some(7), Some(1))
    );
    // No champion: not served. A champion later: served.
    assert_eq!(predict(running.at, "other", WINDOW).status, 404);
    running.catalog.point("other", "champion", 2);
    eventually("it is served", || predict(running.at, "other", WINDOW).status == 200);
    let list = get(running.at, "/v1/models").json();
    assert_eq!(list["models"][0]["aliases"], serde_json::json!({"candidate": 7, "champion": 1}));
    assert_eq!(list["models"][0]["loaded"], serde_json::json!([1, 7]));
    assert_eq!(get(running.at, "/v1/models/m@candidate").json()["version"], 7);
}

#[test]
fn a_shadow_answers_beside_and_never_instead() {
    let catalog = Fake::one();
    catalog.point("m", "shadow", 2);
    let running = Running::new(config(), catalog);
    for _ in 0..5 {
        let reply = predict(running.at, "m", WINDOW).json();
        assert_eq!(
            (reply["version"].as_u64(), reply["forecasts"][0]["forecast"].as_f64()),
            (Some(1), Some(1021.0))
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    eventually("it was compared", || {
        let text = get(running.at, "/metrics").body;
        text.contains("kiln_shadow_compared_total{model=\"m\"} 5")
            && text.contains("kiln_shadow_absolute_difference_total{model=\"m\"} 5000.0")
    });
    // A shadow that fails, or finds no place, costs nobody an answer.
    let at = running.at;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                (0..50).for_each(|_| assert_eq!(predict(at, "m", WINDOW).status, 200))
            });
        }
    });
    assert_eq!(predict(at, "m@shadow", WINDOW).json()["version"], 2);
}

#[test]
fn drift_is_told_by_feature() {
    let running = Running::plain();
    let instances = |value: f64, count: usize| {
        let one =
            format!(r#"{{"features": [[1, 2], [3, 4], [{value}, {}]]}}"#, (value * 2.0) % 10.0);
        format!(r#"{{"instances": [{}]}}"#, vec![one; count].join(","))
    };
    for value in [1.0, 6.0] {
        assert_eq!(predict(running.at, "m", &instances(value, 300)).status, 200);
    }
    let drift = get(running.at, "/v1/models/m/drift").json();
    assert_eq!(
        (drift["rows"].as_u64(), drift["features"][0]["outside"].as_f64()),
        (Some(600), Some(0.0))
    );
    assert!(drift["features"][0]["psi"].as_f64().unwrap() < 1e-9, "{drift}");
    assert_eq!(predict(running.at, "m", &instances(60.0, 600)).status, 200);
    let drift = get(running.at, "/v1/models/m/drift").json();
    assert_eq!(drift["features"][0]["outside"], 0.5);
    assert!(drift["features"][0]["psi"].as_f64().unwrap() > 0.25, "{drift}");
}

#[test]
fn a_registry_that_is_gone_ends_nothing_and_is_told_of() {
    let running = Running::plain();
    let (ready, looks) =
        (|| get(running.at, "/readyz"), || running.catalog.looks.load(Ordering::Relaxed));
    assert_eq!(ready().body, "ready\n");
    running.catalog.unreachable.store(true, Ordering::SeqCst);
    eventually("it is told", || ready().body.contains("stale: the registry cannot be read"));
    assert_eq!((ready().status, version(&running)), (200, 1));
    assert!(
        !ready().body.contains("/srv"),
        "who looks at the health knows no paths: {:?}",
        ready()
    );
    let metrics = || get(running.at, "/metrics").body;
    assert!(metrics().contains("kiln_registry_problems 1"), "{}", metrics());
    std::thread::sleep(Duration::from_millis(100));
    assert!(
        metrics().contains(r#"kiln_reloads_total{result="failed"} 1"#),
        "it is counted once: {}",
        metrics()
    );
    let before = looks();
    running.catalog.unreachable.store(false, Ordering::SeqCst);
    eventually("it is over", || ready().body == "ready\n");
    assert!(
        metrics().contains("kiln_registry_problems 0") && looks() == before,
        "nothing changed meanwhile"
    );
}

#[test]
fn a_model_whose_files_are_missing_stays_and_one_that_lost_its_champion_goes() {
    let catalog = Fake::one();
    catalog.point("other", "champion", 3);
    let running = Running::new(config(), catalog);
    let status = |name: &str| predict(running.at, name, WINDOW).status;
    let ready = || get(running.at, "/readyz").body;
    running.catalog.say("m", None);
    eventually("it is told", || ready().contains("stale: 1 problem in the registry"));
    assert_eq!((status("m"), status("other"), version(&running)), (200, 200, 1));
    let damaged = Entry {
        name: "other".into(),
        problem: Some("its history is missing".into()),
        ..Entry::default()
    };
    running.catalog.say("other", Some(damaged));
    eventually("both are told", || ready().contains("stale: 2 problems in the registry"));
    assert_eq!((status("m"), status("other")), (200, 200));
    // What the history says counts: no champion, no service.
    running
        .catalog
        .say("other", Some(Entry { name: "other".into(), versions: vec![3], ..Entry::default() }));
    eventually("it is not served any more", || status("other") == 404);
    running.catalog.point("m", "champion", 2);
    eventually("the next version answers", || version(&running) == 2);
    assert_eq!(ready(), "ready\n");
}

#[test]
fn inputs_that_training_never_saw_are_answered_with_a_warning_and_counted() {
    let running = Running::plain();
    let instances = r#"{"instances": [
        {"features": [[1, 2], [3, 4], [5, 6]]}, {"features": [[1, 2], [3, 4], [5, 3e8]]}
    ]}"#;
    let reply = predict(running.at, "m", instances).json();
    let warnings = reply["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{reply}");
    let parts = |name: &str| warnings[0][name].clone();
    assert_eq!(
        (parts("code"), parts("feature"), parts("forecast")),
        ("outside_training".into(), "b".into(), 1.into()),
        "{reply}"
    );
    assert!(parts("message").as_str().unwrap().contains("training saw 0 to 10"), "{reply}");
    assert_eq!(predict(running.at, "m", WINDOW).json()["warnings"], serde_json::json!([]));
    let metrics = get(running.at, "/metrics").body;
    assert!(
        metrics.contains(r#"kiln_outside_training_total{model="m",version="1",feature="b"} 1"#),
        "{metrics}"
    );
}
