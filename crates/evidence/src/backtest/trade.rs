//! Fills → trades: from flat to flat, or to the other side.

use serde::Serialize;

use super::bars::TradedBars;
use super::ledger::Fill;
use super::order::Moment;

/// A round trip. A position that grows or shrinks on its way is one trade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trade {
    /// Units bought into it in all; negative for a short trade.
    pub units: f64,
    /// Bar of the first fill.
    pub entry_bar: usize,
    /// Bar of the last fill.
    pub exit_bar: usize,
    /// When it was entered, nanoseconds since 1970 UTC.
    pub entry_ts: i64,
    /// When it was left.
    pub exit_ts: i64,
    /// Mean price of what was bought into it (sold, for a short trade).
    pub entry_price: f64,
    /// Mean price of the way back.
    pub exit_price: f64,
    /// Profit after costs, money.
    pub profit: f64,
    /// Profit by the value that was bought into it, at its prices.
    pub profit_share: f64,
    /// Commissions, money; half-spread and slippage are in the prices.
    pub commission: f64,
}

/// A trade that is not over.
#[derive(Clone, Copy, Default)]
struct Open {
    entry: (usize, i64),
    entered: f64,
    entered_value: f64,
    left_value: f64,
    commission: f64,
}

/// The trades of fills in order, which end flat.
#[must_use]
pub fn trades(bars: &TradedBars, fills: &[Fill]) -> Vec<Trade> {
    let mut trades = Vec::new();
    let mut open = Open::default();
    let mut before = 0.0;
    for fill in fills.iter().filter(|fill| fill.units != 0.0) {
        let now = (fill.bar, time(bars, fill));
        // A fill that crosses zero ends one trade and begins another; its commission is shared by
        // units.
        let crosses = before * fill.position < 0.0;
        let parts = if crosses {
            [(-before, 0.0), (fill.position, fill.position)]
        } else {
            [(fill.units, fill.position), (0.0, 0.0)]
        };
        for (units, position) in parts.into_iter().filter(|(units, _)| *units != 0.0) {
            if open.entered == 0.0 {
                open.entry = now;
            }
            open.take(units, fill.price, fill.commission * (units / fill.units));
            if position == 0.0 {
                trades.push(open.closed(now));
                open = Open::default();
            }
        }
        before = fill.position;
    }
    trades
}

/// A close is at its bar's end.
fn time(bars: &TradedBars, fill: &Fill) -> i64 {
    match fill.at {
        Moment::Open => bars.ts[fill.bar],
        Moment::Close => bars.ts[fill.bar] + i64::from(bars.bar_seconds) * 1_000_000_000,
    }
}

impl Open {
    fn take(&mut self, units: f64, price: f64, commission: f64) {
        if self.entered * units < 0.0 {
            self.left_value += units * price;
        } else {
            self.entered += units;
            self.entered_value += units * price;
        }
        self.commission += commission;
    }

    fn closed(&self, (exit_bar, exit_ts): (usize, i64)) -> Trade {
        let profit = -(self.entered_value + self.left_value) - self.commission;
        Trade {
            units: self.entered,
            entry_bar: self.entry.0,
            exit_bar,
            entry_ts: self.entry.1,
            exit_ts,
            entry_price: self.entered_value / self.entered,
            exit_price: -self.left_value / self.entered,
            profit,
            profit_share: profit / self.entered_value.abs(),
            commission: self.commission,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::Gap;

    fn bars() -> TradedBars {
        let column = vec![100.0; 6];
        let ts = (0..6).map(|bar| bar * 60_000_000_000).collect();
        TradedBars {
            ts,
            date: vec![0; 6],
            open: column.clone(),
            close: column,
            gap_after: vec![Gap::None; 6],
            bar_seconds: 60,
        }
    }

    fn fill(bar: usize, units: f64, position: f64, price: f64, commission: f64) -> Fill {
        let (half_spread, slippage) = (0.0, 0.0);
        Fill {
            bar,
            at: Moment::Open,
            units,
            position,
            mid: price,
            price,
            commission,
            half_spread,
            slippage,
            equity_before: 1000.0,
        }
    }

    #[test]
    fn a_trade_is_from_flat_to_flat_whatever_happens_between() {
        let fills = [
            fill(0, 2.0, 2.0, 100.0, 1.0),
            fill(1, 2.0, 4.0, 110.0, 1.0),
            fill(2, -1.0, 3.0, 120.0, 0.5),
            fill(4, -3.0, 0.0, 130.0, 1.5),
        ];
        let [trade] = trades(&bars(), &fills)[..] else { panic!() };
        assert_eq!((trade.units, trade.entry_bar, trade.exit_bar), (4.0, 0, 4));
        assert_eq!((trade.entry_price, trade.exit_price, trade.commission), (105.0, 127.5, 4.0));
        assert_eq!((trade.profit, trade.profit_share), (86.0, 86.0 / 420.0));
        assert_eq!(trade.exit_ts - trade.entry_ts, 4 * 60_000_000_000);
    }

    #[test]
    fn a_reversal_ends_one_trade_and_begins_another_and_shares_its_commission() {
        let close = Fill { at: Moment::Close, ..fill(3, 2.0, 0.0, 90.0, 2.0) };
        let found = trades(
            &bars(),
            &[fill(0, 1.0, 1.0, 100.0, 1.0), fill(2, -3.0, -2.0, 95.0, 3.0), close],
        );
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].profit, found[0].commission), (-7.0, 2.0));
        assert_eq!((found[1].units, found[1].profit, found[1].commission), (-2.0, 6.0, 4.0));
        assert_eq!(found[1].exit_ts - found[1].entry_ts, 2 * 60_000_000_000);
    }
}
