//! Tests of the way as a whole, from forecasts to equity.

mod by_hand;
mod properties;

use super::{Calendar, Gap, Ledger, Order, TradedBars, calendar, ledger, orders, weights};
use experiment::{Concession, Costs, Limits, Rule};

const BOTH: Limits = Limits { max_long: 1.0, max_short: 1.0 };
const MINUTE: i64 = 60_000_000_000;

fn bps(bps: f64) -> Concession {
    Concession::Bps { bps }
}

fn free() -> Costs {
    costs(0.0, bps(0.0), bps(0.0))
}

fn costs(commission_bps: f64, half_spread: Concession, slippage: Concession) -> Costs {
    Costs { commission_bps, half_spread, slippage }
}

/// Minutes from 1970 on, in sessions of so many bars with a break in the middle, two sessions a
/// date; prices given.
fn bars(open: &[f64], close: &[f64], session: usize) -> TradedBars {
    let rows = open.len();
    let ts: Vec<i64> =
        (0..rows).map(|row| (row / session * 720 + row % session) as i64 * MINUTE).collect();
    let runs: Vec<_> = (0..rows.div_ceil(session))
        .map(|run| run * session..rows.min((run + 1) * session))
        .collect();
    TradedBars::new(&ts, &vec![0; rows], open, close, &runs, 60)
}

/// A walk of prices, opens near the closes before them.
fn walk(steps: &[(i8, i8)], session: usize) -> TradedBars {
    let mut price = 100.0_f64;
    let (mut open, mut close) = (Vec::new(), Vec::new());
    for (jump, step) in steps {
        open.push(price * (1.0 + f64::from(*jump) * 1e-4));
        price = open[open.len() - 1] * (1.0 + f64::from(*step) * 3e-4);
        close.push(price);
    }
    bars(&open, &close, session)
}

fn calendar_of(bars: &TradedBars) -> Calendar {
    Calendar { sessions_per_year: Some(250.0), ..calendar(&bars.date) }
}

/// What is earned between the fill that a close's decision leads to and the next one.
fn clairvoyant(bars: &TradedBars) -> Vec<f64> {
    let at = |bar: usize| bars.open.get(bar).copied();
    (0..bars.len())
        .map(|bar| at(bar + 1).zip(at(bar + 2)).map_or(f64::NAN, |(fill, next)| next / fill - 1.0))
        .collect()
}

fn traded(bars: &TradedBars, expected: &[f64], costs: &Costs) -> (Vec<Order>, Ledger) {
    let orders = orders(bars, &weights(Rule::Sign, BOTH, expected), Gap::None);
    let ledger = ledger(bars, &orders, costs);
    (orders, ledger)
}
