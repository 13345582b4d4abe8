//! What is served is what the library forecasts, bit for bit; real models from a real registry.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kiln::serve::{Registered, Server, start};

use super::client::{Kept, get, predict, send};
use super::fake::{config, eventually};
use super::folder::{NAME, Registry, bars, device, forecaster, model_by_the_clock, part, request};

fn serve(registry: &Registry) -> Server {
    start(config(), Arc::new(Registered::new(registry.root(), device())), "now").unwrap()
}

#[test]
fn answers_have_the_bits_of_the_library_alone_and_in_a_crowd() {
    let registry = Registry::new(1);
    let server = serve(&registry);
    let at = server.address();
    let (forecaster, bars) = (forecaster(1), bars());
    let needs = forecaster.needs();
    let ends: Vec<usize> = (0..40).map(|number| needs + 7 * number).collect();
    std::thread::scope(|scope| {
        for ends in ends.chunks(5) {
            let (forecaster, bars) = (&forecaster, &bars);
            scope.spawn(move || {
                let mut kept = Kept::new(at);
                for &end in ends {
                    let window = forecaster.window_of_bars(part(bars, end, needs)).unwrap();
                    let own = forecaster.forecast(std::slice::from_ref(&window)).unwrap().remove(0);
                    let reply = kept.predict(NAME, &request(bars, end, needs)).unwrap();
                    assert_eq!(reply.status, 200, "{reply:?}");
                    let json = reply.json();
                    let forecast = &json["forecasts"][0];
                    let bits = |value: &serde_json::Value| value.as_f64().unwrap().to_bits();
                    assert_eq!(bits(&forecast["forecast"]), own.forecast.to_bits());
                    assert_eq!(bits(&forecast["persistence"]), own.persistence.unwrap().to_bits());
                    let [lower, upper] = forecaster.interval(0.9, &own).unwrap();
                    assert_eq!(
                        (bits(&forecast["lower"]), bits(&forecast["upper"])),
                        (lower.to_bits(), upper.to_bits())
                    );
                    let start: jiff::Timestamp =
                        forecast["bar_start"].as_str().unwrap().parse().unwrap();
                    assert_eq!(start.as_nanosecond(), i128::from(own.bar_start.unwrap()));
                    assert_eq!(
                        (json["coverage"].as_f64(), json["target"]["unit"].as_str()),
                        (Some(0.9), Some("price"))
                    );
                }
            });
        }
    });
    server.stop();
}

