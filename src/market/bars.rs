//! Bars as columns: what every source comes to before anything is computed from it.

use super::Truth;

/// Bars in time order, one entry per bar in every column.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Start of the bar, nanoseconds since 1970 UTC; strictly ascending.
    pub ts: Vec<i64>,
    /// Local zone's offset from UTC at the bar, seconds.
    pub offset_seconds: Vec<i32>,
    /// First price.
    pub open: Vec<f64>,
    /// Highest price.
    pub high: Vec<f64>,
    /// Lowest price.
    pub low: Vec<f64>,
    /// Last price.
    pub close: Vec<f64>,
    /// Traded quantity.
    pub volume: Vec<f64>,
    /// Bar length, seconds.
    pub bar_seconds: u32,
    /// True mean and sigma of the next return, for synthetic bars.
    pub truth: Option<Truth>,
}
