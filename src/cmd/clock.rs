//! The one place that reads the clock; everything else is given the time.

use jiff::Timestamp;

/// Now, RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn now() -> String {
    format!("{:.3}", Timestamp::now())
}
