//! Messages about bars name keys of an experiment file; anyone who gave a file to `predict` reads
//! arguments.

use crate::cmd::hint::quoted;

/// How messages end the part that says what to write into the file.
const UNDER: &str = " under [data]";

/// A message with the keys that have an argument said as that argument, and without advice that no
/// argument can follow: what spans a gap or how long a bar is was settled when the model was
/// trained.
pub(super) fn as_arguments(message: &str) -> String {
    message.split("; ").filter_map(clause).collect::<Vec<_>>().join("; ")
}

/// One part of a message; `None` where it is advice without an argument.
fn clause(text: &str) -> Option<String> {
    let Some((before, after)) = text.split_once(UNDER) else { return Some(text.to_owned()) };
    // The longer name first: it ends with the shorter one.
    for (key, argument) in [
        ("ts_format", "--ts-format"),
        ("format", "--format"),
        ("zone", "--zone"),
        ("bar_label", "--bar-label"),
    ] {
        if let Some((said, value)) = before.rsplit_once(&format!("{key} = ")) {
            let values: Vec<String> =
                value.split(" or ").map(|value| quoted(value.trim_matches('"'))).collect();
            return Some(format!("{}{argument} {}{after}", without_set(said), values.join(" or ")));
        }
    }
    if let Some((said, table)) = before.rsplit_once("columns = {") {
        let pairs = table.trim_end().trim_end_matches('}').split(", ").map(|pair| {
            let (which, name) = pair.trim().split_once(" = ").unwrap_or(("WHICH", "NAME"));
            format!("--column {}", quoted(&format!("{which}={}", name.trim_matches('"'))))
        });
        return Some(format!("{said}{}{after}", pairs.collect::<Vec<_>>().join(" ")));
    }
    // What stands in brackets is advice beside a fact, which stays.
    text.rsplit_once(" (")
        .filter(|(_, advice)| advice.contains(UNDER))
        .map(|(fact, _)| fact.to_owned())
}

/// "for CSV set format" is "for CSV give --format".
fn without_set(said: &str) -> String {
    said.strip_suffix("set ").map_or_else(|| said.to_owned(), |said| format!("{said}give "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_arguments_and_what_has_none_is_left_out() {
        let said = [
            (
                "bars.csv: has no column 'ts', 'open'; it has: Date, <OPEN>; say which is which \
                    with columns = { ts = \"Date\", open = \"<OPEN>\" } under [data]",
                "bars.csv: has no column 'ts', 'open'; it has: Date, <OPEN>; say which is which \
                    with --column ts=Date --column 'open=<OPEN>'",
            ),
            (
                "bars.csv: has no column 'ts'; it has: a; say which is which with columns = { … } \
                    under [data]",
                "bars.csv: has no column 'ts'; it has: a; say which is which with --column \
                    WHICH=NAME",
            ),
            (
                "bars.csv: line 2: '2024-01-02 09:30' has no offset from UTC; set zone = \"…\" \
                    under [data] (an IANA name such as Asia/Shanghai, UTC, or +08:00)",
                "bars.csv: line 2: '2024-01-02 09:30' has no offset from UTC; give --zone '…' (an \
                    IANA name such as Asia/Shanghai, UTC, or +08:00)",
            ),
            (
                "b.csv: line 2, column 'ts': '05/08/2024' is not a timestamp (ts_format = \
                    \"%d/%m/%Y\" or \"%m/%d/%Y\" under [data] reads it)",
                "b.csv: line 2, column 'ts': '05/08/2024' is not a timestamp (--ts-format %d/%m/%Y \
                    or %m/%d/%Y reads it)",
            ),
            (
                "b: is not Parquet; for CSV set format = \"csv\" under [data]",
                "b: is not Parquet; for CSV give --format csv",
            ),
            (
                "b: holds one bar only; how long a bar is cannot be seen from it (bar = \"1m\" \
                    under [data] says it)",
                "b: holds one bar only; how long a bar is cannot be seen from it",
            ),
            (
                "no windows; shorten the window or the horizon; cross_gaps = true under [data] \
                    lets windows span gaps",
                "no windows; shorten the window or the horizon",
            ),
            ("bars.csv: line 3: 'x' is not a number", "bars.csv: line 3: 'x' is not a number"),
        ];
        for (key, argument) in said {
            assert_eq!(as_arguments(key), argument);
        }
    }
}
