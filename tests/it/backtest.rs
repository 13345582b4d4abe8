//! The backtest against backtesting.py and vectorbt on the same bars and decisions
//! (`scripts/backtest_fixtures.py`), and the verb from one end to the other.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kiln::backtest::{
    Calendar, Gap, Ledger, START_EQUITY, Statistics, Trade, TradedBars, ledger, orders, stat,
    statistics, trades,
};
use kiln::experiment::{Concession, Costs};
use serde_json::Value;

/// What another program made of the same bars, and what the ledger makes of them.
struct Both {
    theirs: Value,
    traded: TradedBars,
    ledger: Ledger,
    trades: Vec<Trade>,
    statistics: Statistics,
}

fn both(name: &str) -> Both {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backtest").join(name);
    let theirs: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let column = |place: usize| -> Vec<f64> {
        theirs["bars"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bar| bar[place].as_f64().unwrap_or(f64::NAN))
            .collect()
    };
    let ts: Vec<i64> = column(0).iter().map(|seconds| *seconds as i64 * 1_000_000_000).collect();
    let rows = ts.len();
    #[expect(clippy::single_range_in_vec_init, reason = "one run is what is meant")]
    let traded = TradedBars::new(&ts, &vec![0; rows], &column(1), &column(2), &[0..rows], 3600);
    let orders = orders(&traded, &column(3), Gap::None);
    let side = |name: &str| theirs[name].as_f64().unwrap() * 1e4;
    let costs = Costs {
        commission_bps: side("commission"),
        half_spread: Concession::Bps { bps: 0.0 },
        slippage: Concession::Bps { bps: side("slippage") },
    };
    let ledger = ledger(&traded, &orders, &costs);
    let calendar = Calendar { sessions: 60, sessions_per_year: Some(252.0), bars_per_session: 4.0 };
    let statistics = statistics(&traded, &calendar, &orders, &ledger).unwrap();
    let trades = trades(&traded, &ledger.fills);
    Both { theirs, traded, ledger, trades, statistics }
}

impl Both {
    fn stat(&self, name: &str) -> f64 {
        self.theirs["stats"][name].as_f64().unwrap_or_else(|| panic!("{name}"))
    }

    /// Equity at every bar and every number of every trade.
    fn agree(&self, tolerance: f64) {
        let near = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs().max(1.0);
        let theirs: Vec<f64> = self.theirs["equity"]
            .as_array()
            .unwrap()
            .iter()
            .map(|equity| equity.as_f64().unwrap())
            .collect();
        assert_eq!(theirs.len(), self.ledger.equity.len());
        for (bar, (ours, theirs)) in self.ledger.equity.iter().zip(&theirs).enumerate() {
            assert!(near(*ours, *theirs), "equity at bar {bar}: {ours}, theirs {theirs}");
        }
        let their_trades = self.theirs["trades"].as_array().unwrap();
        assert_eq!(their_trades.len(), self.trades.len());
        for (ours, theirs) in self.trades.iter().zip(their_trades) {
            let bars = [ours.entry_bar as f64, ours.exit_bar as f64];
            let numbers =
                [ours.units, ours.entry_price, ours.exit_price, ours.profit, ours.profit_share];
            for (ours, theirs) in bars.iter().chain(&numbers).zip(theirs.as_array().unwrap()) {
                assert!(near(*ours, theirs.as_f64().unwrap()), "{ours}, theirs {theirs}");
            }
        }
    }
}

fn assert_near(name: &str, ours: Option<f64>, theirs: f64) {
    let ours = ours.unwrap_or_else(|| panic!("{name} is undefined"));
    assert!(
        (ours - theirs).abs() <= 1e-8 * theirs.abs().max(1.0),
        "{name}: {ours}, theirs {theirs}"
    );
}

