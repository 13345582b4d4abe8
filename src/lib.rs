//! Kiln fires many small forecasters at once.
//!
//! One TOML file declares a sweep of LSTM models over market bars; Kiln trains the trials together on CUDA, wgpu or the CPU,
//! records every epoch under `runs/`, shows it live in the terminal, and says honestly which trial is worth anything.
//!
//! # The road of the data
//!
//! ```text
//! experiments/x.toml ─ spec ─→ Experiment ─ plan(space) ─→ packs ─┐
//! bars.{csv,parquet} ─ market: bars → features → split → scale ───┴→ burn_lanes::train ─ Event ─┬→ store   → runs/
//!                                                                 (or sweep::fake)              └→ dashboard state → draw
//! runs/ ─ store::reader ─→ dashboard (replay) │ compare → report │ forecasts → backtest
//!                             │ model (weights + passport) → forecast, registry
//! ```
//!
//! # The map, in the order in which the data travels
//!
//! | module | knows |
//! |---|---|
//! | [`metric`] | name, unit and direction of a number; undefined is `None` |
//! | [`seed`] | the one door to randomness: derived by purpose |
//! | [`signal`] | which signals ask this process to end or to pause, and who is asked |
//! | [`machine`] | whose fault an error is: the machine's, or what was asked of it |
//! | [`text`] | text from outside, made safe to show |
//! | `parquet` | the sizes that a Parquet file claims, checked before a reader believes them |
//! | [`space`] | what may vary and who chooses |
//! | [`spec`] | TOML → [`spec::Experiment`], diagnostics with spans |
//! | [`trial`], [`event`] | a trial and its identity; the contract between the two banks |
//! | [`plan`] | experiment + sampler → trials → packs |
//! | [`market`] | file → bars → features → split → scaled series → windows (the left bank) |
//! | [`sweep`] | supervisor and worker: packs on devices, failures isolated (the left bank) |
//! | [`store`] | every path under `runs/` (the right bank) |
//! | [`dashboard`] | source → state → draw (the right bank) |
//! | [`compare`] | runs side by side (the right bank) |
//! | [`evidence`] | the statistics that say whether the best trial is worth anything: pure functions (the right bank) |
//! | [`calibration`] | quantile scores and conformal intervals of recorded forecasts (the right bank) |
//! | [`score`] | every metric of a run's forecasts with its interval: a pure function, for the worker and for `evaluate` |
//! | [`backtest`] | forecasts → positions → fills with costs → equity and statistics (the right bank) |
//! | [`report`] | a sweep as one self-contained page, or as Markdown (the right bank) |
//! | [`model`] | a saved model: the best weights of a run and the passport that says all about them (the right bank) |
//! | [`forecast`] | a saved model on a device: bars in, forecasts in the target's unit out (a bridge, for services) |
//! | [`registry`] | versioned models under `models/`: aliases, tags, a gate before promotion, rollback (the right bank) |
//! | [`serve`] | forecasts of registered models over HTTP (a bridge; the only module that names `tokio`) |
//! | [`export`] | runs and models in the formats of others, and PyTorch's weights read back (the right bank) |
//! | [`cmd`] | one file per verb: with [`model`], [`forecast`] and [`serve`], which forecast what was recorded, all that names both banks |
//!
//! # Invariants
//!
//! 1. This package never names `burn` or `cubecl`; only [`market`] and the Parquet tables of the store, of `predict` and of the export
//!    name `polars`.
//! 2. Two types per input: a wire type that mirrors the file, and a believed type that cannot be wrong.
//! 3. Events are the architecture: folding a recorded log gives the same screen, table and report as folding it live.
//! 4. A run is a fault domain: manifest first, events appended, `result.json` last, by link; nothing is overwritten; a viewer can
//!    never hurt a writer.
//! 5. No wall clock and no randomness but through what is passed in. Same trial, same bits on the CPU backends: alone or in a
//!    pack, in any order, at any parallelism, resumed or not.
//! 6. Nothing reads past a window's last row; a scaler is fitted on the training rows alone; the test rows are opened by `evaluate`
//!    alone, and each opening is recorded.
//! 7. No panic stops a sweep: a trial that fails is an event. Nothing is printed while the dashboard owns the screen.
//! 8. Undefined is `None`; baselines, costs and the spread over seeds stand beside every headline number. One number has one definition
//!    ([`store::Measured`]): what is shown live under a metric's name is that metric, or nothing.
//! 9. A statistical claim counts every trial that was tried for it: failed, deleted, from former versions of the file, and those that a
//!    selection left out. What was not counted is said in the same sentence.

pub mod cmd;
pub mod dashboard;
pub mod export;
pub mod forecast;
pub mod report;
pub mod serve;
pub mod signal;
pub mod sweep;

pub use evidence::{self, backtest, calibration, compare, score};
pub use experiment::{self, event, metric, plan, seed, space, trial};
pub use market;
pub use runs::{self, machine, model, registry, store};
pub use text;
