//! Which column of a file is which.

use experiment::Columns;

/// Places of the columns in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub ts: usize,
    pub open: usize,
    pub high: usize,
    pub low: usize,
    pub close: usize,
    pub volume: Option<usize>,
    /// The volume where it was not asked for: it may tell rows apart that share a timestamp.
    pub unused_volume: Option<usize>,
}

impl Found {
    /// The columns of numbers: open, high, low, close, and volume if asked for.
    pub(super) fn numbers(&self) -> Vec<usize> {
        [self.open, self.high, self.low, self.close].into_iter().chain(self.volume).collect()
    }
}

/// Whether the volume column is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volume {
    Needed,
    Unused,
}

/// Finds the named columns among those `present`. Names count to the letter; what is nearly right
/// becomes a hint.
pub(super) fn find(columns: &Columns, volume: Volume, present: &[String]) -> Result<Found, String> {
    let Columns { ts, open, high, low, close, volume: volume_name, ts_format: _, ts_ambiguous: _ } =
        columns;
    if [open, high, low, close].into_iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(format!(
            "{NO_HEADER}; columns = {{ … }} under [data] takes names, and the first bar would be \
                lost"
        ));
    }
    let mut wanted =
        vec![("ts", ts), ("open", open), ("high", high), ("low", low), ("close", close)];
    if volume == Volume::Needed {
        wanted.push(("volume", volume_name));
    }
    let mut missing = Vec::new();
    let mut places = Vec::new();
    for (role, name) in wanted {
        let mut found = present
            .iter()
            .enumerate()
            .filter(|(_, present)| *present == name)
            .map(|(place, _)| place);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                return Err(format!("has two columns named '{name}'; rename one of them"));
            }
            (Some(place), None) => places.push(place),
            (None, _) => missing.push((role, name.as_str())),
        }
    }
    match (missing.is_empty(), &places[..]) {
        (true, &[ts, open, high, low, close, ref volume @ ..]) => {
            let volume = volume.first().copied();
            let present_as = |name: &String| present.iter().position(|present| present == name);
            let unused = present_as(volume_name)
                .or_else(|| known_as("volume", volume_name, present).and_then(present_as));
            let unused_volume = if volume.is_none() { unused } else { None };
            Ok(Found { ts, open, high, low, close, volume, unused_volume })
        }
        _ => Err(explain(&missing, present)),
    }
}

const NO_HEADER: &str = "the header line is missing";

fn explain(missing: &[(&str, &str)], present: &[String]) -> String {
    let names: Vec<String> = missing.iter().map(|(_, name)| format!("'{name}'")).collect();
    let numbers = present.iter().filter(|name| name.parse::<f64>().is_ok()).count();
    if numbers * 2 >= present.len() {
        return format!(
            "line 1 holds values ({}), not names: {NO_HEADER}; add one that names the columns, \
                such as ts,open,high,low,close,volume",
            shown(present)
        );
    }
    if let [only] = present {
        return format!(
            "line 1 holds one name only, '{only}'; if it is a note above the header, remove it"
        );
    }
    let hints: Vec<String> = missing
        .iter()
        .filter_map(|(role, name)| {
            nearest(role, name, present).map(|nearest| format!("{role} = \"{nearest}\""))
        })
        .collect();
    let hint = if hints.is_empty() { "…".to_owned() } else { hints.join(", ") };
    format!(
        "has no column {}; it has: {}; say which is which with columns = {{ {hint} }} under [data]",
        names.join(", "),
        shown(present)
    )
}

/// The column that holds the times of day where the timestamps are days alone.
pub(super) fn times_of_day(ts: usize, present: &[String]) -> Option<&String> {
    let is_time = |name: &str| {
        matches!(plain(name).as_str(), "time" | "timeofday" | "hhmm" | "hhmmss" | "hour")
    };
    present
        .iter()
        .enumerate()
        .find(|(place, name)| *place != ts && is_time(name))
        .map(|(_, name)| name)
}

fn shown(present: &[String]) -> String {
    let most = 20;
    let rest = if present.len() > most { ", …" } else { "" };
    let names: Vec<&str> = present.iter().take(most).map(String::as_str).collect();
    format!("{}{rest}", names.join(", "))
}

