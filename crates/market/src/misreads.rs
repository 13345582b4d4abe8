//! Files that were once read as something else than what is in them.

use std::path::{Path, PathBuf};

use super::{DataReport, check_source, prepare};
use experiment::Experiment;

/// Bars of a file.
struct Walk {
    folder: tempfile::TempDir,
    /// Open, high, low, close, volume.
    bars: Vec<[String; 5]>,
}

const BARS: usize = 400;
/// 2024-05-08T00:00:00Z.
const BEGIN: i64 = 1_715_126_400;
const HEADER: &str = "ts,open,high,low,close,volume";

impl Walk {
    /// Each bar opens where the one before closed.
    fn new() -> Self {
        let mut close = 100.0_f64;
        let bar = |row: usize| {
            let open = close;
            close *= 1.0 + 4e-4 * ((row * 7919 % 1009) as f64 / 504.5 - 1.0);
            let (high, low) = (open.max(close) * 1.0001, open.min(close) * 0.9999);
            [open, high, low, close, (10 + row % 7) as f64].map(|x| format!("{x:.4}"))
        };
        Self { folder: tempfile::tempdir().unwrap(), bars: (0..BARS).map(bar).collect() }
    }

    fn lines(&self, ts: impl Fn(usize) -> String) -> Vec<String> {
        self.bars
            .iter()
            .enumerate()
            .map(|(row, bar)| format!("{},{}", ts(row), bar.join(",")))
            .collect()
    }

    fn write(&self, header: &str, lines: &[String]) -> PathBuf {
        let path = self.folder.path().join("bars.csv");
        std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        path
    }

    /// What the file turned out to be; or what is wrong with it, as the reader of an experiment
    /// says it or the loader.
    fn read(&self, header: &str, lines: &[String], more: &str) -> Result<DataReport, String> {
        let path = self.write(header, lines);
        let features = if more.contains("features") { "" } else { "data.features = [\"close\"]\n" };
        let label = if more.contains("bar_label") { "" } else { "data.bar_label = \"start\"\n" };
        let text = format!(
            "data.source = \"{}\"\ndata.window = 5\n{label}{features}{more}",
            path.display()
        );
        let experiment = Experiment::parse(Path::new("test.toml"), &text, &[])
            .map_err(|problems| problems.to_string())?;
        check_source(&experiment).map_err(|problems| problems.to_string())?;
        let data = experiment.base.data;
        prepare(&data).map(|prepared| prepared.report).map_err(|problem| problem.to_string())
    }
}

fn minute(row: usize) -> jiff::civil::DateTime {
    jiff::civil::date(2024, 5, 8)
        .at(0, 0, 0, 0)
        .checked_add(jiff::Span::new().minutes(row as i64))
        .unwrap()
}

fn rfc3339(row: usize) -> String {
    format!("{}Z", minute(row))
}

#[test]
fn a_bar_length_that_the_file_contradicts_is_refused_with_gaps_crossed_or_not() {
    let walk = Walk::new();
    let lines = walk.lines(rfc3339);
    for gaps in ["true", "false"] {
        let problem = walk
            .read(HEADER, &lines, &format!("data.bar = \"1h\"\ndata.cross_gaps = {gaps}"))
            .unwrap_err();
        assert!(
            problem.contains(
                "most bars are 60 s apart (399 of 399), and bar = \"1h\" under [data] \
                makes them overlap"
            ),
            "{problem}"
        );
    }
    assert_eq!(
        walk.read(HEADER, &lines, "data.bar = \"1m\"").unwrap().warnings,
        Vec::<String>::new()
    );
}

#[test]
fn digits_of_a_clock_are_no_epochs() {
    let walk = Walk::new();
    for (pattern, layout) in [
        ("%y%m%d%H%M", "yymmddHHMM"),
        ("%Y%m%d%H%M", "yyyymmddHHMM"),
        ("%y%m%d%H%M%S", "yymmddHHMMSS"),
    ] {
        let lines = walk.lines(|row| minute(row).strftime(pattern).to_string());
        let report = walk.read(HEADER, &lines, "data.zone = \"Asia/Shanghai\"").unwrap();
        assert_eq!(
            (report.first.as_str(), report.bar_seconds, report.runs),
            ("2024-05-08T00:00:00+08:00", 60, 1),
            "{pattern}"
        );
        assert_eq!(report.warnings, [format!("the digits of the timestamps are read as {layout}")]);
        let problem = walk.read(HEADER, &lines, "").unwrap_err();
        assert!(problem.contains("has no offset from UTC; set zone = "), "{problem}");
        // The same, said.
        let report = walk
            .read(HEADER, &lines, &format!("data.zone = \"UTC\"\ndata.ts_format = \"{pattern}\""))
            .unwrap();
        assert_eq!(
            (report.first.as_str(), report.runs, report.warnings.len()),
            ("2024-05-08T00:00:00+00:00", 1, 0)
        );
    }
    for (unit, more) in [(1, ""), (1_000, "data.ts_format = \"epoch_ms\""), (1_000_000, "")] {
        let lines = walk.lines(|row| ((BEGIN + 60 * row as i64) * unit).to_string());
        let report = walk.read(HEADER, &lines, more).unwrap();
        assert_eq!(
            (report.first.as_str(), report.runs, report.warnings.len()),
            ("2024-05-08T00:00:00+00:00", 1, 0)
        );
    }
}

