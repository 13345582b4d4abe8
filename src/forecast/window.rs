//! What a network is given for one forecast.

/// One window, ready for the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Scaled features, row by row, the earliest row first: window × features.
    pub scaled: Vec<f32>,
    /// Start of its last bar, nanoseconds since 1970 UTC; `None` of a window of features.
    pub bar_start: Option<i64>,
    /// What persistence says, in the target's unit; `None` where it is not defined.
    pub persistence: Option<f64>,
}

impl Window {
    /// The scaled features of its last row.
    #[must_use]
    pub fn last_row(&self, features: usize) -> &[f32] {
        &self.scaled[self.scaled.len().saturating_sub(features)..]
    }
}
