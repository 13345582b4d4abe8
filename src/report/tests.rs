//! Whole pages, made of records without a disk.

use lane_types::{EpochReport, SplitReport};

use super::*;
use evidence::backtest::{Gap, TradedBars, buy_and_hold, calendar, frontier, ledger, statistics};
use evidence::compare::{Interval, Spread, compare};
use experiment::event::End;
use experiment::metric::{Direction, Metric, Quantity, Split};
use experiment::space::Value;
use experiment::trial::{Trial, TrialId};
use experiment::{Concession, Costs, Limits, Objective};
use runs::store::{
    Baseline, Evaluation, Forecasts, Origin, RunProgress, RunRecord, RunResult, RunState,
    SweepManifest, WindowCounts,
};

const METRIC: Metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };

fn run(place: usize, repeat: usize, epochs: usize) -> RunRecord {
    let mut settings = experiment::testing::settings(
        "data = { synthetic = { bars = 1000 }, target = { kind = \"log_return\" } }\ntrain.epochs \
            = 100",
    );
    settings.model.hidden_size = 8 * (1 + place % 5);
    settings.train.learning_rate = 1e-4 * 1.3_f64.powi(place as i32 / 5);
    settings.train.seed = 1 + repeat as u64;
    let split =
        |rmse: f64| SplitReport { loss: rmse / 10.0, mse: rmse * rmse, mae: 0.8 * rmse, rmse };
    let floor = 1.0 + 0.01 * place as f64 + 0.001 * repeat as f64;
    let report = |epoch: usize| EpochReport {
        epoch,
        train: split(0.9 * floor + 1.0 / epoch as f64),
        valid: split(floor + 1.0 / epoch as f64),
        learning_rate: 1e-3,
        best_epoch: epoch,
        waited: 0,
        seconds: 0.1,
        windows_per_second: 1e4,
    };
    let id = TrialId(format!("{place:06x}{repeat:06x}"));
    let baseline = |name: &str, rmse: f64| Baseline {
        name: name.into(),
        mse: rmse * rmse,
        mae: 0.8 * rmse,
        rmse,
    };
    let last = report(epochs);
    RunRecord {
        folder: format!("runs/grid/trials/{id}").into(),
        trial: Trial {
            id,
            index: place,
            repeat,
            assignment: [("model.hidden_size".to_owned(), Value::Int(8))].into(),
            settings,
            backtest: None,
        },
        progress: RunProgress {
            attempt: 1,
            device: Some("flex".into()),
            state: RunState::Ended(End::Finished),
            epochs: (1..=epochs).map(report).collect(),
            ..RunProgress::default()
        },
        result: Some(RunResult {
            v: 1,
            attempt: 1,
            end: End::Finished,
            epochs,
            best_epoch: Some(epochs),
            train: Some(last.train),
            valid: Some(last.valid),
            skill: None,
            baselines: vec![baseline("persistence", 1.1), baseline("linear", 1.2)],
            windows: WindowCounts { train: 600, valid: 200, test: 100 },
            seconds: 1.5,
            instruction_sets: vec![],
            scores: None,
            tried: None,
        }),
        evaluations: vec![],
        damage: vec![],
        current: true,
        seeds: None,
    }
}

/// Pseudo-random but always the same, between −1 and 1.
fn noise(place: usize) -> f64 {
    ((place as f64 * 12.9898).sin() * 43_758.547).fract()
}

fn forecasts(windows: usize) -> Forecasts {
    let target: Vec<f64> =
        (0..windows).map(|place| noise(place) + noise(place + 1_000_000)).collect();
    Forecasts {
        ts: (0..windows as i64)
            .map(|minute| (1_700_000_000 + 60 * minute) * 1_000_000_000)
            .collect(),
        forecast: target
            .iter()
            .enumerate()
            .map(|(place, target)| 0.2 * target + 0.1 * noise(place + 7))
            .collect(),
        baselines: vec![
            ("persistence".into(), vec![0.0; windows]),
            ("linear".into(), vec![0.01; windows]),
        ],
        target,
        quantiles: Vec::new(),
    }
}

