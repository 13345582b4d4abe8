//! What to say of a timestamp that cannot be read: the pattern that would read it, if one of the
//! common ones does.

use jiff::fmt::strtime;

/// Days and times of day that files are seen to have, beside those that are read without being
/// told.
const DAYS: [&str; 14] = [
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%Y%m%d",
    "%Y-%m-%d",
    "%Y.%m.%d",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
];
const TIMES: [&str; 9] = [
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S%.f",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %I-%p",
    " %H:%M:%S %Q",
    ", %H:%M",
];

/// What a timestamp may be, or which `ts_format` reads this one.
pub(super) fn known(text: &str) -> String {
    let patterns = patterns(text);
    match &patterns[..] {
        [] => {
            "known: RFC 3339 such as 2024-05-08T09:31:00+08:00, the same without offset, a date, \
                or an epoch in s, ms, us or ns; ts_format = \"%d.%m.%Y %H:%M:%S\" under [data] \
                says how others are written"
                .to_owned()
        }
        [one] => format!("ts_format = \"{one}\" under [data] reads it"),
        [one, other, ..] => {
            format!(
                "ts_format = \"{one}\" or \"{other}\" under [data] reads it: it depends on whether \
                    the day or the month comes first"
            )
        }
    }
}

/// The patterns that read it.
fn patterns(text: &str) -> Vec<String> {
    let reads = |pattern: &String| {
        let date = strtime::parse(pattern, text)
            .ok()
            .and_then(|read| read.to_date().ok().filter(|_| read.to_time().is_ok()));
        date.is_some_and(|date| date.year() >= 1678)
    };
    DAYS.iter()
        .filter_map(|day| TIMES.iter().map(|time| format!("{day}{time}")).find(reads))
        .take(2)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_that_reads_a_timestamp_is_named() {
        for (text, pattern) in [
            ("18.05.2024 00:00:00", "%d.%m.%Y %H:%M:%S"),
            ("05/18/2024 09:31", "%m/%d/%Y %H:%M"),
            ("05/18/2024 09:31 PM", "%m/%d/%Y %I:%M %p"),
            ("2019-10-17 09-AM", "%Y-%m-%d %I-%p"),
            ("20240508  09:31:00 America/New_York", "%Y%m%d %H:%M:%S %Q"),
            ("8-May-2024", "%d-%b-%Y"),
        ] {
            assert_eq!(patterns(text), [pattern], "{text}");
        }
        assert_eq!(patterns("05/08/24"), ["%d/%m/%y", "%m/%d/%y"]);
        assert!(
            known("05/08/2024 09:31")
                .contains("\"%d/%m/%Y %H:%M\" or \"%m/%d/%Y %H:%M\" under [data] reads it")
        );
        assert!(known("yesterday").starts_with("known: RFC 3339"));
    }
}
