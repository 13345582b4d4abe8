//! `kiln predict` as a person runs it: a run or a model, a file or lines from stdin, and every form
//! of output.

mod clock;
mod lines;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use polars::prelude::{DataFrame, ParquetReader, SerReader};
use serde_json::Value;

/// Every kind of feature over the sample.
const EXPERIMENT: &str = r#"
name = "small"
[data]
source = "if_1m.csv.gz"
bar_label = "end"
zone = "Asia/Shanghai"
features = ["open", "high", "low", "close", "volume", "log_return", "sma_20", "ema_9", "rsi_14",
            "macd", "macd_signal", "macd_hist", "atr_14", "realized_vol_30", "time_of_day"]
target = { horizon = 3, kind = "log_volatility" }
window = 20
[model]
hidden_size = 6
num_layers = 1
head = { kind = "quantile", levels = [0.1, 0.5, 0.9] }
[train]
epochs = 1
batch_size = 512
early_stopping = false
schedule = { kind = "constant" }
"#;

/// A folder with a finished run in it.
struct Lab {
    folder: tempfile::TempDir,
    run: String,
}

impl Lab {
    /// Over the sample, or over its last `rows` bars.
    fn new(experiment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/data/if_1m.csv.gz");
        fs::copy(sample, folder.path().join("if_1m.csv.gz")).unwrap();
        fs::write(folder.path().join("small.toml"), experiment).unwrap();
        let mut lab = Self { folder, run: String::new() };
        lab.done(&["sweep", "small.toml", "--backend", "flex"]);
        let trial = fs::read_dir(lab.path("runs/small/trials")).unwrap().next().unwrap().unwrap();
        lab.run = trial.file_name().into_string().unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kiln(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        for variable in ["KILN_RUNS", "KILN_MODELS", "KILN_TRAINER"] {
            command.env_remove(variable);
        }
        command
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.kiln(arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.kiln(arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// `kiln predict MODEL --data - …` with this text on stdin.
    fn piped(&self, model: &str, text: &[u8], more: &[&str]) -> Output {
        let mut child = self.child(model, more);
        let (mut stdin, text) = (child.stdin.take().unwrap(), text.to_vec());
        let writer = std::thread::spawn(move || {
            // It may end before it has read everything.
            drop(stdin.write_all(&text));
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    fn child(&self, model: &str, more: &[&str]) -> Child {
        let mut command = self.kiln(&["predict", model, "--data", "-"]);
        command
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The sample as text.
    fn sample(&self) -> Vec<u8> {
        let output =
            Command::new("gzip").arg("-dc").arg(self.path("if_1m.csv.gz")).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

/// The file's text without what nobody can know as a bar ends: what happened afterwards.
fn without_actual(csv: &str) -> String {
    let of_line = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if cells[3] != "actual" {
            cells[3] = "";
        }
        cells.join(",") + "\n"
    };
    csv.lines().map(of_line).collect()
}

#[test]
fn every_line_of_the_sample_gives_the_bits_of_the_whole_file() {
    let lab = Lab::new(EXPERIMENT);
    let whole = lab.done(&["predict", &lab.run, "--data", "if_1m.csv.gz"]);
    let known = without_actual(&whole);
    // 200 half days of 120 bars; the first loses 33 bars to the warm-up, all 19 to their first
    // window.
    assert_eq!(known.lines().count(), 1 + 200 * (120 - 19) - 33);
    assert_eq!(
        known.lines().next(),
        Some("bar_start,forecast,persistence,actual,q0.1,q0.5,q0.9,lower,upper")
    );

    let streamed = lab.piped(&lab.run, &lab.sample(), &[]);
    assert_eq!(streamed.status.code(), Some(0), "{}", String::from_utf8_lossy(&streamed.stderr));
    assert!(streamed.stdout == known.as_bytes(), "the forecasts differ");

    let lines = lab.piped(&lab.run, &lab.sample(), &["--jsonl"]);
    let lines: Vec<Value> = lines
        .stdout
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(lines.len() + 1, known.lines().count());
    for (line, row) in lines.iter().zip(known.lines().skip(1)) {
        let cell =
            |value: &Value| value.as_f64().map(|value| value.to_string()).unwrap_or_default();
        let quantiles: Vec<String> =
            line["quantiles"].as_array().unwrap().iter().map(cell).collect();
        let (start, quantiles) = (line["bar_start"].as_str().unwrap(), quantiles.join(","));
        let [forecast, persistence, actual, lower, upper] =
            ["forecast", "persistence", "actual", "lower", "upper"].map(|name| cell(&line[name]));
        assert_eq!(
            format!("{start},{forecast},{persistence},{actual},{quantiles},{lower},{upper}"),
            row
        );
    }

    forms_of_output(&lab, &whole);
    a_saved_model_forecasts_as_its_run(&lab, &whole);
    files_of_another_form(&lab, &whole);
}

/// CSV, JSON, JSON lines and Parquet hold the same numbers, on stdout or in a file that is whole or
/// not there.
fn forms_of_output(lab: &Lab, csv: &str) {
    let of = |more: &[&str]| {
        lab.done(&[&["predict", &lab.run, "--data", "if_1m.csv.gz"], more].concat())
    };
    assert_eq!(of(&["-o", "out.csv"]), "out.csv\n");
    assert!(fs::read_to_string(lab.path("out.csv")).unwrap() == csv);
    assert!(of(&["--output-format", "csv"]) == csv);
    let lines = of(&["--jsonl"]);
    of(&["-o", "out.ndjson"]);
    assert!(fs::read_to_string(lab.path("out.ndjson")).unwrap() == lines);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let document: Value = serde_json::from_str(&of(&["--json"])).unwrap();
    assert_eq!(document["forecasts"].as_array().unwrap(), &lines);
    assert_eq!(
        (document["model"].as_str(), document["source"]["run"].as_str()),
        (Some(&lab.run[..]), Some(&lab.run[..]))
    );

    of(&["-o", "out.parquet"]);
    let table: DataFrame =
        ParquetReader::new(fs::File::open(lab.path("out.parquet")).unwrap()).finish().unwrap();
    let names: Vec<String> =
        table.get_column_names().into_iter().map(ToString::to_string).collect();
    assert_eq!(names.join(","), csv.lines().next().unwrap());
    assert_eq!(table.height(), lines.len());
    let starts = table.column("bar_start").unwrap().datetime().unwrap();
    for (row, line) in csv.lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let start: jiff::Timestamp = cells[0].parse().unwrap();
        assert_eq!(starts.physical().get(row).map(i128::from), Some(start.as_nanosecond()));
        for (cell, name) in cells.iter().zip(&names).skip(1) {
            let value = table.column(name).unwrap().f64().unwrap().get(row);
            assert_eq!(
                value.map(|value| value.to_string()).unwrap_or_default(),
                *cell,
                "{name} in row {row}"
            );
        }
    }

    for (more, said) in [
        (&["--output-format", "parquet"][..], "add -o FILE.parquet"),
        (&["-o", "out"], "add --output-format"),
        (&["-o", "if_1m.csv.gz", "--output-format", "csv"], "is the file of bars itself"),
        (&["-o", "no/out.csv"], "its folder does not exist"),
        (&["--json", "--jsonl"], "cannot be used with"),
    ] {
        let message =
            lab.refused(&[&["predict", &lab.run, "--data", "if_1m.csv.gz"], more].concat());
        assert!(message.contains(said), "{more:?}: {message}");
    }
    // What was there stays when there is nothing to put in its place.
    let message = lab.refused(&["predict", &lab.run, "--data", "missing.csv", "-o", "out.csv"]);
    assert!(message.contains("does not exist"), "{message}");
    assert!(fs::read_to_string(lab.path("out.csv")).unwrap() == csv);
    let names: Vec<String> = fs::read_dir(lab.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(".tmp")), "{names:?}");
}

fn a_saved_model_forecasts_as_its_run(lab: &Lab, csv: &str) {
    assert_eq!(lab.done(&["models", "register", &lab.run, "--name", "minute"]).trim(), "minute@1");
    let no_champion = lab.refused(&["predict", "minute", "--data", "if_1m.csv.gz"]);
    assert!(
        no_champion.contains("no sweep or run is named 'minute'")
            && no_champion.contains("champion"),
        "{no_champion}"
    );
    lab.done(&["models", "promote", "minute@1"]);
    for name in
        ["minute", "minute@1", "minute@champion", "minute@latest", "models/minute/versions/1"]
    {
        assert!(lab.done(&["predict", name, "--data", "if_1m.csv.gz"]) == csv, "{name}");
    }
    let streamed = lab.piped("minute", &lab.sample(), &[]);
    assert!(streamed.stdout == without_actual(csv).as_bytes(), "the forecasts differ");
    let elsewhere = ["predict", "minute", "--data", "if_1m.csv.gz", "--models", "elsewhere"];
    assert!(lab.refused(&elsewhere).contains("no model is named 'minute'"));
    lab.done(&["models", "register", &lab.run, "--name", "minute", "--models", "elsewhere"]);
    lab.done(&["models", "promote", "minute@1", "--models", "elsewhere"]);
    assert!(lab.done(&elsewhere) == csv);
    fs::remove_dir_all(lab.path("models")).unwrap();
    let output = lab.kiln(&elsewhere[..4]).env("KILN_MODELS", "elsewhere").output().unwrap();
    assert!(output.stdout == csv.as_bytes());
    let message = lab.refused(&[&elsewhere[..], &["--coverage", "0.7"]].concat());
    assert!(
        message.contains(
            "minute@1: the model has no interval of coverage 0.7; it has 0.5, 0.8, 0.9, 0.95"
        ),
        "{message}"
    );
    // A run's interval can have any coverage: its forecasts are at hand.
    lab.done(&["predict", &lab.run, "--data", "if_1m.csv.gz", "--coverage", "0.7", "--last", "1"]);

    let card = lab.path("elsewhere/minute/versions/1/model_card.json");
    let text = fs::read_to_string(&card).unwrap().replace("\"window\": 20", "\"window\": 21");
    fs::write(&card, text).unwrap();
    assert!(lab.refused(&elsewhere).contains("its sha256 is not the recorded one"));
}

fn files_of_another_form(lab: &Lab, csv: &str) {
    let sample = String::from_utf8(lab.sample()).unwrap();
    let mut other = String::from("Last;Date;Open;Low;High;Vol\n");
    for line in sample.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [ts, open, high, low, close, volume] = cells[..6] else { panic!("{line}") };
        // As the clock in Shanghai shows it, at the start of the bar.
        let start: jiff::Timestamp =
            ts.parse::<jiff::Timestamp>().unwrap() - jiff::SignedDuration::from_mins(1);
        let clock = start
            .to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap())
            .strftime("%Y-%m-%d %H:%M")
            .to_string();
        other.push_str(&format!("{close};{clock};{open};{low};{high};{volume}\n"));
    }
    fs::write(lab.path("other.dat"), &other).unwrap();
    let named = ["close=Last", "ts=Date", "open=Open", "low=Low", "high=High", "volume=Vol"];
    let mut more: Vec<&str> = named.iter().flat_map(|name| ["--column", name]).collect();
    more.extend(["--zone", "Asia/Shanghai", "--bar-label", "start"]);
    assert!(
        lab.done(
            &[&["predict", &lab.run, "--data", "other.dat", "--format", "csv"], &more[..]].concat()
        ) == csv
    );
    assert!(lab.piped(&lab.run, other.as_bytes(), &more).stdout == without_actual(csv).as_bytes());
    let message = lab.refused(&["predict", &lab.run, "--data", "other.dat", "--format", "parquet"]);
    assert!(message.contains("is not Parquet"), "{message}");
    let message =
        lab.refused(&["predict", &lab.run, "--data", "other.dat", "--column", "price=Last"]);
    assert!(message.contains("--column 'price=Last' is not WHICH=NAME"), "{message}");
    let message = lab.refused(
        &[&["predict", &lab.run, "--data", "other.dat"], &more[..12], &["--zone", "Asia/Shangai"]]
            .concat(),
    );
    assert!(message.contains("'Asia/Shangai' is not a zone"), "{message}");
}

#[test]
fn prices_that_training_never_saw_are_warned_of_in_every_form() {
    let lab = quick();
    let sample = String::from_utf8(lab.sample()).unwrap();
    let (header, lines) = sample.split_once('\n').unwrap();
    let last: Vec<&str> = lines.lines().rev().take(20).collect();
    let times = |by: f64| {
        let line = |line: &&&str| {
            let cells: Vec<&str> = line.split(',').collect();
            let price = |place: usize| (cells[place].parse::<f64>().unwrap() * by).to_string();
            let prices: Vec<String> = (1..5).map(price).collect();
            format!("{},{},{}\n", cells[0], prices.join(","), cells[5..].join(","))
        };
        format!("{header}\n{}", last.iter().rev().map(|text| line(&text)).collect::<String>())
    };
    let run = |name: &str, more: &[&str]| {
        let output =
            lab.kiln(&[&["predict", &lab.run, "--data", name], more].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    // The last bars lie in a rally that training ended before; a little lower they are ordinary.
    fs::write(lab.path("same.csv"), times(0.88)).unwrap();
    fs::write(lab.path("thousand.csv"), times(1000.0)).unwrap();
    let (_, said) = run("same.csv", &[]);
    assert!(!said.contains("training saw"), "{said}");
    let (csv, said) = run("thousand.csv", &[]);
    assert!(
        said.contains("warning: ")
            && said.contains("close is 3")
            && said.contains("training saw 3"),
        "{said}"
    );
    assert_eq!(csv.lines().next(), Some("bar_start,forecast,persistence,actual,lower,upper"));
    let document: Value = serde_json::from_str(&run("thousand.csv", &["--json"]).0).unwrap();
    let codes: Vec<&str> = document["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    assert!(codes.contains(&"outside_training"), "{document}");
    assert_eq!(document["forecasts"][0]["outside"], serde_json::json!(["close"]));
    let output = lab.piped(&lab.run, times(1000.0).as_bytes(), &["--jsonl"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("training saw").count(), 1, "once for a stream: {said}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .all(|line| line.contains(r#""outside":["close"]"#))
    );
    // A registered model says the same.
    lab.done(&["models", "register", &lab.run, "--name", "minute"]);
    let output = lab.kiln(&["predict", "minute@1", "--data", "thousand.csv"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("training saw"));
}

const HEADER: &str = "ts,open,high,low,close\n";

/// A point head over few bars: quick to train.
fn quick() -> Lab {
    Lab::new(
        r#"
name = "small"
data.source = "if_1m.csv.gz"
data.rows = 2000
data.bar_label = "end"
data.window = 4
data.features = ["close", "rsi_2"]
model = { hidden_size = 4, num_layers = 1 }
train = { epochs = 1, batch_size = 256, early_stopping = false, schedule = { kind = "constant" } }
"#,
    )
}
