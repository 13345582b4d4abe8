//! The backtest against backtesting.py and vectorbt on the same bars and decisions
//! (`scripts/backtest_fixtures.py`), and the verb from one end to the other.

mod verb;

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