#[test]
fn equity_trades_and_statistics_are_those_of_backtesting_py() {
    let both = both("backtesting_py.json");
    both.agree(1e-9);
    let Statistics { annual, market, drawdowns, trading, .. } = &both.statistics;
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    let same: [(&str, Option<f64>); 19] = [
        ("Return [%]", percent(Some(both.statistics.net_return))),
        ("Equity Peak [$]", Some((1.0 + both.statistics.peak_return) * START_EQUITY)),
        ("Commissions [$]", Some(both.statistics.costs.commission * START_EQUITY)),
        ("Buy & Hold Return [%]", percent(market.market_return)),
        ("CAGR [%]", percent(annual.cagr)),
        ("Alpha [%]", percent(market.alpha)),
        ("Beta", market.beta),
        ("Max. Drawdown [%]", percent(Some(-drawdowns.max_drawdown))),
        ("Avg. Drawdown [%]", percent(drawdowns.mean_drawdown.map(|share| -share))),
        ("Max. Drawdown Duration", drawdowns.max_drawdown_seconds),
        ("# Trades", Some(trading.trades as f64)),
        ("Win Rate [%]", percent(trading.win_rate)),
        ("Best Trade [%]", percent(trading.best_trade)),
        ("Worst Trade [%]", percent(trading.worst_trade)),
        ("Avg. Trade [%]", percent(trading.mean_trade)),
        ("Expectancy [%]", percent(trading.expectancy)),
        ("Profit Factor", trading.profit_factor),
        ("SQN", trading.sqn),
        ("Kelly Criterion", trading.kelly),
    ];
    for (name, ours) in same {
        assert_near(name, ours, both.stat(name));
    }
    // Means of durations are rounded up to their bar's unit there.
    let hours = |seconds: Option<f64>| seconds.map(|seconds| (seconds / 3600.0).ceil() * 3600.0);
    assert_near(
        "Avg. Drawdown Duration",
        hours(drawdowns.mean_drawdown_seconds),
        both.stat("Avg. Drawdown Duration"),
    );
    assert_near(
        "Avg. Trade Duration",
        hours(trading.mean_trade_seconds),
        both.stat("Avg. Trade Duration"),
    );
    assert_near("Max. Trade Duration", trading.max_trade_seconds, both.stat("Max. Trade Duration"));
}

/// What deviates (`kiln::backtest::stat` says why), computed as backtesting.py does, from our own
/// equity.
#[test]
fn what_deviates_from_backtesting_py_deviates_as_documented() {
    let both = both("backtesting_py.json");
    let days: Vec<f64> =
        both.traded.day_ends().iter().map(|&bar| both.ledger.equity[bar]).collect();
    // Without the first day's return.
    let returns = &stat::day_returns(START_EQUITY, &days)[1..];
    let n = returns.len() as f64;
    let growth = returns.iter().map(|r| (1.0 + r).ln()).sum::<f64>() / n;
    let mean = returns.iter().sum::<f64>() / n;
    let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let year = 252.0;
    let annual = (growth * year).exp() - 1.0;
    let volatility =
        ((variance + (2.0 * growth).exp()).powf(year) - (2.0 * growth * year).exp()).sqrt();
    let below = (returns.iter().map(|r| r.min(0.0).powi(2)).sum::<f64>() / n).sqrt();
    assert_near("annual return", Some(annual * 100.0), both.stat("Return (Ann.) [%]"));
    assert_near("volatility", Some(volatility * 100.0), both.stat("Volatility (Ann.) [%]"));
    assert_near("Sharpe", Some(annual / volatility), both.stat("Sharpe Ratio"));
    assert_near("Sortino", Some(annual / (below * year.sqrt())), both.stat("Sortino Ratio"));
    assert_near(
        "Calmar",
        Some(annual / both.statistics.drawdowns.max_drawdown),
        both.stat("Calmar Ratio"),
    );
    // The bar at whose open it is sold counts there.
    let within = |bar: usize| {
        both.trades.iter().any(|trade| (trade.entry_bar..=trade.exit_bar).contains(&bar))
    };
    let exposure =
        (0..both.traded.len()).filter(|&bar| within(bar)).count() as f64 / both.traded.len() as f64;
    assert_near("exposure", Some(exposure * 100.0), both.stat("Exposure Time [%]"));
    assert!(both.statistics.exposure < exposure);
}

#[test]
fn slippage_and_commission_of_vectorbt_come_to_the_same_equity() {
    let both = both("vectorbt.json");
    both.agree(1e-11);
    assert_near(
        "total return",
        Some(both.statistics.net_return * 100.0),
        both.stat("Total Return [%]"),
    );
    assert_near(
        "drawdown",
        Some(-both.statistics.drawdowns.max_drawdown * 100.0),
        both.stat("Max Drawdown [%]"),
    );
    assert_near(
        "win rate",
        both.statistics.trading.win_rate.map(|share| share * 100.0),
        both.stat("Win Rate [%]"),
    );
    // Of profits there, of returns here.
    let sum =
        |sign: f64| both.trades.iter().map(|trade| (trade.profit * sign).max(0.0)).sum::<f64>();
    assert_near("profit factor", Some(sum(1.0) / sum(-1.0)), both.stat("Profit Factor"));
}

const EXPERIMENT: &str = r#"
name = "small"
[data]
synthetic = { bars = 2400, beta2 = 0.1, volatility = "constant" }
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[model]
num_layers = 1
[train]
epochs = 3
early_stopping = false
schedule = { kind = "constant" }
[sweep.space]
"model.hidden_size" = [4, 8]
"#;

const COSTS: &str = "\n[backtest]\ncosts = \
    { commission_bps = 0.1, half_spread = \"0.2 bps\", slippage = \"0 bps\" }\n";

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
