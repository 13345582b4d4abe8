//! `kiln serve`, attacked and loaded. `sNN` names the threat that a test is about: servers that
//! listened to everyone, looked paths up from names, waited for ever, and took numbers that are
//! none.
//!
//! Waits that last 10 s and 30 s by default last 1 s or less here, by the same settings that the
//! command line has.

mod access;
mod answers;
mod client;
mod fake;
mod folder;
mod input;
mod life;
mod limits;
mod names;
mod process;
mod protocol;
mod reload;
