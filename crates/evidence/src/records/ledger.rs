//! Every trial that was ever tried, and on what.

use serde::{Deserialize, Serialize};

use super::Tried;
use experiment::trial::TrialId;

/// Every trial that was ever tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// In the order in which they were written down, each trial once.
    pub entries: Vec<LedgerEntry>,
    /// Trials whose test windows were opened, each once; those of before there was a line for it
    /// are known to their folders alone.
    pub openings: Vec<LedgerEntry>,
    /// Lines that could not be read, and why.
    pub damage: Vec<String>,
}

/// One line: a trial that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Version of the format, 1.
    pub v: u32,
    /// When it was written down, RFC 3339 in UTC.
    pub at: String,
    /// The sweep that it was tried in.
    pub sweep: String,
    /// The trial.
    pub trial: TrialId,
    /// What it was tried on.
    #[serde(flatten)]
    pub tried: Tried,
    /// Whether the line tells that its test windows were opened, which is another line than that it
    /// ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opened: bool,
}