fn traded(run: &str, bars: usize) -> TradedRun {
    let ts: Vec<i64> =
        (0..bars as i64).map(|minute| (1_700_000_000 + 60 * minute) * 1_000_000_000).collect();
    let price: Vec<f64> = (0..bars).map(|bar| 100.0 + noise(bar)).collect();
    #[expect(clippy::single_range_in_vec_init, reason = "one run is what is meant")]
    let traded = TradedBars::new(&ts, &vec![0; bars], &price, &price, &[0..bars], 60);
    let calendar = calendar(&traded.date);
    let costs = Costs {
        commission_bps: 1.0,
        half_spread: Concession::Bps { bps: 0.0 },
        slippage: Concession::Bps { bps: 0.0 },
    };
    let orders = buy_and_hold(&traded);
    let book = ledger(&traded, &orders, &costs);
    let expected: Vec<f64> = (0..bars).map(|bar| noise(bar) * 1e-4).collect();
    let limits = Limits { max_long: 1.0, max_short: 1.0 };
    TradedRun {
        run: run.to_owned(),
        statistics: statistics(&traded, &calendar, &orders, &book).unwrap(),
        side_bps: 1.0,
        account: Some(TradedAccount {
            frontier: Some(frontier(
                &traded,
                &calendar,
                &expected,
                (limits, Gap::None),
                &[0.0, 0.5],
                &[0.0, 1.0],
            )),
            ts,
            equity: book.equity,
        }),
    }
}

/// A sweep of so many assignments with two seeds each.
fn material(assignments: usize, epochs: usize, windows: usize) -> Material {
    let runs: Vec<RunRecord> =
        (0..2 * assignments).map(|place| run(place / 2, place % 2, epochs)).collect();
    let objective = Objective { metric: METRIC, direction: Direction::Minimize };
    let comparison = compare(&runs, objective);
    let best = best_forecasts(&comparison, &runs, &|_, _| Some(forecasts(windows)));
    let trading = Trading {
        words: vec!["rule: the sign".into()],
        verdict: "it earns nothing".into(),
        runs: runs.iter().map(|run| traded(&run.trial.id.0, windows)).collect(),
        held: Some(traded("buy & hold", windows)),
        skipped: vec![],
    };
    Material {
        name: "grid".into(),
        manifest: SweepManifest {
            v: 1,
            name: "grid".into(),
            question: Some("Which hidden size?".into()),
            objective: METRIC,
            direction: Direction::Minimize,
            repeats: 2,
            target_unit: "log return".into(),
            trials: runs.iter().map(|run| run.trial.id.0.clone()).collect(),
            backtest: None,
            origin: Origin {
                git_revision: Some("abc123".into()),
                argv: vec!["kiln".into(), "sweep".into()],
                ..Origin::default()
            },
            experiment: "name = \"grid\"\n".into(),
        },
        runs,
        comparison,
        forecasts: best,
        trading: Some(Ok(trading)),
        damaged: vec![],
    }
}

