//! Attacks, one test each, named by its number in the list of attacks: through the real binary
//! where the attack is on the binary, with the fake trainer where there is something to train. What
//! a number stands for is said where its test is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod files;
mod lab;
mod outputs;
mod packages;
#[path = "../support/skip.rs"]
mod skip;
mod sweep_files;
mod terminal;
