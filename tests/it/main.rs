//! Tests of the program as its users run it, and of its parts together: one binary, because each
//! that links the whole program costs seconds and 200 MB. Apart stand only the tests with an
//! allocator of their own (`tests/fuzz`, `tests/model_files`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod backtest;
mod broken_data;
mod device;
mod docs;
mod export;
mod files;
mod flipped_bits;
mod invalid_specs;
mod market;
mod models;
mod packages;
mod predict;
#[cfg(target_os = "linux")]
mod process;
mod serve;
#[cfg(unix)]
mod service;
mod shell;
mod skill;
mod skip;
mod store_faults;
mod sweep;
mod terminal;
mod walk_forward;