#[test]
fn opens_and_closes_that_are_exchanged_are_remarked() {
    let walk = Walk::new();
    let lines = walk.lines(rfc3339);
    let report = walk.read("ts,close,high,low,open,volume", &lines, "").unwrap();
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.starts_with("opens and closes look exchanged")),
        "{:?}",
        report.warnings
    );
    assert_eq!(walk.read(HEADER, &lines, "").unwrap().warnings, Vec::<String>::new());
    let problem = walk.read("ts,open,low,high,close,volume", &lines, "").unwrap_err();
    assert!(
        problem.contains("high is below low in 400 of 400 bars: the two columns are exchanged"),
        "{problem}"
    );
}

#[test]
fn duplicates_that_differ_in_a_volume_that_no_feature_uses_are_conflicts() {
    let walk = Walk::new();
    let mut lines = walk.lines(rfc3339);
    let (stem, volume) = lines[7]
        .rsplit_once(',')
        .map(|(stem, volume)| (stem.to_owned(), volume.to_owned()))
        .unwrap();
    lines.insert(8, format!("{stem},99"));
    for header in [HEADER, "ts,open,high,low,close,Vol"] {
        let problem = walk.read(header, &lines, "").unwrap_err();
        let volume: f64 = volume.parse().unwrap();
        assert!(
            problem.contains(&format!(
                "lines 9 and 10 both hold the bar of 2024-05-08T00:07:00+00:00, with different \
                    values (volume {volume} and 99)"
            )),
            "{problem}"
        );
    }
    lines[8] = lines[7].clone();
    assert_eq!(
        walk.read(HEADER, &lines, "").unwrap().warnings,
        ["1 exact duplicates were dropped"]
    );
}

#[test]
fn milliseconds_of_jitter_leave_one_run() {
    let walk = Walk::new();
    let jitter = |row: usize| row * 7 % 3;
    let lines = walk.lines(|row| format!("{}.{:03}000Z", minute(row), jitter(row)));
    let moved = (0..BARS).filter(|row| jitter(*row) > 0).count();
    let report = walk.read(HEADER, &lines, "").unwrap();
    assert_eq!((report.runs, report.bar_seconds), (1, 60));
    assert_eq!(
        report.warnings,
        [format!("{moved} timestamps lie up to 2 ms beside a whole second; they were put on it")]
    );
}

#[test]
fn days_of_23_and_25_hours_are_days() {
    let walk = Walk::new();
    let day = |row: usize| {
        jiff::civil::date(2023, 9, 1).checked_add(jiff::Span::new().days(row as i64)).unwrap()
    };
    for (label, more) in [("start", "data.bar = \"1d\""), ("end", "")] {
        for lines in [
            walk.lines(|row| day(row).to_string()),
            walk.lines(|row| format!("{} 00:00", day(row))),
            walk.lines(|row| {
                day(row)
                    .to_zoned(jiff::tz::TimeZone::get("America/New_York").unwrap())
                    .unwrap()
                    .timestamp()
                    .to_string()
            }),
        ] {
            let more =
                format!("data.zone = \"America/New_York\"\ndata.bar_label = \"{label}\"\n{more}");
            let report = walk.read(HEADER, &lines, &more).unwrap();
            assert_eq!((report.runs, report.bar_seconds), (1, 86_400), "{more}: {}", lines[0]);
            assert_eq!(report.warnings, Vec::<String>::new());
        }
    }
}

#[test]
fn a_format_that_is_not_known_is_read_when_it_is_named_and_the_refusal_names_it() {
    let walk = Walk::new();
    let lines = walk.lines(|row| minute(row).strftime("%d.%m.%Y %H:%M:%S").to_string());
    let problem = walk.read(HEADER, &lines, "data.zone = \"UTC\"").unwrap_err();
    assert!(
        problem.contains("ts_format = \"%d.%m.%Y %H:%M:%S\" under [data] reads it"),
        "{problem}"
    );
    let format = "data.zone = \"UTC\"\ndata.ts_format = \"%d.%m.%Y %H:%M:%S\"";
    assert_eq!(walk.read(HEADER, &lines, format).unwrap().first, "2024-05-08T00:00:00+00:00");
}