/// The data that the page's script reads.
fn embedded(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_verdict_stands_before_the_leaderboard_and_that_before_the_rest() {
    let page = page(&material(6, 10, 400));
    assert!(page.starts_with(GENERATOR));
    let wanted = [
        "Which hidden size?",
        "The best assignment’s mean",
        "id=\"leaderboard\"",
        "id=\"differing\"",
        "id=\"learning\"",
        "id=\"parameters\"",
        "id=\"against\"",
        "id=\"residuals\"",
        "id=\"account\"",
        "id=\"provenance\"",
    ];
    let at = wanted
        .map(|text| page.find(&text.replace('’', "&#39;")).unwrap_or_else(|| panic!("{text}")));
    assert!(at.is_sorted(), "{at:?}");
}

#[test]
fn a_hundred_runs_weigh_less_than_two_megabytes() {
    let page = page(&material(50, 100, 20_000));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let data = embedded(&page);
    assert_eq!(data["curves"]["rows"].as_array().unwrap().len(), 50);
    let points = data["forecasts"]["at"].as_array().unwrap().len();
    assert!((1_000..=2_002).contains(&points), "{points} points");
    assert!(page.contains("of them are drawn"), "that points were left out is said");
}

#[test]
fn quantiles_are_held_against_what_came() {
    let mut material = material(3, 5, 300);
    assert!(!page(&material).contains("Calibration of the quantiles"));
    for best in &mut material.forecasts {
        let shifted =
            |by: f64| best.forecasts.forecast.iter().map(|forecast| forecast + by).collect();
        best.forecasts.quantiles =
            vec![(0.1, shifted(-1.0)), (0.5, shifted(0.0)), (0.9, shifted(1.0))];
    }
    let page = page(&material);
    assert!(page.contains("Calibration of the quantiles") && page.contains("level 0.9: "));
}

#[test]
fn one_run_has_the_interval_over_its_windows() {
    let mut material = material(3, 5, 300);
    for row in &mut material.comparison.rows {
        row.value = Some(Spread { mean: 0.5, sd: None, n: 1 });
        row.interval = Some(Interval { low: 0.25, high: 0.75, confidence: 0.95 });
    }
    assert!(
        page(&material).contains("[0.25, 0.75]") && markdown(&material).contains("[0.25, 0.75]")
    );
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(page(&material(8, 5, 300)), page(&material(8, 5, 300)));
    assert_eq!(markdown(&material(8, 5, 300)), markdown(&material(8, 5, 300)));
}

#[test]
fn nothing_is_fetched_and_nothing_else_may_run() {
    let page = page(&material(3, 5, 300));
    let (head, _) = page.split_once("<body>").unwrap();
    assert!(
        head.contains("default-src &#39;none&#39;; script-src &#39;sha256-"),
        "{}",
        &head[..400]
    );
    let (before, rest) = page.split_once("<script type").unwrap();
    let markup =
        format!("{}{}", before.split_once("</style></head>").unwrap().1, &rest[rest.len() - 200..]);
    for fetching in [" src=", "href=\"http", "url(", "@import", " style=", " onclick", " onload"] {
        assert!(!markup.contains(fetching), "{fetching}");
    }
    assert!(!include_str!("assets/page.css").contains("url("));
}

/// Every text that comes from outside, hostile.
fn hostile() -> Material {
    let evil = "</script><b>evil\"' onload=evil --> {{x}} \u{202e}";
    let mut hostile = material(6, 4, 400);
    hostile.name = evil.into();
    hostile.manifest.question = Some(evil.into());
    hostile.manifest.experiment = format!("# {evil}\n");
    hostile.manifest.origin = Origin {
        git_revision: Some(evil.into()),
        argv: vec![evil.into()],
        overrides: vec![evil.into()],
        data_file: None,
        data_fingerprint: evil.into(),
        kiln_version: evil.into(),
        git_dirty: None,
    };
    hostile.damaged = vec![(evil.into(), evil.into())];
    hostile.comparison.notes = vec![evil.into()];
    hostile.comparison.verdict = evil.into();
    hostile.comparison.target_unit = evil.into();
    for row in &mut hostile.comparison.rows {
        row.runs = row.runs.iter().map(|name| format!("{evil}{name}")).collect();
        row.settings.values_mut().for_each(|value| *value = format!("{value}{evil}").into());
    }
    for difference in &mut hostile.comparison.differing {
        difference.values.iter_mut().for_each(|value| value.value = evil.into());
    }
    for baseline in &mut hostile.comparison.baselines {
        baseline.name = evil.into();
    }
    hostile.comparison.unranked.push(evidence::compare::Unranked {
        sweep: evil.into(),
        run: evil.into(),
        state: evil.into(),
        epochs: 1,
        so_far: None,
    });
    for best in &mut hostile.forecasts {
        (best.run, best.zone) = (evil.into(), Some(evil.into()));
        best.forecasts.baselines.iter_mut().for_each(|(name, _)| *name = evil.into());
    }
    let evaluation = Evaluation {
        v: 1,
        at: evil.into(),
        windows: 1,
        mse: 1.0,
        mae: 1.0,
        rmse: 1.0,
        skill: None,
        baselines: vec![],
        quantiles: None,
        interval: None,
        scores: None,
        early: None,
    };
    hostile.runs[0].evaluations.push(evaluation);
    hostile.runs[0].damage.push(evil.into());
    hostile.runs[0].progress.warnings.push(evil.into());
    hostile.runs[0].progress.device = Some(evil.into());
    if let Some(Ok(trading)) = &mut hostile.trading {
        (trading.words, trading.verdict, trading.skipped) =
            (vec![evil.into()], evil.into(), vec![(evil.into(), evil.into())]);
        trading.runs[0].run = evil.into();
    }
    hostile
}

#[test]
fn hostile_text_stays_text() {
    let page = page(&hostile());
    let (before, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (_, markup) = before.split_once("</style></head>").unwrap();
    assert!(markup.matches("evil").count() > 40, "the hostile text is shown at many places");
    for raw in ["</script>", "<b>evil", "evil\"", "evil'", "\u{202e}"] {
        assert!(
            !markup.contains(raw),
            "{raw:?} at {:?}",
            markup.find(raw).map(|at| &markup[at.saturating_sub(200)..at + 40])
        );
    }
    // Every tag that is opened is one of ours.
    for tag in markup.split('<').skip(1) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let ours = [
            "a",
            "b",
            "body",
            "button",
            "caption",
            "circle",
            "code",
            "dd",
            "details",
            "div",
            "dl",
            "dt",
            "figcaption",
            "figure",
            "footer",
            "g",
            "h1",
            "h2",
            "h3",
            "header",
            "li",
            "main",
            "nav",
            "noscript",
            "output",
            "p",
            "path",
            "pre",
            "rect",
            "section",
            "span",
            "summary",
            "svg",
            "table",
            "tbody",
            "td",
            "text",
            "th",
            "thead",
            "title",
            "tr",
            "ul",
        ];
        assert!(ours.contains(&name.as_str()), "<{}", tag.chars().take(60).collect::<String>());
    }
    let (data, _) = rest.split_once("</script>").unwrap();
    assert!(!data.contains(['<', '>']), "the data cannot end its script");
    assert!(serde_json::from_str::<serde_json::Value>(data).is_ok());
}

#[test]
fn hostile_text_stays_text_in_markdown_too() {
    let mut material = hostile();
    material.manifest.question = Some("<!-- kiln:end grid -->".into());
    let text = markdown(&material);
    assert!(
        !text.contains("<!--") && !text.contains("<b>") && !text.contains("</script>"),
        "{text}"
    );
    let spliced =
        splice("<!-- kiln:begin grid -->\n<!-- kiln:end grid -->\n", "grid", &text).unwrap();
    assert!(splice(&spliced, "grid", &text).is_ok(), "a report cannot bring markers of its own");
}

#[test]
fn markdown_is_a_table_with_a_verdict() {
    let mut material = material(3, 4, 100);
    material.trading = None;
    insta::assert_snapshot!(markdown(&material));
}

#[test]
fn a_sweep_without_a_result_is_a_page_too() {
    let mut material = material(2, 3, 100);
    material.runs.iter_mut().for_each(|run| {
        run.result = None;
        run.progress = RunProgress::default();
    });
    material.comparison =
        compare(&material.runs, Objective { metric: METRIC, direction: Direction::Minimize });
    (material.forecasts, material.trading) = (vec![], None);
    let page = page(&material);
    assert!(page.contains("No run has finished") && page.contains("No run has ended an epoch yet"));
    assert!(embedded(&page)["curves"].is_null());
    assert!(markdown(&material).contains("no run has finished"));
}
