//! Forecasts → positions → fills with costs → equity and statistics.
//!
//! ```text
//! forecasts ─ signal: expected return → weight ─ order: when and to what ─┐
//! bars: gaps, dates ──────────────────────────────────────────────────────┤
//!            ┌────────────────────────────────────────────────────────────┘
//!            ├ ledger: every fill booked → trades → stat ─→ Statistics
//!            └ frontier: many costs at once, equal to the ledger
//! ```
//!
//! # Conventions
//!
//! * **Time.** A forecast is known at the close of its bar `t`. What it asks for is filled at the
//!   open of bar `t + 1`, never earlier. Where positions are not held over the gap that follows bar
//!   `t`, they are closed at the close of bar `t` (an order at the close, placed before it: when a
//!   session ends is known), and what bar `t`'s forecast asks for is dropped. After the last bar
//!   nothing is held: what is open is closed at its close.
//! * **Position.** A target is a weight: a share of equity, with its sign. A fill happens only
//!   where the target changes; between two fills the number of units stays, so the weight drifts
//!   with the price, as in backtesting.py and vectorbt. A bar without a forecast changes nothing.
//!   Units are not rounded to whole contracts.
//! * **Size.** The fill is of the size after which, its own costs paid, `units × open = weight ×
//!   equity`. A limit of 1 is therefore never exceeded by costs, and for a purchase from cash it is
//!   what backtesting.py and vectorbt buy with all of it.
//! * **Price.** Bought at `open + half-spread + slippage`, sold at `open − half-spread − slippage`;
//!   the commission is a share of the units times that price, on each side.
//! * **Ruin.** Equity of 0 or less at a close (or at an open with a fill) closes everything there,
//!   and nothing is traded after it. Debt stays debt; it is not set to 0.
//! * **Undefined is `None`.**
//!
//! The statistics are those of backtesting.py; where they deviate from it, and why, is said
//! in [`stat`]. Knows no files, no store and no Polars.

mod account;
mod bars;
mod frontier;
mod ledger;
mod order;
mod signal;
pub mod stat;
mod statistics;
#[cfg(test)]
mod tests;
mod trade;

pub use bars::{Calendar, Gap, TradedBars, calendar};
pub use frontier::{Cell, Frontier, ThresholdRow, break_even_bps, frontier, net_returns};
pub use ledger::{Fill, Ledger, START_EQUITY, ledger};
pub use order::{Moment, Order, buy_and_hold, orders};
pub use signal::{Untradable, expected_returns, weights};
pub use statistics::{CostSums, Statistics, statistics};
pub use trade::{Trade, trades};