#[test]
fn what_vendors_leave_out_or_add_is_told() {
    let walk = Walk::new();
    let lines = walk.lines(rfc3339);
    let problem = walk.read(&lines[0], &lines[1..], "").unwrap_err();
    assert!(
        problem.contains(
            "the header line is missing; add one that names the columns, such as ts,open,"
        ),
        "{problem}"
    );
    let names: Vec<&str> = lines[0].split(',').collect();
    let named = format!(
        "data.columns = {{ ts = \"{}\", open = \"{}\", high = \"{}\", low = \"{}\", close = \"{}\" \
            }}",
        names[0], names[1], names[2], names[3], names[4]
    );
    let problem = walk.read(&lines[0], &lines[1..], &named).unwrap_err();
    assert!(problem.contains("the first bar would be lost"), "{problem}");

    let unnamed = ",open,high,low,close,volume";
    let problem = walk.read(unnamed, &lines, "").unwrap_err();
    assert!(problem.contains("columns = { ts = \"Unnamed: 0\" }"), "{problem}");
    assert_eq!(
        walk.read(unnamed, &lines, "data.columns = { ts = \"Unnamed: 0\" }").unwrap().bars,
        BARS
    );

    let mut footed = lines.clone();
    footed.push("\"Downloaded from Barchart.com as of 12-08-2024 04:12pm CST\"".to_owned());
    let problem = walk.read(HEADER, &footed, "").unwrap_err();
    assert!(
        problem.contains(
            "line 402: '\"Downloaded from Barchart.com as of 12-0' is not a bar of 6 \
            fields; remove the line"
        ),
        "{problem}"
    );

    let apart = walk.lines(|row| minute(row).strftime("%Y.%m.%d,%H:%M").to_string());
    let problem = walk
        .read(
            "<DATE>,<TIME>,open,high,low,close,volume",
            &apart,
            "data.columns = { ts = \"<DATE>\" }",
        )
        .unwrap_err();
    assert!(
        problem.contains(
            "column '<DATE>' holds days, and '<TIME>' their times; join the two into one"
        ),
        "{problem}"
    );
    let noted: Vec<String> =
        std::iter::once(HEADER.to_owned()).chain(lines.iter().cloned()).collect();
    let problem = walk.read("https://www.CryptoDataDownload.com", &noted, "").unwrap_err();
    assert!(problem.contains("if it is a note above the header, remove it"), "{problem}");

    let floats = walk.lines(|row| format!("{}.0", BEGIN + 60 * row as i64));
    let report = walk.read(HEADER, &floats, "").unwrap();
    assert_eq!((report.first.as_str(), report.runs), ("2024-05-08T00:00:00+00:00", 1));

    let empty: Vec<String> =
        lines.iter().map(|line| format!("{},", line.rsplit_once(',').unwrap().0)).collect();
    assert_eq!(walk.read(HEADER, &empty, "").unwrap().bars, BARS);
    let problem = walk.read(HEADER, &empty, "data.features = [\"close\", \"volume\"]").unwrap_err();
    assert!(
        problem.contains(
            "column 'volume' is empty in every row; leave volume out of features under [data]"
        ),
        "{problem}"
    );
}

#[test]
fn an_hour_that_is_shown_twice_is_told_by_its_neighbours_or_asked_about() {
    let walk = Walk::new();
    // The first bar of the file stands in the second pass of the hour.
    let begin: jiff::Zoned = "2024-11-03T01:30:00-05:00[America/New_York]".parse().unwrap();
    let at = |row: usize| begin.checked_add(jiff::Span::new().minutes(row as i64)).unwrap();
    let lines = walk.lines(|row| at(row).datetime().to_string());
    let report = walk.read(HEADER, &lines, "data.zone = \"America/New_York\"").unwrap();
    assert_eq!((report.first.as_str(), report.runs), ("2024-11-03T01:30:00-05:00", 1));
    // With a night before it and an hour that is missing it cannot be told.
    let mut holes = lines.clone();
    holes.drain(3..60);
    let zone = "data.zone = \"America/New_York\"";
    let problem = walk.read(HEADER, &holes, zone).unwrap_err();
    assert!(problem.contains("is shown twice by a clock in America/New_York"), "{problem}");
    for (which, first) in
        [("earliest", "2024-11-03T01:30:00-04:00"), ("latest", "2024-11-03T01:30:00-05:00")]
    {
        let report =
            walk.read(HEADER, &holes, &format!("{zone}\ndata.ts_ambiguous = \"{which}\"")).unwrap();
        assert_eq!(report.first, first);
    }
}
