//! `kiln backtest`: trades the recorded forecasts of runs, with costs, beside buy and hold.
//!
//! ```text
//! selectors ─ gather: forecasts on bars → Job ──┬─ report: ledger, statistics, frontier → Report
//! arguments ─ arguments: over what was recorded ┘  luck: over all of them
//! Report ─┬ table, frontier_table (a person)
//!         ├ --json
//!         ├ book: --ledger FILE.csv
//!         └ account: for `kiln report`
//! a trial's id ─ trader: gather and ledger of one job, beside the dashboard ─→ equity
//! ```

mod account;
pub(super) mod args;
mod arguments;
mod book;
mod frontier_table;
mod gather;
mod header;
mod luck;
mod report;
mod table;
mod trader;
mod verb;

pub(super) use account::trading;
pub(super) use trader::trader;
pub use verb::run;
