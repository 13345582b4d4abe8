//! Attacks, one test each, named by its number in the list of attacks: through the real binary
//! where the attack is on the binary, with the fake trainer where there is something to train. What
//! a number stands for is said where its test is.

mod files;
mod lab;
mod outputs;
mod packages;
mod sweep_files;
mod terminal;
