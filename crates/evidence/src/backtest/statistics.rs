//! Everything about one ledger in one statistics.

use serde::Serialize;

use super::bars::{Calendar, TradedBars};
use super::frontier::{break_even_bps, net_returns};
use super::ledger::{Fill, Ledger, START_EQUITY};
use super::order::Order;
use super::stat::{Annual, Drawdowns, Market, Trading, annual, drawdowns, market, trading};
use super::trade::trades;
use experiment::{Concession, Costs};

/// The statistics of a backtest; shares, not percent. See [`super::stat`] for definitions and
/// sources.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Start of the first bar, nanoseconds since 1970 UTC.
    pub start_ts: i64,
    /// Start of the last bar.
    pub end_ts: i64,
    /// Bars.
    pub bars: usize,
    /// Dates.
    pub sessions: usize,
    /// Share of the bars within which something was held.
    pub exposure: f64,
    /// Final equity over the first, minus 1.
    pub net_return: f64,
    /// The same, had trading been free.
    pub gross_return: f64,
    /// Highest equity over the first, minus 1.
    pub peak_return: f64,
    /// What was paid, in shares of the first equity.
    pub costs: CostSums,
    /// Traded value by equity, a session's mean: 2 is in and out with all of it once a session.
    pub turnover_per_session: f64,
    /// Changes of the position.
    pub fills: usize,
    /// The cost of one side at which the net return is 0, basis points; `None` where it is not
    /// above 0 even for free.
    pub break_even_bps: Option<f64>,
    /// The bar at which equity was gone, if it was.
    pub ruined_at: Option<usize>,
    /// Return and risk per year.
    #[serde(flatten)]
    pub annual: Annual,
    /// Beside buy and hold.
    #[serde(flatten)]
    pub market: Market,
    /// Falls from the highest equity.
    #[serde(flatten)]
    pub drawdowns: Drawdowns,
    /// Trades.
    #[serde(flatten)]
    pub trading: Trading,
}

/// What trading cost, in shares of the first equity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CostSums {
    /// What was paid to the broker.
    pub commission: f64,
    /// Half of the spread.
    pub half_spread: f64,
    /// Prices worse than those quoted.
    pub slippage: f64,
}

impl CostSums {
    /// In all.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.commission + self.half_spread + self.slippage
    }
}

/// The statistics of a ledger that came of these orders; `None` of no bars.
#[must_use]
pub fn statistics(
    bars: &TradedBars,
    calendar: &Calendar,
    orders: &[Order],
    ledger: &Ledger,
) -> Option<Statistics> {
    let (&start_ts, &end_ts, &last) = bars
        .ts
        .first()
        .zip(bars.ts.last())
        .zip(ledger.equity.last())
        .map(|((a, b), c)| (a, b, c))?;
    let share = |money: f64| money / START_EQUITY;
    let day_ends = bars.day_ends();
    let day_equity: Vec<f64> = day_ends.iter().map(|&bar| ledger.equity[bar]).collect();
    let net_return = share(last) - 1.0;
    let drawdowns = drawdowns(&bars.ts, &ledger.equity);
    let held = ledger.units_within.iter().filter(|units| **units != 0.0).count();
    // A sum of nothing is 0, not −0.
    let booked =
        |of: fn(&Fill) -> f64| share(ledger.fills.iter().fold(0.0, |sum, fill| sum + of(fill)));
    let traded = |fill: &Fill| fill.units.abs() * fill.mid / fill.equity_before;
    Some(Statistics {
        start_ts,
        end_ts,
        bars: bars.len(),
        sessions: day_ends.len(),
        exposure: held as f64 / bars.len() as f64,
        net_return,
        gross_return: net_returns(bars, orders, &[FREE]).first().copied().unwrap_or_default(),
        peak_return: ledger.equity.iter().map(|&equity| share(equity) - 1.0).fold(0.0, f64::max),
        costs: CostSums {
            commission: booked(|fill| fill.commission),
            half_spread: booked(|fill| fill.half_spread),
            slippage: booked(|fill| fill.slippage),
        },
        turnover_per_session: ledger
            .fills
            .iter()
            .filter(|fill| fill.equity_before > 0.0)
            .fold(0.0, |sum, fill| sum + traded(fill))
            / day_ends.len() as f64,
        fills: ledger.fills.len(),
        break_even_bps: break_even_bps(bars, orders),
        ruined_at: ledger.ruined,
        annual: annual(
            START_EQUITY,
            &day_equity,
            calendar,
            (end_ts - start_ts) as f64 / 1e9,
            drawdowns.max_drawdown,
        ),
        market: market(net_return, &ledger.equity, &bars.close),
        drawdowns,
        trading: trading(&trades(bars, &ledger.fills)),
    })
}

const FREE: Costs = Costs {
    commission_bps: 0.0,
    half_spread: Concession::Bps { bps: 0.0 },
    slippage: Concession::Bps { bps: 0.0 },
};
