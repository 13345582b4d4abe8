//! Where a sweep's data file lay.

use serde::{Deserialize, Serialize};

/// Where the data file lay when the sweep was last started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Absolute.
    pub path: String,
    /// As seen from the sweep's folder, with `/`: a project that is moved as a whole keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_sweep: Option<String>,
}