/// The column that was probably meant: the same name but for case, brackets and spaces; a vendor's
/// name for it; a misspelling.
fn nearest<'a>(role: &str, name: &str, present: &'a [String]) -> Option<&'a String> {
    known_as(role, name, present).or_else(|| {
        let near = |present: &str| strsim::jaro_winkler(&plain(present), &plain(name));
        present
            .iter()
            .filter(|present| near(present) > 0.88)
            .max_by(|a, b| near(a).total_cmp(&near(b)))
    })
}

/// The same name but for case, brackets and spaces; a vendor's name for it.
fn known_as<'a>(role: &str, name: &str, present: &'a [String]) -> Option<&'a String> {
    let others: &[&str] = match role {
        "ts" => &[
            "timestamp",
            "datetime",
            "date",
            "time",
            "opentime",
            "windowstart",
            "gmttime",
            "localtime",
            "t",
            "index",
            "unnamed0",
        ],
        "open" => &["open", "o"],
        "high" => &["high", "h"],
        "low" => &["low", "l"],
        "close" => &["close", "closelast", "c"],
        _ => &["volume", "vol", "tickvol", "tickvolume", "v"],
    };
    let known = std::iter::once(plain(name)).chain(others.iter().map(|&other| other.to_owned()));
    known.into_iter().find_map(|known| present.iter().find(|present| plain(present) == known))
}

/// Letters and digits, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> Vec<String> {
        names.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_found_by_their_names_in_any_order() {
        let found =
            find(&Columns::default(), Volume::Unused, &names("close,x,low,high,open,ts")).unwrap();
        assert_eq!(
            found,
            Found { ts: 5, open: 4, high: 3, low: 2, close: 0, volume: None, unused_volume: None }
        );
        assert_eq!(found.numbers(), [4, 3, 2, 0]);
    }

    #[test]
    fn volume_is_asked_for_only_where_it_is_needed() {
        let present = names("ts,open,high,low,close");
        assert!(find(&Columns::default(), Volume::Unused, &present).is_ok());
        let found = find(&Columns::default(), Volume::Unused, &names("ts,open,high,low,close,Vol"))
            .unwrap();
        assert_eq!((found.volume, found.unused_volume), (None, Some(5)));
        assert!(
            find(&Columns::default(), Volume::Needed, &present)
                .unwrap_err()
                .contains("has no column 'volume'")
        );
    }

    #[test]
    fn nearly_right_names_become_the_mapping_to_write() {
        let message = find(
            &Columns::default(),
            Volume::Needed,
            &names("Date,<OPEN>,High ,Low,Close/Last,Vol"),
        )
        .unwrap_err();
        assert!(
            message.ends_with(
                "columns = { ts = \"Date\", open = \"<OPEN>\", high = \"High \", low = \"Low\", \
                 close = \"Close/Last\", volume = \"Vol\" } under [data]"
            ),
            "{message}"
        );
        let message = find(&Columns::default(), Volume::Unused, &names("ts,open,hihg,low,close"))
            .unwrap_err();
        assert!(message.contains("{ high = \"hihg\" }"), "{message}");
    }

    #[test]
    fn a_missing_header_is_recognised() {
        let message =
            find(&Columns::default(), Volume::Unused, &names("1715131860,1,2,3,4,5")).unwrap_err();
        assert!(
            message.contains("the header line is missing; add one that names the columns"),
            "{message}"
        );
    }

    #[test]
    fn values_are_no_names_even_where_the_settings_name_them() {
        let named = |name: &str| name.to_owned();
        let columns = Columns {
            ts: named("1715131860"),
            open: named("1"),
            high: named("2"),
            low: named("3"),
            close: named("4"),
            ..Columns::default()
        };
        let message = find(&columns, Volume::Unused, &names("1715131860,1,2,3,4,5")).unwrap_err();
        assert!(message.contains("the first bar would be lost"), "{message}");
    }

    #[test]
    fn a_column_without_a_name_can_be_named() {
        let message =
            find(&Columns::default(), Volume::Unused, &names("Unnamed: 0,open,high,low,close"))
                .unwrap_err();
        assert!(message.contains("{ ts = \"Unnamed: 0\" }"), "{message}");
    }
}
