//! Statistics of trades.

use serde::Serialize;

use super::super::trade::Trade;
use super::annual::deviation;

/// Trades, after costs. A trade's return is its profit by the value that was bought into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Trading {
    /// From flat to flat, or to the other side.
    pub trades: usize,
    /// Share of the trades with a profit.
    pub win_rate: Option<f64>,
    /// Highest return of a trade.
    pub best_trade: Option<f64>,
    /// Lowest.
    pub worst_trade: Option<f64>,
    /// Geometric mean of the trades' returns.
    pub mean_trade: Option<f64>,
    /// Arithmetic mean of the trades' returns.
    pub expectancy: Option<f64>,
    /// Of the longest trade.
    pub max_trade_seconds: Option<f64>,
    /// Mean.
    pub mean_trade_seconds: Option<f64>,
    /// Sum of the returns above 0 / sum of those below.
    pub profit_factor: Option<f64>,
    /// √n × mean profit / standard deviation of profits (system quality number: Tharp 2008).
    pub sqn: Option<f64>,
    /// Win rate − (1 − win rate) / (mean profit of winners / mean loss of losers) (Kelly 1956).
    pub kelly: Option<f64>,
}

/// Statistics of trades.
#[must_use]
pub fn trading(trades: &[Trade]) -> Trading {
    if trades.is_empty() {
        return Trading::default();
    }
    let n = trades.len() as f64;
    let shares: Vec<f64> = trades.iter().map(|trade| trade.profit_share).collect();
    let profits: Vec<f64> = trades.iter().map(|trade| trade.profit).collect();
    let seconds: Vec<f64> =
        trades.iter().map(|trade| (trade.exit_ts - trade.entry_ts) as f64 / 1e9).collect();
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let wins: Vec<f64> = profits.iter().copied().filter(|profit| *profit > 0.0).collect();
    let losses: Vec<f64> = profits.iter().copied().filter(|profit| *profit < 0.0).collect();
    let win_rate = wins.len() as f64 / n;
    let gained: f64 = shares.iter().filter(|share| **share > 0.0).sum();
    let lost: f64 = -shares.iter().filter(|share| **share < 0.0).sum::<f64>();
    let growth: f64 = shares.iter().map(|share| (1.0 + share).ln()).sum::<f64>() / n;
    Trading {
        trades: trades.len(),
        win_rate: Some(win_rate),
        best_trade: shares.iter().copied().reduce(f64::max),
        worst_trade: shares.iter().copied().reduce(f64::min),
        mean_trade: shares.iter().all(|share| *share > -1.0).then(|| growth.exp_m1()),
        expectancy: mean(&shares),
        max_trade_seconds: seconds.iter().copied().reduce(f64::max),
        mean_trade_seconds: mean(&seconds),
        profit_factor: (lost > 0.0).then(|| gained / lost),
        sqn: deviation(&profits)
            .filter(|sd| *sd > 0.0)
            .zip(mean(&profits))
            .map(|(sd, mean)| n.sqrt() * mean / sd),
        kelly: mean(&wins)
            .zip(mean(&losses))
            .map(|(win, loss)| win_rate - (1.0 - win_rate) / (win / -loss)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(profit: f64, profit_share: f64, seconds: i64) -> Trade {
        Trade {
            units: 1.0,
            entry_bar: 0,
            exit_bar: 1,
            entry_ts: 0,
            exit_ts: seconds * 1_000_000_000,
            entry_price: 1.0,
            exit_price: 1.0,
            profit,
            profit_share,
            commission: 0.0,
        }
    }

    #[test]
    fn four_trades_by_hand() {
        let found = trading(&[
            trade(20.0, 0.2, 60),
            trade(-10.0, -0.1, 120),
            trade(10.0, 0.1, 60),
            trade(0.0, 0.0, 240),
        ]);
        let near = |found: Option<f64>, want: f64| {
            assert!((found.unwrap() - want).abs() < 1e-12, "{found:?} is not {want}")
        };
        assert_eq!(
            (found.trades, found.win_rate, found.best_trade, found.worst_trade),
            (4, Some(0.5), Some(0.2), Some(-0.1))
        );
        near(found.mean_trade, (1.2_f64 * 0.9 * 1.1).powf(0.25) - 1.0);
        near(found.expectancy, 0.05);
        near(found.profit_factor, 3.0);
        near(found.sqn, 2.0 * 5.0 / (500.0_f64 / 3.0).sqrt());
        near(found.kelly, 0.5 - 0.5 / 1.5);
        assert_eq!((found.max_trade_seconds, found.mean_trade_seconds), (Some(240.0), Some(120.0)));
    }

    #[test]
    fn ratios_over_nothing_are_none() {
        assert_eq!(trading(&[]), Trading::default());
        let winners = trading(&[trade(1.0, 0.1, 1), trade(1.0, 0.1, 1)]);
        assert_eq!((winners.profit_factor, winners.sqn, winners.kelly), (None, None, None));
        assert_eq!(trading(&[trade(-2.0, -1.5, 1)]).mean_trade, None);
    }
}
