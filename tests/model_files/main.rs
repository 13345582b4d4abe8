//! Saved models from strangers: every hostile file is refused with its reason, nothing panics, and
//! nothing makes the reader allocate what the file only claims. And models from ourselves, long
//! ago: they forecast the same bits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocation;
mod frozen;
mod hostile;
mod spoilt;
mod victim;
