//! What is served is what the library forecasts, bit for bit; real models from a real registry.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kiln::serve::{Registered, Server, start};

use crate::client::{Kept, get, predict, send};
use crate::fake::{config, eventually};
use crate::folder::{NAME, Registry, bars, device, forecaster, part, request};

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
                    assert_eq!((bits(&forecast["lower"]), bits(&forecast["upper"])), (lower.to_bits(), upper.to_bits()));
                    let start: jiff::Timestamp = forecast["bar_start"].as_str().unwrap().parse().unwrap();
                    assert_eq!(start.as_nanosecond(), i128::from(own.bar_start.unwrap()));
                    assert_eq!((json["coverage"].as_f64(), json["target"]["unit"].as_str()), (Some(0.9), Some("price")));
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
        (request(&bars, 300, needs - 1), format!("bars: {} are too few, the model needs {needs}", needs - 1)),
        (good.replace(&format!(r#""close": {close}"#), r#""close": 0"#), format!("bars[{}].close is 0", needs - 1)),
        (good.replace(&ts.to_string(), &(ts + 5_000_000_000).to_string()), "bars: ".to_owned()),
        (good.replace(&ts.to_string(), "\"yesterday\""), format!("bars[{}].ts 'yesterday' is not a timestamp", needs - 2)),
        (good.replace("\"volume\"", "\"volumen\""), "bars[0]: 'volumen' is no key of a bar".to_owned()),
        (r#"{"features": [[1, 2, 3, 4, 5]]}"#.to_owned(), "features: 1 rows of features, the model takes 60".to_owned()),
        (format!(r#"{{"features": [{}[1, 2, 3, 4, 1e41]]}}"#, "[1,2,3,4,5],".repeat(59)), "features: row 59: macd is".to_owned()),
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
fn s08_links_out_of_the_folder_are_refused() {
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
        eventually("the failure is counted", || get(at, "/metrics").body.contains(&format!("result=\"failed\"}} {}", version - 1)));
        let models = get(at, "/v1/models").json();
        assert_eq!(models["models"][0]["version"], 1, "{models}");
    }
    server.stop();
}

#[test]
fn s09_files_replaced_while_serving_change_nothing() {
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
    eventually("the failure is counted", || get(at, "/metrics").body.contains("result=\"failed\"} 1"));
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
            format!("{},{:?},{:?},{:?},{:?},{:?}\n", bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume)
        };
        format!("ts,open,high,low,close,volume\n{}", rows.map(row).collect::<String>())
    };
    let path = format!("/v1/models/{NAME}/predict");
    let as_csv = |text: &str| send(at, "POST", &path, "Content-Type: text/csv\r\n", text);
    let json = predict(at, NAME, &request(&bars, 300, needs).replace(r#", "coverage": 0.9"#, "")).json();
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
