//! The ledger: every fill booked, every bar marked.

use serde::Serialize;

use super::account::{Account, Rates};
use super::bars::TradedBars;
use super::order::{Moment, Order};
use experiment::Costs;

/// Money at the start, as in backtesting.py. Everything is in proportion to it: no statistic
/// depends on it.
pub const START_EQUITY: f64 = 10_000.0;

/// A trade on one side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fill {
    /// At which bar.
    pub bar: usize,
    /// At which of its prices.
    pub at: Moment,
    /// Units bought; negative where sold.
    pub units: f64,
    /// Units held after it.
    pub position: f64,
    /// The bar's own price.
    pub mid: f64,
    /// What was paid for a unit, or got: the middle price and the concessions.
    pub price: f64,
    /// Money.
    pub commission: f64,
    /// Money lost to the half-spread.
    pub half_spread: f64,
    /// Money lost to slippage.
    pub slippage: f64,
    /// Equity at the middle price, before the fill.
    pub equity_before: f64,
}

impl Fill {
    /// What the fill cost, money.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.commission + self.half_spread + self.slippage
    }
}

/// What an account went through: `cash + units × close = equity` at every bar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// After each bar's close.
    pub cash: Vec<f64>,
    /// Held after each bar's close.
    pub units: Vec<f64>,
    /// Held during each bar, after what was traded at its open.
    pub units_within: Vec<f64>,
    /// At each bar's close.
    pub equity: Vec<f64>,
    /// In order.
    pub fills: Vec<Fill>,
    /// The bar at which equity was gone.
    pub ruined: Option<usize>,
}

/// Trades the orders, which are those of [`super::orders`] or [`super::buy_and_hold`] for this
/// bars.
#[must_use]
pub fn ledger(bars: &TradedBars, orders: &[Order], costs: &Costs) -> Ledger {
    let rates = Rates::of(costs);
    let mut account = Account { cash: START_EQUITY, units: 0.0 };
    let mut ledger = Ledger::default();
    let mut next = orders.iter().peekable();
    for bar in 0..bars.len() {
        for at in [Moment::Open, Moment::Close] {
            if at == Moment::Close {
                ledger.units_within.push(account.units);
            }
            let order = next.next_if(|order| order.bar == bar && order.at == at);
            let mid = match at {
                Moment::Open => bars.open[bar],
                Moment::Close => bars.close[bar],
            };
            let equity = account.equity(mid);
            let is_mark = at == Moment::Close;
            if (order.is_some() || is_mark) && equity <= 0.0 {
                ledger.ruined = ledger.ruined.or(Some(bar));
            }
            let weight = match (order, ledger.ruined) {
                (Some(order), None) => order.weight,
                (_, Some(_)) if account.units != 0.0 => 0.0,
                _ => continue,
            };
            let traded = account.trade_to(weight, mid, &rates);
            let (half_spread, slippage) = (costs.half_spread.at(mid), costs.slippage.at(mid));
            ledger.fills.push(Fill {
                bar,
                at,
                units: traded.units,
                position: account.units,
                mid,
                price: traded.price,
                commission: traded.commission,
                half_spread: traded.units.abs() * half_spread,
                slippage: traded.units.abs() * slippage,
                equity_before: equity,
            });
            // Costs may take what was left.
            if account.equity(mid) <= 0.0 {
                ledger.ruined = ledger.ruined.or(Some(bar));
            }
        }
        ledger.cash.push(account.cash);
        ledger.units.push(account.units);
        ledger.equity.push(account.equity(bars.close[bar]));
    }
    ledger
}
