//! Versioned models under `models/`: immutable versions, aliases and tags, a gate before promotion,
//! rollback, garbage collection.
//!
//! ```text
//! models/<name>/history.jsonl          what happened, appended, one write(2) a line; aliases and
//!                                      tags are its fold
//! models/<name>/gate.toml              rules that a promotion to champion must pass
//! models/<name>/versions/<n>/          a saved model (see [`crate::model`]), never changed
//! models/<name>/.lock                  one writer at a time
//! ```
//! A version is there when the history says so, and the history says so only after its folder is
//! whole: a crash between two steps leaves a folder that nobody names, which the next garbage
//! collection removes. A number is given once, also when its version is gone. Readers never lock
//! and see the state before a change or after it.
//!
//! No path is made from a name that came from outside: it is looked up among the names that the
//! folder holds. Symbolic links, pipes and devices under `models/` are refused unread.
//!
//! Knows nothing of what a model is, but for the gate, which reads model cards.

mod error;
mod gate;
mod gc;
mod history;
mod list;
mod name;
mod state;
#[cfg(test)]
mod tests;
mod writer;

pub use error::RegistryError;
pub use gate::{Facts, Finding, Gate, Remark, Rule, RuleError, judge};
pub use gc::{Fate, GcPlan, plan};
pub use history::{Entry, Event};
pub use list::{
    Generation, ModelEntry, Resolved, VersionEntry, generation, history, list, model, resolve,
};
pub use name::{CHAMPION, Reference, Wanted, check_name};
pub use state::{AliasState, ModelState, VersionState};
pub use writer::{Registration, RolledBack, Writer};
