//! Kiln fires many small forecasters at once.
//!
//! One TOML file declares a sweep of LSTM models over market bars; Kiln trains the trials together
//! on CUDA, wgpu or the CPU, records every epoch under `runs/`, shows it live in the terminal, and
//! says honestly which trial is worth anything.
//!
//! # The road of the data
//!
//! ```text
//! experiments/x.toml ─ experiment: validate, plan ─→ trials, packs ─┐
//! bars.{csv,parquet} ─ market: bars → features → split → scale ─────┤
//!              ┌────────────────────────────────────────────────────┘
//!              └→ burn_lanes::train (or sweep::fake) ─ Event ─┬→ runs::store → runs/
//!                                                             └→ dashboard
//! runs/ ─ runs::store ─→ dashboard (replay) │ evidence: compare → report │ backtest
//!                        │ runs::model → runs::registry → forecast, serve
//! ```
//!
//! # The map
//!
//! This package is the program: verbs, the sweep and what is shown. The packages under `crates/`
//! know the rest; each depends only on those above it, and their names are re-exported here.
//!
//! - [`text`]: text made safe to show, numbers with few digits, tables
//! - `lane-types`: plain types of the trainer: shapes, schedules, losses, early stopping, reports,
//!   weights and checkpoints; no backend
//! - [`experiment`]: TOML → [`experiment::Experiment`] with diagnostics; [`space`] and [`plan`];
//!   [`trial`], [`event`], [`metric`], [`seed`]
//! - [`evidence`]: [`evidence::records`], statistics, [`score`], [`calibration`], [`compare`],
//!   [`backtest`]: pure functions
//! - `parquet-claims`: the sizes that a Parquet file claims, checked before a reader trusts them
//! - [`market`]: file → bars → features → split → scaled series → windows; baselines; the look at
//!   an experiment's data file
//! - [`runs`]: every file under `runs/` and `models/`: [`store`], saved [`model`]s, their
//!   [`registry`]; [`machine`]: whose fault an error is
//! - `burn-lanes`: the trainer: many models as the lanes of one Burn `Learner`; all tensor code
//!
//! | module | knows |
//! |---|---|
//! | [`signal`] | which signals ask this process to end or to pause, and who is asked |
//! | [`sweep`] | supervisor and worker: packs on devices, failures isolated |
//! | [`dashboard`] | source → state → draw |
//! | [`report`] | a sweep as one self-contained page, or as Markdown |
//! | [`forecast`] | a saved model on a device: bars in, forecasts in the target's unit out |
//! | [`serve`] | forecasts of registered models over HTTP; the only module that names `tokio` |
//! | [`export`] | runs and models in the formats of others, and PyTorch's weights read back |
//! | [`cmd`] | one file a verb |
//!
//! # Invariants
//!
//! 1. Only burn-lanes names `burn` or `cubecl`; only [`market`] and the Parquet tables of the
//!    store, of `predict` and of the export name `polars`. A package depends only on those above it
//!    (`tests/it/packages.rs`).
//! 2. Two types per input: a wire type that mirrors the file, and a validated type that cannot be
//!    wrong.
//! 3. Events are the architecture: folding a recorded log gives the same screen, table and report
//!    as folding it live.
//! 4. A run is a fault domain: manifest first, events appended, `result.json` last, by link;
//!    nothing is overwritten; a viewer can never hurt a writer.
//! 5. No wall clock and no randomness but through what is passed in. Same trial, same bits on the
//!    CPU backends: alone or in a pack, in any order, at any parallelism, resumed or not.
//! 6. Nothing reads past a window's last row; a scaler is fitted on the training rows alone; the
//!    test rows are opened by `evaluate` alone, and each opening is recorded.
//! 7. No panic stops a sweep: a trial that fails is an event. Nothing is printed while the
//!    dashboard owns the screen.
//! 8. Undefined is `None`; baselines, costs and the spread over seeds stand beside every headline
//!    number. One number has one definition ([`store::Measured`]): what is shown live under a
//!    metric's name is that metric, or nothing.
//! 9. A statistical claim counts every trial that was tried for it: failed, deleted, from former
//!    versions of the file, and those that a selection left out. What was not counted is said in
//!    the same sentence.

pub mod cmd;
pub mod dashboard;
pub mod export;
pub mod forecast;
pub mod report;
#[cfg(feature = "serve")]
pub mod serve;
pub mod signal;
pub mod sweep;

pub use evidence::{self, backtest, calibration, compare, score};
pub use experiment::{self, event, metric, plan, seed, space, trial};
pub use market;
pub use runs::{self, machine, model, registry, store};
pub use text;
