//! The gate before a promotion: rules over what a model card says, such as `valid.skill.low > 0`.
//!
//! * `rule`: the language and its parser.
//! * `facts`: the numbers that a rule may name, read off a model card.
//! * `finding`: what a rule says of a version. What is undefined passes nothing; it is never taken
//!   for 0.
//! * `file`: `models/<name>/gate.toml`.

mod facts;
mod file;
mod finding;
mod rule;

pub use facts::Facts;
pub use file::{Gate, Remark};
pub use finding::{Finding, judge};
pub use rule::{Rule, RuleError};
