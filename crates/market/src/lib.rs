//! File → bars → features → split → scaled series → window index; or bars as they come → windows.
//! The only module that names Polars, besides the Parquet tables of the store and of `predict`.
//!
//! ```text
//! source ─┬ text → csv ──┐                                 ┌ window (runs, split, embargo)
//!         ├ parquet ─────┼→ table → clean → bars ─ feature ┼ scaling (training rows) ─→ Prepared
//!         └ synthetic ───┘  (timestamp, zone, columns)     └ target (and persistence)
//! ```
//!
//! # What is used
//!
//! The last `rows` bars; of their feature columns the leading rows in which a feature is still
//! warming up are dropped, all the rest are the rows of the series. Features look back across gaps
//! (a moving average of the first bar of a day knows the day before); windows and targets do not,
//! unless `cross_gaps`.
//!
//! # Windows and splits
//!
//! A run is a stretch of rows each `bar_seconds` after the one before, or as long by the local
//! clock where that was changed in between: a day of 23 hours is a day. Between runs lies a gap. A
//! window is named by its last row `t`. It exists when rows `t-L+1 ..= t+h` (window L, horizon h)
//! lie in one run and its target and its persistence are defined.
//!
//! Rows are split by time. Of `N` rows the last `round(N·test)` are the test rows, the
//! `round(N·valid)` before them the validation rows, the rest the training rows. The last `embargo`
//! rows of a split that is followed by another one are left out: no window of it ends there. What
//! keeps splits apart is then a fact about rows: every row that a window uses, from its first row
//! to its last target row, comes after every row that a window of an earlier split uses. With the
//! default embargo of window + horizon rows the first validation window ends at the first
//! validation row whatever the window's length, so trials with different windows are measured over
//! the same rows; with a smaller embargo the windows that would touch are left out.
//!
//! Training windows start every `step` rows, counted from the start of their run; validation and
//! test use every window.
//!
//! # Walk-forward folds
//!
//! A walk-forward split has F blocks of `round(N·valid)` validation rows each, one after the other,
//! the last before the test rows. The data of a trial is that of one fold: its block, and the rows
//! before it, all of them (expanding) or the last, as many as the first fold has (rolling), less
//! the embargo. Its scalers and its baselines are fitted on its own training windows. Blocks follow
//! one another without a gap: a window's target may lie in the next block, which the fold's model
//! never sees. So the validation windows of all folds together are those of one long stretch, and
//! the embargo is lost once, before the test rows; with an embargo smaller than window + horizon
//! each block loses the windows that begin in its training rows.
//!
//! # Bars as they come
//!
//! Lines of a CSV that is still being written ([`BarLines`]) become windows ([`WindowStream`]) one
//! bar at a time, with the bits that a file of the same bars gives: every feature is one state that
//! is shown bar after bar ([`FeatureState`]), and a column is such a state over a whole file.
//! Cleaning is where the two differ: a file is sorted and loses its exact duplicates, a stream
//! refuses both; and what a timestamp alone does not tell (digits that may be a clock or an epoch,
//! an hour that is shown twice), a file tells by all of its rows, a stream by the bar before.

mod bars;
mod baseline;
mod checked;
mod clean;
mod clock;
mod columns;
mod csv;
mod digits;
mod feature;
mod inputs;
mod known;
mod leakcheck;
mod length;
#[cfg(test)]
mod misreads;
mod parquet;
mod prepare;
mod prepared;
mod problem;
mod report;
mod row;
mod scaling;
mod source;
mod spelling;
mod stamps;
mod step;
mod stream;
pub mod synthetic;
mod table;
mod target;
mod text;
mod timestamp;
mod window;
mod zone;

pub use bars::{Bar, Bars, Truth};
pub use baseline::{
    BaselineForecast, ForecastErrors, baseline_forecasts, baselines, forecast_errors,
};
pub use checked::{check_source, load_experiment};
pub use clock::LocalClock;
pub use feature::column;
pub use inputs::{Inputs, RANGE_MARGIN, StampForm, ValueRange};
pub use leakcheck::{Finding, leakcheck};
pub use prepare::{
    check, forecast_source, prepare, prepare_bars, prepare_forecast, prepare_source,
};
pub use prepared::{DataReport, Prepared, Span, Spans, crossed, rearranged};
pub use problem::MarketError;
pub use row::{BadBar, BarReader, BarRow};
pub use scaling::{Affine, KeptScaling, Scaling};
pub use source::{Unlocated, bars, fingerprint, locate, probe, probe_zone};
pub use stream::{BarLines, FeatureState, StreamedWindow, WindowStream};
