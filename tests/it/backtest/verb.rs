//! The verb on what a sweep left.

use super::*;

fn kiln(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("KILN_RUNS")
        .env_remove("KILN_TRAINER");
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn trials(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder.join("runs/small/trials"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// Costs are required; what the experiment says holds from the next sweep on, trains nothing anew,
/// and gives way to arguments; test forecasts need their split to be open.
#[test]
fn the_verb_trades_what_a_sweep_left() {
    let lab = tempfile::tempdir().unwrap();
    let folder = lab.path();
    let sweep = |experiment: &str| {
        std::fs::write(folder.join("small.toml"), experiment).unwrap();
        let output = kiln(folder, &["sweep", "small.toml", "--backend", "flex", "--plain"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        text(&output)
    };
    sweep(EXPERIMENT);
    let refused = kiln(folder, &["backtest", "small"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = text(&refused);
    for part in [
        "--commission-bps and --half-spread and --slippage are missing",
        "never assumed",
        "[backtest]",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let before = trials(folder);
    assert!(sweep(&format!("{EXPERIMENT}{COSTS}")).contains("2 trials (2 done), 0 to train"));
    assert_eq!(trials(folder), before, "no trial's identity depends on [backtest]");

    let json = |arguments: &[&str]| -> Value {
        let output = kiln(folder, &[&["backtest", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = json(&["small"]);
    assert_eq!(report["runs"].as_array().unwrap().len(), 2);
    let [first, second] = [0, 1].map(|run| &report["runs"][run]);
    assert!(
        first["statistics"]["net_return"].as_f64() >= second["statistics"]["net_return"].as_f64(),
        "the best comes first"
    );
    assert!((first["side_bps"].as_f64().unwrap() - 0.3).abs() < 1e-9);
    assert_eq!(first["backtest"]["flat_at"], "gap");
    assert_eq!(report["buy_and_hold"].as_array().unwrap().len(), 1);
    assert_eq!(report["persistence"]["fills"], 0);
    let per_year = first["calendar"]["sessions_per_year"].as_f64().unwrap();
    assert!((250.0..270.0).contains(&per_year), "weekdays: {per_year}");

    let luck = &report["luck"];
    assert_eq!(
        (&luck["trials"], &luck["by_ledger"]),
        (&Value::from(2), &Value::from(true)),
        "{luck}"
    );
    assert!((0.0..=1.0).contains(&luck["overfitting"]["probability"].as_f64().unwrap()), "{luck}");
    for run in [first, second] {
        let share = |name: &str| run["luck"][name].as_f64().unwrap();
        assert!(
            share("deflated_sharpe") <= share("probabilistic_sharpe"),
            "more was tried than one: {}",
            run["luck"]
        );
        assert_eq!(run["luck"]["observations"], run["statistics"]["sessions"]);
    }

    let dear = json(&["small", "--commission-bps", "50", "--threshold", "0", "--flat-at", "never"]);
    assert!(
        dear["runs"][0]["statistics"]["net_return"].as_f64()
            < second["statistics"]["net_return"].as_f64()
    );
    assert_eq!(dear["runs"][0]["backtest"]["rule"]["kind"], "threshold");

    let id = before[0].file_name().unwrap().to_str().unwrap();
    let shown = kiln(folder, &["backtest", id, "--ledger", "book.csv"]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown));
    let book = std::fs::read_to_string(folder.join("book.csv")).unwrap();
    let equity: f64 = book.lines().last().unwrap().rsplit(',').next().unwrap().parse().unwrap();
    let run = json(&[id]);
    assert!(
        (equity / START_EQUITY
            - 1.0
            - run["runs"][0]["statistics"]["net_return"].as_f64().unwrap())
        .abs()
            < 1e-12
    );
    assert_eq!(
        book.lines().count() as u64 - 1,
        run["runs"][0]["statistics"]["bars"].as_u64().unwrap()
    );
    assert!(
        text(&kiln(folder, &["backtest", "small", "--ledger", "b.csv"]))
            .contains("one run's account")
    );

    let closed = kiln(folder, &["backtest", id, "--split", "test"]);
    assert_eq!(closed.status.code(), Some(2));
    assert!(text(&closed).contains(&format!("kiln evaluate small/{id}")), "{}", text(&closed));
    let evaluated = text(&kiln(folder, &["evaluate", id]));
    assert!(evaluated.contains(" of 2 tried on this span"), "{evaluated}");
    let opened = json(&[id, "--split", "test"]);
    assert_eq!(
        (&opened["split"], &opened["runs"][0]["test_openings"]),
        (&Value::from("test"), &Value::from(1))
    );
    assert_eq!(opened["runs"][0]["luck"]["undefined"], "one session has no Sharpe ratio");
    let alone = &run["runs"][0]["luck"];
    assert!(
        alone["probabilistic_sharpe"].is_f64() && alone["deflated_sharpe"].is_null(),
        "{alone}"
    );
    assert!(alone["undefined"].as_str().unwrap().contains("backtest the whole sweep"), "{alone}");

    // The report trades the same forecasts, over the same bars, with the same result.
    let written = kiln(folder, &["report", "small"]);
    assert_eq!((written.status.code(), text(&written).as_str()), (Some(0), "small.html\n"));
    let page = std::fs::read_to_string(folder.join("small.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: Value = serde_json::from_str(data).unwrap();
    let lines = data["account"]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 3, "two runs, buy and hold");
    for run in [first, second] {
        let name = run["run"].as_str().unwrap();
        let line =
            lines.iter().find(|line| line["name"].as_str().unwrap().ends_with(name)).unwrap();
        let last = line["net"].as_array().unwrap().last().unwrap().as_f64().unwrap();
        assert!(
            (last - 100.0 * run["statistics"]["net_return"].as_f64().unwrap()).abs() < 1e-5,
            "{last}"
        );
    }
    assert!(
        page.contains("no evidence about any market") && page.contains("opened 1 time by 1 run")
    );

    std::fs::remove_dir_all(&before[1]).unwrap();
    let evaluated = text(&kiln(folder, &["evaluate", id, "--early"]));
    assert!(
        evaluated.contains(" of 2 tried on this span"),
        "what was deleted was tried all the same: {evaluated}"
    );
    std::fs::remove_dir_all(folder.join("runs/ledger")).unwrap();
    let evaluated = text(&kiln(folder, &["evaluate", id, "--early"]));
    assert!(evaluated.contains("trial 1 of 1 tried on this span"), "{evaluated}");
}
