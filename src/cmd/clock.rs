//! The one place that reads the clock; everything else is given the time.

use jiff::Timestamp;

/// Now, to be held against a file's age.
#[must_use]
pub(super) fn system_time() -> std::time::SystemTime {
    Timestamp::now().into()
}

/// Now, RFC 3339 in UTC with milliseconds.
#[must_use]
pub(super) fn now() -> String {
    format!("{:.3}", Timestamp::now())
}
