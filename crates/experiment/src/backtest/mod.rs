//! `[backtest]`: from what is written (in a file, or given to `kiln backtest`) to what is valid.

mod settings;
mod validate;
mod wire;

pub use settings::{Backtest, Concession, Costs, FlatAt, Limits, Rule};
pub(super) use validate::validate;
pub(super) use wire::{WireBacktest, WireConcession, WireCosts, WireRule};
