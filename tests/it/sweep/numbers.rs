//! One number under one name, in every verb that shows it.

use super::*;

/// Columns of a CSV text by their names.
fn columns(text: &str) -> std::collections::BTreeMap<String, Vec<Option<f64>>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            ((*name).to_owned(), rows.iter().map(|row| row[at].parse().ok()).collect())
        })
        .collect()
}

#[test]
fn quantiles_and_intervals_reach_every_verb() {
    let head = "head = { kind = \"quantile\", levels = [0.05, 0.5, 0.9] }\n[train]";
    let lab = Lab::new(
        &FAKE.replace("[train]", head).replace("[8, 16]", "[8]").replace("[1e-3, 3e-3]", "[3e-3]"),
    );
    write_bars(&lab);
    let run = |arguments: &[&str]| {
        let output = lab.kiln("", arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["check", "small.toml", "--backend", "flex"]).contains("quantiles 0.05 0.5 0.9"));
    assert_eq!(lab.sweep("").status.code(), Some(0));
    let id = lab.trials()[0].file_name().unwrap().to_string_lossy().into_owned();

    let shown = run(&["show", &id]);
    assert!(
        shown.contains("levels = [0.05, 0.5, 0.9]")
            && shown.contains("quantiles of the validation rows"),
        "{shown}"
    );
    let table = run(&["evaluate", &id]);
    for part in [
        "q0.05",
        "mean",
        "q0.05 to q0.9, as forecast: 85 % nominal",
        "quantiles crossed in",
        "conformal, q0.05",
        "80 % nominal",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    let json: Value =
        serde_json::from_str(&run(&["evaluate", &id, "--coverage", "0.9", "--json"])).unwrap();
    let (quantiles, interval) = (&json["quantiles"], &json["interval"]);
    assert_eq!(quantiles["levels"].as_array().unwrap().len(), 3);
    assert_eq!(
        (interval["nominal"].as_f64(), &interval["between"]),
        (Some(0.9), &serde_json::json!([0.05, 0.9]))
    );
    assert_eq!(interval["covered"]["count"], json["windows"]);
    assert!(run(&["show", &id]).contains("conformal, q0.05"), "what was evaluated is shown");

    let csv = run(&["predict", &id, "--data", "bars.csv"]);
    let of = columns(&csv);
    assert_eq!(
        csv.lines().next(),
        Some("bar_start,forecast,persistence,actual,q0.05,q0.5,q0.9,lower,upper")
    );
    let values = |name: &str| -> Vec<f64> { of[name].iter().map(|value| value.unwrap()).collect() };
    assert_eq!(values("forecast"), values("q0.5"));
    assert!(values("q0.05").iter().zip(values("q0.5")).all(|(low, middle)| *low <= middle));
    assert!(values("q0.5").iter().zip(values("q0.9")).all(|(middle, high)| *middle <= high));
    let wider = |coverage: &str| {
        let json: Value = serde_json::from_str(&run(&[
            "predict",
            &id,
            "--data",
            "bars.csv",
            "--coverage",
            coverage,
            "--json",
        ]))
        .unwrap();
        let last = json["forecasts"].as_array().unwrap().last().unwrap().clone();
        last["upper"].as_f64().unwrap() - last["lower"].as_f64().unwrap()
    };
    assert!(wider("0.95") > wider("0.6"));
    let refused = lab.kiln("", &["evaluate", &id, "--coverage", "80"]).output().unwrap();
    assert!(
        refused.status.code() == Some(2) && text(&refused).contains("such as 0.9"),
        "{}",
        text(&refused)
    );
}

#[test]
fn a_point_forecast_has_the_same_interval_everywhere_and_none_without_its_validation_forecasts() {
    let lab = Lab::new(&FAKE.replace("[8, 16]", "[8]").replace("[1e-3, 3e-3]", "[3e-3]"));
    write_bars(&lab);
    assert_eq!(lab.sweep("").status.code(), Some(0));
    let id = lab.trials()[0].file_name().unwrap().to_string_lossy().into_owned();
    let predicted = || {
        let output = lab.kiln("", &["predict", &id, "--data", "bars.csv"]).output().unwrap();
        columns(&String::from_utf8(output.stdout).unwrap())
    };
    let evaluated = || text(&lab.kiln("", &["evaluate", &id]).output().unwrap());
    let of = predicted();
    let half = |row: usize| (of["upper"][row].unwrap() - of["lower"][row].unwrap()) / 2.0;
    assert!(
        half(0) > 0.0 && (0..of["upper"].len()).all(|row| (half(row) - half(0)).abs() < 1e-12),
        "{of:?}"
    );
    assert!(
        of["lower"].iter().zip(&of["forecast"]).all(|(lower, forecast)| (forecast.unwrap()
            - lower.unwrap()
            - half(0))
        .abs()
            < 1e-12)
    );
    assert!(evaluated().contains("conformal, forecast ± "), "{}", evaluated());
    std::fs::remove_file(lab.trials()[0].join("attempts/1/forecasts.parquet")).unwrap();
    assert!(evaluated().contains("no conformal interval: "), "{}", evaluated());
    assert!(predicted()["lower"].iter().all(Option::is_none));
}

/// What is shown live under a metric's name is what the result says under it: a run that loses its
/// result shows the same numbers.
#[test]
fn a_live_number_is_the_results_number() {
    let stopping = "early_stopping = { patience = 2, min_delta = 0.02 }";
    let lab = Lab::new(
        &FAKE.replace("early_stopping = false", stopping).replace("epochs = 6", "epochs = 30"),
    );
    assert_eq!(lab.sweep("fake").status.code(), Some(0));
    let metrics =
        ["valid.skill", "valid.mse", "valid.mae", "valid.rmse", "valid.loss", "train.rmse"];
    // By run: where it is ranked its value, else what it has so far.
    let values = |metric: &str| -> std::collections::BTreeMap<String, Value> {
        let output =
            lab.kiln("", &["compare", "small", "--metric", metric, "--json"]).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |list: &Value| list.as_array().unwrap().clone();
        let name = |row: &Value| row["run"].as_str().unwrap().to_owned();
        let ranked = of(&json["rows"]).into_iter().filter(|row| !row["value"].is_null());
        let ranked = ranked.map(|row| (name(&row), row["value"]["mean"].clone()));
        ranked
            .chain(of(&json["unranked"]).into_iter().map(|row| (name(&row), row["so_far"].clone())))
            .collect()
    };
    let best_epochs = || -> Vec<Value> {
        let rows: Value = serde_json::from_slice(
            &lab.kiln("", &["runs", "small", "--json"]).output().unwrap().stdout,
        )
        .unwrap();
        rows.as_array().unwrap().iter().map(|row| row["best_epoch"].clone()).collect()
    };
    let (finished, kept): (Vec<_>, _) =
        (metrics.iter().map(|metric| values(metric)).collect(), best_epochs());
    assert_eq!(finished[0].len(), 4);
    for result in lab.results() {
        let scores = &result["scores"]["estimates"];
        for name in ["mse", "mae", "rmse"] {
            assert_eq!(scores[name]["value"], result["valid"][name], "one number under {name}");
        }
        assert_eq!(scores["skill"]["value"], result["skill"]);
        let persistence = result["baselines"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "persistence")
            .unwrap();
        let against =
            1.0 - result["valid"]["mse"].as_f64().unwrap() / persistence["mse"].as_f64().unwrap();
        assert_ne!(
            result["skill"].as_f64().unwrap(),
            against,
            "the test needs a baseline that is better than persistence"
        );
    }
    for folder in lab.trials() {
        std::fs::remove_file(folder.join("result.json")).unwrap();
    }
    for (metric, finished) in metrics.iter().zip(finished) {
        let live = values(metric);
        assert_eq!(live, finished, "{metric}");
        assert!(live.values().all(Value::is_f64), "{metric}: {live:?}");
    }
    assert_eq!(best_epochs(), kept);
    // Of forecasts nothing is known before they are made.
    assert!(values("valid.mase").values().all(Value::is_null));
}

#[test]
fn seeds_that_diverge_or_are_gone_are_missed() {
    let lab = Lab::new(&FAKE.replace("[sweep.space]", "[sweep]\nrepeats = 4\n[sweep.space]"));
    assert_eq!(lab.sweep("fake:even:2").status.code(), Some(3));
    let compared = || -> Value {
        serde_json::from_slice(
            &lab.kiln("", &["compare", "small", "--json"]).output().unwrap().stdout,
        )
        .unwrap()
    };
    let comparison = compared();
    for row in comparison["rows"].as_array().unwrap() {
        assert_eq!(row["seeds"], serde_json::json!({ "counted": 2, "planned": 4 }));
    }
    assert_eq!(comparison["significance"]["crowned"], false);
    assert!(
        comparison["verdict"].as_str().unwrap().contains("with 2 of 4 seeds it cannot be crowned"),
        "{comparison}"
    );
    let best = comparison["rows"][0]["run"].as_str().unwrap().to_owned();
    let shown: Value = serde_json::from_slice(
        &lab.kiln("", &["show", "small/best", "--json"]).output().unwrap().stdout,
    )
    .unwrap();
    assert_eq!(shown["run"], best.as_str());
    for arguments in [vec!["compare", "small/best"], vec!["runs", "latest/best"]] {
        let output = lab.kiln("", &arguments).output().unwrap();
        assert!(
            output.status.code() == Some(0) && text(&output).contains(&best),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    // Of an assignment that lost its best seed's folder the others are survivors.
    let whole = Lab::new(&FAKE.replace("[sweep.space]", "[sweep]\nrepeats = 2\n[sweep.space]"));
    assert_eq!(whole.sweep("fake").status.code(), Some(0));
    let compared = || -> Value {
        serde_json::from_slice(
            &whole.kiln("", &["compare", "small", "--json"]).output().unwrap().stdout,
        )
        .unwrap()
    };
    let before = compared();
    let first = before["rows"][0]["runs"].as_array().unwrap().clone();
    assert_eq!(before["significance"]["crowned"], true, "{before}");
    std::fs::remove_dir_all(
        whole.folder.path().join("runs/small/trials").join(first[1].as_str().unwrap()),
    )
    .unwrap();
    let after = compared();
    assert_ne!(after["rows"][0]["runs"][0], first[0], "a survivor does not come first");
    assert_eq!(after["rows"][3]["runs"], serde_json::json!([first[0]]));
}

#[test]
fn forecasts_that_are_not_those_of_the_best_epoch_give_no_result() {
    let lab = Lab::new(FAKE);
    let output = lab.sweep("fake:garbage");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("but the epoch was recorded with"), "{}", text(&output));
    assert!(lab.trials().iter().all(|folder| !folder.join("result.json").exists()));
    assert_eq!(lab.sweep("fake").status.code(), Some(0), "they are tried again");
}

/// Bars to forecast from: 30 minutes of a slow wave.
fn write_bars(lab: &Lab) {
    let bar = |minute: u32| {
        let close = 100.0 + f64::from(minute).sin();
        format!("2026-01-05T00:{minute:02}:00Z,{close},{},{},{close},1\n", close + 0.5, close - 0.5)
    };
    let bars: String = (0..30).map(bar).collect();
    std::fs::write(
        lab.folder.path().join("bars.csv"),
        format!("ts,open,high,low,close,volume\n{bars}"),
    )
    .unwrap();
}
