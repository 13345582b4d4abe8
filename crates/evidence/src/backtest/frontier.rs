//! Many costs at once: what a threshold earns at each of them, and at which cost it earns nothing.
//!
//! What is traded does not depend on what it costs, so the orders of a threshold are made once and
//! traded by [`LANES`] accounts side by side, whose closes are looked at only where something can
//! happen: at a fill, at the end of a day, at ruin. The accounts trade through the same arithmetic
//! as the ledger's, so both agree to the last bit.

use rayon::prelude::*;
use serde::Serialize;

use super::account::{Account, Rates};
use super::bars::{Calendar, Gap, TradedBars};
use super::ledger::START_EQUITY;
use super::order::{Moment, Order, orders};
use super::signal::weights;
use super::stat::{day_returns, sharpe};
use experiment::{Costs, Limits, Rule};

/// Net results over threshold × cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frontier {
    /// One side in all, basis points of the traded value: the columns.
    pub costs_bps: Vec<f64>,
    /// The rows.
    pub thresholds: Vec<ThresholdRow>,
}

/// A threshold, at each cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdRow {
    /// Least expected return that is traded, basis points.
    pub threshold_bps: f64,
    /// Changes of the position.
    pub fills: usize,
    /// The cost of one side at which it earns nothing, basis points; `None` where it earns nothing
    /// even for free.
    pub break_even_bps: Option<f64>,
    /// By cost.
    pub cells: Vec<Cell>,
}

/// A threshold at one cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Final equity over the first, minus 1.
    pub net_return: f64,
    /// Annualised; see [`super::stat`].
    pub sharpe: Option<f64>,
}

/// The frontier of threshold rules over thresholds and costs of one side, all in basis points.
#[must_use]
pub fn frontier(
    bars: &TradedBars,
    calendar: &Calendar,
    expected: &[f64],
    (limits, flat_before): (Limits, Gap),
    thresholds_bps: &[f64],
    costs_bps: &[f64],
) -> Frontier {
    let day_ends = bars.day_ends();
    let rates: Vec<Rates> = costs_bps.iter().map(|&bps| Rates::flat(bps)).collect();
    let row = |&threshold_bps: &f64| {
        let weights = weights(Rule::Threshold { threshold_bps }, limits, expected);
        let orders = orders(bars, &weights, flat_before);
        let blocks: Vec<Vec<Outcome>> =
            rates.par_chunks(LANES).map(|rates| replay(bars, &orders, &day_ends, rates)).collect();
        let cells = blocks.into_iter().flatten().map(|outcome| Cell {
            net_return: outcome.equity / START_EQUITY - 1.0,
            sharpe: sharpe(&day_returns(START_EQUITY, &outcome.day_equity), calendar),
        });
        ThresholdRow {
            threshold_bps,
            fills: orders.len(),
            break_even_bps: break_even_bps(bars, &orders),
            cells: cells.collect(),
        }
    };
    Frontier {
        costs_bps: costs_bps.to_vec(),
        thresholds: thresholds_bps.par_iter().map(row).collect(),
    }
}

/// Final equity over the first, minus 1, of the same orders at each of these costs.
#[must_use]
pub fn net_returns(bars: &TradedBars, orders: &[Order], costs: &[Costs]) -> Vec<f64> {
    let rates: Vec<Rates> = costs.iter().map(Rates::of).collect();
    let blocks: Vec<Vec<Outcome>> =
        rates.par_chunks(LANES).map(|rates| replay(bars, orders, &[], rates)).collect();
    blocks.into_iter().flatten().map(|outcome| outcome.equity / START_EQUITY - 1.0).collect()
}

/// The cost of one side, basis points of the traded value, at which the orders come to a net return
/// of 0; `None` where they earn nothing even for free, or trade nothing.
#[must_use]
pub fn break_even_bps(bars: &TradedBars, orders: &[Order]) -> Option<f64> {
    // Each fill takes its share of equity, so that the logarithm of equity falls nearly in a
    // straight line as costs rise.
    let growth_at = |costs: [f64; LANES]| -> Vec<f64> {
        let outcomes = replay(bars, orders, &[], &costs.map(Rates::flat));
        outcomes.iter().map(|outcome| (outcome.equity.max(0.0) / START_EQUITY).ln()).collect()
    };
    let (mut low, mut high) = ((0.0, 0.0), (f64::INFINITY, f64::NEG_INFINITY));
    let mut costs = LADDER;
    while !orders.is_empty() && low.0 < MOST_BPS {
        for (cost, growth) in costs.into_iter().zip(growth_at(costs)) {
            if growth > 0.0 {
                low = if cost >= low.0 { (cost, growth) } else { low };
            } else {
                high = if cost < high.0 { (cost, growth) } else { high };
            }
        }
        if low.1 <= 0.0 {
            return None;
        }
        let width = high.0 - low.0;
        let between = low.0 + width * low.1 / (low.1 - high.1);
        costs = match (width.is_finite(), between > low.0) {
            (true, true) if width <= STRAIGHT * high.0 => return Some(between),
            (true, true) => NEAR.map(|offset| (between + offset * width).clamp(low.0, high.0)),
            // Somebody is ruined: there is no line.
            (true, false) if width <= 1e-9 * high.0 => return Some(low.0),
            (true, false) => {
                std::array::from_fn(|lane| low.0 + width * (lane + 1) as f64 / (LANES + 1) as f64)
            }
            (false, _) => LADDER.map(|step| low.0 * (1.0 + step)),
        };
    }
    None
}