#[test]
fn bars_that_cannot_be_a_window_are_refused_with_the_place() {
    let registry = Registry::new(1);
    let server = serve(&registry);
    let at = server.address();
    let bars = bars();
    let needs = forecaster(1).needs();
    let good = request(&bars, 300, needs);
    let close = format!("{:?}", bars.bar(299).close);
    let ts = bars.bar(298).ts;
    for (body, said) in [
        (
            request(&bars, 300, needs - 1),
            format!("bars: {} are too few, the model needs {needs}", needs - 1),
        ),
        (
            good.replace(&format!(r#""close": {close}"#), r#""close": 0"#),
            format!("bars[{}].close is 0", needs - 1),
        ),
        (good.replace(&ts.to_string(), &(ts + 5_000_000_000).to_string()), "bars: ".to_owned()),
        (
            good.replace(&ts.to_string(), "\"yesterday\""),
            format!("bars[{}].ts 'yesterday' is not a timestamp", needs - 2),
        ),
        (
            good.replace("\"volume\"", "\"volumen\""),
            "bars[0]: 'volumen' is not a key of a bar".to_owned(),
        ),
        (
            r#"{"features": [[1, 2, 3, 4, 5]]}"#.to_owned(),
            "features: 1 rows of features, the model takes 60".to_owned(),
        ),
        (
            format!(r#"{{"features": [{}[1, 2, 3, 4, 1e41]]}}"#, "[1,2,3,4,5],".repeat(59)),
            "features: row 59: macd is".to_owned(),
        ),
    ] {
        let reply = predict(at, NAME, &body);
        assert!(reply.status == 422 && reply.message().starts_with(&said), "{said}\n{reply:?}");
    }
    server.stop();
}

/// A folder or file, elsewhere.
fn moved(from: &Path, to: &Path) {
    let done = std::process::Command::new("mv").args([from, to]).status().unwrap();
    assert!(done.success());
}

#[test]
fn links_out_of_the_folder_are_refused() {
    let registry = Registry::new(3);
    let outside = tempfile::tempdir().unwrap();
    // Version 2 is a link to a model elsewhere; version 3 has a link for its weights.
    moved(&registry.version(2), &outside.path().join("model"));
    std::os::unix::fs::symlink(outside.path().join("model"), registry.version(2)).unwrap();
    let weights = registry.version(3).join("weights.safetensors");
    moved(&weights, &outside.path().join("weights"));
    std::os::unix::fs::symlink(outside.path().join("weights"), &weights).unwrap();
    let server = serve(&registry);
    let at = server.address();
    for version in [2, 3] {
        registry.promote("champion", version);
        eventually("the failure is counted", || {
            get(at, "/metrics").body.contains(&format!("result=\"failed\"}} {}", version - 1))
        });
        let models = get(at, "/v1/models").json();
        assert_eq!(models["models"][0]["version"], 1, "{models}");
    }
    server.stop();
}

#[test]
fn files_replaced_while_serving_change_nothing() {
    let registry = Registry::new(2);
    let server = serve(&registry);
    let at = server.address();
    let body = request(&bars(), 300, forecaster(1).needs());
    let before = predict(at, NAME, &body).body;
    // Another model's weights in the folder of the version that is served.
    let weights = fs::read(registry.version(2).join("weights.safetensors")).unwrap();
    fs::write(registry.version(1).join("weights.safetensors"), &weights).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(predict(at, NAME, &body).body, before);
    server.reload();
    eventually("the failure is counted", || {
        get(at, "/metrics").body.contains("result=\"failed\"} 1")
    });
    assert_eq!(predict(at, NAME, &body).body, before);
    // And what is whole is served.
    registry.promote("champion", 2);
    eventually("version 2 answers", || predict(at, NAME, &body).json()["version"] == 2);
    assert_ne!(
        predict(at, NAME, &body).json()["forecasts"],
        serde_json::from_str::<serde_json::Value>(&before).unwrap()["forecasts"]
    );
    server.stop();
}

#[test]
fn bars_as_csv_are_the_same_bars() {
    let registry = Registry::new(1);
    let server = serve(&registry);
    let at = server.address();
    let (bars, needs) = (bars(), forecaster(1).needs());
    let csv = |rows: std::ops::Range<usize>| {
        let row = |row: usize| {
            let bar = bars.bar(row);
            format!(
                "{},{:?},{:?},{:?},{:?},{:?}\n",
                bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume
            )
        };
        format!("ts,open,high,low,close,volume\n{}", rows.map(row).collect::<String>())
    };
    let path = format!("/v1/models/{NAME}/predict");
    let as_csv = |text: &str| send(at, "POST", &path, "Content-Type: text/csv\r\n", text);
    let json =
        predict(at, NAME, &request(&bars, 300, needs).replace(r#", "coverage": 0.9"#, "")).json();
    assert_eq!(as_csv(&csv(300 - needs..300)).json(), json);
    let good = csv(300 - needs..300);
    let close = format!("{:?}", bars.bar(299).close);
    for text in [
        String::new(),
        "ts,open\n".to_owned(),
        csv(300 - needs + 1..300),
        good.replace(&close, "NaN"),
        good.replace(&close, "1e400"),
        good.replace(&close, "=1+1"),
        format!("{good}\"unclosed"),
        good.replace('\n', "\r\r"),
    ] {
        let reply = as_csv(&text);
        assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_input"), "{reply:?}");
        assert!(!reply.body.contains('/'), "a path: {reply:?}");
    }
    server.stop();
}

#[test]
fn the_same_instants_are_answered_with_the_same_bits_however_they_are_written() {
    let registry = Registry::new(1);
    registry.register(&model_by_the_clock());
    registry.promote("champion", 2);
    let server = serve(&registry);
    let at = server.address();
    let card = get(at, &format!("/v1/models/{NAME}")).json()["card"].clone();
    assert_eq!(
        (&card["zone"], &card["bar_label"]),
        (&"Asia/Shanghai".into(), &"end".into()),
        "{card}"
    );
    let start: jiff::Timestamp = "2024-05-08T01:31:00Z".parse().unwrap();
    let ends: Vec<jiff::Timestamp> =
        (0..5).map(|minute| start + jiff::SignedDuration::from_mins(minute)).collect();
    let clock =
        |ts: &jiff::Timestamp| ts.to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
    type Stamp<'a> = &'a dyn Fn(&jiff::Timestamp) -> String;
    let ways: [Stamp<'_>; 5] = [
        &|ts| format!("{:?}", clock(ts).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
        &|ts| format!("{:?}", ts.to_string()),
        &|ts| ts.as_second().to_string(),
        &|ts| ts.as_millisecond().to_string(),
        // Without an offset in the zone that the model's own data has.
        &|ts| format!("{:?}", clock(ts).strftime("%Y-%m-%d %H:%M").to_string()),
    ];
    let price = |bar: usize| 3000.0 + bar as f64;
    let mut expected = None;
    for way in ways {
        let bar = |(bar, ts): (usize, &jiff::Timestamp)| {
            format!(
                r#"{{"ts": {}, "open": {1}, "high": {1}, "low": {1}, "close": {1}}}"#,
                way(ts),
                price(bar)
            )
        };
        let json: Vec<String> = ends.iter().enumerate().map(bar).collect();
        let of_json = predict(at, NAME, &format!(r#"{{"bars": [{}]}}"#, json.join(",")));
        assert_eq!(of_json.status, 200, "{of_json:?}");
        let forecasts = of_json.json()["forecasts"].clone();
        assert_eq!(forecasts[0]["bar_start"], "2024-05-08T01:34:00Z");
        assert_eq!(
            *expected.get_or_insert_with(|| forecasts.clone()),
            forecasts,
            "{}",
            way(&start)
        );
        let row = |(bar, ts): (usize, &jiff::Timestamp)| {
            format!("{},{1},{1},{1},{1}\n", way(ts), price(bar))
        };
        let csv = format!(
            "ts,open,high,low,close\n{}",
            ends.iter().enumerate().map(row).collect::<String>()
        );
        let of_csv = send(
            at,
            "POST",
            &format!("/v1/models/{NAME}/predict"),
            "Content-Type: text/csv\r\n",
            &csv,
        );
        assert_eq!(Some(&of_csv.json()["forecasts"]), expected.as_ref(), "{csv}");
    }
    server.stop();
}

#[test]
fn what_a_model_does_not_know_and_what_beats_it_are_said_with_every_forecast() {
    let registry = Registry::new(1);
    registry.register(&model_by_the_clock());
    registry.promote("champion", 2);
    let server = serve(&registry);
    let at = server.address();
    let codes = |close: f64| {
        let rows = vec![format!("[{close}, 0.5]"); 5].join(",");
        let reply = predict(at, NAME, &format!(r#"{{"features": [{rows}]}}"#)).json();
        let one = |warning: &serde_json::Value| {
            (warning["code"].as_str().unwrap().to_owned(), warning["forecast"].as_u64())
        };
        reply["warnings"].as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    let worse = || ("worse_than_baseline".to_owned(), None);
    assert_eq!(codes(3000.0), [worse()]);
    assert_eq!(codes(4900.0), [worse()], "new highs are ordinary");
    assert_eq!(codes(3_000_000.0), [worse(), ("outside_training".to_owned(), Some(0))]);
    let metrics = get(at, "/metrics").body;
    for line in [
        format!(r#"kiln_outside_training_total{{model="{NAME}",version="2",feature="close"}} 1"#),
        format!(r#"kiln_model_warning{{model="{NAME}",version="2",code="worse_than_baseline"}} 1"#),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    let card = get(at, &format!("/v1/models/{NAME}")).json()["card"].clone();
    assert_eq!(card["warnings"][0]["code"], "worse_than_baseline", "{card}");
    server.stop();
}

#[test]
fn a_registry_that_was_moved_is_served_on_and_found_again() {
    let registry = Registry::new(1);
    let server = serve(&registry);
    let at = server.address();
    let body = request(&bars(), 300, forecaster(1).needs());
    let before = predict(at, NAME, &body).body;
    let ready = || get(at, "/readyz").body;
    let elsewhere = tempfile::tempdir().unwrap();
    let (root, away) = (registry.root(), elsewhere.path().join("models"));
    moved(&root, &away);
    eventually("it is told", || ready().contains("stale: the registry cannot be read"));
    assert_eq!(predict(at, NAME, &body).body, before);
    moved(&away, &root);
    eventually("it is found again", || ready() == "ready\n");
    // The history alone.
    let history = root.join(NAME).join("history.jsonl");
    moved(&history, &elsewhere.path().join("history.jsonl"));
    eventually("it is told", || ready().contains("stale: 1 problem in the registry"));
    assert_eq!(predict(at, NAME, &body).body, before);
    moved(&elsewhere.path().join("history.jsonl"), &history);
    eventually("it is found again", || ready() == "ready\n");
    // The model's whole folder.
    moved(&root.join(NAME), &elsewhere.path().join(NAME));
    eventually("it is told", || ready().contains("stale: 1 problem in the registry"));
    assert_eq!(predict(at, NAME, &body).body, before);
    server.stop();
}
