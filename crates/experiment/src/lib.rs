//! TOML → [`Experiment`]: wire types mirror the file, validated types cannot be wrong; every
//! mistake of a file is reported at once.
//!
//! ```text
//! text + --set ─ tree: nodes with spans ─ key: type and range of each value ─→ Wire ─ validate ─┐
//!                                       └ domains, strategy ─→ Space, Strategy                  │
//!                                        Settings ←─ what must fit together ────────────────────┘
//! ```
//!
//! One table, [`keys`], says of every key what it takes, its default and what it is for. It checks
//! the file, `--set` arguments and the values of a sweep's assignments alike, and the JSON Schema
//! and the book's table are made from it.

mod backtest;
mod diagnostic;
mod domains;
mod dotted;
pub mod event;
mod experiment;
pub mod feature;
mod file;
mod fit;
mod key;
mod lane;
pub mod metric;
mod mistake;
mod overrides;
pub mod plan;
mod range;
mod rules;
mod schema;
pub mod search;
pub mod seed;
mod settings;
pub mod space;
mod strategy;
mod suggest;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod timestamps;
mod tree;
pub mod trial;
mod validate;
mod wire;

pub use backtest::{Backtest, Concession, Costs, FlatAt, Limits, Rule};
pub use diagnostic::{Color, Diagnostic, Diagnostics};
pub use dotted::leaves;
pub use experiment::{Experiment, Objective, Strategy};
pub use key::{KeyDoc, keys};
pub use schema::schema;
pub use settings::{
    BarLabel, Columns, Data, Format, Model, ModelKind, Optimizer, Scale, Scaler, Settings, Signal,
    Source, Split, Synthetic, Target, TargetKind, Train, TrainRows, Volatility, WalkForward,
};
pub use timestamps::{EpochUnit, TsAmbiguous, TsFormat};
pub use wire::Wire;
