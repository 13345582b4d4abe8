//! Timestamps in other words, and features of the local clock.

use super::*;

/// The sample's text with another timestamp in each line.
fn stamped(sample: &str, stamp: impl Fn(jiff::Timestamp) -> String) -> String {
    let (header, lines) = sample.split_once('\n').unwrap();
    let line = |line: &str| {
        let (ts, rest) = line.split_once(',').unwrap();
        format!("{},{rest}\n", stamp(ts.parse().unwrap()))
    };
    format!("{header}\n{}", lines.lines().map(line).collect::<String>())
}

/// By the clock of the place: a feature goes by it.
fn by_the_clock(zone: &str) -> String {
    format!(
        r#"
name = "small"
[data]
source = "if_1m.csv.gz"
rows = 2000
bar_label = "end"
{zone}
features = ["close", "log_return", "time_of_day"]
window = 4
[model]
hidden_size = 4
num_layers = 1
[train]
epochs = 1
batch_size = 256
early_stopping = false
schedule = {{ kind = "constant" }}
"#
    )
}

#[test]
fn the_same_instants_have_the_same_bits_however_they_are_written() {
    let lab = Lab::new(&by_the_clock("zone = \"Asia/Shanghai\""));
    lab.done(&["models", "register", &lab.run, "--name", "minute"]);
    lab.done(&["models", "promote", "minute@1"]);
    let sample = String::from_utf8(lab.sample()).unwrap();
    let head: String = sample.lines().take(400).map(|line| format!("{line}\n")).collect();
    let clock =
        |ts: jiff::Timestamp| ts.to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
    type Stamp<'a> = &'a dyn Fn(jiff::Timestamp) -> String;
    let forms: [(&str, &[&str], Stamp<'_>); 5] = [
        ("as they were", &[], &|ts| clock(ts).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
        ("in UTC", &[], &|ts| ts.to_string()),
        ("seconds", &["--bar-label", "end"], &|ts| ts.as_second().to_string()),
        ("milliseconds", &["--bar-label", "end"], &|ts| ts.as_millisecond().to_string()),
        ("a clock", &["--bar-label", "end", "--zone", "Asia/Shanghai"], &|ts| {
            clock(ts).strftime("%Y-%m-%d %H:%M:%S").to_string()
        }),
    ];
    let mut expected = None;
    for (what, more, form) in forms {
        let text = stamped(&head, form);
        fs::write(lab.path("form.csv"), &text).unwrap();
        for model in [&lab.run[..], "minute"] {
            let of_file = lab.done(&[&["predict", model, "--data", "form.csv"], more].concat());
            assert!(of_file.lines().count() > 300, "{of_file}");
            assert!(
                *expected.get_or_insert_with(|| of_file.clone()) == of_file,
                "{model}: {what}: the forecasts differ"
            );
            let streamed = lab.piped(model, text.as_bytes(), more);
            assert!(
                streamed.stdout == without_actual(&of_file).as_bytes(),
                "{model}: {what}: line by line they differ"
            );
        }
        if !more.is_empty() {
            // What a timestamp marks is not a part of how it is written, and is asked for.
            let rest: Vec<&str> = more[2..].to_vec();
            let message =
                lab.refused(&[&["predict", "minute", "--data", "form.csv"], &rest[..]].concat());
            assert!(
                message.contains(
                    "add --bar-label start or --bar-label end (its own mark the end of a bar)"
                ),
                "{message}"
            );
            let output = lab.piped("minute", text.as_bytes(), &rest);
            assert!(
                output.status.code() == Some(2)
                    && String::from_utf8_lossy(&output.stderr).contains("add --bar-label")
            );
        }
    }
    // Bars that say another zone are told the time by the model's.
    let text = stamped(&head, |ts| {
        ts.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
    });
    fs::write(lab.path("form.csv"), text).unwrap();
    let utc = lab.done(&[
        "predict",
        "minute",
        "--data",
        "form.csv",
        "--zone",
        "UTC",
        "--bar-label",
        "end",
    ]);
    assert!(Some(utc) == expected, "the zone of the file became that of the feature");
    let card = fs::read_to_string(lab.path("models/minute/versions/1/model_card.json")).unwrap();
    let card: Value = serde_json::from_str(&card).unwrap();
    assert_eq!(
        (&card["inputs"]["zone"], &card["inputs"]["stamps"]),
        (&"Asia/Shanghai".into(), &"offset".into())
    );
}

#[test]
fn a_feature_of_the_local_clock_asks_for_its_zone_and_utc_is_one() {
    let lab = quick();
    fs::write(lab.path("clock.toml"), by_the_clock("").replace("small", "clock")).unwrap();
    for verb in ["check", "sweep"] {
        let message = lab.refused(&[verb, "clock.toml"]);
        for said in [
            "the feature 'time_of_day' goes by the local clock",
            "+08:00",
            "zone = \"Asia/Shanghai\"",
            "clock.toml:",
        ] {
            assert!(message.contains(said), "{said}: {message}");
        }
    }
    // The file begins in UTC and goes on otherwise: seen when it is read as a whole.
    let sample = String::from_utf8(lab.sample()).unwrap();
    let first: jiff::Timestamp =
        sample.lines().nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let mixed = sample.replacen(
        sample.lines().nth(1).unwrap().split(',').next().unwrap(),
        &first.to_string(),
        1,
    );
    fs::write(lab.path("mixed.csv"), mixed).unwrap();
    fs::write(
        lab.path("mixed.toml"),
        by_the_clock("").replace("small", "mixed").replace("if_1m.csv.gz", "mixed.csv"),
    )
    .unwrap();
    let message = lab.refused(&["check", "mixed.toml"]);
    assert!(message.contains("the feature 'time_of_day' goes by the local clock"), "{message}");
    // In UTC nothing is asked for, and the model knows it.
    fs::write(lab.path("utc.csv"), stamped(&sample, |ts| ts.to_string())).unwrap();
    fs::write(
        lab.path("utc.toml"),
        by_the_clock("").replace("small", "utc").replace("if_1m.csv.gz", "utc.csv"),
    )
    .unwrap();
    lab.done(&["sweep", "utc.toml", "--backend", "flex"]);
    let of_utc = lab.done(&["predict", "utc/best", "--data", "utc.csv", "--last", "300"]);
    assert_eq!(
        lab.done(&["predict", "utc/best", "--data", "if_1m.csv.gz", "--last", "300"]),
        of_utc
    );
}
