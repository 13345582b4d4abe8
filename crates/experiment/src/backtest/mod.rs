//! `[backtest]`: from what is written (in a file, or given to `kiln backtest`) to what is believed.

mod believe;
mod settings;
mod wire;

pub(super) use believe::believe;
pub use settings::{Backtest, Concession, Costs, FlatAt, Limits, Rule};
pub(super) use wire::{WireBacktest, WireConcession, WireCosts, WireRule};
