//! `kiln predict`: forecasts of bars with a run's best weights or a saved model, with their
//! interval, in the target's own unit.
//!
//! ```text
//! RUN|MODEL ─ found ─→ Forecaster ─┬─ a file: every window at once ──────→ rows ─→ written: CSV,
//! --data ─ bars (how to read it) ──┤                                               JSON, Parquet
//!                                  └─ '-': live, line in, forecast out ──→ rows ─→ CSV, JSON lines
//! ```

pub(super) mod args;
mod bars;
mod flags;
mod found;
mod live;
mod parquet;
mod row;
mod verb;
mod written;

pub use verb::run;