/// Costs to begin with, basis points.
const LADDER: [f64; LANES] = [0.0, 0.5, 2.0, 10.0];
/// Around where a straight line meets 0, in widths of what is known to hold it.
const NEAR: [f64; LANES] = [-1e-2, -1e-4, 1e-4, 1e-2];
/// Within this share of the cost itself the line is straight to far more digits than anyone reads.
const STRAIGHT: f64 = 1e-3;
/// Nobody trades at a cost of all that is traded.
const MOST_BPS: f64 = 10_000.0;

/// Accounts that trade side by side.
const LANES: usize = 4;

/// What an account came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub equity: f64,
    /// At the end of each day that was asked for.
    pub day_equity: Vec<f64>,
}

struct Lanes {
    cash: [f64; LANES],
    units: [f64; LANES],
    /// 1, and 0 once equity is gone.
    alive: [f64; LANES],
    rates: [Rates; LANES],
}

/// Trades the orders at up to [`LANES`] rates; as [`super::ledger()`], without the book.
pub(super) fn replay(
    bars: &TradedBars,
    orders: &[Order],
    day_ends: &[usize],
    rates: &[Rates],
) -> Vec<Outcome> {
    let mut lanes = Lanes {
        cash: [START_EQUITY; LANES],
        units: [0.0; LANES],
        alive: [1.0; LANES],
        rates: std::array::from_fn(|lane| rates.get(lane).copied().unwrap_or_default()),
    };
    let mut days: Vec<[f64; LANES]> = Vec::with_capacity(day_ends.len());
    let mut next_days = day_ends.iter().peekable();
    let mut marked = 0;
    let mut mark_to = |lanes: &mut Lanes, bar: usize| {
        while let Some(&end) = next_days.next_if(|end| **end < bar) {
            lanes.mark(&bars.close[marked..=end]);
            marked = end + 1;
            days.push(std::array::from_fn(|lane| lanes.account(lane).equity(bars.close[end])));
        }
        lanes.mark(&bars.close[marked..bar]);
        marked = bar;
    };
    for order in orders {
        mark_to(&mut lanes, order.bar);
        let mid = match order.at {
            Moment::Open => bars.open[order.bar],
            Moment::Close => bars.close[order.bar],
        };
        lanes.fill(order.weight, mid);
    }
    mark_to(&mut lanes, bars.len());
    let last_close = bars.close.last().copied().unwrap_or_default();
    (0..rates.len())
        .map(|lane| Outcome {
            equity: lanes.account(lane).equity(last_close),
            day_equity: days.iter().map(|equity| equity[lane]).collect(),
        })
        .collect()
}

impl Lanes {
    #[inline]
    fn account(&self, lane: usize) -> Account {
        Account { cash: self.cash[lane], units: self.units[lane] }
    }

    fn fill(&mut self, weight: f64, mid: f64) {
        for lane in 0..LANES {
            let mut account = self.account(lane);
            let alive = if account.equity(mid) > 0.0 { self.alive[lane] } else { 0.0 };
            account.trade_to(weight * alive, mid, &self.rates[lane]);
            self.alive[lane] = if account.equity(mid) > 0.0 { alive } else { 0.0 };
            (self.cash[lane], self.units[lane]) = (account.cash, account.units);
        }
    }

    /// Goes through closes without a fill; where equity is gone at one of them, the lane is closed
    /// there.
    fn mark(&mut self, closes: &[f64]) {
        if self.units == [0.0; LANES] {
            return;
        }
        // Equity is least where the price is, or highest for who is short.
        let (mut lowest, mut highest) = (f64::INFINITY, 0.0_f64);
        for close in closes {
            (lowest, highest) = (lowest.min(*close), highest.max(*close));
        }
        for lane in 0..LANES {
            let account = self.account(lane);
            if account.equity(if account.units < 0.0 { highest } else { lowest }) <= 0.0 {
                self.close_where_gone(lane, closes);
            }
        }
    }

    #[cold]
    fn close_where_gone(&mut self, lane: usize, closes: &[f64]) {
        let mut account = self.account(lane);
        let gone = closes.iter().find(|close| account.equity(**close) <= 0.0);
        if let Some(&close) = gone.filter(|_| self.alive[lane] > 0.0) {
            account.trade_to(0.0, close, &self.rates[lane]);
            (self.cash[lane], self.units[lane], self.alive[lane]) =
                (account.cash, account.units, 0.0);
        }
    }
}
